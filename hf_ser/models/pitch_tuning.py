"""How far a clip's pitches lie from those of A = 440 Hz, in fractions of a bin."""

import numpy as np
import torch

# librosa.piptrack: the range of pitches (Hz), and a peak's least share of its frame's largest value.
LOWEST, HIGHEST = 150.0, 4000.0
SHARE = 0.1


def estimate_tuning(
    spectrogram: torch.Tensor, frames: list[int], sampling_rate: int, bins_per_octave: int
) -> list[float]:
    """Tuning of each clip, from -0.5 to 0.49 in steps of 0.01 bins, equal to librosa.estimate_tuning.

    A clip without a pitch has the tuning 0.

    Args:
        spectrogram: (batch, frames, bins), of magnitude or power.
        frames: how many frames of each clip are its own.
    """
    return [
        _most_frequent_offset(*_find_peaks(clip[:count], sampling_rate), bins_per_octave)
        for clip, count in zip(spectrogram, frames, strict=True)
    ]


def _find_peaks(clip: torch.Tensor, sampling_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequency (Hz) and height of each peak of a clip (frames, bins), equal to the non-zeros of librosa.piptrack."""
    n_fft = 2 * (clip.shape[1] - 1)
    frequencies = np.fft.rfftfreq(n_fft, 1 / sampling_rate)
    first, last = np.searchsorted(frequencies, [max(LOWEST, frequencies[1]), min(HIGHEST, frequencies[-1])])
    left, middle, right = (clip[:, first + step : last + step] for step in (-1, 0, 1))
    floor = SHARE * clip.amax(dim=1, keepdim=True)
    places = torch.nonzero((middle > floor) & (middle > left) & (middle >= right), as_tuple=True)
    left, middle, right = (values[places].cpu().numpy() for values in (left, middle, right))
    shift = _interpolate(left, middle, right)
    pitches = (places[1].cpu().numpy() + first + shift) * float(sampling_rate) / n_fft
    return pitches.astype(np.float32), middle + 0.5 * ((right - left) / 2) * shift


def _interpolate(left: np.ndarray, middle: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where between two bins a parabola through three has its vertex; 0 where it would lie further off."""
    curvature = (right + left).astype(np.float64) - 2 * middle.astype(np.float64)
    slope = (right - left).astype(np.float64) / 2
    near = np.abs(slope) < np.abs(curvature)
    return np.divide(-slope, curvature, out=np.zeros_like(slope), where=near).astype(np.float32)


def _most_frequent_offset(pitches: np.ndarray, heights: np.ndarray, bins_per_octave: int) -> float:
    """Offset that the higher half of the peaks has most often (librosa.pitch_tuning)."""
    if not len(pitches):
        return 0.0
    import librosa  # takes a while to import

    pitches = pitches[heights >= np.median(heights)]
    return float(librosa.pitch_tuning(pitches, bins_per_octave=bins_per_octave))
