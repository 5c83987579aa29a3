"""The demo corpus on disk and as a dataset; sound itself is tested in `test_synthesis.py`."""

import errno
from collections import Counter

import numpy as np
import pytest
import soundfile

from hf_ser.corpora import demo
from hf_ser.corpora.demo import Demo, write_demo_corpus
from hf_ser.errors import CorpusError, StorageError


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """Replace the synthesiser by short noise, and count what it is asked for."""
    made = []

    def noise(*clip):
        made.append(clip)
        return np.random.default_rng(len(made)).uniform(-0.5, 0.5, 1600).astype(np.float32)

    monkeypatch.setattr(demo, "synthesise", noise)
    return made


def fail_at(number, error, monkeypatch):
    """Let the making of a later clip raise `error`."""
    fine, made = demo.synthesise, []

    def failing(*clip):
        made.append(clip)
        if len(made) == number:
            raise error
        return fine(*clip)

    monkeypatch.setattr(demo, "synthesise", failing)


def test_files_are_pcm16_at_16_khz_ten_per_speaker_and_emotion(tmp_path):
    write_demo_corpus(tmp_path)
    files = sorted((tmp_path / "wav").iterdir())
    assert set(Counter(path.name[:-7] for path in files).values()) == {10}
    assert len(files) == 8 * 4 * 10
    info = soundfile.info(files[0])
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
    assert [path.name for path in tmp_path.iterdir()] == ["wav"]


def test_a_whole_corpus_is_not_made_again(tmp_path, calls):
    write_demo_corpus(tmp_path)
    write_demo_corpus(tmp_path)
    assert len(calls) == 320


def test_an_interrupted_write_leaves_nothing_and_is_finished_on_the_next_call(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fail_at(200, KeyboardInterrupt(), patch)
        with pytest.raises(KeyboardInterrupt):
            write_demo_corpus(tmp_path)
    assert list(tmp_path.iterdir()) == []
    write_demo_corpus(tmp_path)
    assert len(list((tmp_path / "wav").iterdir())) == 320


def test_a_lost_clip_comes_back_and_other_files_stay(tmp_path):
    write_demo_corpus(tmp_path)
    (tmp_path / "wav/m4_sadness_09.wav").unlink()
    (tmp_path / "wav/notes.txt").write_text("mine")
    write_demo_corpus(tmp_path)
    assert (tmp_path / "wav/m4_sadness_09.wav").is_file()
    assert (tmp_path / "wav/notes.txt").read_text() == "mine"


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    fail_at(5, OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
    with pytest.raises(StorageError, match="No space left while writing .* needs 16 MB"):
        write_demo_corpus(tmp_path)


def test_the_dataset_tells_speaker_sex_sentence_and_emotion(tmp_path):
    dataset = Demo(cache_dir=tmp_path).load()
    row = next(row for row in dataset if row["utterance"] == "demo-m2_happiness_01")
    assert dataset.features["label"].int2str(row["label"]) == "happiness"
    assert (row["speaker"], row["sex"], row["sentence"]) == ("m2", "male", "pe lu ka ni mo sa")
    assert row["duration"] == pytest.approx(0.1)
    assert Counter(dataset["speaker"]) == Demo.card.speaker_counts


def test_a_foreign_file_is_named_with_the_valid_speakers_and_emotions(tmp_path):
    soundfile.write(tmp_path / "f9_joy_00.wav", np.zeros(16), 16_000)
    with pytest.raises(CorpusError, match=r"f9_joy_00.wav` is no clip of the demo corpus.*'f1'.*'anger'"):
        Demo(cache_dir=tmp_path / "cache", data_dir=tmp_path)


def test_the_card_says_that_the_corpus_is_synthetic():
    assert Demo.card.synthetic
    assert "ynthetic" in Demo.card.title
