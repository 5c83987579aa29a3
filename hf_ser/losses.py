"""Cross-entropy with class weights, soft labels and smoothing: Trainer's `compute_loss_func` for every model."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch.nn import functional as F


class EmotionLoss:
    """Mean over the clips of the weighted cross-entropy.

    Args:
        num_labels: emotions.
        class_weights: one weight for each emotion, mean 1 over the training clips; None weighs all alike.
        label_smoothing: share of each label that is spread over all emotions.
    """

    def __init__(self, num_labels: int, class_weights: Sequence[float] | None = None, label_smoothing: float = 0.0):
        self.num_labels = num_labels
        self.class_weights = None if class_weights is None else torch.tensor(class_weights)
        self.label_smoothing = label_smoothing

    def __call__(self, outputs: object, labels: torch.Tensor, num_items_in_batch: object = None) -> torch.Tensor:
        """Loss of one (micro-)batch.

        Args:
            outputs: of the model; their `logits` are (batch, classes).
            labels: (batch,) class indices, or (batch, classes) probabilities.
            num_items_in_batch: label entries in all micro-batches of the step, as Trainer counts them; None for one.
        """
        logits = outputs["logits"].float()
        targets = labels if labels.ndim == 2 else F.one_hot(labels, self.num_labels)
        targets = targets.float()
        # Trainer counts the entries of `labels`: soft ones have `num_labels` for each clip.
        clips = len(labels) if num_items_in_batch is None else num_items_in_batch * len(labels) / labels.numel()
        return self._clip_losses(logits, targets).sum() / clips

    def _clip_losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """(batch, classes) twice -> (batch,)."""
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / self.num_labels
        if self.class_weights is not None:
            targets = targets * self.class_weights.to(targets)
        return -(targets * logits.log_softmax(dim=-1)).sum(dim=-1)


def balance_classes(labels: Sequence[int], num_labels: int) -> list[float]:
    """Weights in inverse proportion to the clips of each emotion, equal to scikit-learn's `balanced`."""
    counts = Counter(labels)
    return [len(labels) / (num_labels * counts[label]) for label in range(num_labels)]
