"""Settings in words lose the folders of one machine, and nothing else."""

import pytest

from hf_ser.templates import describe_setting


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
