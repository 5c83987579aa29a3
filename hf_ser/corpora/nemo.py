"""nEMO: acted Polish sentences by nine speakers in six emotions (Christop, 2024)."""

from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code
from hf_ser.corpora.labels import read_emotion

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
# As the column `gender` of the published `data.tsv` has them.
SEXES = {
    "EB0": "female",
    "IC0": "female",
    "KD0": "female",
    "KS0": "male",
    "MK0": "female",
    "MP0": "male",
    "SM0": "male",
    "TP0": "male",
    "WR0": "male",
}
SENTENCES = tuple(str(number) for number in range(1, 91))
EXAMPLE = "EB0_anger_1.wav"


class Nemo(CorpusBuilder):
    """`samples/*.wav` as published: 4481 files, 24 kHz mono; `data.tsv` beside them is not needed."""

    card = CorpusCard(
        name="nemo",
        title="nEMO: Dataset of Emotional Speech in Polish",
        language="pl",
        licence="CC BY-NC-SA 4.0.",
        home_page="https://github.com/amu-cai/nEMO",
        download="https://github.com/amu-cai/nEMO holds a folder `samples` of 4481 files.",
        citation="I. Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024.",
        emotion_counts={
            "anger": 749,
            "fear": 736,
            "happiness": 749,
            "neutral": 809,
            "sadness": 769,
            "surprise": 669,
        },
        n_speakers=9,
        hours=3.1,
    )

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `EB0_anger_1.wav` tells: speaker EB0, emotion anger, sentence 1."""
        speaker, code, sentence = (*path.stem.split("_", maxsplit=2), "", "")[:3]
        check_code(path, "speaker", speaker, SEXES, EXAMPLE)
        check_code(path, "emotion", code, EMOTIONS, EXAMPLE)
        check_code(path, "sentence", sentence, SENTENCES, EXAMPLE)
        return Utterance(path, speaker, SEXES[speaker], sentence, read_emotion(code), source_label=code)
