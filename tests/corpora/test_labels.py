"""Words of one emotion are one word."""

import pytest

from hf_ser.corpora.labels import COMMON_EMOTIONS, EMOTIONS, SYNONYMS, read_emotion


@pytest.mark.parametrize("word", ["happy", "Happiness", "joy", "Freude", " HAPPY ", "gioia"])
def test_words_for_happiness_are_one(word):
    assert read_emotion(word) == "happiness"


@pytest.mark.parametrize("word", ["pleasant_surprise", "Pleasant-Surprised", "ps"])
def test_pleasant_surprise_is_not_surprise(word):
    assert read_emotion(word) == "pleasant surprise"


def test_an_unknown_word_stays_itself():
    assert read_emotion(" Sarcasm") == "sarcasm"


def test_no_word_stands_for_two_emotions():
    words = [word for emotion, synonyms in SYNONYMS.items() for word in (emotion, *synonyms)]
    assert len(words) == len(set(words))
    assert set(SYNONYMS) == set(EMOTIONS) >= set(COMMON_EMOTIONS)
