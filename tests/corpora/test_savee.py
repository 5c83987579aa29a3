"""SAVEE is read in both of its layouts, and sadness and surprise are told apart by their second letter."""

import shutil
from pathlib import Path

import pytest

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.corpora.savee import Savee
from hf_ser.errors import CorpusError
from tests.corpora.trees import write_files, write_savee

COUNTS = {
    "anger": 60,
    "disgust": 60,
    "fear": 60,
    "happiness": 60,
    "neutral": 120,
    "sadness": 60,
    "surprise": 60,
}


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "savee", ["DC_a01.wav", "DC_sa15.wav", "KL_su02.wav"])


@pytest.fixture
def reader(folder):
    return Savee(data_dir=folder)


@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        ("a", "anger"),
        ("d", "disgust"),
        ("f", "fear"),
        ("h", "happiness"),
        ("n", "neutral"),
        ("sa", "sadness"),
        ("su", "surprise"),
    ],
)
@pytest.mark.parametrize("name", ["JK_{}07.wav", "JK/{}07.wav"])
def test_one_letter_or_two_tell_the_emotion_in_both_layouts(reader, name, code, emotion):
    utterance = reader.read_utterance(Path(name.format(code)))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == ("JK", "male", f"{code}07")
    assert (utterance.emotion, utterance.source_label, utterance.name) == (emotion, code, f"JK_{code}07")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DC_s01.wav", r"emotion code 's'; expected one of \['a', 'd', 'f', 'h', 'n', 'sa', 'su'\]"),
        ("DC_sad01.wav", "emotion code 'sad'"),
        ("XX_a01.wav", r"speaker code 'XX'; expected one of \['DC', 'JE', 'JK', 'KL'\]"),
        ("AudioData/a01.wav", "speaker code 'AudioData'.* A name is like `DC_a01.wav` or `DC/a01.wav`: "),
        ("DC_a16.wav", r"sentence code '16'; expected one of \['01', .*, '15'\]"),
        ("DC_n31.wav", r"sentence code '31'; expected one of \['01', .*, '30'\]"),
        ("DC_a1.wav", "sentence code '1'"),
        ("DC_a.wav", "sentence code ''"),
        ("DC_a01b.wav", "emotion code 'a01b'"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}"):
        reader.read_utterance(Path(name))


def test_the_whole_corpus_has_its_published_counts(savee_tree):
    dataset = load_corpus("savee", savee_tree)
    assert len(dataset) == 480
    assert count_emotions(dataset) == COUNTS
    assert count_speakers(dataset) == {"DC": 120, "JE": 120, "JK": 120, "KL": 120}
    assert len(set(dataset["sentence"])) == 120  # each the same for the four speakers
    assert fingerprint_differences(dataset, CORPORA["savee"].card) == []


def test_both_layouts_give_the_same_rows(savee_tree, tmp_path):
    flat = load_corpus("savee", savee_tree)
    foldered = load_corpus("savee", write_savee(tmp_path / "AudioData", flat=False))
    assert flat.remove_columns("audio").to_list() == foldered.remove_columns("audio").to_list()
    assert flat[0]["utterance"] == "savee-DC_a01"


def test_both_layouts_in_one_folder_are_refused(folder):
    write_files(folder, ["DC/a01.wav"])
    with pytest.raises(CorpusError, match="1 of 3 names in .* occur more than once"):
        load_corpus("savee", folder)


def test_a_zip_gives_the_same_utterances(tmp_path):
    folder = write_files(tmp_path / "download", ["AudioData/DC/a01.wav", "AudioData/KL/su02.wav"])
    archive = shutil.make_archive(str(tmp_path / "AudioData"), "zip", folder)
    assert load_corpus("savee", archive)["utterance"][:] == ["savee-DC_a01", "savee-KL_su02"]


def test_without_a_folder_the_error_names_the_page_of_which_the_terms_are_not_known():
    with pytest.raises(
        CorpusError, match=r"http://kahlan\.eps\.surrey\.ac\.uk/savee/ .*Licence: not stated; ask its authors\. Then"
    ):
        load_corpus("savee")
