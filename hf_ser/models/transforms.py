"""Short-time Fourier transform and its inverse, to the last digits of librosa's. Layout: (batch, frames, bins)."""

import math

import numpy as np
import torch
from torch.nn import functional as F

# librosa.util.tiny for float32: what is below counts as zero.
TINY = torch.finfo(torch.float32).tiny


def frame_mask(lengths: torch.Tensor, frames: int, hop_length: int) -> torch.Tensor:
    """True where a frame belongs to a clip of so many samples: (batch,) -> (batch, frames)."""
    return torch.arange(frames, device=lengths.device) < 1 + lengths[:, None] // hop_length


def sample_mask(lengths: torch.Tensor, samples: int) -> torch.Tensor:
    """True where a sample belongs to a clip: (batch,) -> (batch, samples)."""
    return torch.arange(samples, device=lengths.device) < lengths[:, None]


def cut_frames(waveforms: torch.Tensor, frame_length: int, hop_length: int) -> torch.Tensor:
    """A view of the centred frames of zero-padded waveforms: (batch, samples) -> (batch, frames, frame_length)."""
    return F.pad(waveforms, (frame_length // 2, frame_length // 2)).unfold(-1, frame_length, hop_length)


def short_time_transform(waveforms: torch.Tensor, window: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Centred, zero-padded transform, equal to librosa.stft: (batch, samples) -> (batch, frames, bins), complex64.

    It is computed in the window's precision. In float64, which librosa computes in too, the peaks of the spectrum
    come out so nearly alike that the same tuning is found.
    """
    frames = cut_frames(waveforms, len(window), hop_length)
    return torch.fft.rfft(frames * window).to(torch.complex64)


def magnitude(spectrum: torch.Tensor) -> torch.Tensor:
    """Absolute values. On a CPU they are numpy's, which takes a tenth of the time and has librosa's last digit."""
    if spectrum.device.type == "cpu":
        return torch.from_numpy(np.abs(spectrum.numpy()))
    return spectrum.abs()


def logarithm(values: torch.Tensor) -> torch.Tensor:
    """Natural logarithm. On a CPU it is numpy's, which takes a third of the time."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.log(values.numpy()))
    return values.log()


def inverse_transform(
    spectrum: torch.Tensor, window: torch.Tensor, hop_length: int, lengths: torch.Tensor, samples: int
) -> torch.Tensor:
    """Waveforms from centred transforms, clip by clip equal to librosa.istft with the clip's `length`.

    Args:
        spectrum: (batch, frames, bins); what lies behind a clip's own frames is not read.
        window: (n_fft,), float32.
        lengths: (batch,), samples of each clip.
        samples: of the result.

    Returns:
        (batch, samples), zeros behind the clips.
    """
    mask = frame_mask(lengths, spectrum.shape[1], hop_length)[..., None]
    frames = torch.fft.irfft(spectrum, n=len(window)) * window * mask
    waveforms = _overlap_add(frames, hop_length)
    weights = _overlap_add(window.square() * mask, hop_length)
    waveforms = torch.where(weights > TINY, waveforms / weights, waveforms)[:, len(window) // 2 :][:, :samples]
    return waveforms * sample_mask(lengths, samples)


def _overlap_add(frames: torch.Tensor, hop_length: int) -> torch.Tensor:
    """Sum of the frames at their places: (batch, frames, n_fft) -> (batch, samples)."""
    batch, count, n_fft = frames.shape
    pieces = math.ceil(n_fft / hop_length)
    frames = F.pad(frames, (0, pieces * hop_length - n_fft)).unflatten(2, (pieces, hop_length))
    summed = frames.new_zeros(batch, count + pieces - 1, hop_length)
    for piece in range(pieces):
        summed[:, piece : piece + count] += frames[:, :, piece]
    return summed.flatten(1)
