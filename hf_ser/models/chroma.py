"""Chroma: how much of each pitch class a frame holds, whatever the octave."""

import functools

import torch

from .transforms import TINY


@functools.lru_cache(maxsize=128)
def chroma_filters(sampling_rate: int, n_fft: int, tuning: float) -> torch.Tensor:
    """Filters of the twelve pitch classes from C up, equal to librosa.filters.chroma: (bins, 12)."""
    import librosa  # takes a while to import

    return torch.from_numpy(librosa.filters.chroma(sr=sampling_rate, n_fft=n_fft, tuning=tuning).T.copy())


def chroma(power: torch.Tensor, sampling_rate: int, tunings: list[float]) -> torch.Tensor:
    """Pitch classes of each frame, the strongest of them 1, equal to librosa.feature.chroma_stft.

    Args:
        power: (batch, frames, bins).
        tunings: of each clip, as `estimate_tuning` finds them in its power at 12 bins per octave.

    Returns:
        (batch, frames, 12)
    """
    n_fft = 2 * (power.shape[2] - 1)
    filters = torch.stack([chroma_filters(sampling_rate, n_fft, tuning) for tuning in tunings])
    energies = power @ filters.to(power.device)  # (batch, frames, bins) -> (batch, frames, 12)
    return divide(energies, energies.amax(dim=-1, keepdim=True))


def divide(values: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
    """Values divided by their norm; where it is zero they stay, as in librosa.util.normalize."""
    return values / norm.masked_fill(norm < TINY, 1)
