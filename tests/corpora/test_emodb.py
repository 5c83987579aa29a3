"""EMO-DB is read as published, and a name that tells nothing is an error."""

import time
from pathlib import Path

import pytest

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.emodb import EmoDB
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import CorpusError

PUBLISHED = Path(__file__).parents[2] / "../shared/corpora/emodb"
needs_emodb = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="EMO-DB is not at ../shared/corpora/emodb")


@pytest.fixture
def reader(small_emodb):
    return EmoDB(data_dir=small_emodb)


def test_a_name_tells_speaker_sentence_and_emotion(reader):
    utterance = reader.read_utterance(Path("16b10Lb.wav"))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == ("16", "female", "b10")
    assert (utterance.emotion, utterance.source_label) == ("boredom", "L")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("03a01Xa.wav", r"emotion code 'X'; expected one of \['A', 'E', 'F', 'L', 'N', 'T', 'W'\]"),
        ("99a01Fa.wav", r"speaker code '99'; expected one of \['03', '08'"),
        ("03z01Fa.wav", r"sentence code 'z01'; expected one of \['a01', 'a02'"),
        ("03a01.wav", "emotion code ''"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}"):
        reader.read_utterance(Path(name))


def test_one_bad_name_stops_the_load_before_anything_is_cached(small_emodb, cache):
    (small_emodb / "wav" / "03a01Fa.wav").rename(small_emodb / "wav" / "03a01Qa.wav")
    with pytest.raises(CorpusError, match="emotion code 'Q'"):
        load_corpus("emodb", small_emodb)
    assert not cache.exists()


@needs_emodb
def test_the_published_corpus_has_its_counts():
    dataset = load_corpus("emodb", PUBLISHED)
    assert len(dataset) == 535
    counts = {
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "neutral": 79,
        "sadness": 62,
    }
    assert count_emotions(dataset) == counts
    assert len(count_speakers(dataset)) == 10
    assert fingerprint_differences(dataset, CORPORA["emodb"].card) == []
    assert sum(dataset["duration"]) / 60 == pytest.approx(24.8, abs=0.05)
    assert (min(dataset["duration"]), max(dataset["duration"])) == pytest.approx((1.23, 8.98), abs=0.01)


@needs_emodb
def test_a_missing_file_is_told_by_emotion_and_speaker():
    dataset = load_corpus("emodb", PUBLISHED).select(range(1, 535))  # without 03a01Fa
    assert fingerprint_differences(dataset, CORPORA["emodb"].card) == [
        "files in all: 534 found, 535 published",
        "emotion happiness: 70 found, 71 published",
        "speaker 03: 48 found, 49 published",
    ]


@needs_emodb
def test_the_first_load_takes_seconds_and_the_second_less_than_one():
    start = time.perf_counter()
    load_corpus("emodb", PUBLISHED)
    first = time.perf_counter()
    load_corpus("emodb", PUBLISHED)
    assert first - start < 10
    assert time.perf_counter() - first < 1
