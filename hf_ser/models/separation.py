"""Harmonic and percussive parts of a sound, told apart by median filters."""

import torch

from .medians import median_filter
from .spectral import filter_power
from .transforms import TINY, inverse_transform, magnitude, short_time_transform

# librosa.decompose.hpss: rows of the median filters.
SIZE = 31


def harmonic_mask(amplitude: torch.Tensor, frames: list[int]) -> torch.Tensor:
    """Share of the harmonic part in each bin, equal to the first mask of librosa.decompose.hpss(mask=True).

    The percussive share is what is left of 1. Both are soft masks of power 2, a half where there is nothing.

    Args:
        amplitude: (batch, frames, bins).
        frames: how many frames of each clip are its own.
    """
    mask = torch.zeros_like(amplitude)
    for clip, share, count in zip(amplitude, mask, frames, strict=True):
        harmonic = median_filter(clip[:count], SIZE)
        percussive = median_filter(clip[:count].T, SIZE).T
        share[:count] = _soft_mask(harmonic, percussive)
    return mask


def _soft_mask(part: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """librosa.util.softmask with power 2 and split zeros; values are scaled first, so that no square is lost."""
    larger = torch.maximum(part, rest)
    empty = larger < TINY
    larger = larger.masked_fill(empty, 1)
    part, rest = (part / larger).square(), (rest / larger).square()
    return torch.where(empty, 0.5, part / (part + rest))


def harmonic_percussive_mel(
    spectrum: torch.Tensor,
    amplitude: torch.Tensor,
    lengths: torch.Tensor,
    samples: int,
    window: torch.Tensor,
    bands: list[tuple[slice, torch.Tensor]],
    hop_length: int,
) -> torch.Tensor:
    """Mean of the mel power spectrograms of the harmonic and of the percussive part (Ragheb et al., section 4).

    Equal to that of librosa.feature.melspectrogram of librosa.effects.harmonic and librosa.effects.percussive, which
    both go back to a waveform.

    Args:
        spectrum: (batch, frames, bins), complex, of the waveforms.
        amplitude: its absolute values.
        lengths: (batch,), samples of each clip.
        samples: of the waveforms, padding included.
        window: (n_fft,), float32.
        bands: mel filters, as `mel_bands` gives them.

    Returns:
        (batch, frames, mels)
    """
    mask = harmonic_mask(amplitude, (1 + lengths // hop_length).tolist())
    waveforms = inverse_transform(spectrum * mask, window, hop_length, lengths, samples)
    harmonic = short_time_transform(waveforms, window, hop_length)
    percussive = spectrum - harmonic  # the masks add up to one, and the transform is linear
    power = sum(magnitude(part).square_() for part in (harmonic, percussive))
    return filter_power(power, bands) / 2
