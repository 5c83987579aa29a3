"""Augmentations of one clip's features (frames, rows): crop, flip, rotation, zoom and SpecAugment's masks."""

import numpy as np
import scipy.ndimage


def random_crop(features: np.ndarray, frames: int, generator: np.random.Generator) -> np.ndarray:
    """A stretch of `frames` frames from anywhere in the clip; a clip that is no longer stays as it is."""
    if len(features) <= frames:
        return features
    start = generator.integers(len(features) - frames + 1)
    return features[start : start + frames]


def flip(features: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """With a chance of a half the clip backwards in time, as Keras' RandomFlip turns a plotted spectrogram."""
    return np.ascontiguousarray(features[::-1]) if generator.random() < 0.5 else features


def rotate(features: np.ndarray, degrees: float, generator: np.random.Generator) -> np.ndarray:
    """The image turned about its centre by up to `degrees` either way; what turns into view is the clip's minimum."""
    angle = np.deg2rad(generator.uniform(-degrees, degrees))
    return _transform(features, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def zoom(features: np.ndarray, factors: list[float], generator: np.random.Generator) -> np.ndarray:
    """The image magnified about its centre by a factor in the range `factors`; below 1, the clip's minimum is around
    it."""
    return _transform(features, np.eye(2) / generator.uniform(*factors))


def mask_spectrogram(
    features: np.ndarray,
    time_masks: int,
    time_mask_frames: int,
    frequency_masks: int,
    frequency_mask_rows: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """SpecAugment without warping (Park et al. 2019, section 2): stripes set to the clip's mean.

    Args:
        features: (frames, rows).
        time_masks, frequency_masks: how many stripes.
        time_mask_frames, frequency_mask_rows: the widest a stripe may be; its width is uniform from 0 to this.
    """
    masked = features.copy()
    fill = features.mean()
    for start, stop in _draw_stripes(len(features), time_masks, time_mask_frames, generator):
        masked[start:stop] = fill
    for start, stop in _draw_stripes(features.shape[1], frequency_masks, frequency_mask_rows, generator):
        masked[:, start:stop] = fill
    return masked


def _transform(features: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Linear interpolation where `matrix`, about the centre, leads from each point of the result; else the minimum."""
    centre = (np.array(features.shape) - 1) / 2
    return scipy.ndimage.affine_transform(
        features, matrix, centre - matrix @ centre, order=1, mode="grid-constant", cval=float(features.min())
    )


def _draw_stripes(length: int, count: int, widest: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """First index of each stripe, and the one past its last."""
    stripes = []
    for _ in range(count):
        width = int(generator.integers(min(widest, length) + 1))
        start = int(generator.integers(length - width + 1))
        stripes.append((start, start + width))
    return stripes
