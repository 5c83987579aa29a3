"""Constant-Q transform: bins that lie evenly on a scale of pitches, octave by octave on a waveform halved in rate."""

import functools
import math

import numpy as np
import torch
from torch.nn import functional as F

from .transforms import cut_frames, sample_mask

# librosa.feature.chroma_cqt: the lowest bin (Hz, the note C1), and how many octaves of how many bins.
LOWEST = 440 * 2 ** (-45 / 12)
OCTAVES = 7
BINS = 36
# Where the filter of the highest bin ends at the highest tuning (Hz).
HIGHEST = 4206
# Above it librosa.cqt halves the rate once more before the first octave (Hz).
FASTEST = 67_000
# The resampler's answer to one sample is nothing beyond this distance (samples at the higher rate).
REACH = 200
# Samples at the lower rate that one row of the product of matrices gives.
BLOCK = 64


def constant_q(
    waveforms: torch.Tensor, lengths: torch.Tensor, sampling_rate: int, hop_length: int, tunings: list[float]
) -> torch.Tensor:
    """Magnitudes of the constant-Q transform, equal to abs(librosa.cqt) of seven octaves from C1 in 36 bins each.

    Args:
        waveforms: (batch, samples), zeros behind the clips.
        lengths: (batch,), samples of each clip.
        tunings: of each clip, in fractions of a bin.

    Returns:
        (batch, frames, 252), the lowest bin first.
    """
    frames = 1 + waveforms.shape[1] // hop_length
    halvings = _halvings_before(sampling_rate, hop_length)
    for _ in range(halvings):
        waveforms, lengths = halve_rate(waveforms, lengths)
    rate, hop, lowered, octaves = sampling_rate / 2**halvings, hop_length // 2**halvings, 0, []
    kernels = _stack_kernels(rate, tunings, lowered).to(waveforms.device)
    for octave in range(OCTAVES):
        if octave and hop % 2:  # the frames fall between the samples of half the rate
            lowered += 1
            kernels = _stack_kernels(rate, tunings, lowered).to(waveforms.device)
        elif octave:
            hop //= 2
            waveforms, lengths = halve_rate(waveforms, lengths)
        pieces = cut_frames(waveforms, kernels.shape[1], hop)[:, :frames]
        real, imaginary = (pieces @ kernels).chunk(2, dim=-1)  # (batch, frames, samples) -> (batch, frames, bins)
        octaves.insert(0, torch.hypot(real, imaginary))
    return torch.cat(octaves, dim=-1)


def check_rate(sampling_rate: int) -> None:
    """Raise ValueError for a rate that does not reach the highest bins, or that librosa.cqt treats otherwise."""
    if sampling_rate > FASTEST:
        raise ValueError(
            f"The constant-Q transform under `tonnetz` is librosa's up to {FASTEST} Hz; `sampling_rate` is "
            f"{sampling_rate}. Use a smaller one."
        )
    if sampling_rate < 2 * HIGHEST:
        raise ValueError(
            f"The constant-Q transform under `tonnetz` reaches {HIGHEST} Hz, and a rate of {sampling_rate} Hz ends at "
            f"{sampling_rate / 2:.0f} Hz. Use a `sampling_rate` of 16000 or more."
        )


def _halvings_before(sampling_rate: int, hop_length: int) -> int:
    """How often the rate is halved before the first octave, as librosa.cqt does up to 67 kHz."""
    room = math.ceil(math.log2(sampling_rate / 2 / HIGHEST)) - 2
    twos = (hop_length & -hop_length).bit_length() - 1
    return max(min(room, twos - OCTAVES + 1), 0)


def _stack_kernels(sampling_rate: float, tunings: list[float], lowered: int) -> torch.Tensor:
    """`octave_kernels` of each clip, about one centre: (batch, samples, bins)."""
    kernels = [octave_kernels(sampling_rate, tuning, lowered) for tuning in tunings]
    longest = max(map(len, kernels))
    sides = [(longest - len(kernel)) // 2 for kernel in kernels]  # lengths are powers of two
    return torch.stack([F.pad(kernel, (0, 0, side, side)) for kernel, side in zip(kernels, sides, strict=True)])


@functools.lru_cache(maxsize=128)
def octave_kernels(sampling_rate: float, tuning: float, lowered: int) -> torch.Tensor:
    """Bins of one octave as waveforms to multiply frames with: (samples, 36 real and 36 imaginary parts).

    They are librosa's filters of the highest octave, the smallest values of their spectra left out as there. At half
    the rate they are those of the octave below.

    Args:
        lowered: octaves by which the filters lie below the highest one at this rate.
    """
    import librosa  # takes a while to import

    ratio = 2.0 ** (1 / BINS)
    highest = LOWEST * 2 ** (tuning / BINS + OCTAVES - 1 - lowered)
    frequencies = highest * ratio ** np.arange(BINS)
    width = (ratio**2 - 1) / (ratio**2 + 1)
    filters, lengths = librosa.filters.wavelet(freqs=frequencies, sr=sampling_rate, gamma=0, alpha=width)
    n_fft = filters.shape[1]
    spectra = np.fft.fft(filters * lengths[:, None] / n_fft)[:, : n_fft // 2 + 1]
    spectra = librosa.util.sparsify_rows(spectra, quantile=0.01).toarray() / np.sqrt(lengths)[:, None]
    waves = np.fft.fft(spectra, n=n_fft).T.astype(np.complex64)
    return torch.from_numpy(np.concatenate([waves.real, waves.imag], axis=1))


def halve_rate(waveforms: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Waveforms at half the rate and of equal energy, and their lengths, as librosa.resample by soxr gives them.

    Args:
        waveforms: (batch, samples), zeros behind the clips.
        lengths: (batch,), samples of each clip.
    """
    samples = math.ceil(waveforms.shape[1] / 2)
    filters = resampling_filters().to(waveforms.device)
    blocks = math.ceil(samples / BLOCK)
    missing = (blocks - 1) * 2 * BLOCK + len(filters) - REACH - waveforms.shape[1]
    pieces = F.pad(waveforms, (REACH, missing)).unfold(1, len(filters), 2 * BLOCK)
    halved = (pieces @ filters).flatten(1)[:, :samples]  # (batch, blocks, samples) -> (batch, samples)
    lengths = (lengths + 1) // 2
    return halved * sample_mask(lengths, samples), lengths


@functools.cache
def resampling_filters() -> torch.Tensor:
    """soxr's halving of the rate as a matrix: (samples of a piece, samples of the result).

    It is read off from soxr's answer to one sample at an even and at an odd place.
    """
    import soxr

    answer = np.zeros(2 * REACH + 1, np.float32)
    for place in (2 * REACH, 2 * REACH + 1):
        impulse = np.zeros(4 * REACH + 2, np.float32)
        impulse[place] = math.sqrt(2)
        halved = soxr.resample(impulse, 2, 1, "soxr_hq")
        distance = 2 * np.arange(len(halved)) - place
        near = np.abs(distance) <= REACH
        answer[distance[near] + REACH] = halved[near]
    matrix = np.zeros((2 * (BLOCK - 1) + len(answer), BLOCK), np.float32)
    for column in range(BLOCK):
        matrix[2 * column : 2 * column + len(answer), column] = answer
    return torch.from_numpy(matrix)
