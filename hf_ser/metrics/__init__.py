"""Scores of a classifier of emotions as `evaluate.Metric` subclasses, made without the network."""

from collections.abc import Sequence

from hf_ser.metrics.accuracy import Accuracy
from hf_ser.metrics.confusion import check_ids
from hf_ser.metrics.intervals import bootstrap_intervals
from hf_ser.metrics.macro_f1 import MacroF1
from hf_ser.metrics.per_class_recall import PerClassRecall
from hf_ser.metrics.uar import UnweightedAverageRecall
from hf_ser.metrics.weighted_f1 import WeightedF1

# The order in which every table shows them; the first is the primary one.
METRICS: dict[str, type] = {
    "uar": UnweightedAverageRecall,
    "accuracy": Accuracy,
    "macro_f1": MacroF1,
    "weighted_f1": WeightedF1,
}

__all__ = [
    "METRICS",
    "Accuracy",
    "MacroF1",
    "PerClassRecall",
    "UnweightedAverageRecall",
    "WeightedF1",
    "bootstrap_intervals",
    "compute_metrics",
]


def compute_metrics(predictions: Sequence[int], references: Sequence[int], labels: Sequence[str]) -> dict[str, float]:
    """Every score of `METRICS`, in 0..1.

    Args:
        predictions: one label id per utterance.
        references: the true label ids, in the same order.
        labels: names of the labels; ids run from 0 to len(labels) - 1.

    Raises:
        RunError: if there are no utterances or an id has no label.
    """
    predictions, references = check_ids(predictions, references, len(labels))
    scores = {}
    for metric in METRICS.values():
        scores |= metric().compute(predictions=predictions, references=references)
    return scores
