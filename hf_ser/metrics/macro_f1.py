"""Macro F1: precision and recall together, every emotion counting the same."""

import numpy as np

from hf_ser.metrics.base import ConfusionMetric
from hf_ser.metrics.confusion import macro_f1


class MacroF1(ConfusionMetric):
    """Mean F1 over the classes that the references hold."""

    key = "macro_f1"

    @staticmethod
    def score(matrix: np.ndarray) -> float:
        """Macro F1 in 0..1."""
        return float(macro_f1(matrix))
