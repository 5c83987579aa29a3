"""Raw waveforms, cut and padded, are what Wav2Vec2FeatureExtractor makes of the excerpt."""

import json

import numpy as np
import pytest
from transformers import AutoFeatureExtractor, Wav2Vec2FeatureExtractor

from hf_ser.models.waveform_extraction import WaveformFeatureExtractor
from tests.conftest import tone


def test_the_excerpt_is_normalised_and_not_the_clip():
    clip = np.concatenate([tone(0.5), 0.1 * tone(0.5, 900.0)])
    extractor = WaveformFeatureExtractor(offset=0.5, max_duration=0.25, min_duration=0.25)
    [values] = extractor(clip, sampling_rate=16_000)["input_values"]
    [expected] = Wav2Vec2FeatureExtractor()(clip[8_000:12_000], sampling_rate=16_000)["input_values"]
    np.testing.assert_array_equal(values, expected)
    assert abs(values.mean()) < 1e-6
    assert abs(values.std() - 1) < 1e-3


def test_trimmed_clips_give_what_whole_clips_give():
    extractor = WaveformFeatureExtractor(silence_threshold=0.01, min_duration=0.5, padding="repeat")
    clips = [np.pad(tone(0.3), 4_000), tone(0.7)]
    trimmed = extractor.extract([extractor.trim(clip) for clip in clips])
    for one, other in zip(trimmed, extractor(clips, sampling_rate=16_000)["input_values"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_batch_has_masks_where_the_checkpoint_wants_them():
    clips = [tone(0.3), tone(0.5)]
    masked = WaveformFeatureExtractor(return_attention_mask=True)
    batch = masked(clips, sampling_rate=16_000, padding=True, return_tensors="pt")
    assert batch["attention_mask"].sum(dim=1).tolist() == [4_800, 8_000]
    plain = WaveformFeatureExtractor()(clips, sampling_rate=16_000, padding=True, return_tensors="pt")
    assert list(plain) == ["input_values"]


def test_an_extractor_that_cuts_comes_back_equal(tmp_path):
    extractor = WaveformFeatureExtractor(max_duration=0.3, min_duration=0.3, padding="reflect", do_normalize=False)
    extractor.save_pretrained(tmp_path)
    again = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert type(again) is WaveformFeatureExtractor
    clip = tone(0.2)
    np.testing.assert_array_equal(again(clip)["input_values"][0], extractor(clip)["input_values"][0])
    assert (tmp_path / "waveform_extraction.py").exists()


def test_an_extractor_that_leaves_clips_as_they_are_is_saved_as_transformers_own(tmp_path):
    WaveformFeatureExtractor(return_attention_mask=True).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert "auto_map" not in saved
    again = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert type(again) is Wav2Vec2FeatureExtractor
    assert again.return_attention_mask
    assert [path.name for path in tmp_path.iterdir()] == ["preprocessor_config.json"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"padding": "zeros"}, "Did you mean `zero`"),
        ({"max_duration": -1.0}, "`max_duration` is -1.0; it must be a number above zero"),
        ({"min_duration": 2.0, "max_duration": 1.0}, "`min_duration` 2.0 s is longer than `max_duration` 1.0 s"),
    ],
)
def test_an_option_that_is_not_valid_is_named(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        WaveformFeatureExtractor(**options)


def test_audio_that_is_not_valid_is_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        WaveformFeatureExtractor()(np.array([0.1, np.nan], np.float32))
    with pytest.raises(ValueError, match="8000"):
        WaveformFeatureExtractor()(tone(0.1), sampling_rate=8_000)
