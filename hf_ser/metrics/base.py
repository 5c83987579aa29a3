"""What every metric of the package shares: it is made offline, kept in memory and computed from a confusion matrix."""

import abc

import datasets
import evaluate
import numpy as np

from hf_ser.metrics.confusion import confusion_matrix


class ConfusionMetric(evaluate.Metric, abc.ABC):
    """An `evaluate.Metric` of label ids; a subclass names its formula in `score` and its result in `key`.

    Predictions stay in memory: `evaluate` would write them to a cache file that two processes share, and would make
    its folder even for those kept in memory, which fails where the home folder is read-only.
    """

    key: str

    def __init__(self, **kwargs):
        super().__init__(keep_in_memory=True, **kwargs)

    def _build_data_dir(self) -> str:
        return ""  # nothing is read from it or written to it

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=type(self).__doc__,
            citation="",
            inputs_description="predictions, references: one label id per utterance",
            features=datasets.Features(
                {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
            ),
            format="numpy",
        )

    def _compute(self, *, predictions: np.ndarray, references: np.ndarray) -> dict:
        n_labels = int(max(predictions.max(initial=0), references.max(initial=0))) + 1
        return {self.key: self.score(confusion_matrix(predictions, references, n_labels))}

    @staticmethod
    @abc.abstractmethod
    def score(matrix: np.ndarray) -> float | dict[int, float]:
        """The result for counts of shape (true, predicted)."""
