"""Spectral features in batched torch. Layout: waveforms (batch, samples), features (batch, frames, rows)."""

import functools
import math
import warnings

import numpy as np
import scipy.signal
import torch
import torchaudio

from .transforms import logarithm, magnitude, short_time_transform

# librosa.power_to_db's floor: the power below which a bin counts as this.
SMALLEST_POWER = 1e-10
# Mel filters that are multiplied with the bins they reach, together.
BAND = 32


@functools.lru_cache(maxsize=16)
def analysis_window(name: str, win_length: int, n_fft: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Periodic window of scipy, centred in `n_fft` samples as librosa.stft does: (n_fft,)."""
    try:
        window = scipy.signal.get_window(name, win_length, fftbins=True)
    except ValueError as error:
        raise ValueError(f"`window_name` is {name!r}, which scipy.signal.get_window does not make: {error}") from error
    before = (n_fft - win_length) // 2
    return torch.from_numpy(np.pad(window, (before, n_fft - win_length - before))).to(dtype)


@functools.lru_cache(maxsize=16)
def mel_filters(sampling_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> torch.Tensor:
    """Mel filters on Slaney's scale with unit area, equal to librosa.filters.mel: (bins, n_mels)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torchaudio does not name the empty filters; we do
        filters = torchaudio.functional.melscale_fbanks(
            n_fft // 2 + 1, fmin, fmax, n_mels, sampling_rate, norm="slaney", mel_scale="slaney"
        )
    empty = [row for row, peak in enumerate(filters.amax(dim=0).tolist()) if peak == 0]
    if empty:
        warnings.warn(
            f"{len(empty)} of {n_mels} mel filters are empty ({empty[0]} to {empty[-1]}): no bin of an {n_fft}-point "
            "transform falls into them. Use a larger `n_fft` or fewer `n_mels`.",
            stacklevel=2,
        )
    return filters


@functools.lru_cache(maxsize=16)
def mel_bands(
    sampling_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float
) -> list[tuple[slice, torch.Tensor]]:
    """`mel_filters` in groups of neighbours: the bins that a group reaches, and its part of the matrix.

    Most of the whole matrix is zeros, and multiplying by them would take four times as long.
    """
    bands = []
    for group in mel_filters(sampling_rate, n_fft, n_mels, fmin, fmax).split(BAND, dim=1):
        bins = group.any(dim=1).nonzero().flatten().tolist() or [0]
        reach = slice(bins[0], bins[-1] + 1)
        bands.append((reach, group[reach].contiguous()))
    return bands


def filter_power(power: torch.Tensor, bands: list[tuple[slice, torch.Tensor]]) -> torch.Tensor:
    """Power of each filter of `mel_bands`: (batch, frames, bins) -> (batch, frames, n_mels)."""
    return torch.cat([power[..., reach] @ filters.to(power.device) for reach, filters in bands], dim=-1)


def count_frames(samples: int, hop_length: int) -> int:
    """Frames of a centred transform."""
    return 1 + samples // hop_length


def power_spectrogram(waveforms: torch.Tensor, window: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Squared magnitude of the centred, zero-padded transform, equal to abs(librosa.stft) ** 2.

    Args:
        waveforms: (batch, samples); zeros behind a shorter clip leave its own frames as they are.
        window: (n_fft,) as `analysis_window` makes it.

    Returns:
        (batch, frames, n_fft // 2 + 1)
    """
    return magnitude(short_time_transform(waveforms, window, hop_length)).square_()


def power_to_db(
    power: torch.Tensor, mask: torch.Tensor, reference: float | None = None, top_db: float | None = 80.0
) -> torch.Tensor:
    """Decibels, clip by clip, equal to librosa.power_to_db.

    Args:
        power: (batch, frames, rows).
        mask: (batch, frames), true where a frame belongs to the clip.
        reference: power of 0 dB; None takes the clip's own maximum.
        top_db: how far below the clip's maximum the result is cut.
    """
    decibels = logarithm(power.clamp_min(SMALLEST_POWER)).mul_(10 / math.log(10))
    peak = decibels.amax(dim=2).masked_fill(~mask, -torch.inf).amax(dim=1)[:, None, None]
    if top_db is not None:
        decibels = torch.maximum(decibels, peak - top_db)
    zero = peak if reference is None else 10 * float(np.log10(max(SMALLEST_POWER, reference)))
    return decibels.sub_(zero)
