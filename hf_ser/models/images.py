"""Features to images for an image backbone: scale, colour, orientation, size, normalisation."""

from typing import Any

import torch
from torch.nn import functional as F

from .colormaps import color_table

TIME_AXES = ("across", "up")


def to_unit_range(features: torch.Tensor, value_range: tuple[float, float]) -> torch.Tensor:
    """Map `value_range` to 0..1 and cut what lies outside."""
    low, high = value_range
    return ((features - low) / (high - low)).clamp(0, 1)


def colorize(images: torch.Tensor, colormap: str) -> torch.Tensor:
    """Colours of values 0..1, equal to matplotlib's: (batch, height, width) -> (batch, 3, height, width)."""
    entries = (images * 256).long().clamp(0, 255)
    return color_table(colormap).to(images.device)[entries].permute(0, 3, 1, 2)


def orient(features: torch.Tensor, time_axis: str) -> torch.Tensor:
    """Lay time `across` (low frequencies at the bottom, as plotted) or `up` (one row of the image a frame)."""
    if time_axis == "up":
        return features  # (batch, frames, rows)
    return features.transpose(1, 2).flip(1)  # (batch, frames, rows) -> (batch, rows, frames)


def render_images(features: torch.Tensor, config: Any) -> torch.Tensor:
    """Normalised images of clips of equal length: (batch, frames, rows) -> (batch, channels, height, width).

    Args:
        features: of a feature extractor.
        config: a SpectrogramConfig with its mean and deviation.
    """
    images = make_images(
        features, config.num_channels, config.value_range, config.colormap, config.time_axis, config.image_size
    )
    return normalize(images, config.image_mean, config.image_std)


def make_images(
    features: torch.Tensor,
    channels: int,
    value_range: tuple[float, float] | None,
    colormap: str | None,
    time_axis: str,
    size: tuple[int, int] | None,
) -> torch.Tensor:
    """Images of clips of equal length: (batch, frames, rows) -> (batch, channels, height, width)."""
    images = orient(features, time_axis)
    if value_range is not None:
        images = to_unit_range(images, value_range)
    images = colorize(images, colormap) if colormap else images[:, None].expand(-1, channels, -1, -1)
    if size is not None and tuple(images.shape[2:]) != tuple(size):
        images = F.interpolate(images, size=tuple(size), mode="bilinear", antialias=True, align_corners=False)
    return images


def check_image_shape(images: torch.Tensor, expected: tuple[int, int, int]) -> None:
    """Raise ValueError unless images are of the one shape (channels, height, width) that a backbone takes."""
    if tuple(images.shape[1:]) != tuple(expected):
        channels, height, width = expected
        raise ValueError(
            f"The backbone takes images of {channels} x {height} x {width} (channels, height, width); got "
            f"{' x '.join(str(size) for size in images.shape[1:])}. Give `image_size: [{height}, {width}]` and "
            f"`backbone_kwargs: {{in_chans: {channels}}}`, or build it for your images with `in_chans` and `img_size`."
        )


def normalize(images: torch.Tensor, mean: list[float], std: list[float]) -> torch.Tensor:
    """Subtract the mean and divide by the deviation of each channel."""
    mean, std = (torch.tensor(values, device=images.device, dtype=images.dtype) for values in (mean, std))
    return (images - mean[:, None, None]) / std[:, None, None]
