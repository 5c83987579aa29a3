"""Bring a waveform to a length: zeros behind it, the clip again and again, or its mirror image on both sides."""

import numpy as np


def pad_zero(waveform: np.ndarray, length: int) -> np.ndarray:
    """Zeros behind the clip."""
    return np.pad(waveform, (0, length - len(waveform)))


def pad_repeat(waveform: np.ndarray, length: int) -> np.ndarray:
    """The clip again and again until the length is full (Chakhtouna et al., section 3)."""
    return np.resize(waveform, length)


def pad_reflect(waveform: np.ndarray, length: int) -> np.ndarray:
    """The clip's mirror image on both sides, the odd sample behind (numpy.pad with mode "reflect")."""
    missing = length - len(waveform)
    return np.pad(waveform, (missing // 2, missing - missing // 2), mode="reflect")


PADDINGS = {"zero": pad_zero, "repeat": pad_repeat, "reflect": pad_reflect}


def fit_length(waveform: np.ndarray, shortest: int | None, longest: int | None, padding: str) -> np.ndarray:
    """Cut a waveform behind `longest` samples and pad one under `shortest`; None leaves it as it is."""
    waveform = waveform[:longest]
    if shortest is None or len(waveform) >= shortest:
        return waveform
    return PADDINGS[padding](waveform, shortest)
