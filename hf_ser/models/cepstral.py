"""Mel-frequency cepstral coefficients and their changes in time."""

import functools

import numpy as np
import scipy.fft
import scipy.signal
import torch

from .spectral import power_to_db

# librosa.feature.delta: frames of the line or parabola that is laid through the values.
DELTA_WIDTH = 9


@functools.lru_cache(maxsize=16)
def cosine_transform(n_mels: int, n_mfcc: int) -> torch.Tensor:
    """The first rows of the orthonormal cosine transform of type II: (n_mels, n_mfcc)."""
    return torch.from_numpy(scipy.fft.dct(np.eye(n_mels), norm="ortho")[:, :n_mfcc].astype(np.float32))


def mfcc(mel: torch.Tensor, mask: torch.Tensor, n_mfcc: int, top_db: float | None = 80.0) -> torch.Tensor:
    """Cepstral coefficients of a mel power spectrogram, equal to librosa.feature.mfcc: (batch, frames, n_mfcc).

    Args:
        mel: (batch, frames, n_mels), power.
        mask: (batch, frames), true where a frame belongs to the clip.
        top_db: dB that are kept below the clip's maximum.
    """
    decibels = power_to_db(mel, mask, reference=1.0, top_db=top_db)
    return decibels @ cosine_transform(mel.shape[2], n_mfcc).to(mel.device)


def deltas(features: torch.Tensor, frames: torch.Tensor, order: int = 1) -> torch.Tensor:
    """Derivative in time over nine frames, equal to librosa.feature.delta: (batch, frames, rows).

    At both ends it is that of the first and the last nine frames, which a line (or for order 2 a parabola) has
    everywhere.

    Args:
        features: (batch, frames, rows).
        frames: (batch,), how many frames of each clip are its own.
        order: 1 for the slope, 2 for the curvature.

    Raises:
        ValueError: for a clip of fewer than nine frames.
    """
    shortest = int(frames.min())
    if shortest < DELTA_WIDTH:
        raise ValueError(
            f"A clip has {shortest} frames, and deltas are taken over {DELTA_WIDTH}. Give the feature extractor a "
            "`min_duration`, or leave the clip out."
        )
    weights = scipy.signal.savgol_coeffs(DELTA_WIDTH, order, deriv=order, use="dot").astype(np.float32)
    inner = features.unfold(1, DELTA_WIDTH, 1) @ torch.from_numpy(weights).to(features.device)
    places = torch.arange(features.shape[1], device=features.device) - DELTA_WIDTH // 2
    places = torch.minimum(places.clamp_min(0), frames[:, None] - DELTA_WIDTH)
    return inner.gather(1, places[..., None].expand(-1, -1, features.shape[2]))
