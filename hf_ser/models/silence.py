"""Silence cut out of a waveform."""

import numpy as np

# Ragheb et al., their published notebook: the stretch over which loudness is averaged.
WINDOW_SECONDS = 0.1


def cut_silence(waveform: np.ndarray, sampling_rate: int, threshold: float) -> np.ndarray:
    """The samples about which the mean of |x| over a tenth of a second is above `threshold`, joined.

    Equal to `pandas.Series(abs(waveform)).rolling(window, min_periods=1, center=True).mean() > threshold`. A clip
    without any such sample stays whole: there is no sound to tell the silence from.
    """
    window = max(1, round(WINDOW_SECONDS * sampling_rate))
    sums = np.concatenate([[0.0], np.abs(waveform).cumsum(dtype=np.float64)])
    places = np.arange(len(waveform))
    first = np.maximum(places - window // 2, 0)
    last = np.minimum(places + (window + 1) // 2, len(waveform))
    is_sound = (sums[last] - sums[first]) / (last - first) > threshold
    return waveform[is_sound] if is_sound.any() else waveform
