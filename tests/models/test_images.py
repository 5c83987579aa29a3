"""Images against matplotlib, and their orientation by hand."""

import matplotlib
import numpy as np
import pytest
import torch

from hf_ser.models.images import colorize, make_images, normalize, orient, to_unit_range


@pytest.mark.parametrize("name", ["magma", "jet"])
def test_colours_equal_matplotlib(name):
    values = torch.linspace(0, 1, 997).reshape(1, 1, -1)
    expected = matplotlib.colormaps[name](values[0].double().numpy())[..., :3]
    assert np.abs(colorize(values, name)[0].permute(1, 2, 0).numpy() - expected).max() <= 0.5 / 255 + 1e-6


def test_time_runs_across_with_low_frequencies_at_the_bottom():
    features = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])  # 3 frames of 2 rows
    assert orient(features, "across").tolist() == [[[2, 4, 6], [1, 3, 5]]]
    assert orient(features, "up").tolist() == features.tolist()


def test_values_are_scaled_to_the_range_and_cut():
    assert to_unit_range(torch.tensor([-100.0, -80.0, -40.0, 0.0, 5.0]), (-80, 0)).tolist() == [0, 0, 0.5, 1, 1]


def test_images_have_the_size_and_channels_asked_for():
    images = make_images(torch.rand(2, 30, 8), 3, (0, 1), "magma", "across", (24, 32))
    assert images.shape == (2, 3, 24, 32)
    repeated = make_images(torch.rand(2, 30, 8), 3, None, None, "up", None)
    assert repeated.shape == (2, 3, 30, 8)
    assert torch.equal(repeated[:, 0], repeated[:, 2])


def test_normalisation_is_per_channel():
    images = torch.ones(1, 2, 1, 1)
    assert normalize(images, [0.5, 0.0], [0.5, 2.0]).flatten().tolist() == [1.0, 0.5]
