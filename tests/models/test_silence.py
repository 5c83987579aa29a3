"""Silence is what pandas' rolling mean says it is."""

import numpy as np
import pandas as pd
import pytest

from hf_ser.models.silence import cut_silence


@pytest.mark.parametrize("rate", [22_050, 16_000, 8_000])
@pytest.mark.parametrize("samples", [50, 5_000, 40_000])
def test_what_stays_is_where_a_rolling_mean_is_above_the_threshold(rate, samples):
    noise = np.random.default_rng(samples).normal(0, 0.001, samples)
    waveform = (noise * np.abs(np.sin(np.arange(samples) / 4_000))).astype(np.float32)
    means = pd.Series(np.abs(waveform)).rolling(rate // 10, min_periods=1, center=True).mean().to_numpy()
    expected = waveform[means > 0.0005] if (means > 0.0005).any() else waveform
    assert samples < 5_000 or 0 < len(expected) < samples
    np.testing.assert_array_equal(cut_silence(waveform, rate, 0.0005), expected)


@pytest.mark.parametrize("waveform", [np.zeros(1), np.zeros(9_000), np.full(500, 1e-4)])
def test_a_clip_that_is_all_silence_stays_whole(waveform):
    np.testing.assert_array_equal(
        cut_silence(waveform.astype(np.float32), 16_000, 0.0005), waveform.astype(np.float32)
    )


def test_one_loud_sample_keeps_its_surroundings():
    waveform = np.zeros(8_000, np.float32)
    waveform[4_000] = 1
    assert len(cut_silence(waveform, 16_000, 0.0005)) == 1_600  # a tenth of a second
