"""Whisper's spectrograms, of an excerpt, are what WhisperFeatureExtractor makes of the excerpt."""

import json

import numpy as np
import pytest
from transformers import AutoFeatureExtractor, WhisperFeatureExtractor

from hf_ser.models.whisper_extraction import WhisperExcerptFeatureExtractor
from tests.conftest import tone

SMALL = {"feature_size": 8, "chunk_length": 2}


def test_the_excerpt_is_heard_and_not_the_clip():
    clip = np.concatenate([tone(0.5), tone(0.5, 900.0), tone(0.5)])
    extractor = WhisperExcerptFeatureExtractor(offset=0.5, max_duration=0.5, **SMALL)
    [features] = extractor(clip, sampling_rate=16_000)["input_features"]
    [expected] = WhisperFeatureExtractor(**SMALL)(clip[8_000:16_000], sampling_rate=16_000)["input_features"]
    assert features.shape == (8, 200)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, expected)


def test_a_clip_is_padded_to_the_chunk_and_cut_at_its_end():
    extractor = WhisperExcerptFeatureExtractor(**SMALL)
    long = tone(3.0)
    np.testing.assert_array_equal(
        *(extractor(clip, sampling_rate=16_000)["input_features"][0] for clip in (long, long[:32_000]))
    )
    [short] = extractor(long[:16_000], sampling_rate=16_000)["input_features"]
    assert len(np.unique(short[:, 105:])) == 1  # silence
    assert len(np.unique(short[:, :95])) > 100


def test_a_clip_has_the_same_features_on_every_route():
    extractor = WhisperExcerptFeatureExtractor(min_duration=0.5, padding="repeat", **SMALL)
    clips = [tone(0.3), tone(0.7, 700.0), tone(2.5)]
    together = extractor(clips, sampling_rate=16_000)["input_features"]
    trimmed = extractor.extract([extractor.trim(clip) for clip in clips])
    alone = [extractor(clip, sampling_rate=16_000)["input_features"][0] for clip in clips]
    for one, other, third in zip(together, trimmed, alone, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)


def test_an_extractor_that_cuts_comes_back_equal(tmp_path):
    extractor = WhisperExcerptFeatureExtractor(max_duration=0.3, **SMALL)
    extractor.save_pretrained(tmp_path)
    again = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert type(again) is WhisperExcerptFeatureExtractor
    clip = tone(0.5)
    np.testing.assert_array_equal(*(one(clip, sampling_rate=16_000)["input_features"] for one in (again, extractor)))
    assert (tmp_path / "whisper_extraction.py").exists()


def test_an_extractor_that_leaves_clips_as_they_are_is_saved_as_transformers_own(tmp_path):
    WhisperExcerptFeatureExtractor(**SMALL).save_pretrained(tmp_path)
    assert "auto_map" not in json.loads((tmp_path / "preprocessor_config.json").read_text())
    again = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert type(again) is WhisperFeatureExtractor
    assert (again.feature_size, again.nb_max_frames) == (8, 200)
    assert [path.name for path in tmp_path.iterdir()] == ["preprocessor_config.json"]


@pytest.mark.parametrize("name", ["min_duration", "max_duration"])
def test_more_than_the_network_hears_is_refused(name):
    with pytest.raises(ValueError, match=rf"`{name}` is 2.5 s, and this checkpoint hears 2 s of a clip. Give at most"):
        WhisperExcerptFeatureExtractor(**{name: 2.5}, **SMALL)
