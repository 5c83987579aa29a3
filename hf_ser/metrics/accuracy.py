"""Accuracy: the share of utterances that are right, also called weighted average recall (WAR)."""

import numpy as np

from hf_ser.metrics.base import ConfusionMetric
from hf_ser.metrics.confusion import accuracy


class Accuracy(ConfusionMetric):
    """Share of utterances whose label is right."""

    key = "accuracy"

    @staticmethod
    def score(matrix: np.ndarray) -> float:
        """Accuracy in 0..1."""
        return float(accuracy(matrix))
