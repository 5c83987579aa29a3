"""RAVDESS is read as published; song and video are left out, and said to be."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from hf_ser.checks import scan_audio
from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.corpora.ravdess import Ravdess
from hf_ser.errors import CorpusError
from tests.corpora.trees import encode, write_files

NAMES = ("03-01-01-01-01-01-01.wav", "03-01-05-02-02-01-12.wav")


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "ravdess", [f"Actor_{name[-6:-4]}/{name}" for name in NAMES])


@pytest.fixture
def reader(folder):
    return Ravdess(data_dir=folder)


def test_a_name_tells_emotion_intensity_statement_and_actor(reader):
    utterance = reader.read_utterance(Path("03-01-05-02-02-01-12.wav"))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == ("12", "female", "02")
    assert (utterance.emotion, utterance.source_label, utterance.intensity) == ("anger", "05", "strong")


@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        ("01", "neutral"),
        ("02", "calm"),
        ("03", "happiness"),
        ("04", "sadness"),
        ("05", "anger"),
        ("06", "fear"),
        ("07", "disgust"),
        ("08", "surprise"),
    ],
)
def test_each_code_is_its_emotion_and_an_odd_actor_is_male(reader, code, emotion):
    utterance = reader.read_utterance(Path(f"03-01-{code}-01-01-02-07.wav"))
    assert (utterance.emotion, utterance.sex, utterance.intensity) == (emotion, "male", "normal")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("03-01-09-01-01-01-01.wav", r"emotion code '09'; expected one of \['01', '02', '03'"),
        ("03-01-05-03-01-01-01.wav", r"intensity code '03'; expected one of \['01', '02'\]"),
        ("03-01-05-01-03-01-01.wav", r"statement code '03'"),
        ("03-01-05-01-01-03-01.wav", r"repetition code '03'"),
        ("03-01-05-01-01-01-25.wav", r"actor code '25'; expected one of \['01', '02'"),
        ("03-01-05-01-01-01.wav", "actor code ''"),
        ("03-01-05-01-01-01-01-2.wav", "actor code '01-2'"),
        ("04-01-05-01-01-01-01.wav", r"modality code '04'; expected one of \['03'\]"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}"):
        reader.read_utterance(Path(name))


def test_the_whole_corpus_has_its_published_counts(ravdess_tree):
    dataset = load_corpus("ravdess", ravdess_tree)
    assert len(dataset) == 1440
    assert count_emotions(dataset) == {
        "anger": 192,
        "calm": 192,
        "disgust": 192,
        "fear": 192,
        "happiness": 192,
        "neutral": 96,
        "sadness": 192,
        "surprise": 192,
    }
    assert count_speakers(dataset) == {f"{actor:02d}": 60 for actor in range(1, 25)}
    assert dataset["sex"][:].count("female") == 720
    assert fingerprint_differences(dataset, CORPORA["ravdess"].card) == []


def test_calm_may_be_merged_with_neutral_or_left_out(ravdess_tree):
    merged = count_emotions(load_corpus("ravdess", ravdess_tree, map_emotions={"calm": "neutral"}))
    assert merged["neutral"] == 288
    assert "calm" not in merged
    assert sum(count_emotions(load_corpus("ravdess", ravdess_tree, map_emotions={"calm": "drop"})).values()) == 1248


def test_song_and_video_are_left_out_with_one_warning_that_counts_them(folder, caplog):
    others = ("03-02-05-01-01-01-01.wav", "03-02-05-02-01-01-01.wav", "01-01-05-01-01-01-01.wav")
    write_files(folder, [f"others/{name}" for name in others])
    with caplog.at_level(logging.WARNING):
        dataset = load_corpus("ravdess", folder)
    assert dataset["utterance"][:] == [f"ravdess-{name[:-4]}" for name in NAMES]
    assert [message for message in caplog.messages if "left out" in message] == [
        "ravdess: left out 3 files of song or video, whose names do not start with `03-01-`; 2 are speech"
    ]


def test_a_folder_of_song_alone_is_an_error(tmp_path):
    write_files(tmp_path, ["03-02-05-01-01-01-01.wav"])
    with pytest.raises(CorpusError, match=r"song or video only \(1 files\)\. .*Audio_Speech_Actors_01-24\.zip"):
        load_corpus("ravdess", tmp_path)


def test_a_stereo_file_is_a_good_one(folder):
    tone = 0.3 * np.sin(np.arange(4800) * 0.1)
    (folder / "Actor_01" / NAMES[0]).write_bytes(encode(np.stack([tone, 0.5 * tone], axis=1), 48_000))
    dataset = scan_audio(load_corpus("ravdess", folder))
    assert dataset["fault"][:] == ["", ""]
    assert dataset["duration"][:] == [0.1, 0.05]


def test_an_archive_that_holds_the_tree_twice_says_what_to_pass(folder):
    shutil.copytree(folder, folder / "audio_speech_actors_01-24")
    with pytest.raises(CorpusError, match=r"^2 of 2 names in .* occur more than once, the first as `") as caught:
        load_corpus("ravdess", folder)
    assert f"`{folder}/Actor_01/{NAMES[0]}`" in str(caught.value)
    assert f"`{folder}/audio_speech_actors_01-24/Actor_01/{NAMES[0]}`" in str(caught.value)
    assert "pass the folder of one copy alone" in str(caught.value)
    assert len(load_corpus("ravdess", folder / "audio_speech_actors_01-24")) == 2
