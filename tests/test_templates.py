"""Messages and settings lose the folders of one machine, and nothing else."""

import pytest

from hf_ser.templates import describe_setting, without_folders


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


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("hidden_sizes", [], "none"),
        ("fold", None, "none"),
        ("hidden_sizes", [4096, 4096], "4096, 4096"),
        ("weight_decay", 0.0, 0.0),
        ("backbone_kwargs", {"in_chans": 1, "img_size": [128, 94]}, "in_chans=1, img_size=128, 94"),
        ("checkpoint", "facebook/wav2vec2-base", "facebook/wav2vec2-base"),
        ("data_dir", ["corpora/emodb", "/home/someone/savee.zip"], "emodb, savee.zip"),
    ],
)
def test_a_setting_is_told_in_words(key, value, expected):
    assert describe_setting(key, value) == expected
