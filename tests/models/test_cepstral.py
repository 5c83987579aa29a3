"""Cepstral coefficients and deltas equal librosa's."""

import librosa
import numpy as np
import pytest
import torch

from hf_ser.models.cepstral import deltas, mfcc
from tests.reference import difference

MEL = np.random.default_rng(0).exponential(1.0, (2, 30, 40)).astype(np.float32) ** 8
FRAMES = torch.tensor([30, 17])
MASK = torch.arange(30) < FRAMES[:, None]


@pytest.mark.parametrize("n_mfcc", [13, 40])
def test_coefficients_of_each_clip_equal_librosa(n_mfcc):
    values = mfcc(torch.from_numpy(MEL), MASK, n_mfcc)
    for clip, mel, frames in zip(values, MEL, FRAMES, strict=True):
        expected = librosa.feature.mfcc(S=librosa.power_to_db(mel[:frames].T), n_mfcc=n_mfcc)
        assert difference(clip[:frames].numpy().T, expected) < 1e-5


@pytest.mark.parametrize("order", [1, 2])
def test_deltas_of_each_clip_equal_librosa(order):
    values = deltas(torch.from_numpy(MEL), FRAMES, order)
    for clip, mel, frames in zip(values, MEL, FRAMES, strict=True):
        assert difference(clip[:frames].numpy().T, librosa.feature.delta(mel[:frames].T, order=order)) < 1e-5


def test_deltas_of_a_clip_shorter_than_their_window_are_refused():
    with pytest.raises(ValueError, match="A clip has 8 frames, and deltas are taken over 9. .* `min_duration`"):
        deltas(torch.zeros(1, 8, 3), torch.tensor([8]))
