"""Every error that a user can cause, in one tree.

HfSerError
 |-- AudioError        a sound file that cannot be used
 |-- CorpusError       a corpus that is not what it should be
 |-- SplitError        a split that cannot be made, or that breaks its own claim
 |-- RecipeError       a recipe with an unknown key, a wrong type or an impossible value
 |-- RunError          a run folder that lacks something, or a model that does not fit the data
 |-- CardError         a model card that does not pass its check
 `-- StorageError      a disk that is full or cannot be written

Each message says what was seen, what was expected and what to do next.
"""

import contextlib
import difflib
import errno
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
MANY = 40  # names that are too many to list in one line
FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What safetensors and torch.save say of a full disk, in place of the system's error.
FULL_DISK_WORDS = (
    *(f"(os error {number})" for number in sorted(FULL_DISK)),
    "PytorchStreamWriter failed writing file",
    "] . unexpected pos ",
)


class HfSerError(Exception):
    """Base of all errors that a user can cause."""


class AudioError(HfSerError):
    """A sound file that cannot be used."""


class CorpusError(HfSerError):
    """A corpus that is not what it should be."""


class SplitError(HfSerError):
    """A split that cannot be made, or that breaks its own claim."""


class RecipeError(HfSerError):
    """A recipe with an unknown key, a wrong type or an impossible value."""


class RunError(HfSerError):
    """A run folder that lacks something, or a model that does not fit the data."""


class CardError(HfSerError):
    """A model card that does not pass its check."""


class StorageError(HfSerError):
    """A disk that is full or cannot be written."""


def suggest(name: str, valid: Iterable[str]) -> str:
    """Sentence that offers the nearest valid names, or all of them where none is near and they are few."""
    valid = sorted(valid)
    near = difflib.get_close_matches(name, valid, n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(f"`{candidate}`" for candidate in near) + "?"
    if len(valid) > MANY:
        return f"None of the {len(valid)} valid names is near it."
    return "Valid: " + ", ".join(f"`{candidate}`" for candidate in valid) + "."


@contextlib.contextmanager
def writing(target: Path | str, remedy: str) -> Iterator[None]:
    """Turn a disk that is full or cannot be written into a StorageError that names `target` and the `remedy`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise StorageError(f"`{target}` cannot be written ({error}). Give a folder that can.") from error
        if not _is_full_disk(error):
            raise
        raise StorageError(f"No space left while writing `{target}`. {remedy}") from error


@contextlib.contextmanager
def exit_in_one_line() -> Iterator[None]:
    """End the program with one line, and status 1, where a user's error is met; our own bugs keep their traceback."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("Interrupted. A training goes on where it was when the same command is given again.")
    except HfSerError as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether a full disk is behind `error`; some libraries wrap the system's error in one of their own."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return True
    if any(words in str(error) for words in FULL_DISK_WORDS):
        return True
    return _is_full_disk(error.__cause__ or error.__context__)
