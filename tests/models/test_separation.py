"""Harmonic and percussive parts equal librosa's."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.models.separation import harmonic_mask, harmonic_percussive_mel
from hf_ser.models.spectral import analysis_window, mel_bands
from hf_ser.models.transforms import magnitude, short_time_transform
from tests.conftest import tone
from tests.reference import difference

NOISE = np.random.default_rng(1).normal(0, 0.3, 12_345).astype(np.float32)


def test_the_masks_of_each_clip_equal_librosa():
    clips = [np.abs(librosa.stft(clip, n_fft=512)).T for clip in (NOISE, tone(0.2))]
    clips[0][:40, :100] = 0  # bins in which both filters find nothing
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    masks = harmonic_mask(batch, [len(clip) for clip in clips])
    for clip, mask in zip(clips, masks, strict=True):
        harmonic, percussive = librosa.decompose.hpss(clip.T, mask=True)
        assert difference(mask[: len(clip)].numpy().T, harmonic) < 1e-6
        assert difference(1 - mask[: len(clip)].numpy().T, percussive) < 1e-6


@pytest.mark.parametrize("clip", [NOISE, tone(0.3), 1e-7 * tone(0.3)], ids=["noise", "tone", "hardly a sound"])
def test_the_mel_spectrogram_of_both_parts_equals_librosa(clip):
    lengths, waveforms = torch.tensor([len(clip)]), torch.from_numpy(clip)[None]
    spectrum = short_time_transform(waveforms, analysis_window("hann", 2048, 2048, torch.float64), 512)
    window, bands = analysis_window("hann", 2048, 2048), mel_bands(16_000, 2048, 64, 0.0, 8_000.0)
    values = harmonic_percussive_mel(spectrum, magnitude(spectrum), lengths, len(clip), window, bands, 512)
    parts = librosa.effects.harmonic(clip), librosa.effects.percussive(clip)
    expected = sum(librosa.feature.melspectrogram(y=part, sr=16_000, n_mels=64) for part in parts) / 2
    assert difference(values[0].numpy().T, expected) < 1e-5
