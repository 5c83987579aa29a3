"""nEMO is read by its names."""

from collections import Counter
from pathlib import Path

import pytest

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, fingerprint_differences
from hf_ser.errors import CorpusError
from tests.corpora.trees_european import write_clips, write_nemo


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return load_corpus("nemo", write_nemo(tmp_path_factory.mktemp("nemo")))


@pytest.fixture
def reader(tmp_path):
    return CORPORA["nemo"](data_dir=write_clips(tmp_path / "nemo", ["EB0_anger_1.wav"], 16_000))


def test_the_published_corpus_has_its_counts(whole):
    assert len(whole) == 4481
    assert count_emotions(whole) == {
        "anger": 749,
        "fear": 736,
        "happiness": 749,
        "neutral": 809,
        "sadness": 769,
        "surprise": 669,
    }
    assert fingerprint_differences(whole, CORPORA["nemo"].card) == []


def test_four_women_and_five_men_speak(whole):
    sexes = dict(zip(whole["speaker"], whole["sex"], strict=True))
    assert Counter(sexes.values()) == {"female": 4, "male": 5}
    assert (sexes["IC0"], sexes["WR0"]) == ("female", "male")


def test_a_name_tells_speaker_emotion_and_sentence(reader):
    utterance = reader.read_utterance(Path("WR0_surprised_64.wav"))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == ("WR0", "male", "64")
    assert (utterance.emotion, utterance.source_label) == ("surprise", "surprised")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("EB0_joy_1.wav", r"emotion code 'joy'; expected one of \['anger', 'fear', 'happiness', 'neutral', 'sadness'"),
        ("XX0_anger_1.wav", r"speaker code 'XX0'; expected one of \['EB0', 'IC0', 'KD0', 'KS0', 'MK0'"),
        ("EB0_anger_91.wav", r"sentence code '91'; expected one of \['1', '10'"),
        ("EB0_anger_1_2.wav", "sentence code '1_2'"),
        ("EB0.wav", "emotion code ''"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}"):
        reader.read_utterance(Path(name))
