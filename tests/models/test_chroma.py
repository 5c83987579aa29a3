"""Chroma equals librosa's, with a tuning of each clip's own."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.models.chroma import chroma
from tests.conftest import tone
from tests.reference import difference


@pytest.mark.parametrize(("n_fft", "rate"), [(2048, 22_050), (512, 16_000)])
def test_each_clip_of_a_batch_equals_librosa(n_fft, rate):
    noise = np.random.default_rng(1).normal(0, 0.3, 8_000).astype(np.float32)
    power = np.stack([np.abs(librosa.stft(clip, n_fft=n_fft)) ** 2 for clip in (noise, tone(0.5, 453.0))])
    tunings = [librosa.estimate_tuning(S=clip, sr=rate, bins_per_octave=12) for clip in power]
    assert tunings[0] != tunings[1]
    values = chroma(torch.from_numpy(power).mT, rate, tunings)
    for clip, expected in zip(values, power, strict=True):
        assert difference(clip.numpy().T, librosa.feature.chroma_stft(S=expected, sr=rate)) < 1e-5


def test_an_a_is_the_tenth_pitch_class_and_silence_has_none():
    power = np.abs(librosa.stft(tone(0.5, 440.0))) ** 2
    assert (chroma(torch.from_numpy(power).mT[None], 16_000, [0.0])[0].argmax(dim=1) == 9).all()
    assert not chroma(torch.zeros(1, 3, 1025), 16_000, [0.0]).any()
