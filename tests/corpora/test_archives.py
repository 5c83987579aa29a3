"""A zip is unzipped once, completely, and never outside its folder."""

import stat
import zipfile

import pytest

from hf_ser.corpora.archives import extract_zip, make_folder_once
from hf_ser.errors import CorpusError


def write_zip(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "content")
    return path


def linked(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


def test_a_zip_is_unzipped_into_the_cache(tmp_path):
    folder = extract_zip(write_zip(tmp_path / "a.zip", "wav/one.wav", "wav/two.wav"), tmp_path / "cache")
    assert folder.is_relative_to(tmp_path / "cache")
    assert sorted(path.name for path in (folder / "wav").iterdir()) == ["one.wav", "two.wav"]
    assert (folder / "wav" / "one.wav").read_text() == "content"


def test_an_unzipped_archive_is_used_again_until_it_changes(tmp_path):
    archive = write_zip(tmp_path / "a.zip", "one.wav")
    first = extract_zip(archive, tmp_path)
    (first / "mark").touch()
    assert (extract_zip(archive, tmp_path) / "mark").exists()
    write_zip(archive, "one.wav", "two.wav")
    assert (extract_zip(archive, tmp_path) / "two.wav").exists()


@pytest.mark.parametrize("name", ["../out.wav", "wav/../../out.wav", "/out.wav", "..\\out.wav", "C:\\out.wav"])
def test_a_member_outside_the_folder_is_refused_and_nothing_is_written(tmp_path, name):
    archive = write_zip(tmp_path / "a.zip", "fine.wav", name)
    with pytest.raises(CorpusError, match="a path outside the archive; nothing was extracted") as caught:
        extract_zip(archive, tmp_path / "cache")
    assert f"`{name}`" in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


def test_a_link_is_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", linked("wav/link.wav"))
    with pytest.raises(CorpusError, match="holds `wav/link.wav`, a link"):
        extract_zip(archive, tmp_path / "cache")


@pytest.mark.parametrize("damage", ["text", "cut", "changed"])
def test_a_broken_zip_is_named_and_leaves_nothing(tmp_path, damage):
    archive = write_zip(tmp_path / "a.zip", "one.wav")
    content = archive.read_bytes()
    broken = {"text": b"no zip", "cut": content[:-30], "changed": content.replace(b"content", b"CONTENT", 1)}
    archive.write_bytes(broken[damage])
    with pytest.raises(CorpusError, match="a.zip` cannot be unzipped .* Download it again, or pass the folder."):
        extract_zip(archive, tmp_path / "cache")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


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
