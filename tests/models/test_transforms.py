"""Transforms equal librosa's, clip by clip."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.models.spectral import analysis_window
from hf_ser.models.transforms import inverse_transform, magnitude, sample_mask, short_time_transform
from tests.conftest import tone
from tests.reference import difference

SETTINGS = [("hann", 2048, 2048, 512), ("hamming", 400, 512, 160), ("hann", 300, 512, 150)]
CLIPS = [tone(0.7), tone(0.31, 200.0), tone(0.01)]


def transform(signals, setting):
    window_name, win_length, n_fft, hop_length = setting
    waveforms = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(signal) for signal in signals], batch_first=True)
    window = analysis_window(window_name, win_length, n_fft, torch.float64)
    return short_time_transform(waveforms, window, hop_length), waveforms.shape[1]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_a_batch_equals_librosa_to_the_last_digit(setting):
    window_name, win_length, n_fft, hop_length = setting
    spectra, _ = transform(CLIPS, setting)
    for clip, spectrum in zip(CLIPS, spectra, strict=True):
        expected = librosa.stft(clip, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window_name)
        own = spectrum[: expected.shape[1]].T
        assert difference(own.numpy(), expected) < 1e-7
        assert np.array_equal(magnitude(own).numpy(), np.abs(own.numpy()))


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_the_inverse_of_a_changed_batch_equals_librosa(setting):
    window_name, win_length, n_fft, hop_length = setting
    spectra, samples = transform(CLIPS, setting)
    spectra = spectra * torch.linspace(0, 1, spectra.shape[2])  # no longer the transform of any waveform
    lengths = torch.tensor([len(clip) for clip in CLIPS])
    waveforms = inverse_transform(spectra, analysis_window(*setting[:3]), hop_length, lengths, samples)
    for clip, spectrum, waveform in zip(CLIPS, spectra, waveforms, strict=True):
        own = spectrum[: 1 + len(clip) // hop_length].T.numpy()
        options = {"hop_length": hop_length, "win_length": win_length, "n_fft": n_fft, "window": window_name}
        assert difference(waveform[: len(clip)].numpy(), librosa.istft(own, length=len(clip), **options)) < 2e-6
    assert not waveforms[~sample_mask(lengths, samples)].any()
