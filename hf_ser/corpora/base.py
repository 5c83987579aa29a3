"""What all corpora share: a folder or archive of sound files -> one cached Arrow table of utterances.

A corpus is a subclass with a `card` and `read_utterance`. The table is cached under a key made of all that the file
names tell and of sizes and dates: a changed folder, or a corrected reader, makes a new table.
"""

import dataclasses
import hashlib
import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import datasets
import pyarrow as pa
from datasets.builder import Key

from hf_ser.audio import read_duration
from hf_ser.corpora.archives import ARCHIVES, FREE_SPACE, extract_archive, is_archive
from hf_ser.corpora.files import check_name, list_files, read_state
from hf_ser.errors import AudioError, CorpusError, writing

logger = logging.getLogger(__name__)


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
    licence: str  # a sentence; empty where none could be found
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
        data_dir: Folder that holds the files at any depth, or its archive.

    Raises:
        CorpusError: There is no such folder, it holds no sound file, or a name cannot be read.
    """

    card: ClassVar[CorpusCard]
    suffixes: ClassVar[tuple[str, ...]] = (".wav",)
    rows_per_table: ClassVar[int] = 1_000  # that are in memory at once
    VERSION = datasets.Version("1.0.0")  # of the columns

    def __init__(self, cache_dir: str | Path | None = None, data_dir: str | Path | None = None):
        self.cache_root = Path(cache_dir or datasets.config.HF_DATASETS_CACHE).expanduser()
        self.root = self.find_root(data_dir)
        self.utterances = self.read_utterances()
        self._check_ids()
        with writing(self.cache_root, FREE_SPACE):
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
        """Absolute folder of the files, unpacked if need be."""
        if not data_dir:
            raise CorpusError(
                f"{self.card.title} needs its files. Get them: {self.card.download} "
                f"Licence: {self.card.licence or 'not stated; ask its authors.'} "
                "Then pass the folder or the archive with `--data_dir DIR`."
            )
        root = Path(os.path.expanduser(data_dir)).resolve()  # unlike that of Path, it leaves an unknown `~user`
        if root.is_dir():
            return root
        if is_archive(root):
            return extract_archive(root, self.cache_root)
        raise CorpusError(
            f"`--data_dir {data_dir}`: no folder and no archive ({', '.join(ARCHIVES)}) at `{root}`. "
            f"{self.card.download}"
        )

    def find_files(self) -> list[Path]:
        """The sound files below the root, sorted; hidden ones, as macOS adds to archives, are no recordings.

        Links to files that are gone stay, so that `checks` can name them.
        """
        files = list_files(self.root, self.suffixes)
        if not files:
            kinds = " or ".join(suffix[1:].upper() for suffix in self.suffixes)
            patterns = ", ".join(f"`*{suffix}`" for suffix in self.suffixes)
            raise CorpusError(
                f"No {kinds} file in `{self.root}`; looked for {patterns} in it and its folders. "
                f"Expected the files of {self.card.title}: {self.card.download}"
            )
        for path in files:
            check_name(path)
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
        paths: dict[str, list[Path]] = {}
        for utterance in self.utterances:
            paths.setdefault(self.make_id(utterance), []).append(utterance.path)
        copied = [copies for copies in paths.values() if len(copies) > 1]
        if copied:
            raise CorpusError(
                f"{len(copied)} of {len(paths)} names in `{self.root}` occur more than once, the first as "
                f"`{copied[0][0]}` and `{copied[0][1]}`. Some published archives hold all files twice: pass the "
                "folder of one copy alone, or remove the other."
            )

    def _make_key(self) -> str:
        """Hash of the card, of what the names tell, and of each file's size and date."""
        digest = hashlib.blake2b(repr(self.card).encode(), digest_size=16)
        for utterance in self.utterances:
            state = self._find_state(utterance)
            digest.update(f"{self.make_id(utterance)} {utterance} {state}\n".encode())
        return digest.hexdigest()

    def _find_state(self, utterance: Utterance) -> str:
        """What changes whenever the sound does: size and date of its file."""
        size, date = read_state(utterance.path)
        return f"{size} {date}"

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
        for index, start in enumerate(range(0, len(self.utterances), self.rows_per_table)):
            part = slice(start, start + self.rows_per_table)
            sounds = self._find_sounds(part)
            rows = [self._make_row(*pair) for pair in zip(self.utterances[part], sounds, strict=True)]
            yield Key(0, index), pa.Table.from_pylist(rows, schema=self.info.features.arrow_schema)

    def _find_sounds(self, part: slice) -> list[dict]:
        """What the column `audio` holds of some utterances: here where their files are."""
        return [{"bytes": None, "path": str(utterance.path)} for utterance in self.utterances[part]]

    def _make_row(self, utterance: Utterance, sound: dict) -> dict:
        return {
            "audio": sound,
            "label": self.card.emotions.index(utterance.emotion),
            "speaker": utterance.speaker,
            "sex": utterance.sex,
            "sentence": utterance.sentence,
            "intensity": utterance.intensity,
            "corpus": self.card.name,
            "utterance": self.make_id(utterance),
            "source_label": utterance.source_label,
            "duration": _duration_or_zero(sound),
        }


def check_code(path: Path, kind: str, code: str, valid: Iterable[str], example: str) -> None:
    """Raise CorpusError unless the `kind` of code in a file name is a valid one; `example` is a good name."""
    if code not in (valid := sorted(valid)):
        raise CorpusError(
            f"`{path}` has {kind} code {code!r}; expected one of {valid}. "
            f"A name is like `{example}`: rename the file, or move it out of the folder."
        )


def read_codes(path: Path, separator: str, valid: Mapping[str, Iterable[str]], example: str) -> dict[str, str]:
    """Codes of a file name by kind, each one of `valid`, whose order is that of the name.

    Raises:
        CorpusError: A code is missing, unknown, or followed by more.
    """
    parts = path.stem.split(separator, len(valid) - 1)
    codes = dict(itertools.zip_longest(valid, parts, fillvalue=""))
    for kind, code in codes.items():
        check_code(path, kind, code, valid[kind], example)
    return codes


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


def _duration_or_zero(sound: dict) -> float:
    """Seconds; 0 for a faulty file, which stays in the table so that `checks` can name it with all others."""
    try:
        return read_duration(sound)
    except AudioError as error:
        logger.warning("%s", error)
        return 0.0
