"""DEMoS: induced Italian speech of 68 speakers in eight emotions, guilt among them (Parada-Cabaleiro et al., 2020)."""

from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code
from hf_ser.corpora.labels import ITALIAN_CODES
from hf_ser.errors import CorpusError

# Three letters after the last `_`: col = colpa = guilt.
EMOTIONS = {"col": "guilt", **ITALIAN_CODES}
INTENSITIES = {"NP": "non-prototypical", "PR": "prototypical"}
SEXES = {"f": "female", "m": "male"}
EXAMPLE = "PR_f_01_rab01a.wav"


class Demos(CorpusBuilder):
    """`wav_DEMoS.zip` as published: 9697 files, 44.1 kHz, the neutral ones in a folder of their own.

    `intensity` is `prototypical` for the clips that the authors selected as typical of their emotion. The names do not
    tell what is said: the speech is induced, not read.
    """

    card = CorpusCard(
        name="demos",
        title="Database of Elicited Mood in Speech (DEMoS)",
        language="it",
        licence="Research use under an agreement that a university must sign; see the home page.",
        home_page="https://zenodo.org/records/2544829",
        download=(
            "https://zenodo.org/records/2544829 gives access to `wav_DEMoS.zip`, 9697 files, on request, with the "
            "licence agreement signed."
        ),
        citation=(
            "E. Parada-Cabaleiro, G. Costantini, A. Batliner, M. Schmitt and B. W. Schuller, "
            "DEMoS: an Italian emotional speech corpus. Elicitation methods, machine learning, and perception, "
            "Language Resources and Evaluation 54 (2020)."
        ),
        emotion_counts={
            "anger": 1477,
            "disgust": 1678,
            "fear": 1156,
            "guilt": 1129,
            "happiness": 1395,
            "neutral": 332,
            "sadness": 1530,
            "surprise": 1000,
        },
        n_speakers=68,
    )

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `PR_f_01_rab01a.wav` tells: prototypical, woman 01, emotion rab.

        Neutral clips may lack the first part, and have no intensity then. What stands between the speaker and the last
        `_` is passed over.
        """
        parts = path.stem.split("_")
        mark, code = parts[0], parts[-1][:3]
        check_code(path, "emotion", code, EMOTIONS, EXAMPLE)
        if code != "neu":
            check_code(path, "selection", mark, INTENSITIES, EXAMPLE)
        sex, speaker = (*parts[mark in INTENSITIES :], "", "")[:2]
        check_code(path, "sex", sex, SEXES, EXAMPLE)
        check_speaker(path, speaker)
        return Utterance(
            path,
            speaker=sex + speaker,
            sex=SEXES[sex],
            sentence="",
            emotion=EMOTIONS[code],
            source_label=code,
            intensity=INTENSITIES.get(mark, ""),
        )


def check_speaker(path: Path, speaker: str) -> None:
    """Raise CorpusError unless the speaker is a number."""
    if not speaker.isdecimal():
        raise CorpusError(
            f"`{path}` has speaker {speaker!r}; expected a number. "
            f"A name is like `{EXAMPLE}`: rename the file, or move it out of the folder."
        )
