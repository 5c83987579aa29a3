"""Every function equals librosa's, on tones, noise, silence and real speech."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.audio import read_audio
from hf_ser.models.spectral import (
    analysis_window,
    filter_power,
    mel_bands,
    mel_filters,
    power_spectrogram,
    power_to_db,
)
from tests.conftest import tone

SIGNALS = {
    "tone": tone(1.0),
    "noise": np.random.default_rng(1).normal(0, 0.3, 12_345).astype(np.float32),
    "shorter than the window": tone(0.02),
    "one sample": np.array([0.5], np.float32),
}
SETTINGS = [
    {"n_fft": 1024, "hop": 256, "win": 1024, "window": "hann", "n_mels": 128, "fmin": 0.0, "fmax": 8000.0},
    {"n_fft": 512, "hop": 160, "win": 400, "window": "hamming", "n_mels": 40, "fmin": 60.0, "fmax": 7600.0},
    {"n_fft": 2048, "hop": 512, "win": 2048, "window": "blackman", "n_mels": 96, "fmin": 0.0, "fmax": 4000.0},
]


def ours(signal, setting):
    window = analysis_window(setting["window"], setting["win"], setting["n_fft"])
    bands = mel_bands(16_000, setting["n_fft"], setting["n_mels"], setting["fmin"], setting["fmax"])
    return filter_power(power_spectrogram(torch.from_numpy(signal)[None], window, setting["hop"]), bands)[0].numpy().T


def theirs(signal, setting):
    return librosa.feature.melspectrogram(
        y=signal,
        sr=16_000,
        n_fft=setting["n_fft"],
        hop_length=setting["hop"],
        win_length=setting["win"],
        window=setting["window"],
        n_mels=setting["n_mels"],
        fmin=setting["fmin"],
        fmax=setting["fmax"],
    )


def assert_close(actual, expected, share=1e-4):
    """The issue's measure: the largest difference against the largest value."""
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= share * np.abs(expected).max()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting["window"])
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_mel_spectrogram_equals_librosa(name, setting):
    assert_close(ours(SIGNALS[name], setting), theirs(SIGNALS[name], setting))


def test_mel_spectrogram_of_real_speech_equals_librosa(emodb):
    for path in sorted((emodb / "wav").glob("*.wav"))[::25]:
        signal = read_audio(path)
        assert_close(ours(signal, SETTINGS[0]), theirs(signal, SETTINGS[0]))


def test_power_spectrogram_equals_librosa():
    expected = np.abs(librosa.stft(SIGNALS["noise"], n_fft=512, hop_length=128, win_length=400)) ** 2
    actual = power_spectrogram(torch.from_numpy(SIGNALS["noise"])[None], analysis_window("hann", 400, 512), 128)
    assert_close(actual[0].numpy().T, expected)


@pytest.mark.parametrize(("reference", "top_db"), [(None, 80.0), (1.0, 80.0), (None, None), (0.5, 30.0)])
def test_decibels_equal_librosa(reference, top_db):
    power = np.random.default_rng(0).exponential(1.0, (40, 8)).astype(np.float32) ** 6
    expected = librosa.power_to_db(power, ref=np.max if reference is None else reference, top_db=top_db)
    actual = power_to_db(torch.from_numpy(power)[None], torch.ones(1, 40, dtype=torch.bool), reference, top_db)
    assert_close(actual[0].numpy(), expected, 1e-6)


def test_decibels_of_a_clip_do_not_see_the_padding_behind_it():
    power = torch.rand(2, 10, 4)
    power[0, 6:] = 1e6  # whatever lies behind the first clip's six frames
    mask = torch.arange(10) < torch.tensor([6, 10])[:, None]
    alone = power_to_db(power[:1, :6], torch.ones(1, 6, dtype=torch.bool))
    torch.testing.assert_close(power_to_db(power, mask)[:1, :6], alone)


def test_silence_gives_zeros_and_no_nan():
    power = torch.zeros(1, 5, 4)
    assert torch.equal(power_to_db(power, torch.ones(1, 5, dtype=torch.bool)), torch.zeros(1, 5, 4))


def test_empty_filters_are_named():
    mel_filters.cache_clear()
    with pytest.warns(UserWarning, match=r"of 128 mel filters are empty .* Use a larger `n_fft` or fewer `n_mels`"):
        mel_filters(16_000, 256, 128, 0.0, 8000.0)
