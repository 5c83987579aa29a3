"""Words for numbers, the same wherever a result is told."""

import pytest

from hf_ser.wording import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (192, "3 min 12 s"),
        (3599.9, "1 h 0 min"),
        (7550, "2 h 5 min"),
    ],
)
def test_a_time_is_told_in_its_two_largest_units(seconds, words):
    assert duration(seconds) == words
