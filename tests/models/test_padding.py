"""Lengths by hand."""

import numpy as np
import pytest

from hf_ser.models.padding import fit_length

CLIP = np.array([1.0, 2.0, 3.0], np.float32)


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("zero", [1, 2, 3, 0, 0, 0, 0]),
        ("repeat", [1, 2, 3, 1, 2, 3, 1]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
    ],
)
def test_a_short_clip_is_padded(padding, expected):
    assert fit_length(CLIP, 7, None, padding).tolist() == expected


def test_a_clip_is_reflected_as_often_as_it_takes():
    assert len(fit_length(CLIP, 100, None, "reflect")) == 100
    assert fit_length(CLIP[:1], 4, None, "reflect").tolist() == [1, 1, 1, 1]


def test_a_long_clip_is_cut_behind_and_others_stay():
    assert fit_length(CLIP, None, 2, "zero").tolist() == [1, 2]
    assert fit_length(CLIP, 2, 4, "zero").tolist() == [1, 2, 3]
