"""Clipping, silence and level as worked out by hand; clips far from the rest are named, others are not."""

import datasets
import numpy as np
import pytest

from hf_ser.quality import find_outliers, measure_quality
from tests.conftest import tone

RATE = 16_000


def test_a_sine_has_the_level_of_its_amplitude():
    numbers = measure_quality(0.5 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE), RATE)
    assert numbers["level"] == pytest.approx(20 * np.log10(0.5) - 10 * np.log10(2), abs=0.01)  # rms = peak / sqrt(2)
    assert (numbers["clipped"], numbers["silence"]) == (0.0, 0.0)


def test_clipping_counts_plateaus_of_three_at_either_edge():
    waveform = np.array([0, 0.9, 0.9, 0.9, 0, -0.7, -0.7, -0.7, -0.7, 0, 0.9, 0.9, 0.1, 0.1, 0.1, 0])
    assert measure_quality(waveform, RATE)["clipped"] == 7 / 16


def test_clipping_is_seen_at_any_gain():
    clipped = np.clip(tone(1.0), -0.3, 0.3)
    share = measure_quality(clipped, RATE)["clipped"]
    assert share > 0.3
    assert measure_quality(0.1 * clipped, RATE)["clipped"] == share


def test_silence_is_the_share_of_frames_50_db_below_the_loudest():
    frame = RATE // 50
    levels = np.repeat([1.0, 0.01, 0.001, 0.0, 0.1], frame)  # 0, -40, -60 dB, none, -20 dB
    assert measure_quality(levels * np.tile([1.0, -1.0], len(levels) // 2), RATE)["silence"] == 2 / 5
    assert measure_quality(np.array([1.0, -1.0]), RATE)["silence"] == 0  # shorter than a frame


def make_corpus(**changes):
    """Forty clips alike within a dB and a tenth of their duration, of which the last has other numbers."""
    draw = np.random.default_rng(0)
    columns = {
        "utterance": [f"clip-{index:02d}" for index in range(40)],
        "corpus": ["a"] * 40,
        "fault": [""] * 40,
        "level": draw.normal(-20, 1, 40).tolist(),
        "duration": (2 * np.exp(draw.normal(0, 0.1, 40))).tolist(),
        "clipped": [0.0] * 40,
        "silence": [0.1] * 40,
    }
    for name, value in changes.items():
        columns[name][-1] = value
    return datasets.Dataset.from_dict(columns)


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        ({"level": -50.0}, ["clip-39: its level is 50 dB below full scale, far from the others"]),
        ({"level": -28.0}, []),
        ({"duration": 30.0}, ["clip-39: it lasts 30.00 s, far from the others"]),
        ({"duration": 0.1}, ["clip-39: it lasts 0.10 s, far from the others"]),
        ({"clipped": 0.025}, ["clip-39: 2.5% of its samples are clipped"]),
        ({"silence": 0.6}, ["clip-39: 60% of it is silence"]),
        ({"fault": "an empty file", "level": None, "clipped": None, "silence": None, "duration": 0.0}, []),
    ],
)
def test_only_what_is_far_from_the_rest_is_named(changes, sentences):
    assert [str(outlier) for outlier in find_outliers(make_corpus(**changes))] == sentences
