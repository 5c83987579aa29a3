"""Messages lose the folders of one machine, and nothing else."""

import pytest

from hf_ser.templates import without_folders


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
