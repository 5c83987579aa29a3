"""Bad files are counted and listed with their reasons, never lost; a sound that is there twice is found."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest
import soundfile

from hf_ser import audio
from hf_ser.checks import (
    check_corpus,
    drop_bad_audio,
    find_duplicate_audio,
    find_near_duplicate_audio,
    mark_duplicates,
    scan_audio,
)
from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.errors import AudioError, RecipeError
from tests.test_sound_prints import as_mp3, shift

NAMES = ("03a01Fa", "03a02Wb", "08a01Fb", "08b10Wa")
AUDIO = pa.field("audio", pa.struct({"bytes": pa.binary(), "path": pa.string()}))
EMODB = Path(__file__).parents[1] / "../shared/corpora/emodb"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    """Four good clips, named as EMO-DB's are."""
    folder = tmp_path / "emodb" / "wav"
    folder.mkdir(parents=True)
    for index, name in enumerate(NAMES):
        soundfile.write(folder / f"{name}.wav", 0.3 * np.sin(np.arange(8_000) * (0.05 + 0.01 * index)), 16_000)
    return folder


def spoil(folder, name="03a02Wb") -> None:
    (folder / f"{name}.wav").write_bytes(b"")


def test_good_files_have_a_hash_and_no_fault(folder):
    scanned = scan_audio(load_corpus("emodb", folder))
    assert scanned["fault"][:] == [""] * 4
    assert len(set(scanned["audio_hash"])) == 4


def test_nothing_is_dropped_from_a_good_corpus(folder):
    dataset, skipped = drop_bad_audio(load_corpus("emodb", folder), on_bad_audio="raise")
    assert (len(dataset), skipped) == (4, [])


def test_bad_files_are_all_in_one_error(folder):
    spoil(folder)
    soundfile.write(folder / "08a01Fb.wav", np.zeros(100), 16_000)
    with pytest.raises(AudioError, match=r"^2 of 4 sound files cannot be used\. .*`on_bad_audio: skip`\.") as caught:
        drop_bad_audio(load_corpus("emodb", folder))
    assert str(caught.value).splitlines()[1:] == [
        "  03a02Wb.wav: an empty file (0 bytes). Copy or download it again, or leave it out.",
        "  08a01Fb.wav: silent: all 100 samples are 0. Record or copy it again, or leave it out.",
    ]


def test_an_error_names_twenty_files_and_counts_the_rest(folder):
    for version in "cdefghijklmnopqrstuvw":
        spoil(folder, f"03a01F{version}")
    with pytest.raises(AudioError, match="21 of 25 sound files") as caught:
        drop_bad_audio(load_corpus("emodb", folder))
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (22, "  and 1 more")


def test_skipped_files_are_listed_and_logged(folder, caplog):
    spoil(folder)
    dataset, skipped = drop_bad_audio(load_corpus("emodb", folder), on_bad_audio="skip")
    assert dataset["utterance"][:] == ["emodb-03a01Fa", "emodb-08a01Fb", "emodb-08b10Wa"]
    reason = "an empty file (0 bytes). Copy or download it again, or leave it out."
    assert skipped == [{"file": "03a02Wb.wav", "reason": reason}]
    assert "left out 1 of 4 files" in caplog.text


def test_a_corpus_without_a_good_file_is_an_error_in_both_modes(folder):
    for name in NAMES:
        spoil(folder, name)
    with pytest.raises(AudioError, match="4 of 4 sound files cannot be used"):
        drop_bad_audio(load_corpus("emodb", folder), on_bad_audio="skip")


def test_an_unknown_mode_gets_the_valid_ones(folder):
    with pytest.raises(RecipeError, match="`on_bad_audio: ignore` is unknown. Valid: `raise`, `skip`."):
        drop_bad_audio(load_corpus("emodb", folder), on_bad_audio="ignore")


def test_the_scan_is_cached(folder, monkeypatch):
    first = scan_audio(load_corpus("emodb", folder))
    monkeypatch.setattr("hf_ser.audio.decode_audio", None)  # would fail if a file were decoded again
    assert scan_audio(load_corpus("emodb", folder)).to_list() == first.to_list()


def test_a_mended_file_is_scanned_again(folder):
    spoil(folder)
    assert scan_audio(load_corpus("emodb", folder))["fault"][1] != ""
    soundfile.write(folder / "03a02Wb.wav", np.sin(np.arange(8_000)), 16_000)
    assert scan_audio(load_corpus("emodb", folder))["fault"][:] == [""] * 4


def test_the_same_sound_under_two_names_is_found(folder):
    samples, rate = soundfile.read(folder / "03a01Fa.wav")
    soundfile.write(folder / "08b10Wa.wav", np.stack([samples, samples], axis=1), rate)
    assert find_duplicate_audio(scan_audio(load_corpus("emodb", folder))) == [["emodb-03a01Fa", "emodb-08b10Wa"]]


@pytest.fixture
def planted(tmp_path):
    """Four clips of the demo corpus, and copies of two of them in another folder under other names."""
    source, folder = load_corpus("demo")["audio"], tmp_path / "emodb"
    (folder / "more").mkdir(parents=True)
    clips = [audio.read_audio(source[index]) for index in (0, 45, 90, 135)]
    for name, clip in zip(NAMES, clips, strict=True):
        soundfile.write(folder / f"{name}.wav", clip, 16_000)
    soundfile.write(folder / "more" / "11a01Fb.wav", as_mp3(0.5 * shift(clips[0], 50), 0.8), 16_000)
    soundfile.write(folder / "more" / "16b10Wa.wav", audio.read_audio(folder / "03a02Wb.wav"), 16_000)
    soundfile.write(folder / "more" / "16b10Wb.wav", shift(clips[1], -30), 16_000)
    return folder


def test_one_recording_under_other_names_and_in_other_folders_is_found_changed_or_not(planted):
    report = check_corpus("emodb", planted)
    assert report.duplicates == [["emodb-03a02Wb", "emodb-16b10Wa"]]
    assert report.near_duplicates == [
        ["emodb-03a01Fa", "emodb-11a01Fb"],
        ["emodb-03a02Wb", "emodb-16b10Wa", "emodb-16b10Wb"],
    ]


def test_what_goes_into_training_tells_one_recording_from_others_and_holds_no_prints(planted):
    dataset, _ = drop_bad_audio(load_corpus("emodb", planted))
    same = dict(zip(dataset["utterance"][:], dataset["same_audio"][:], strict=True))
    assert same["emodb-03a01Fa"] == same["emodb-11a01Fb"] != ""
    assert same["emodb-03a02Wb"] == same["emodb-16b10Wa"] == same["emodb-16b10Wb"] != ""
    assert same["emodb-03a01Fa"] != same["emodb-03a02Wb"]
    assert same["emodb-08a01Fb"] == same["emodb-08b10Wa"] == ""
    assert "sound_print" not in dataset.column_names


def test_exact_copies_are_one_recording_even_where_there_is_no_print(folder):
    (folder / "08b10Wa.wav").write_bytes((folder / "03a01Fa.wav").read_bytes())
    scanned = scan_audio(load_corpus("emodb", folder))
    assert scanned["sound_print"][:] == [b""] * 4  # steady tones
    marked = mark_duplicates(scanned)
    assert [bool(value) for value in marked["same_audio"]] == [True, False, False, True]
    assert find_near_duplicate_audio(marked) == []


def test_bad_files_are_no_recording_and_have_no_numbers(folder):
    for name in NAMES[:2]:
        spoil(folder, name)
    marked = mark_duplicates(scan_audio(load_corpus("emodb", folder)))
    assert marked["same_audio"][:] == [""] * 4
    assert marked["level"][:2] == [None, None]
    assert marked["level"][2] == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.05)


def test_relabelled_and_reordered_columns_are_not_scanned_again(folder, monkeypatch):
    dataset = load_corpus("emodb", folder)
    first = scan_audio(dataset)
    monkeypatch.setattr("hf_ser.audio.decode_audio", None)
    again = scan_audio(dataset.remove_columns("label").add_column("label", [0, 0, 1, 1]))
    assert again["audio_hash"][:] == first["audio_hash"][:]


def test_clips_held_as_bytes_are_scanned_by_what_they_hold(folder):
    dataset = load_corpus("emodb", folder)
    paths = [sound["path"] for sound in dataset["audio"]]

    def embed(order):
        sounds = [{"bytes": Path(paths[index]).read_bytes(), "path": f"{place}.wav"} for place, index in order]
        table = pa.Table.from_pylist([{"audio": sound} for sound in sounds], schema=pa.schema([AUDIO]))
        return datasets.Dataset(table)

    there, back = embed(enumerate(range(4))), embed(enumerate(reversed(range(4))))
    assert scan_audio(there)["audio_hash"][:] == scan_audio(dataset)["audio_hash"][:]
    assert scan_audio(back)["audio_hash"][:] == scan_audio(there)["audio_hash"][::-1]


def test_a_link_to_a_file_that_is_gone_is_a_bad_file(folder):
    (folder / "03a02Wb.wav").unlink()
    (folder / "03a02Wb.wav").symlink_to("gone")
    with pytest.raises(AudioError, match="03a02Wb.wav: a link to `gone`, where no file is"):
        drop_bad_audio(load_corpus("emodb", folder))


def test_two_bad_files_are_not_called_duplicates(folder):
    for name in NAMES[:2]:
        spoil(folder, name)
    assert find_duplicate_audio(scan_audio(load_corpus("emodb", folder))) == []


def test_a_report_tells_counts_differences_and_bad_files(folder):
    spoil(folder)
    report = check_corpus("emodb", folder)
    assert report.emotion_counts["anger"] == 2
    assert report.speaker_counts == {"03": 2, "08": 2}
    assert "emotion anger: 2 found, 127 published" in report.differences
    assert [bad["file"] for bad in report.bad_files] == ["03a02Wb.wav"]


@pytest.fixture
def known_bad(monkeypatch):
    """A corpus that is published with one bad file."""
    card = dataclasses.replace(CORPORA["emodb"].card, known_bad={"emodb-03a02Wb": "no audio as published"})
    monkeypatch.setattr(CORPORA["emodb"], "card", card)
    return {"file": "03a02Wb.wav", "reason": "no audio as published"}


@pytest.mark.parametrize("mode", ["raise", "skip"])
def test_a_file_that_is_bad_as_published_is_left_out_in_both_modes(folder, known_bad, mode, caplog):
    spoil(folder)
    dataset, skipped = drop_bad_audio(load_corpus("emodb", folder), on_bad_audio=mode)
    assert dataset["utterance"][:] == ["emodb-03a01Fa", "emodb-08a01Fb", "emodb-08b10Wa"]
    assert skipped == [known_bad]
    assert "left out 03a02Wb.wav: no audio as published" in caplog.messages


def test_it_is_left_out_even_where_it_seems_to_hold_sound(folder, known_bad):
    dataset, skipped = drop_bad_audio(load_corpus("emodb", folder))
    assert (len(dataset), skipped) == (3, [known_bad])


def test_another_bad_file_is_refused_as_ever(folder, known_bad):
    spoil(folder)
    spoil(folder, "08a01Fb")
    with pytest.raises(AudioError, match="1 of 4 sound files cannot be used") as caught:
        drop_bad_audio(load_corpus("emodb", folder), on_bad_audio="raise")
    assert "03a02Wb" not in str(caught.value)
    dataset, skipped = drop_bad_audio(load_corpus("emodb", folder), on_bad_audio="skip")
    assert dataset["utterance"][:] == ["emodb-03a01Fa", "emodb-08b10Wa"]
    assert [bad["file"] for bad in skipped] == ["08a01Fb.wav", "03a02Wb.wav"]


def test_a_corpus_of_such_a_file_alone_is_an_error(folder, known_bad):
    for name in ("03a01Fa", "08a01Fb", "08b10Wa"):
        (folder / f"{name}.wav").unlink()
    with pytest.raises(AudioError, match="1 of 1 sound files cannot be used"):
        drop_bad_audio(load_corpus("emodb", folder))


def test_a_report_tells_it_apart_from_other_bad_files(folder, known_bad):
    spoil(folder)
    spoil(folder, "08a01Fb")
    report = check_corpus("emodb", folder)
    assert [bad["file"] for bad in report.bad_files] == ["08a01Fb.wav"]
    assert report.known_bad_files == [known_bad]


@pytest.mark.skipif(not EMODB.is_dir(), reason="EMO-DB is not at ../shared/corpora/emodb")
def test_the_published_emodb_has_no_fault_and_no_duplicate_even_near():
    report = check_corpus("emodb", EMODB)
    assert (report.differences, report.bad_files) == ([], [])
    assert (report.duplicates, report.near_duplicates) == ([], [])


AFTER_TORCH = """
import sys
import datasets
import torch

torch.set_num_threads(2)
(torch.rand(500, 500) @ torch.rand(500, 500)).sum()
datasets.config.HF_DATASETS_CACHE = sys.argv[2]
from hf_ser.checks import scan_audio
from hf_ser.corpora import load_corpus

assert scan_audio(load_corpus("emodb", sys.argv[1]), num_proc=2)["fault"][:] == [""] * 4
"""


def test_worker_processes_do_not_hang_after_torch_was_used(folder, tmp_path):
    subprocess.run([sys.executable, "-c", AFTER_TORCH, folder, tmp_path / "other"], check=True, timeout=60)
