"""Scores as functions of confusion matrices: one formula for a single result and for thousands of resamples.

Every function takes counts of shape (..., true, predicted) and returns an array of shape (...). Classes without a
single reference take no part: their recall is undefined, and scikit-learn is matched with `labels=present,
zero_division=0`.
"""

from collections.abc import Sequence

import numpy as np

from hf_ser.errors import RunError


def confusion_matrix(predictions: Sequence[int], references: Sequence[int], n_labels: int) -> np.ndarray:
    """Counts of shape (n_labels, n_labels), rows true, columns predicted.

    Raises:
        RunError: if there is nothing to count, the lengths differ, or an id lies outside 0..n_labels - 1.
    """
    predictions, references = check_ids(predictions, references, n_labels)
    cells = np.bincount(references * n_labels + predictions, minlength=n_labels * n_labels)
    return cells.reshape(n_labels, n_labels)


def check_ids(predictions: Sequence[int], references: Sequence[int], n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and references as integer arrays, or a RunError that says what is wrong with them."""
    predictions, references = np.asarray(predictions), np.asarray(references)
    if predictions.shape != references.shape or references.ndim != 1:
        raise RunError(
            f"Predictions of shape {predictions.shape} do not match references of shape {references.shape}; "
            "expected one label id per utterance in both. Take the argmax of logits first."
        )
    if not len(references):
        raise RunError("There are no predictions to score; expected at least one utterance. Is the test part empty?")
    _check_range("Predictions", predictions, n_labels)
    _check_range("References", references, n_labels)
    return predictions.astype(np.int64), references.astype(np.int64)


def _check_range(name: str, ids: np.ndarray, n_labels: int) -> None:
    """Raise unless every id is an integer in 0..n_labels - 1."""
    if ids.dtype.kind not in "iu":
        raise RunError(f"{name} are of type `{ids.dtype}`; expected integer label ids. Convert names to ids first.")
    outside = sorted(set(ids[(ids < 0) | (ids >= n_labels)].tolist()))
    if outside:
        raise RunError(
            f"{name} hold the label ids {outside[:5]}; expected 0 to {n_labels - 1}, one per label. "
            "Check that the model and the corpus have the same labels."
        )


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of utterances on the diagonal."""
    return _correct(matrix).sum(-1) / matrix.sum((-2, -1))


def recall_per_class(matrix: np.ndarray) -> np.ndarray:
    """Recall of each class, shape (..., classes); 0 for a class without references."""
    return _divide(_correct(matrix), matrix.sum(-1))


def uar(matrix: np.ndarray) -> np.ndarray:
    """Unweighted average recall: the mean recall of the classes with references."""
    return recall_per_class(matrix).sum(-1) / _present(matrix).sum(-1)


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes with references."""
    return (_f1_per_class(matrix) * _present(matrix)).sum(-1) / _present(matrix).sum(-1)


def weighted_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean F1, each class weighted by its number of references."""
    support = matrix.sum(-1)
    return (_f1_per_class(matrix) * support).sum(-1) / support.sum(-1)


def _f1_per_class(matrix: np.ndarray) -> np.ndarray:
    """F1 = 2 TP / (references + predictions), shape (..., classes); 0 for a class with neither."""
    return _divide(2 * _correct(matrix), matrix.sum(-1) + matrix.sum(-2))


def _correct(matrix: np.ndarray) -> np.ndarray:
    """The diagonal: correct answers per class."""
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _present(matrix: np.ndarray) -> np.ndarray:
    """Whether a class has references."""
    return matrix.sum(-1) > 0


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient that is 0 where the denominator is."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)
