"""The demo corpus is made on the first call, and called synthetic."""

from collections import Counter

import pytest

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import fingerprint_differences
from hf_ser.errors import CorpusError


def test_the_demo_corpus_is_made_in_the_cache_with_its_counts(cache):
    dataset = load_corpus("demo")
    assert len(dataset) == 320
    assert fingerprint_differences(dataset, CORPORA["demo"].card) == []
    assert Counter(dataset["sentence"]) == {f"s{take:02d}": 32 for take in range(10)}
    assert Counter(dataset["sex"]) == {"female": 160, "male": 160}
    assert all(audio["path"].startswith(str(cache)) for audio in dataset["audio"])
    assert load_corpus("demo").to_list() == dataset.to_list()


def test_the_demo_corpus_says_that_it_is_synthetic():
    card = CORPORA["demo"].card
    assert card.synthetic
    assert "synthetic" in card.title


def test_an_unknown_emotion_in_a_name_lists_the_valid_ones(tmp_path):
    (tmp_path / "f1_envy_00.wav").touch()
    with pytest.raises(CorpusError, match=r"emotion code 'envy'; expected one of \['anger', 'happiness', 'neutral'"):
        load_corpus("demo", tmp_path)
