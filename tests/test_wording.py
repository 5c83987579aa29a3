"""Words for numbers and messages, the same wherever a result is told."""

import pytest

from hf_ser.wording import duration, without_folders


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


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("/home/someone/a.wav is empty.", "a.wav is empty."),
        ("`/home/someone/my corpora/a b.wav` is empty.", "`a b.wav` is empty."),
        (r"'C:\Users\some one\a.wav' and `~/b c/d.wav`", "'a.wav' and `d.wav`"),
        ("`/home/someone` holds no `results.json`.", "`someone` holds no `results.json`."),
        (
            "24 kHz/16 bit, `facebook/wav2vec2-base`, `test`/`train`",
            "24 kHz/16 bit, `facebook/wav2vec2-base`, `test`/`train`",
        ),
        ("See https://a.org/b/c or `recipes/train.py`.", "See https://a.org/b/c or `recipes/train.py`."),
    ],
)
def test_a_path_in_a_message_is_cut_to_its_last_part(message, expected):
    assert without_folders(message) == expected
