"""Sound files of a folder, their names and their states, quick for 100,000 of them.

It is a module of its own because `datasets` replaces `Path` and `os.path` in the modules of builders by versions for
streaming, which are slow and print otherwise.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hf_ser.errors import CorpusError


def list_files(root: Path, suffixes: tuple[str, ...] = ("",)) -> list[Path]:
    """Files below a folder, sorted; hidden ones, as macOS adds to archives, are no recordings.

    Links to files that are gone are among them.

    Args:
        root: the folder.
        suffixes: in lower case, one of which each file has; all files by default.

    Raises:
        CorpusError: A folder cannot be opened.
    """
    # As text, for Path objects take longer to make and to compare.
    files = [os.path.join(folder, name) for folder, names in _walk(root) for name in names if name[0] != "."]
    files = [file for file in files if file.lower().endswith(suffixes)]
    return [Path(file) for file in sorted(files, key=lambda file: file.split(os.sep))]


def check_name(path: Path) -> None:
    """Raise CorpusError for a path that is no UTF-8, which no column of text can hold."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise CorpusError(f"`{shown}` is a name that is no UTF-8 text. Rename the file or folder.") from error


def read_state(path: Path) -> tuple[int, int]:
    """Size and date in ns of a file, or of a link to one that is gone; the date moves with its permissions too."""
    try:
        state = os.stat(path)
    except OSError:
        state = os.lstat(path)
    return state.st_size, max(state.st_mtime_ns, state.st_ctime_ns)


def _walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Every folder with the names of its files; one that several links lead to is entered once."""
    entered = set()
    for folder, folders, names in os.walk(root, onerror=_refuse_folder, followlinks=True):
        place = os.path.realpath(folder)
        if place in entered:
            folders.clear()
            continue
        entered.add(place)
        yield folder, names


def _refuse_folder(error: OSError) -> None:
    raise CorpusError(f"`{error.filename}` cannot be opened ({error.strerror}). Check its permissions.") from error
