"""Sound files of a folder: all, sorted folder by folder, links to lost ones too, hidden ones not."""

import os

import pytest

from hf_ser.corpora.files import list_files, read_state


def test_files_are_sorted_by_folder_and_hidden_ones_left_out(tmp_path):
    for name in ("b.wav", "a/z.WAV", "a-b/a.wav", "a/.hidden.wav", "a/note.txt", ".wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "lost.wav").symlink_to("nowhere")
    names = [str(path.relative_to(tmp_path)) for path in list_files(tmp_path, ".wav")]
    assert names == ["a/z.WAV", "a-b/a.wav", "b.wav", "lost.wav"]


def test_the_state_is_size_and_date_also_of_a_link_to_a_lost_file(tmp_path):
    path, link = tmp_path / "a.wav", tmp_path / "b.wav"
    path.write_bytes(b"12345")
    os.utime(path, ns=(7, 8))
    link.symlink_to("nowhere")
    assert read_state(path) == (5, path.stat().st_ctime_ns)  # which the date given above does not hide
    assert read_state(link)[0] == len("nowhere")
    with pytest.raises(FileNotFoundError):
        read_state(tmp_path / "c.wav")
