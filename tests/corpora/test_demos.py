"""DEMoS is read by its names, with or without neutral speech, all of it or what is typical of an emotion."""

from pathlib import Path

import pytest

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import CorpusError
from tests.corpora.trees_european import write_clips, write_demos

WITHOUT_NEUTRAL = {"neutral": "drop"}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_demos(tmp_path_factory.mktemp("demos"))


@pytest.fixture(scope="module")
def whole(published):
    return load_corpus("demos", published)


@pytest.fixture(scope="module")
def seven_emotions(published):
    return load_corpus("demos", published, map_emotions=WITHOUT_NEUTRAL)


@pytest.fixture(scope="module")
def prototypical(published):
    return load_corpus("demos", published, intensities=["prototypical"], map_emotions=WITHOUT_NEUTRAL)


@pytest.fixture
def reader(tmp_path):
    return CORPORA["demos"](data_dir=write_clips(tmp_path / "demos", ["PR_f_01_rab01.wav"], 16_000))


def test_the_published_corpus_has_its_counts(whole):
    assert len(whole) == 9697
    assert count_emotions(whole) == {
        "anger": 1477,
        "disgust": 1678,
        "fear": 1156,
        "guilt": 1129,
        "happiness": 1395,
        "neutral": 332,
        "sadness": 1530,
        "surprise": 1000,
    }
    assert fingerprint_differences(whole, CORPORA["demos"].card) == []


def test_68_speakers_of_both_sexes_are_told_apart(whole):
    sexes = dict(zip(whole["speaker"], whole["sex"], strict=True))
    assert len(count_speakers(whole)) == 68
    assert sorted(sexes.values()) == ["female"] * 23 + ["male"] * 45
    assert (sexes["f01"], sexes["m68"]) == ("female", "male")


def test_without_neutral_seven_emotions_are_left(seven_emotions):
    assert len(seven_emotions) == 9365
    assert "neutral" not in seven_emotions.features["label"].names
    assert len(seven_emotions.features["label"].names) == 7


def test_the_prototypical_clips_are_selected(prototypical):
    assert len(prototypical) == 1564
    assert set(prototypical["intensity"]) == {"prototypical"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PR_f_01_rab01a.wav", ("f01", "female", "anger", "rab", "prototypical")),
        ("NP_m_01_col12.wav", ("m01", "male", "guilt", "col", "non-prototypical")),
        ("NP_m_64_second_take_tri.wav", ("m64", "male", "sadness", "tri", "non-prototypical")),
        ("f_02_neu03.wav", ("f02", "female", "neutral", "neu", "")),
        ("NP_f_02_neu03.wav", ("f02", "female", "neutral", "neu", "non-prototypical")),
    ],
)
def test_a_name_tells_speaker_sex_emotion_and_selection(reader, name, told):
    utterance = reader.read_utterance(Path(name))
    assert told == (
        utterance.speaker,
        utterance.sex,
        utterance.emotion,
        utterance.source_label,
        utterance.intensity,
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("PR_f_01_joy01.wav", r"emotion code 'joy'; expected one of \['col', 'dis', 'gio', 'neu', 'pau', 'rab'"),
        ("PR_x_01_rab01.wav", r"sex code 'x'; expected one of \['f', 'm'\]"),
        ("XX_f_01_rab01.wav", r"selection code 'XX'; expected one of \['NP', 'PR'\]"),
        ("f_01_rab01.wav", "selection code 'f'"),
        ("PR_f_anna_rab01.wav", "speaker 'anna'; expected a number"),
        ("PR_f_rab01.wav", "speaker 'rab01'; expected a number"),
        ("PR_rab01.wav", "sex code 'rab01'"),
        ("noise.wav", "emotion code 'noi'"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}.*A name is like `PR_f_01_rab01a.wav`"):
        reader.read_utterance(Path(name))


def test_without_a_folder_the_error_tells_that_the_licence_must_be_signed():
    with pytest.raises(CorpusError, match=r"zenodo\.org/records/2544829 .*`wav_DEMoS\.zip`.* signed"):
        load_corpus("demos")
