"""Own recordings as a corpus: a CSV, a folder for each emotion, Parquet files, or a dataset of the Hub.

Nobody has published counts of them, so the card of such a corpus is made of its data.
"""

import dataclasses
import glob
import logging
import os
import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets.exceptions import DatasetGenerationError, DatasetsError

from hf_ser.audio import SUFFIXES
from hf_ser.corpora.archives import FREE_SPACE
from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance
from hf_ser.corpora.files import check_name, list_files
from hf_ser.corpora.tables import (
    COLUMNS,
    NEEDED,
    choose_columns,
    make_checked,
    make_table,
    name_files,
    read_csv,
    read_listed,
)
from hf_ser.errors import CorpusError, writing
from hf_ser.wording import list_some

logger = logging.getLogger(__name__)

TABLES = (".csv", ".tsv", ".txt", ".parquet")  # what is left out of the corpus's name
METADATA = "metadata.csv"
NAME_LENGTH = 60  # letters of a corpus's name, which becomes part of file names


def _make_card(name: str, title: str, download: str) -> CorpusCard:
    """What can be said before the recordings are seen: how to pass them."""
    return CorpusCard(
        name=name,
        title=title,
        language="und",  # BCP-47: not known
        licence="not stated",
        home_page="",
        download=download,
        citation="",
        emotion_counts={},
        n_speakers=0,
    )


class OwnRecordings(CorpusBuilder):
    """What own recordings share: a card that is made of them, and the checks of what a person has written."""

    suffixes = SUFFIXES

    def __init__(self, cache_dir: str | Path | None = None, data_dir: str | Path | None = None):
        self.card = self.find_card(data_dir)
        super().__init__(cache_dir, data_dir)

    @classmethod
    def find_card(cls, data_dir: str | Path | None) -> CorpusCard:
        """Name and title, which come from the name of the file or folder, without its counts."""
        if not data_dir:
            return cls.card
        path = absolute(data_dir)
        name = path.stem if path.suffix.lower() in TABLES else path.name
        return dataclasses.replace(cls.card, name=clean_name(name), title=f"own recordings ({path.name})")

    def find_root(self, data_dir: str | Path | None) -> Path:
        """What `data_dir` names, as it is named: a link is not followed, for paths are relative to its place."""
        if not data_dir:
            raise CorpusError(f"`corpus: {self.card.name}` needs `data_dir`. {self.card.download}")
        path = absolute(data_dir)
        if not path.exists():
            raise CorpusError(f"`--data_dir {data_dir}`: there is no `{path}`. {self.card.download}")
        check_name(path)
        return path

    def read_utterances(self) -> list[Utterance]:
        """Every utterance; the card gets the counts."""
        utterances = self.make_utterances()
        counts = Counter(utterance.emotion for utterance in utterances)
        if len(counts) < 2:
            raise CorpusError(
                f"All {len(utterances)} clips of `{self.root}` have the emotion `{next(iter(counts))}`; there is "
                "nothing to tell apart. Add clips of another emotion."
            )
        speakers = {utterance.speaker for utterance in utterances}
        self.card = dataclasses.replace(
            self.card, emotion_counts=dict(sorted(counts.items())), n_speakers=len(speakers)
        )
        return utterances

    def make_utterances(self) -> list[Utterance]:
        """Every utterance, checked."""
        raise NotImplementedError


class Csv(OwnRecordings):
    """A CSV with one row for each recording."""

    card = _make_card(
        "csv",
        "own recordings that a CSV lists",
        "Pass `--data_dir labels.csv`, a CSV in UTF-8 with the columns `file` (relative to the CSV) and `label`, and "
        "if you like `speaker`, `sex`, `sentence`, `intensity`, `utterance`.",
    )

    def make_utterances(self) -> list[Utterance]:
        """One for each row."""
        if self.root.is_dir():
            raise CorpusError(
                f"`{self.root}` is a folder, and no CSV. {self.card.download} For folders: `corpus: audiofolder`."
            )
        return read_listed(read_csv(self.root), self.root.parent)


class AudioFolder(OwnRecordings):
    """A folder that holds one folder for each emotion, or a `metadata.csv`, which is then read as a CSV."""

    card = _make_card(
        "audiofolder",
        "own recordings in one folder for each emotion",
        "Pass `--data_dir FOLDER` with one folder for each emotion, like `FOLDER/happy/a.wav`, or with a "
        f"`{METADATA}`: see `csv`.",
    )

    def make_utterances(self) -> list[Utterance]:
        """One for each row of `metadata.csv`, or for each sound file, whose label is the folder it is in."""
        if not self.root.is_dir():
            raise CorpusError(
                f"`{self.root}` is a file, and no folder. {self.card.download} For a CSV: `corpus: csv`."
            )
        if (self.root / METADATA).is_file():
            return read_listed(read_csv(self.root / METADATA), self.root)
        self._name_other_files()
        paths = [str(path) for path in self.find_files()]
        inner = [path[len(os.path.join(self.root, "")) :] for path in paths]
        loose = [f"`{path}`" for path in inner if os.sep not in path]
        if loose:
            raise CorpusError(
                f"{len(loose)} files of `{self.root}` are in no folder that names their emotion: {list_some(loose)}. "
                f"{self.card.download}"
            )
        labels = [path.split(os.sep, 1)[0] for path in inner]
        table = make_table(str(self.root), {"file": inner, "label": labels}, range(1, len(inner) + 1))
        return make_checked(table, paths, name_files(paths, self.root))

    def _name_other_files(self) -> None:
        """Warn of files that are left out for their suffix, which may be sound of another format."""
        others = Counter(path.suffix.lower() for path in list_files(self.root) if path.suffix.lower() not in SUFFIXES)
        if others:
            listed = ", ".join(f"{suffix or 'no suffix'} {count}" for suffix, count in sorted(others.items()))
            logger.warning("%s: left out, for they are not one of %s: %s", self.root, ", ".join(SUFFIXES), listed)


class LoadedRecordings(OwnRecordings):
    """Recordings that `datasets` loads: the sound in the table itself, or in files that the table names."""

    rows_per_table = 100  # with their sound

    def load_rows(self) -> datasets.Dataset:
        """All rows as they are stored.

        Raises:
            CorpusError: They cannot be loaded.
        """
        raise NotImplementedError

    def make_utterances(self) -> list[Utterance]:
        """One for each row."""
        rows = self.load_rows()
        if not len(rows):
            raise CorpusError(f"`{self.root}` has no rows. {self.card.download}")
        chosen = _choose_columns(rows, str(self.root))
        columns = {key: _read_text(rows, name, str(self.root)) for key, name in chosen.items() if key != "file"}
        self.sounds = rows.select_columns(chosen["file"]).with_format("arrow")  # arrow: nothing is decoded
        stored, self.embedded = _read_stored_paths(self.sounds, str(self.root))
        table = make_table(str(self.root), {**columns, "file": stored}, range(len(rows)))
        if not self.embedded:
            return read_listed(table, self.root if self.root.is_dir() else self.root.parent)
        return make_checked(table, stored, _name_stored(stored))

    def _load(self, path: str, **options: Any) -> datasets.Dataset:
        try:
            with writing(self.cache_root, FREE_SPACE):
                splits = datasets.load_dataset(path, cache_dir=str(self.cache_root), **options)
            return datasets.concatenate_datasets(list(splits.values()))
        except ImportError as error:  # its builder encodes sound files, for which it needs another package
            raise CorpusError(
                f"`{self.root}` holds sound files beside a table, and no Parquet. Download it "
                "(`hf download --repo-type dataset`), and pass the folder "
                "with `corpus: audiofolder`, or its table with `corpus: csv`."
            ) from error
        except (OSError, ValueError, RuntimeError, DatasetsError) as error:
            cause = error.__cause__ if isinstance(error, DatasetGenerationError) and error.__cause__ else error
            raise CorpusError(
                f"`{self.root}` cannot be loaded as a dataset ({' '.join(str(cause).split())}). {self.card.download}"
            ) from error

    def _find_sounds(self, part: slice) -> list[dict]:
        if not self.embedded:
            return super()._find_sounds(part)
        values = self.sounds[part].column(0).to_pylist()
        pairs = zip(values, self.utterances[part], strict=True)
        return [_make_sound(value, utterance.name) for value, utterance in pairs]

    def _find_state(self, utterance: Utterance) -> str:
        return self.sounds._fingerprint if self.embedded else super()._find_state(utterance)


class Parquet(LoadedRecordings):
    """A Parquet file, or a folder of them: sound as bytes, or as paths relative to the file or folder."""

    card = _make_card(
        "parquet",
        "own recordings in Parquet files",
        "Pass `--data_dir FILE.parquet`, or a folder of such files, with the columns `audio` (bytes and path, as "
        "`datasets` writes it) or `file`, and `label`; the others are those of `csv`.",
    )

    def load_rows(self) -> datasets.Dataset:
        """The rows of all files, in the order of their names."""
        files = list_files(self.root) if self.root.is_dir() else [self.root]
        files = [path for path in files if path.suffix.lower() == ".parquet" or path == self.root]
        files = [path for path in files if _count_rows(path)]
        if not files:
            raise CorpusError(f"No `*.parquet` with rows in `{self.root}`. {self.card.download}")
        return self._load("parquet", data_files=[glob.escape(str(path)) for path in files])


class Hub(LoadedRecordings):
    """A dataset of the Hub with a column of sound, or a folder that is laid out as one; all its splits are one corpus.

    The names of the splits are not used: `make_split` parts the clips anew.
    """

    card = _make_card(
        "hub",
        "a dataset of the Hugging Face Hub",
        "Pass `--data_dir OWNER/NAME`, a dataset that you can reach and may read, with the columns `audio` and "
        "`label`; the others are those of `csv`.",
    )

    @classmethod
    def find_card(cls, data_dir: str | Path | None) -> CorpusCard:
        """Name, title and page; those of a folder where there is one of this name."""
        if not data_dir or absolute(data_dir).is_dir():
            return super().find_card(data_dir)
        page = f"https://huggingface.co/datasets/{data_dir}"
        name = clean_name(Path(data_dir).name)
        return dataclasses.replace(cls.card, name=name, title=f"dataset {data_dir}", home_page=page)

    def find_root(self, data_dir: str | Path | None) -> Path:
        """The folder, or the id."""
        if not data_dir or absolute(data_dir).is_dir():
            return super().find_root(data_dir)
        return Path(data_dir)

    def load_rows(self) -> datasets.Dataset:
        """The rows of all splits, in their order."""
        return self._load(self.root.as_posix())


def absolute(data_dir: str | Path) -> Path:
    """The path from the root, without a look at the disk."""
    return Path(os.path.abspath(os.path.expanduser(data_dir)))


def clean_name(name: str) -> str:
    """A name of a-z, 0-9, `_` and `-`, as those of all corpora are."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.casefold()).strip("-")[:NAME_LENGTH] or "own"


def _count_rows(path: Path) -> int:
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(
            f"`{path}` cannot be read as Parquet ({' '.join(str(error).split())}). Write or download it again."
        ) from error


def _choose_columns(rows: datasets.Dataset, source: str) -> dict[str, str]:
    """The columns that tell something; stored sound comes before paths, whatever the names."""
    sounds = [name for name, feature in rows.features.items() if _is_sound(name, feature)]
    chosen = choose_columns(rows.column_names, source, needed=("label",) if sounds else NEEDED)
    return {**chosen, "file": sounds[0]} if sounds else chosen


def _is_sound(name: str, feature: Any) -> bool:
    """Whether a column is one of sound; bytes that are not marked as sound are under a name of files."""
    stored = isinstance(feature, dict) or getattr(feature, "dtype", "") in ("binary", "large_binary")
    return isinstance(feature, datasets.Audio) or (stored and name.casefold() in COLUMNS["file"])


def _read_text(rows: datasets.Dataset, name: str, source: str) -> list[str]:
    """A column of words, numbers or classes as text; "" for what is missing."""
    feature = rows.features[name]
    if not isinstance(feature, datasets.Value | datasets.ClassLabel):
        raise CorpusError(f"Column `{name}` of `{source}` is {feature}; expected one word or number in each row.")
    values = rows[name][:]
    if isinstance(feature, datasets.ClassLabel):
        return ["" if value is None or value < 0 else feature.int2str(value) for value in values]
    return ["" if value is None or value != value else str(value).strip() for value in values]


def _read_stored_paths(sounds: datasets.Dataset, source: str) -> tuple[list[str], bool]:
    """The path that is stored with each sound, and whether the sound is stored too; no sound is read."""
    column = sounds.data.column(0)
    kind, fields = column.type, {}
    if pa.types.is_struct(kind):
        fields = {field.name: pc.struct_field(column, field.name) for field in kind}
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        fields = {"bytes": column}
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        fields = {"path": column}
    embedded = "bytes" in fields and fields["bytes"].null_count < len(column)
    if not embedded and "path" not in fields:
        raise CorpusError(
            f"Column `{sounds.column_names[0]}` of `{source}` is {kind}; expected sound as `datasets` stores it, in "
            "`bytes` and `path`, or the paths of files."
        )
    paths = fields["path"].to_pylist() if "path" in fields else [""] * len(column)
    return [path or "" for path in paths], embedded


def _name_stored(paths: list[str]) -> list[str]:
    """Names of stored sounds: those of their files, or else the numbers of their rows."""
    stems = [PurePosixPath(path).stem for path in paths]
    if all(stems) and len(set(stems)) == len(stems):
        return stems
    return [f"{row:06d}" for row in range(len(paths))]


def _make_sound(value: dict | bytes | None, name: str) -> dict:
    """A stored sound as the column `audio` holds it; the path is for messages."""
    if not isinstance(value, dict):
        return {"bytes": value, "path": name}
    return {"bytes": value.get("bytes"), "path": value.get("path") or name}
