"""CREMA-D: twelve English sentences by 91 actors in six emotions, some at three levels (Cao et al., 2014)."""

import csv
import logging
from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, read_codes
from hf_ser.errors import CorpusError

logger = logging.getLogger(__name__)

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
# One file is published as `1040_ITH_SAD_X.wav`.
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
ACTORS = tuple(str(actor) for actor in range(1001, 1092))
# In the order of a file name.
CODES = {
    "actor": ACTORS,
    "sentence": ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI"),
    "emotion": EMOTIONS,
    "level": LEVELS,
}
DEMOGRAPHICS = "VideoDemographics.csv"
SEXES = {"Female": "female", "Male": "male"}


class CremaD(CorpusBuilder):
    """`AudioWAV/*.wav` and, for the sex of the actors, `VideoDemographics.csv`: 7442 files, 16 kHz mono."""

    card = CorpusCard(
        name="cremad",
        title="Crowd-sourced Emotional Multimodal Actors Dataset (CREMA-D)",
        language="en",
        licence="Open Database License 1.0; its contents: Database Contents License 1.0.",
        home_page="https://github.com/CheyneyComputerScience/CREMA-D",
        download=(
            "Clone https://github.com/CheyneyComputerScience/CREMA-D with git-lfs installed, "
            "without which its sound files are short texts."
        ),
        citation=(
            "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, CREMA-D: Crowd-sourced "
            "Emotional Multimodal Actors Dataset, IEEE Transactions on Affective Computing 5(4), 2014."
        ),
        emotion_counts={
            "anger": 1271,
            "disgust": 1271,
            "fear": 1271,
            "happiness": 1271,
            "neutral": 1087,
            "sadness": 1271,
        },
        n_speakers=91,
        hours=5.3,
        known_bad={"cremad-1076_MTI_SAD_XX": "no audio as published"},
    )

    def read_utterances(self) -> list[Utterance]:
        """Every utterance, with the sex of its actor where the file of demographics is at hand."""
        files = self.find_files()
        self.sexes = self._find_sexes(files[0].parent)
        return [self.read_utterance(path) for path in files]

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `1001_IEO_ANG_HI.wav` tells: actor 1001, sentence IEO, emotion ANG, level HI."""
        codes = read_codes(path, "_", CODES, "1001_IEO_ANG_HI.wav")
        actor, emotion = codes["actor"], codes["emotion"]
        return Utterance(
            path,
            speaker=actor,
            sex=self.sexes.get(actor, ""),
            sentence=codes["sentence"],
            emotion=EMOTIONS[emotion],
            source_label=emotion,
            intensity=LEVELS[codes["level"]],
        )

    def _find_sexes(self, sounds: Path) -> dict[str, str]:
        """Actor -> sex from the root, from the folder of the sounds, or from beside that; else none."""
        for folder in (self.root, sounds, sounds.parent):
            if (folder / DEMOGRAPHICS).is_file():
                return read_sexes(folder / DEMOGRAPHICS)
        logger.warning(
            "cremad: the sex of the actors is unknown, for there is no `%s`. Get it from %s and put it into `%s`.",
            DEMOGRAPHICS,
            self.card.home_page,
            self.root,
        )
        return {}


def read_sexes(path: Path) -> dict[str, str]:
    """Actor -> female or male.

    Raises:
        CorpusError: It is no such table, or it does not tell the sex of every actor.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sexes = {row.get("ActorID"): SEXES.get(row.get("Sex")) for row in csv.DictReader(file)}
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"`{path}` is no table of text ({error}). Download it again, or remove it.") from error
    missing = [actor for actor in ACTORS if not sexes.get(actor)]
    if missing:
        raise CorpusError(
            f"`{path}` does not tell the sex of {len(missing)} actors, the first {missing[0]}; expected a column "
            f"`ActorID` of {ACTORS[0]} to {ACTORS[-1]} and a column `Sex` of {sorted(SEXES)}. "
            "Download it again, or remove it: the sexes are then unknown."
        )
    return sexes
