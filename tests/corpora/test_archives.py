"""An archive is unpacked once, completely, and never outside its folder."""

import io
import stat
import struct
import tarfile
import zipfile

import pytest

from hf_ser.corpora.archives import extract_archive, is_archive, make_folder_once
from hf_ser.errors import CorpusError

KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz"]
COMPRESSED = ["a.zip", "a.tar.gz"]


def write_archive(path, *members):
    """An archive of the kind its ending says; a member is a name, or a link or device that says what it is."""
    return write_zip(path, *members) if path.suffix == ".zip" else write_tar(path, *members)


def write_zip(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "content")
    return path


def write_tar(path, *members):
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz", encoding="utf-8") as archive:
        for member in members:
            entry = tarfile.TarInfo(member) if isinstance(member, str) else member
            entry.size = len(b"content") if entry.isfile() else 0
            archive.addfile(entry, io.BytesIO(b"content"))
    return path


def linked(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


def special(name, kind):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "fine.wav"
    return member


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_unpacked_into_the_cache(tmp_path, kind):
    archive = write_archive(tmp_path / kind, "wav/one.wav", "./wav/two.wav")
    folder = extract_archive(archive, tmp_path / "cache")
    assert folder.is_relative_to(tmp_path / "cache")
    assert sorted(path.name for path in (folder / "wav").iterdir()) == ["one.wav", "two.wav"]
    assert (folder / "wav" / "one.wav").read_text() == "content"


def test_an_archive_is_known_by_its_ending(tmp_path):
    for name in (*KINDS, "B.ZIP", "B.Tar.GZ", "a.wav", "a.gz"):
        (tmp_path / name).touch()
    (tmp_path / "folder.zip").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir() if is_archive(path)) == sorted(
        [*KINDS, "B.ZIP", "B.Tar.GZ"]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_unpacked_archive_is_used_again_until_it_changes(tmp_path, kind):
    archive = write_archive(tmp_path / kind, "one.wav")
    first = extract_archive(archive, tmp_path)
    (first / "mark").touch()
    assert (extract_archive(archive, tmp_path) / "mark").exists()
    write_archive(archive, *(f"{number}.wav" for number in range(100)))
    assert (extract_archive(archive, tmp_path) / "99.wav").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../out.wav", "wav/../../out.wav", "/out.wav", "..\\out.wav", "C:\\out.wav"])
def test_a_member_outside_the_folder_is_refused_and_nothing_is_written(tmp_path, name, kind):
    archive = write_archive(tmp_path / kind, "fine.wav", name)
    with pytest.raises(CorpusError, match="a path outside the archive; nothing was extracted") as caught:
        extract_archive(archive, tmp_path / "cache")
    assert f"`{name}`" in str(caught.value)
    assert files_below(tmp_path) == [archive]


@pytest.mark.parametrize(
    ("archive", "member", "what"),
    [
        ("a.zip", linked("wav/odd.wav"), "a link"),
        ("a.tar", special("wav/odd.wav", tarfile.SYMTYPE), "a link"),
        ("a.tgz", special("wav/odd.wav", tarfile.LNKTYPE), "a link"),
        ("a.tgz", special("wav/odd.wav", tarfile.FIFOTYPE), "a device"),
        ("a.tar", special("wav/odd.wav", tarfile.CHRTYPE), "a device"),
    ],
)
def test_a_link_or_device_is_refused_and_nothing_is_written(tmp_path, archive, member, what):
    archive = write_archive(tmp_path / archive, "fine.wav", member)
    with pytest.raises(CorpusError, match=f"holds `wav/odd.wav`, {what}; nothing was extracted"):
        extract_archive(archive, tmp_path / "cache")
    assert files_below(tmp_path) == [archive]


def damage_archive(content, damage):
    """The content of an archive of one file, spoilt."""
    return {
        "text": b"no archive",
        "empty": b"",
        "cut": content[:-30],
        "cut early": content[: len(content) // 2],
        "sum": content[:-8] + bytes(byte ^ 0xFF for byte in content[-8:-4]) + content[-4:],  # the CRC of gzip
    }[damage]


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        *((kind, damage) for kind in COMPRESSED for damage in ("text", "empty", "cut", "cut early")),
        ("a.tgz", "sum"),
        ("a.tar", "text"),
        ("a.tar", "empty"),
    ],
)
def test_a_broken_archive_is_named_and_leaves_nothing(tmp_path, kind, damage):
    archive = write_archive(tmp_path / kind, "one.wav")
    archive.write_bytes(damage_archive(archive.read_bytes(), damage))
    with pytest.raises(CorpusError, match=f"{kind}` cannot be unpacked .* Download it again, or pass the folder."):
        extract_archive(archive, tmp_path / "cache")
    assert files_below(tmp_path) == [archive]


def test_a_changed_byte_in_a_zip_is_found(tmp_path):
    archive = write_zip(tmp_path / "a.zip", "one.wav")
    archive.write_bytes(archive.read_bytes().replace(b"content", b"CONTENT", 1))
    with pytest.raises(CorpusError, match="a.zip` cannot be unpacked"):
        extract_archive(archive, tmp_path / "cache")


# A member is a header of 512 bytes and its content, filled up to 512.
@pytest.mark.parametrize("cut", [1024 + 100, 1024 + 512 + 3, 2048])
def test_a_tar_cut_in_a_header_in_the_content_or_between_members_is_broken(tmp_path, cut):
    archive = write_tar(tmp_path / "a.tar", "one.wav", "two.wav")
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(CorpusError, match="a.tar` cannot be unpacked"):
        extract_archive(archive, tmp_path / "cache")
    assert files_below(tmp_path) == [archive]


def test_a_damaged_header_is_not_taken_for_the_end_of_a_tar(tmp_path):
    archive = write_tar(tmp_path / "a.tar", "one.wav", "two.wav")
    archive.write_bytes(archive.read_bytes().replace(b"two.wav", b"2wo.wav"))  # its checksum is now wrong
    with pytest.raises(CorpusError, match="cannot be unpacked .it ends in the middle."):
        extract_archive(archive, tmp_path / "cache")
    assert files_below(tmp_path) == [archive]


def test_names_of_a_tar_that_are_not_utf_8_become_text(tmp_path):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as opened:
        opened.addfile(tarfile.TarInfo("però/one.wav"))
    with tarfile.open(archive, "a", format=tarfile.GNU_FORMAT, encoding="utf-8") as opened:
        opened.addfile(tarfile.TarInfo("żółć/two.wav"))
    folder = extract_archive(archive, tmp_path / "cache")
    assert sorted(str(path.relative_to(folder)) for path in files_below(folder)) == ["però/one.wav", "żółć/two.wav"]


def test_names_of_a_zip_that_are_not_utf_8_become_text(tmp_path):
    archive = write_zip(tmp_path / "a.zip", "per_/one.wav")
    archive.write_bytes(archive.read_bytes().replace(b"per_", b"per\x95"))  # code page 437
    (file,) = files_below(extract_archive(archive, tmp_path / "cache"))
    assert file.parts[-2:] == ("però", "one.wav")


def test_a_zip_whose_name_is_not_the_utf_8_it_claims_is_broken(tmp_path):
    archive = write_zip(tmp_path / "a.zip", "ò.wav")
    (flags,) = struct.unpack_from("<H", archive.read_bytes(), 6)
    assert flags & 0x800  # the name is said to be UTF-8
    archive.write_bytes(archive.read_bytes().replace("ò".encode(), b"\xf2_"))
    with pytest.raises(CorpusError, match="a.zip` cannot be unpacked"):
        extract_archive(archive, tmp_path / "cache")


def test_a_folder_whose_writing_fails_is_not_there(tmp_path):
    def fail_half_way(folder):
        (folder / "half").touch()
        raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        make_folder_once(tmp_path / "made", fail_half_way)
    assert not list(tmp_path.iterdir())


def test_the_faster_of_two_writers_wins(tmp_path):
    def be_overtaken(folder):
        (folder / "slow").touch()
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "fast").touch()

    folder = make_folder_once(tmp_path / "made", be_overtaken)
    assert [path.name for path in folder.iterdir()] == ["fast"]
