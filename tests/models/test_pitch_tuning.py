"""Tunings equal librosa's."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.models.pitch_tuning import estimate_tuning
from tests.conftest import tone


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050])
@pytest.mark.parametrize("bins", [12, 36])
def test_tunings_equal_librosa(rate, bins):
    noise = np.random.default_rng(1).normal(0, 0.3, 9_000).astype(np.float32)
    clips = [noise, tone(0.5), tone(0.2, 453.0), np.zeros(3_000, np.float32)]
    spectra = [np.abs(librosa.stft(clip)) for clip in clips]
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(spectrum.T) for spectrum in spectra], batch_first=True)
    found = estimate_tuning(batch, [spectrum.shape[1] for spectrum in spectra], rate, bins)
    assert found[:3] == [librosa.estimate_tuning(S=s, sr=rate, bins_per_octave=bins) for s in spectra[:3]]
    assert found[3] == 0


def test_a_pure_tone_gives_its_distance_from_the_nearest_semitone():
    sharp = tone(1.0, 440 * 2 ** (0.205 / 12))  # 20.5 cents above A4: the bin from 20 to 21
    spectrum = torch.from_numpy(np.abs(librosa.stft(sharp)).T)[None]
    assert estimate_tuning(spectrum, [spectrum.shape[1]], 16_000, 12)[0] == pytest.approx(0.2, abs=0.02)
