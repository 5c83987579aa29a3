"""Augmentations that mix the clips of a batch, labels included."""

import numpy as np
import torch


def mixup(
    features: torch.Tensor, labels: torch.Tensor, alpha: float, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend each clip with another of the batch (Zhang et al. 2018, equation 1).

    Args:
        features: (batch, frames, rows), all of one length.
        labels: (batch, classes) probabilities.
        alpha: of the Beta distribution from which the one share of the batch is drawn.

    Returns:
        features and labels, each `share * own + (1 - share) * other`.
    """
    share = float(generator.beta(alpha, alpha))
    other = torch.from_numpy(generator.permutation(len(features)))
    return share * features + (1 - share) * features[other], share * labels + (1 - share) * labels[other]


def cutmix(
    features: torch.Tensor, labels: torch.Tensor, alpha: float, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Paste a box of time and frequency from another clip of the batch (Yun et al. 2019, section 3.1 and appendix A).

    Args:
        features: (batch, frames, rows), all of one length.
        labels: (batch, classes) probabilities.
        alpha: of the Beta distribution from which the share outside of the batch's one box is drawn.

    Returns:
        features, and labels in the shares of the area that the box, cut at the image's edges, really leaves and takes.
    """
    share = float(generator.beta(alpha, alpha))
    other = torch.from_numpy(generator.permutation(len(features)))
    frames, rows = features.shape[1:]
    first, last = _draw_side(frames, share, generator)
    lowest, highest = _draw_side(rows, share, generator)
    mixed = features.clone()
    mixed[:, first:last, lowest:highest] = features[other, first:last, lowest:highest]
    taken = (last - first) * (highest - lowest) / (frames * rows)
    return mixed, (1 - taken) * labels + taken * labels[other]


def _draw_side(length: int, share: float, generator: np.random.Generator) -> tuple[int, int]:
    """One side of the box about a centre anywhere: its first index, and the one past its last."""
    half = int(length * np.sqrt(1 - share)) // 2
    centre = int(generator.integers(length))
    return max(0, centre - half), min(length, centre + half)
