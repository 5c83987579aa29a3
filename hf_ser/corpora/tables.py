"""A table of recordings and their emotions: its columns as text, its files found, its mistakes counted and named."""

import csv
import dataclasses
import difflib
import io
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hf_ser.corpora.base import Utterance
from hf_ser.corpora.labels import read_emotion
from hf_ser.errors import CorpusError
from hf_ser.wording import list_some

logger = logging.getLogger(__name__)

# What a column tells -> what it may be called; where a table has several of these, the first one counts.
COLUMNS = {
    "file": ("file", "path", "audio", "filename", "file_name"),
    "label": ("label", "emotion"),
    "speaker": ("speaker", "speaker_id"),
    "sex": ("sex", "gender"),
    "sentence": ("sentence", "text"),
    "intensity": ("intensity",),
    "utterance": ("utterance", "id"),
}
NEEDED = ("file", "label")
SEXES = {"f": "female", "w": "female", "woman": "female", "m": "male", "man": "male"}
DELIMITERS = ",;\t"


@dataclasses.dataclass(frozen=True)
class Table:
    """The columns of a table as text; "" stands for what it does not tell."""

    source: str  # for messages
    columns: dict[str, list[str]]  # every key of COLUMNS
    rows: Sequence[int]  # their numbers as a spreadsheet or the Hub's viewer counts them


def read_csv(path: Path) -> Table:
    """A CSV as text, parted by commas, semicolons or tabs; the first row names the columns.

    Raises:
        CorpusError: It cannot be read, is not UTF-8, lacks a column or rows, or a row has too few or too many cells.
    """
    records = _parse(_read_text(path), path)
    if not records:
        raise CorpusError(f"`{path}` is empty. Expected a first row with `file` and `label`, and a row for each file.")
    (_, header), *records = records
    chosen = choose_columns(header, str(path))
    if not records:
        raise CorpusError(f"`{path}` lists no file: it has a first row, and nothing below.")
    uneven = [f"row {row} has {len(cells)}" for row, cells in records if len(cells) != len(header)]
    if uneven:
        raise CorpusError(
            f"{len(uneven)} rows of `{path}` have not the {len(header)} cells of the first row: {list_some(uneven)}. "
            'Fill them up, and write a cell that has the delimiter in it in quotes: "so, it is".'
        )
    places = {key: header.index(name) for key, name in chosen.items()}
    columns = {key: [cells[place] for _, cells in records] for key, place in places.items()}
    return make_table(str(path), columns, [row for row, _ in records])


def choose_columns(names: Iterable[str], source: str, needed: Sequence[str] = NEEDED) -> dict[str, str]:
    """Key of COLUMNS -> name of the column that tells it.

    Raises:
        CorpusError: A column that is `needed` is not there.
    """
    written = {name.strip().casefold(): name for name in reversed(list(names))}
    chosen = {
        key: next(written[alias] for alias in aliases if alias in written)
        for key, aliases in COLUMNS.items()
        if any(alias in written for alias in aliases)
    }
    for key in needed:
        if key not in chosen:
            raise CorpusError(_describe_missing(key, list(written.values())[::-1], source))
    if unused := [name for name in written.values() if name not in chosen.values()]:
        logger.info("%s: columns that are not used: %s", source, unused[::-1])
    return chosen


def make_table(source: str, columns: dict[str, list[str]], rows: Sequence[int]) -> Table:
    """A table with every column; those that are not given are empty."""
    return Table(source, {key: columns.get(key) or [""] * len(rows) for key in COLUMNS}, rows)


def read_listed(table: Table, folder: Path) -> list[Utterance]:
    """The utterances of a table whose column `file` has paths, absolute or relative to the folder.

    Raises:
        CorpusError: A cell is empty, files are not there or are listed twice, or two utterances have one name.
    """
    _check_filled(table, "file")
    paths = _find_sounds(table, folder)
    if repeated := _find_repeated(paths):
        first, second = repeated[0]
        files, labels, rows = table.columns["file"], table.columns["label"], table.rows
        raise CorpusError(
            f"`{table.source}` lists {len(repeated)} files more than once; the first is `{files[first]}`, as "
            f"`{labels[first]}` in row {rows[first]} and as `{labels[second]}` in row {rows[second]}. Keep one row."
        )
    return make_checked(table, paths, name_files(paths, folder))


def make_checked(table: Table, paths: list[str], names: list[str]) -> list[Utterance]:
    """The utterances of a table, of which each has a label, and a name of its own.

    Args:
        table: whose column `utterance` names them.
        paths: of their files, or what is stored in place of these.
        names: of those that the table does not name.

    Raises:
        CorpusError: A label is empty, or two utterances have one name.
    """
    _check_filled(table, "label")
    names = [given or name for given, name in zip(table.columns["utterance"], names, strict=True)]
    if repeated := _find_repeated(names):
        first, second = repeated[0]
        raise CorpusError(
            f"{len(repeated)} utterances of `{table.source}` have the name of another; the first is `{names[first]}`, "
            f"of `{paths[first]}` and `{paths[second]}`. Give each its own in a column `utterance`, or rename a file."
        )
    cells = zip(paths, names, *table.columns.values(), strict=True)
    return [
        Utterance(Path(path), speaker, read_sex(sex), sentence, read_emotion(label), label, intensity, name)
        for path, name, _, label, speaker, sex, sentence, intensity, _ in cells
    ]


def name_files(paths: list[str], folder: Path) -> list[str]:
    """Path of each file below the folder, without its suffix: `happy/a.wav` -> `happy_a`.

    Where some are elsewhere, it is the path below the folder that holds all, so that the names do not change when the
    recordings move as a whole.
    """
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    root = os.path.join(folder if Path(common).is_relative_to(folder) else common, "")
    return [os.path.splitext(path[len(root) :])[0].replace(os.sep, "_") for path in paths]


def read_sex(word: str) -> str:
    """`female` or `male` where the word is known; any other word in lower case."""
    plain = word.casefold()
    return SEXES.get(plain, plain)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(
            f"`{path}` cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"`{path}` is no UTF-8 text (byte {content[error.start]:#04x} in line {line}). Save it as CSV in UTF-8: "
            "`CSV UTF-8` in Excel, the character set `Unicode (UTF-8)` in LibreOffice."
        ) from error


def _parse(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Number and stripped cells of each row that is not blank."""
    records: list[tuple[int, list[str]]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True):
            records.append((len(records) + 1, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise CorpusError(
            f"Row {len(records) + 1} of `{path}` cannot be read ({error}). Is a quote open that should be closed?"
        ) from error
    return [(row, cells) for row, cells in records if any(cells)]


def _find_delimiter(text: str) -> str:
    """The one that parts the first row into the most names we know."""
    header = io.StringIO(text.lstrip(), newline=None).readline()
    known = {alias for aliases in COLUMNS.values() for alias in aliases}

    def count_known(delimiter: str) -> int:
        return sum(cell.strip().casefold() in known for cell in next(csv.reader([header], delimiter=delimiter), []))

    return max(DELIMITERS, key=count_known)


def _describe_missing(key: str, names: list[str], source: str) -> str:
    aliases = COLUMNS[key]
    near = [name for name in names if difflib.get_close_matches(name.casefold(), aliases, n=1)]
    expected, seen = " or ".join(f"`{alias}`" for alias in aliases), ", ".join(f"`{name}`" for name in names if name)
    remedy = f"Rename `{near[0]}`?" if near else "Rename the column that tells it, or add one."
    return f"`{source}` has no column `{key}`: expected one called {expected}, seen {seen}. {remedy}"


def _check_filled(table: Table, key: str) -> None:
    """Raise CorpusError for empty cells; a word of nothing but dashes counts as one."""
    cells = table.columns[key]
    empty = [str(row) for row, cell in zip(table.rows, cells, strict=True) if not cell.strip(" -_")]
    if empty:
        raise CorpusError(f"`{table.source}` has no `{key}` in {len(empty)} rows: {list_some(empty)}. Fill them in.")


def _find_sounds(table: Table, folder: Path) -> list[str]:
    """Absolute path of each file."""
    files = table.columns["file"]
    paths = [_find_sound(folder, file) for file in files]
    missing = [f"`{file}`" for file, path in zip(files, paths, strict=True) if path is None]
    if missing:
        raise CorpusError(
            f"{len(missing)} of the {len(files)} files in `{table.source}` are not there: {list_some(missing)}. "
            f"Relative paths begin at `{folder}`. Mend the paths, or remove these rows."
        )
    return paths


def _find_sound(folder: Path, file: str) -> str | None:
    """Where a file is; a path may have been written on Windows."""
    for written in (file, file.replace("\\", "/")):
        path = os.path.join(folder, written)
        if os.path.isfile(path):
            return os.path.normpath(path)
    return None


def _find_repeated(values: list[str]) -> list[tuple[int, int]]:
    """For each value that was there before, the place of the first, and its own."""
    firsts: dict[str, int] = {}
    places = ((firsts.setdefault(value, place), place) for place, value in enumerate(values))
    return [(first, place) for first, place in places if first != place]
