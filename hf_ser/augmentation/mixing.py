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
