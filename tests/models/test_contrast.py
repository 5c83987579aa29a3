"""Spectral contrast equals librosa's."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.models.contrast import contrast_bands, spectral_contrast
from tests.reference import difference


@pytest.mark.parametrize(("n_fft", "rate"), [(2048, 22_050), (1024, 16_000), (512, 16_000), (4096, 48_000)])
def test_each_clip_of_a_batch_equals_librosa(n_fft, rate):
    amplitude = np.random.default_rng(0).exponential(1.0, (2, 20, n_fft // 2 + 1)).astype(np.float32) ** 4
    frames = torch.tensor([20, 11])
    values = spectral_contrast(torch.from_numpy(amplitude), torch.arange(20) < frames[:, None], rate)
    for clip, own, count in zip(values, amplitude, frames, strict=True):
        expected = librosa.feature.spectral_contrast(S=own[:count].T, sr=rate)
        assert difference(clip[:count].numpy().T, expected) < 1e-5


def test_silence_has_no_contrast():
    assert not spectral_contrast(torch.zeros(1, 4, 1025), torch.ones(1, 4, dtype=torch.bool), 22_050).any()


def test_bands_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="a rate of 8000 Hz ends at 4000 Hz. Use a `sampling_rate` of 16000 or more"):
        contrast_bands(1025, 8_000)
    with pytest.raises(ValueError, match="No bin of a 32-point transform falls into the band of .* larger `n_fft`"):
        contrast_bands(17, 16_000)
