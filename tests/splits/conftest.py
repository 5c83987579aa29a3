"""Corpora that several of these tests part."""

import pytest
from datasets import DatasetDict

from tests.splits.examples import corpus


@pytest.fixture
def balanced():
    """60 clips: 5 speakers, 3 emotions, 4 clips of each pair."""
    return corpus([index % 3 for index in range(60)], [f"0{index // 12}" for index in range(60)])


@pytest.fixture
def overlapping():
    """Train u0 u1 u2, validation u3, test u4 u5: they share a speaker, a sentence and, twice, a recording."""
    dataset = corpus(
        [0, 1, 2, 0, 1, 2],
        ["a", "a", "b", "c", "c", "d"],
        sentence=["x", "y", "", "z", "y", ""],
        same_audio=["h0", "h1", "h1", "h3", "h0", "h3"],
    )
    return DatasetDict(
        {"train": dataset.select(range(3)), "validation": dataset.select([3]), "test": dataset.select([4, 5])}
    )
