"""UAR: the mean of the recalls, so that a rare emotion counts as much as a frequent one."""

import numpy as np

from hf_ser.metrics.base import ConfusionMetric
from hf_ser.metrics.confusion import uar


class UnweightedAverageRecall(ConfusionMetric):
    """Unweighted average recall over the classes that the references hold."""

    key = "uar"

    @staticmethod
    def score(matrix: np.ndarray) -> float:
        """UAR in 0..1."""
        return float(uar(matrix))
