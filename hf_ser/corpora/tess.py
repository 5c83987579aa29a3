"""TESS: "Say the word ...", 200 words spoken by two women of Toronto in seven emotions (Dupuis and Pichora-Fuller)."""

from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code
from hf_ser.errors import CorpusError

EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "pleasant surprise",
    "sad": "sadness",
}
# The older and the younger woman; one file is published as `OA_bite_neutral.wav`.
SPEAKERS = {"OAF": "OAF", "OA": "OAF", "YAF": "YAF"}
EXAMPLE = "OAF_back_angry.wav"


class Tess(CorpusBuilder):
    """2800 files of 1.3 to 3.0 s, 24,414 Hz mono; two are AIFF in spite of their names, one is at 96 kHz."""

    card = CorpusCard(
        name="tess",
        title="Toronto Emotional Speech Set (TESS)",
        language="en",
        licence="CC BY-NC-ND 4.0.",
        home_page="https://doi.org/10.5683/SP2/E8H2MF",
        download="https://doi.org/10.5683/SP2/E8H2MF offers its 2800 files.",
        citation="M. K. Pichora-Fuller and K. Dupuis, Toronto emotional speech set (TESS), Borealis, 2020.",
        emotion_counts=dict.fromkeys(sorted(EMOTIONS.values()), 400),
        n_speakers=2,
        hours=1.6,
        speaker_counts={"OAF": 1400, "YAF": 1400},
    )

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `OAF_back_angry.wav` tells: speaker OAF, word back, emotion angry."""
        speaker, _, rest = path.stem.partition("_")
        word, _, code = rest.rpartition("_")
        check_code(path, "speaker", speaker, SPEAKERS, EXAMPLE)
        check_code(path, "emotion", code, EMOTIONS, EXAMPLE)
        if not word:
            raise CorpusError(f"`{path}` names no word. A name is like `{EXAMPLE}`: rename the file, or move it away.")
        return Utterance(path, SPEAKERS[speaker], "female", word, EMOTIONS[code], source_label=code)
