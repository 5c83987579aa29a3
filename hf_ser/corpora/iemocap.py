"""IEMOCAP: ten actors in improvised and scripted dialogues, labelled turn by turn by raters (Busso et al., 2008).

Six classes; the four that most papers use are `map_emotions: {excitement: happiness, frustration: drop}`.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance
from hf_ser.errors import CorpusError
from hf_ser.wording import list_some

logger = logging.getLogger(__name__)

# What the raters agreed on: the six that are used, and fear, surprise, disgust, other, no agreement.
LABELS = ("ang", "dis", "exc", "fea", "fru", "hap", "neu", "oth", "sad", "sur", "xxx")
# `[6.2901 - 8.2357]`, the turn, its label, `[2.5000, 2.5000, 2.5000]`, with tabs between; the other lines are ballots.
LINE = re.compile(r"\[[\d.]+ - [\d.]+\]\t(\S+)\t(\S+)\t\[[\d., ]+\]")
# Session 01, who wears the markers, dialogue, who speaks, number.
TURN = re.compile(r"Ses(?P<session>\d\d)[FM]_(?P<dialogue>\w+)_(?P<sex>[FM])(?P<number>\d+)")
SEXES = {"F": "female", "M": "male"}

EMOTIONS = {
    "ang": "anger",
    "exc": "excitement",
    "fru": "frustration",
    "hap": "happiness",
    "neu": "neutral",
    "sad": "sadness",
}


class Turn(NamedTuple):
    """A labelled turn of a dialogue."""

    path: Path  # of its WAV, which may be missing
    label: str
    source: Path  # of the label


class Iemocap(CorpusBuilder):
    """The release as published, 16 kHz: labels in `SessionN/dialog/EmoEvaluation`, turns in `SessionN/sentences/wav`.

    Turns with other labels are left out and counted in the log. `sentence` is the place in the script, at which the
    sessions are likely to say the same; it is empty where the dialogue is improvised.
    """

    card = CorpusCard(
        name="iemocap",
        title="Interactive Emotional Dyadic Motion Capture Database (IEMOCAP)",
        language="en-US",
        licence="Research use, granted on request; see the home page.",
        home_page="https://sail.usc.edu/iemocap/",
        download=(
            "https://sail.usc.edu/iemocap/ takes requests for the release, which holds the folders Session1 to "
            "Session5. Its four classes are `map_emotions: {excitement: happiness, frustration: drop}`."
        ),
        citation=(
            "C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, S. Lee and S. S. Narayanan, "
            "IEMOCAP: interactive emotional dyadic motion capture database, Language Resources and Evaluation 42 "
            "(2008)."
        ),
        emotion_counts={
            "anger": 1103,
            "excitement": 1041,
            "frustration": 1849,
            "happiness": 595,
            "neutral": 1708,
            "sadness": 1084,
        },
        n_speakers=10,
    )

    def find_files(self) -> list[Path]:
        """The WAV files of single turns; those of whole dialogues are passed over."""
        files = [path for path in super().find_files() if path.parts[-4:-2] == ("sentences", "wav")]
        if not files:
            raise CorpusError(
                f"No turn in `{self.root}`; looked for `SessionN/sentences/wav/*/*.wav`. "
                f"Expected the files of {self.card.title}: {self.card.download}"
            )
        return files

    def read_utterances(self) -> list[Utterance]:
        """Every turn with a label that is used, in the order of the sessions, dialogues and lines."""
        turns, files = list(self.read_turns()), set(self.find_files())
        used = [turn for turn in turns if turn.label in EMOTIONS]
        check_files(used, files)
        report_unlabelled(self.card.name, files - {turn.path for turn in turns})
        unused = Counter(turn.label for turn in turns if turn.label not in EMOTIONS)
        listed = ", ".join(f"{label} {count}" for label, count in sorted(unused.items()))
        logger.info("%s: left out %d turns with labels that are not used: %s", self.card.name, unused.total(), listed)
        return [self.make_utterance(turn) for turn in used]

    def read_turns(self) -> Iterator[Turn]:
        """Every turn that has a label.

        Raises:
            CorpusError: There is no file of labels, or one holds an unknown label.
        """
        sources = sorted(self.root.rglob("EmoEvaluation/Ses*.txt"))
        if not sources:
            raise CorpusError(
                f"No labels in `{self.root}`; looked for `SessionN/dialog/EmoEvaluation/Ses*.txt`. "
                f"Expected the files of {self.card.title}: {self.card.download}"
            )
        for source in sources:
            folder = source.parents[2] / "sentences" / "wav" / source.stem
            for turn, label in read_labels(source):
                yield Turn(folder / f"{turn}.wav", label, source)

    def make_utterance(self, turn: Turn) -> Utterance:
        """What the name of a turn tells: `Ses01F_script01_1_M003` is turn 3 of the man of session 1."""
        parts = TURN.fullmatch(turn.path.stem)
        if parts is None:
            raise CorpusError(
                f"`{turn.source}` names a turn `{turn.path.stem}`; expected one like `Ses01F_impro01_F000`. "
                "Restore the file as published."
            )
        scripted = "script" in parts["dialogue"]
        return Utterance(
            turn.path,
            speaker=f"Ses{parts['session']}{parts['sex']}",
            sex=SEXES[parts["sex"]],
            sentence=f"{parts['dialogue']}_{parts['sex']}{parts['number']}" if scripted else "",
            emotion=EMOTIONS[turn.label],
            source_label=turn.label,
        )


def read_labels(source: Path) -> Iterator[tuple[str, str]]:
    """Turn and label of each line that has both.

    Raises:
        CorpusError: A label is unknown.
    """
    for line in source.read_text(encoding="utf-8", errors="replace").splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        turn, label = found.groups()
        if label not in LABELS:
            raise CorpusError(
                f"`{source}` gives turn `{turn}` the label {label!r}; expected one of {list(LABELS)}. "
                "Restore the file as published."
            )
        yield turn, label


def check_files(turns: list[Turn], files: set[Path]) -> None:
    """Raise CorpusError, naming them, for turns without a WAV."""
    missing = [turn.path.stem for turn in turns if turn.path not in files]
    if missing:
        raise CorpusError(
            f"{len(missing)} of {len(turns)} turns have a label and no WAV: {list_some(missing)}. "
            "Expected each in `SessionN/sentences/wav`: copy them there again."
        )


def report_unlabelled(name: str, files: set[Path]) -> None:
    """Log a warning that names the WAVs without a label."""
    if files:
        names = list_some(sorted(path.stem for path in files))
        logger.warning("%s: %d WAV files have no label and are left out: %s", name, len(files), names)
