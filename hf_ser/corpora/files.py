"""Sound files of a folder and their states, quick for 100,000 of them.

It is a module of its own because `datasets` replaces `Path` and `os.path` in the modules of builders by versions for
streaming, which are slow and print otherwise.
"""

import os
from pathlib import Path


def list_files(root: Path, ending: str) -> list[Path]:
    """Files below a folder, sorted; hidden ones, as macOS adds to zips, are no recordings. `ending` is in lower case.

    Links to files that are gone are among them.
    """
    # As text, for Path objects take longer to make and to compare.
    files = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if name[0] != "."]
    files = [file for file in files if file.lower().endswith(ending)]
    return [Path(file) for file in sorted(files, key=lambda file: file.split(os.sep))]


def read_state(path: Path) -> tuple[int, int]:
    """Size and date in ns of a file, or of a link to one that is gone."""
    try:
        state = os.stat(path)
    except OSError:
        state = os.lstat(path)
    return state.st_size, state.st_mtime_ns
