"""Sound files of a folder, their names and their states, quick for 100,000 of them.

It is a module of its own because `datasets` replaces `Path` and `os.path` in the modules of builders by versions for
streaming, which are slow and print otherwise.
"""

import os
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
    walk = os.walk(root, onerror=_refuse_folder)
    # As text, for Path objects take longer to make and to compare.
    files = [os.path.join(folder, name) for folder, _, names in walk for name in names if name[0] != "."]
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
    """Size and date in ns of a file, or of a link to one that is gone."""
    try:
        state = os.stat(path)
    except OSError:
        state = os.lstat(path)
    return state.st_size, state.st_mtime_ns


def _refuse_folder(error: OSError) -> None:
    raise CorpusError(f"`{error.filename}` cannot be opened ({error.strerror}). Check its permissions.") from error
