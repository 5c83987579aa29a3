"""The median filter equals scipy's, in machine code and in torch."""

import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter as scipy_median_filter

from hf_ser.models.medians import _median_of_windows, median_filter, mirrored_indices


def make_rows(*shape):
    """Values of which many are equal, zeros among them."""
    return np.random.default_rng(0).integers(0, 20, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(130, 70), (40, 64), (31, 1), (8, 200), (4, 3), (1, 5)])
@pytest.mark.parametrize("size", [31, 5, 1])
def test_it_equals_scipy(shape, size):
    rows = make_rows(*shape)
    expected = scipy_median_filter(rows, size=(size, 1), mode="reflect")
    assert np.array_equal(median_filter(torch.from_numpy(rows), size).numpy(), expected)


@pytest.mark.parametrize("length", [2, 3])
def test_two_or_three_rows_are_mirrored_on_and_on(length):
    rows = make_rows(length, 4)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(rows, ((15, 15), (0, 0)), mode="symmetric"), 31, 0)
    assert np.array_equal(median_filter(torch.from_numpy(rows), 31).numpy(), np.median(windows, axis=-1))


@pytest.mark.parametrize("shape", [(130, 70), (4, 3), (1, 5)])
def test_other_devices_get_the_same_numbers(shape):
    rows = torch.from_numpy(make_rows(*shape))
    mirrored = rows[torch.from_numpy(mirrored_indices(len(rows), 15))]
    assert torch.equal(_median_of_windows(mirrored, 31), median_filter(rows, 31))


def test_transposed_rows_are_filtered_as_they_are_seen():
    rows = torch.from_numpy(make_rows(20, 30))
    assert torch.equal(median_filter(rows.T, 3), median_filter(rows.T.contiguous(), 3))
