"""Per-class recall: which emotions are heard and which are missed."""

import numpy as np

from hf_ser.metrics.base import ConfusionMetric
from hf_ser.metrics.confusion import recall_per_class


class PerClassRecall(ConfusionMetric):
    """Recall of each class that the references hold, by label id."""

    key = "per_class_recall"

    @staticmethod
    def score(matrix: np.ndarray) -> dict[int, float]:
        """Recall in 0..1 by label id; a class without references has none and is left out."""
        recalls = recall_per_class(matrix)
        return {int(label): float(recalls[label]) for label in np.flatnonzero(matrix.sum(-1))}
