"""Folders of the cache that are made once: complete or absent, and never written outside themselves."""

import gzip
import hashlib
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from hf_ser.errors import CorpusError, writing

FREE_SPACE = "Free some space, or set `HF_DATASETS_CACHE` to another disk."
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")  # endings of the archives that are read
# RuntimeError is zipfile's word for a password, and its child NotImplementedError for an unknown compression;
# UnicodeDecodeError for a name that is not the UTF-8 it claims to be.
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    UnicodeDecodeError,
)


def is_archive(path: Path) -> bool:
    """Whether it is a file whose ending is one of ARCHIVES."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def extract_archive(archive: Path, cache_dir: Path) -> Path:
    """Folder with the members of an archive; extracted once, and again only if the archive has changed.

    Raises:
        CorpusError: The archive is broken or encrypted, holds a link or a device, or a member would land outside the
            folder.
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
    extract = _extract_zip if archive.suffix.lower() == ".zip" else _extract_tar
    try:
        extract(archive, folder)
    except BROKEN as error:
        raise CorpusError(
            f"`{archive}` cannot be unpacked ({error}). Download it again, or pass the folder."
        ) from error


def _extract_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            _check_member(archive, member.filename, "a link" if stat.S_ISLNK(member.external_attr >> 16) else "")
        opened.extractall(folder)


def _extract_tar(archive: Path, folder: Path) -> None:
    """Extract in one pass, for a compressed archive of many gigabytes has no list of its members."""

    def check(member: tarfile.TarInfo, destination: str) -> tarfile.TarInfo:
        member = member.replace(name=_as_text(member.name), deep=False)
        kind = "a link" if member.issym() or member.islnk() else "a device"
        _check_member(archive, member.name, "" if member.isfile() or member.isdir() else kind)
        return tarfile.data_filter(member, destination)

    with tarfile.open(archive, "r:" if archive.suffix.lower() == ".tar" else "r:gz") as opened:
        opened.extractall(folder, filter=check)
        _check_end(opened)


def _check_member(archive: Path, name: str, fault: str) -> None:
    """Raise CorpusError for a member with a fault, or with a path that leaves the folder."""
    # As Windows sees it, for there both slashes part names and a drive makes a path absolute.
    path = PureWindowsPath(name)
    fault = fault or ("a path outside the archive" if ".." in path.parts or path.anchor else "")
    if fault:
        raise CorpusError(f"`{archive}` holds `{name}`, {fault}; nothing was extracted. Do not trust it.")


def _as_text(name: str) -> str:
    """The name of a member; one that is not UTF-8 is read as Latin-1, in which every byte is a letter."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode(errors="surrogateescape").decode("latin-1")
    return name


def _check_end(opened: tarfile.TarFile) -> None:
    """Raise ReadError unless the members end with a block of zeros: tarfile takes a damaged header for the end."""
    opened.fileobj.seek(opened.offset)
    if opened.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it ends in the middle")
    while opened.fileobj.read(tarfile.RECORDSIZE):  # to the end, where gzip compares its checksum
        pass
