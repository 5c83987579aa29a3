"""Tonal centroids: chroma laid on the circles of fifths, minor thirds and major thirds."""

import functools

import numpy as np
import torch

from .chroma import divide
from .constant_q import BINS, LOWEST, OCTAVES, constant_q


def tonnetz(
    waveforms: torch.Tensor, lengths: torch.Tensor, sampling_rate: int, hop_length: int, tunings: list[float]
) -> torch.Tensor:
    """Tonal centroids of a constant-Q chroma, equal to librosa.feature.tonnetz.

    Args:
        waveforms: (batch, samples), zeros behind the clips.
        lengths: (batch,), samples of each clip.
        tunings: of each clip, as `estimate_tuning` finds them in its magnitude at 36 bins per octave.

    Returns:
        (batch, frames, 6): cosine and sine of the fifths, the minor thirds and the major thirds.
    """
    merge, circles = (matrix.to(waveforms.device) for matrix in (pitch_classes(), tonal_circles()))
    chroma = constant_q(waveforms, lengths, sampling_rate, hop_length, tunings) @ merge
    chroma = divide(chroma, chroma.amax(dim=-1, keepdim=True))
    return divide(chroma, chroma.sum(dim=-1, keepdim=True)) @ circles


@functools.cache
def pitch_classes() -> torch.Tensor:
    """Which bins of the transform count to which pitch class, equal to librosa.filters.cq_to_chroma: (252, 12)."""
    import librosa  # takes a while to import

    return torch.from_numpy(librosa.filters.cq_to_chroma(OCTAVES * BINS, bins_per_octave=BINS, fmin=LOWEST).T.copy())


@functools.cache
def tonal_circles() -> torch.Tensor:
    """Place of each pitch class on the circles, the last of half the radius (Harte et al., 2006): (12, 6)."""
    steps = np.repeat([7 / 6, 3 / 2, 2 / 3], 2)[:, None] * np.arange(12)
    steps[::2] -= 0.5
    radius = np.array([1, 1, 1, 1, 0.5, 0.5])[:, None]
    return torch.from_numpy((radius * np.cos(np.pi * steps)).T.astype(np.float32))
