"""EMOVO is read by its names, from the folders of its speakers or from one."""

import shutil
from pathlib import Path

import pytest

from hf_ser.audio import read_audio
from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import CorpusError
from tests.corpora.trees_european import write_clips, write_emovo


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_emovo(tmp_path_factory.mktemp("emovo"))


@pytest.fixture(scope="module")
def whole(published):
    return load_corpus("emovo", published)


@pytest.fixture
def reader(tmp_path):
    return CORPORA["emovo"](data_dir=write_clips(tmp_path / "emovo", ["dis-f1-b1.wav"], 16_000))


def test_the_published_corpus_has_its_counts(whole):
    emotions = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    assert len(whole) == 588
    assert count_emotions(whole) == dict.fromkeys(emotions, 84)
    assert count_speakers(whole) == dict.fromkeys(("f1", "f2", "f3", "m1", "m2", "m3"), 98)
    assert len(set(whole["sentence"])) == 14
    assert fingerprint_differences(whole, CORPORA["emovo"].card) == []


def test_files_in_one_folder_give_the_same_utterances(published, whole, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in published.rglob("*.wav"):
        shutil.copy(path, flat)
    assert sorted(load_corpus("emovo", flat)["utterance"]) == sorted(whole["utterance"])


def test_stereo_and_the_one_mono_file_are_read_alike(published, whole):
    mono, stereo = published / "f1" / "dis-f1-b1.wav", published / "f1" / "dis-f1-b2.wav"
    assert read_audio(mono).shape == read_audio(stereo).shape == (800,)
    assert set(whole["duration"]) == {0.05}


def test_a_name_tells_emotion_speaker_and_sentence(reader):
    utterance = reader.read_utterance(Path("sor-m2-n5.wav"))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == ("m2", "male", "n5")
    assert (utterance.emotion, utterance.source_label) == ("surprise", "sor")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("joy-f1-b1.wav", r"emotion code 'joy'; expected one of \['dis', 'gio', 'neu', 'pau', 'rab', 'sor', 'tri'\]"),
        ("dis-f4-b1.wav", r"speaker code 'f4'; expected one of \['f1', 'f2', 'f3', 'm1', 'm2', 'm3'\]"),
        ("dis-f1-b4.wav", r"sentence code 'b4'; expected one of \['b1', 'b2', 'b3', 'd1'"),
        ("dis-f1-b1-2.wav", "sentence code 'b1-2'"),
        ("dis-f1.wav", "sentence code ''"),
        ("dis.wav", "speaker code ''"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}"):
        reader.read_utterance(Path(name))


def test_an_unknown_licence_is_said_to_be_so():
    with pytest.raises(CorpusError, match="Licence: not stated; ask its authors. Then pass the folder or the archive"):
        load_corpus("emovo")
