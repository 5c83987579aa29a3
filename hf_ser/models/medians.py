"""Median filter along time or frequency, equal to scipy.ndimage.median_filter with mode "reflect".

scipy 1.17 reads outside its array where a mirrored margin is four times as long as the rows or more, so for a clip of
two or three frames under a filter of 31; here the mirror goes on.
"""

import functools
from collections.abc import Callable

import numpy as np
import torch

# Columns that a compiled pass takes together: the sorted windows of so many stay in the fastest cache.
LANES = 64
# Times its own size that a matrix may take in windows at once.
STEP_SIZES = 8


def median_filter(rows: torch.Tensor, size: int) -> torch.Tensor:
    """Median of `size` (odd) rows around each row, column by column; beyond the ends the rows are mirrored.

    Args:
        rows: (rows, columns), float32.
    """
    order = mirrored_indices(len(rows), size // 2)
    if rows.device.type == "cpu":
        return torch.from_numpy(_compiled_pass()(np.ascontiguousarray(rows.numpy()), order, size))
    return _median_of_windows(rows[torch.from_numpy(order).to(rows.device)], size)


def mirrored_indices(length: int, margin: int) -> np.ndarray:
    """Indices of a row of `length` with `margin` more on both sides, the edge repeated: 1 0 | 0 1 2 | 2 1."""
    place = np.arange(-margin, length + margin) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)


def _median_of_windows(mirrored: torch.Tensor, size: int) -> torch.Tensor:
    """The same on any device: (rows and margins, columns) -> (rows, columns)."""
    windows = mirrored.unfold(0, size, 1)  # (rows and margins, columns) -> (rows, columns, size)
    steps = windows.split(max(STEP_SIZES * len(windows) // size, 1))
    return torch.cat([step.median(dim=-1).values for step in steps])


@functools.cache
def _compiled_pass() -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """`_pass` in machine code; numba comes with librosa and takes a while to import."""
    import numba

    return numba.njit(cache=True, nogil=True)(_pass)


def _pass(rows: np.ndarray, order: np.ndarray, size: int) -> np.ndarray:
    """Slide a sorted window down the columns: at each row one value leaves it and one enters."""
    columns = rows.shape[1]
    medians = np.empty((len(order) - size + 1, columns), np.float32)
    window = np.empty((size + 1, LANES), np.float32)
    below = np.empty(LANES, np.float32)
    leaving = np.empty(LANES, np.float32)
    entering = np.zeros(LANES, np.float32)
    for first in range(0, columns, LANES):
        width = min(LANES, columns - first)
        window.fill(np.inf)
        leaving.fill(np.inf)
        for step in range(len(order)):
            for lane in range(width):
                entering[lane] = rows[order[step], first + lane]
                if step >= size:
                    leaving[lane] = rows[order[step - size], first + lane]
            below.fill(-np.inf)
            for rank in range(size):
                for lane in range(LANES):
                    value = window[rank, lane]
                    kept = value if value < leaving[lane] else window[rank + 1, lane]
                    lower = kept if kept < entering[lane] else entering[lane]
                    window[rank, lane] = below[lane] if below[lane] > lower else lower
                    below[lane] = kept
            if step >= size - 1:
                for lane in range(width):
                    medians[step - size + 1, first + lane] = window[size // 2, lane]
    return medians
