"""Folders of the cache that are made once: complete or absent, and never written outside themselves."""

import hashlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from hf_ser.errors import CorpusError, writing

FREE_SPACE = "Free some space, or set `HF_DATASETS_CACHE` to another disk."


def extract_zip(archive: Path, cache_dir: Path) -> Path:
    """Folder with the members of a zip; extracted once, and again only if the zip has changed.

    Raises:
        CorpusError: The zip is broken or encrypted, or a member would land outside the folder.
        StorageError: The disk is full.
    """
    state = archive.stat()
    key = hashlib.blake2b(f"{archive.resolve()} {state.st_size} {state.st_mtime_ns}".encode(), digest_size=8)
    folder = cache_dir / "extracted" / f"{archive.stem}-{key.hexdigest()}"
    return make_folder_once(folder, lambda unfinished: _extract(archive, unfinished))


def make_folder_once(folder: Path, write: Callable[[Path], object]) -> Path:
    """The folder, filled by `write` beside its place and renamed when complete; left as it is where it exists."""
    if folder.is_dir():
        return folder
    with writing(folder, FREE_SPACE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", suffix=".incomplete", dir=folder.parent))
        try:
            write(unfinished)
            _rename_unless_there(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _rename_unless_there(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process has been faster
            raise


def _extract(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                _check_member(archive, member)
            opened.extractall(folder)
    # RuntimeError is zipfile's word for a password, NotImplementedError for a compression it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise CorpusError(
            f"`{archive}` cannot be unzipped ({error}). Download it again, or pass the folder."
        ) from error


def _check_member(archive: Path, member: zipfile.ZipInfo) -> None:
    # As Windows sees it, for there both slashes part names and a drive makes a path absolute.
    path = PureWindowsPath(member.filename)
    link = stat.S_ISLNK(member.external_attr >> 16)
    if ".." in path.parts or path.anchor or link:
        kind = "a link" if link else "a path outside the archive"
        raise CorpusError(f"`{archive}` holds `{member.filename}`, {kind}; nothing was extracted. Do not trust it.")
