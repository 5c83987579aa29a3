"""What all corpora share: a folder or archive of sound files -> one cached Arrow table of utterances.

A corpus is a subclass with a `card` and `read_utterance`. The table is cached under a key made of all that the file
names tell and of sizes and dates: a changed folder, or a corrected reader, makes a new table.
"""

import dataclasses
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import datasets
import pyarrow as pa
from datasets.builder import Key

from hf_ser.audio import read_duration
from hf_ser.corpora.archives import FREE_SPACE, extract_zip
from hf_ser.corpora.files import list_files, read_state
from hf_ser.errors import AudioError, CorpusError, writing

logger = logging.getLogger(__name__)

ROWS_PER_TABLE = 1_000


@dataclasses.dataclass(frozen=True)
class Utterance:
    """What the name of one file tells; "" stands for what it does not."""

    path: Path
    speaker: str
    sex: str  # female, male
    sentence: str  # what was said; the same text has the same name
    emotion: str  # a word of labels.EMOTIONS
    source_label: str  # the corpus's own code
    intensity: str = ""  # where the corpus knows it
    name: str = ""  # unique in the corpus; the file's name without its ending, unless given


@dataclasses.dataclass(frozen=True)
class CorpusCard:
    """What is published of a corpus: its fingerprint, by which loading tells whether the files are those."""

    name: str
    title: str
    language: str  # BCP-47
    licence: str
    home_page: str
    download: str  # where and how to get it
    citation: str
    emotion_counts: dict[str, int]  # by word of labels.EMOTIONS, sorted: the label order
    n_speakers: int
    hours: float | None = None  # of sound, about
    speaker_counts: dict[str, int] = dataclasses.field(default_factory=dict)  # none where they are not published
    known_bad: dict[str, str] = dataclasses.field(default_factory=dict)  # utterance -> what is wrong as published
    synthetic: bool = False

    @property
    def emotions(self) -> tuple[str, ...]:
        """The labels, in their order."""
        return tuple(self.emotion_counts)

    @property
    def n_clips(self) -> int:
        """Files as published."""
        return sum(self.emotion_counts.values())

    def describe(self) -> dict[str, object]:
        """What the block `corpus` of results.json says of a corpus."""
        fields = ("name", "title", "language", "licence", "home_page", "citation", "synthetic")
        return {field: getattr(self, field) for field in fields}


class CorpusBuilder(datasets.ArrowBasedBuilder):
    """Builder of one corpus; `Builder(data_dir=folder).load()` gives its Dataset.

    Args:
        cache_dir: Where tables and unpacked archives go; `HF_DATASETS_CACHE` if not given.
        data_dir: Folder that holds the WAV files at any depth, or its archive.

    Raises:
        CorpusError: There is no such folder, it holds no WAV, or a name cannot be read.
    """

    card: ClassVar[CorpusCard]
    VERSION = datasets.Version("1.0.0")  # of the columns

    def __init__(self, cache_dir: str | Path | None = None, data_dir: str | Path | None = None):
        self.cache_root = Path(cache_dir or datasets.config.HF_DATASETS_CACHE).expanduser()
        self.root = self.find_root(data_dir)
        self.utterances = self.read_utterances()
        self._check_ids()
        super().__init__(cache_dir=str(self.cache_root), dataset_name=self.card.name, config_id=self._make_key())

    @classmethod
    def find_card(cls, data_dir: str | Path | None) -> CorpusCard:
        """What is published of the corpus, without a look at its files."""
        return cls.card

    def read_utterances(self) -> list[Utterance]:
        """Every utterance below the root, in the order of the table."""
        return [self.read_utterance(path) for path in self.find_files()]

    def read_utterance(self, path: Path) -> Utterance:
        """What the name of a file tells; raises CorpusError, listing the valid codes, where it tells nothing."""
        raise NotImplementedError

    def make_id(self, utterance: Utterance) -> str:
        """Name of an utterance, unique in all corpora and the same wherever the files lie."""
        return f"{self.card.name}-{utterance.name or utterance.path.stem}"

    def find_root(self, data_dir: str | Path | None) -> Path:
        """Absolute folder of the files, unzipped if need be."""
        if not data_dir:
            raise CorpusError(
                f"{self.card.title} needs its files. Get them: {self.card.download} "
                f"Licence: {self.card.licence} Then pass the folder or the zip with `--data_dir DIR`."
            )
        root = Path(os.path.expanduser(data_dir)).resolve()  # unlike that of Path, it leaves an unknown `~user`
        if root.is_dir():
            return root
        if root.suffix.lower() == ".zip" and root.is_file():
            return extract_zip(root, self.cache_root)
        raise CorpusError(f"`--data_dir {data_dir}`: no folder and no zip at `{root}`. {self.card.download}")

    def find_files(self) -> list[Path]:
        """The WAV files below the root, sorted; hidden ones, as macOS adds to zips, are no recordings.

        Links to files that are gone stay, so that `checks` can name them.
        """
        files = list_files(self.root, ".wav")
        if not files:
            raise CorpusError(
                f"No WAV file in `{self.root}`; looked for `*.wav` in it and its folders. "
                f"Expected the files of {self.card.title}: {self.card.download}"
            )
        return files

    def load(self) -> datasets.Dataset:
        """The corpus as a memory-mapped Dataset; built on the first call, read from the cache later.

        Raises:
            StorageError: The disk is full.
        """
        with writing(self.cache_root, FREE_SPACE):
            self.download_and_prepare()
        return self.as_dataset(split="train")

    def _check_ids(self) -> None:
        seen: dict[str, Path] = {}
        for utterance in self.utterances:
            first = seen.setdefault(self.make_id(utterance), utterance.path)
            if first != utterance.path:
                raise CorpusError(f"`{first}` and `{utterance.path}` have one name; remove the copy.")

    def _make_key(self) -> str:
        """Hash of the card, of what the names tell, and of each file's size and date."""
        digest = hashlib.blake2b(repr(self.card).encode(), digest_size=16)
        for utterance in self.utterances:
            size, date = read_state(utterance.path)
            digest.update(f"{self.make_id(utterance)} {utterance} {size} {date}\n".encode())
        return digest.hexdigest()

    def _info(self) -> datasets.DatasetInfo:
        card = self.card
        return datasets.DatasetInfo(
            description=card.title,
            features=make_features(card.emotions),
            citation=card.citation,
            homepage=card.home_page,
            license=card.licence,
        )

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(name="train", gen_kwargs={})]

    def _generate_tables(self) -> Iterator[tuple[Key, pa.Table]]:
        for index, start in enumerate(range(0, len(self.utterances), ROWS_PER_TABLE)):
            rows = [self._make_row(utterance) for utterance in self.utterances[start : start + ROWS_PER_TABLE]]
            yield Key(0, index), pa.Table.from_pylist(rows, schema=self.info.features.arrow_schema)

    def _make_row(self, utterance: Utterance) -> dict:
        return {
            "audio": {"bytes": None, "path": str(utterance.path)},
            "label": self.card.emotions.index(utterance.emotion),
            "speaker": utterance.speaker,
            "sex": utterance.sex,
            "sentence": utterance.sentence,
            "intensity": utterance.intensity,
            "corpus": self.card.name,
            "utterance": self.make_id(utterance),
            "source_label": utterance.source_label,
            "duration": _duration_or_zero(utterance.path),
        }


def check_code(path: Path, kind: str, code: str, valid: Iterable[str], example: str) -> None:
    """Raise CorpusError unless the `kind` of code in a file name is a valid one; `example` is a good name."""
    if code not in (valid := sorted(valid)):
        raise CorpusError(
            f"`{path}` has {kind} code {code!r}; expected one of {valid}. "
            f"A name is like `{example}`: rename the file, or move it out of the folder."
        )


def make_features(emotions: tuple[str, ...]) -> datasets.Features:
    """The columns of every corpus."""
    texts = ("speaker", "sex", "sentence", "intensity", "corpus", "utterance", "source_label")
    return datasets.Features(
        {
            "audio": datasets.Audio(decode=False),
            "label": datasets.ClassLabel(names=list(emotions)),
            **{name: datasets.Value("string") for name in texts},
            "duration": datasets.Value("float64"),  # seconds
        }
    )


def _duration_or_zero(path: Path) -> float:
    """Seconds; 0 for a faulty file, which stays in the table so that `checks` can name it with all others."""
    try:
        return read_duration(path)
    except AudioError as error:
        logger.warning("%s", error)
        return 0.0
