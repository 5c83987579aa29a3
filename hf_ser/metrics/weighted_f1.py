"""Weighted F1: precision and recall together, every utterance counting the same."""

import numpy as np

from hf_ser.metrics.base import ConfusionMetric
from hf_ser.metrics.confusion import weighted_f1


class WeightedF1(ConfusionMetric):
    """F1 averaged with the number of references of each class as weight."""

    key = "weighted_f1"

    @staticmethod
    def score(matrix: np.ndarray) -> float:
        """Weighted F1 in 0..1."""
        return float(weighted_f1(matrix))
