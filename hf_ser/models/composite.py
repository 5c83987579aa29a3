"""Composite features: six kinds of rows stacked into one image (Ragheb et al., section 3)."""

import functools

import torch

from .cepstral import mfcc
from .choices import check_choice
from .chroma import chroma
from .constant_q import check_rate
from .contrast import OCTAVES, contrast_bands, spectral_contrast
from .pitch_tuning import estimate_tuning
from .separation import harmonic_percussive_mel
from .spectral import analysis_window, filter_power, mel_bands
from .tonnetz import tonnetz
from .transforms import frame_mask, magnitude, short_time_transform

# In the order of the paper's published notebook.
BLOCKS = ("mfcc", "mel", "chroma", "contrast", "tonnetz", "harmonic_percussive")
# The transform in which librosa.cqt looks for the tuning: window, its length, points, hop.
TUNING_TRANSFORM = ("hann", 2048, 2048, 512)


class Composite:
    """The blocks of a batch, each (batch, frames, rows); what several of them need is computed once.

    Args:
        waveforms: (batch, samples), zeros behind the clips.
        lengths: (batch,), samples of each clip.
        window_name, win_length, n_fft, hop_length: of the transform; a hop is at most half a window.
        n_mels, n_mfcc, n_split_mels: rows of the blocks.
        fmin, fmax: range of the mel filters (Hz).
    """

    def __init__(
        self,
        waveforms: torch.Tensor,
        lengths: torch.Tensor,
        *,
        sampling_rate: int,
        window_name: str,
        win_length: int,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        n_mfcc: int,
        n_split_mels: int,
        fmin: float,
        fmax: float,
    ):
        self.waveforms, self.lengths, self.sampling_rate = waveforms, lengths, sampling_rate
        self.transform = (window_name, win_length, n_fft, hop_length)
        self.n_fft, self.hop_length = n_fft, hop_length
        self.n_mels, self.n_mfcc, self.n_split_mels = n_mels, n_mfcc, n_split_mels
        self.fmin, self.fmax = fmin, fmax
        self.frames = (1 + lengths // hop_length).tolist()
        self.mask = frame_mask(lengths, 1 + waveforms.shape[1] // hop_length, hop_length)

    def _transform(self, window_name: str, win_length: int, n_fft: int, hop_length: int) -> torch.Tensor:
        precision = torch.float32 if self.waveforms.device.type == "mps" else torch.float64  # mps has no float64
        window = analysis_window(window_name, win_length, n_fft, precision).to(self.waveforms.device)
        return short_time_transform(self.waveforms, window, hop_length)

    def _bands(self, n_mels: int) -> list[tuple[slice, torch.Tensor]]:
        return mel_bands(self.sampling_rate, self.n_fft, n_mels, self.fmin, self.fmax)

    @functools.cached_property
    def spectrum(self) -> torch.Tensor:
        return self._transform(*self.transform)

    @functools.cached_property
    def amplitude(self) -> torch.Tensor:
        return magnitude(self.spectrum)

    @functools.cached_property
    def power(self) -> torch.Tensor:
        return self.amplitude.square()

    @functools.cached_property
    def mel(self) -> torch.Tensor:
        return filter_power(self.power, self._bands(self.n_mels))

    @property
    def mfcc(self) -> torch.Tensor:
        return mfcc(self.mel, self.mask, self.n_mfcc)

    @property
    def chroma(self) -> torch.Tensor:
        tunings = estimate_tuning(self.power, self.frames, self.sampling_rate, bins_per_octave=12)
        return chroma(self.power, self.sampling_rate, tunings)

    @property
    def contrast(self) -> torch.Tensor:
        return spectral_contrast(self.amplitude, self.mask, self.sampling_rate)

    @property
    def tonnetz(self) -> torch.Tensor:
        amplitude, frames = self.amplitude, self.frames
        if self.transform != TUNING_TRANSFORM:
            amplitude = magnitude(self._transform(*TUNING_TRANSFORM))
            frames = (1 + self.lengths // TUNING_TRANSFORM[-1]).tolist()
        tunings = estimate_tuning(amplitude, frames, self.sampling_rate, bins_per_octave=36)
        return tonnetz(self.waveforms, self.lengths, self.sampling_rate, self.hop_length, tunings)

    @property
    def harmonic_percussive(self) -> torch.Tensor:
        window_name, win_length, n_fft, hop_length = self.transform
        window = analysis_window(window_name, win_length, n_fft).to(self.waveforms.device)
        bands = self._bands(self.n_split_mels)
        return harmonic_percussive_mel(
            self.spectrum, self.amplitude, self.lengths, self.waveforms.shape[1], window, bands, hop_length
        )

    def stack(self, blocks: list[str]) -> torch.Tensor:
        """The blocks in this order, each row divided by its largest absolute value in the clip's own frames.

        A row of zeros stays as it is.
        """
        rows = torch.cat([getattr(self, block) for block in blocks], dim=2)
        peaks = rows.abs().masked_fill(~self.mask[..., None], 0).amax(dim=1, keepdim=True)
        return rows / peaks.masked_fill(peaks == 0, 1)


def count_rows(blocks: list[str], n_mels: int, n_mfcc: int, n_split_mels: int) -> int:
    """Rows of the stacked blocks."""
    rows = {"chroma": 12, "contrast": OCTAVES + 1, "tonnetz": 6}
    rows |= {"mel": n_mels, "mfcc": n_mfcc, "harmonic_percussive": n_split_mels}
    return sum(rows[block] for block in blocks)


def check_composite(blocks: list[str], sampling_rate: int, n_fft: int, win_length: int, hop_length: int) -> None:
    """Raise ValueError for options that the blocks cannot be computed with."""
    for block in blocks:
        check_choice("blocks", block, BLOCKS)
    if not blocks or len(set(blocks)) < len(blocks):
        raise ValueError(f"`blocks` is {blocks}; it must name one or more blocks, each once.")
    if "contrast" in blocks:
        contrast_bands(n_fft // 2 + 1, sampling_rate)
    if "tonnetz" in blocks:
        check_rate(sampling_rate)
    if "harmonic_percussive" in blocks and hop_length > win_length // 2:
        raise ValueError(
            f"`hop_length` is {hop_length}; to get a waveform back, frames must overlap: it can be at most half the "
            f"window, {win_length // 2}."
        )
