"""How well a logistic regression tells the emotions from one vector a clip, for each order of the vector's blocks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, recall_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from hf_ser.errors import SplitError
from hf_ser.workers import run_in_workers

Order = tuple[str, ...]
Fold = tuple[np.ndarray, np.ndarray]  # indices of the clips to learn from, and of those to test on

FOLDS = 5
MAX_ITERATIONS = 1_000  # the composite vectors of EMO-DB take about 90


def list_orders(blocks: Iterable[str]) -> list[Order]:
    """Every order of the blocks once, the given one first."""
    return list(permutations(blocks))


def make_folds(labels: np.ndarray, speakers: Sequence[str], emotions: Sequence[str], seed: int) -> list[Fold]:
    """Five folds in proportion of the emotions, shuffled by the seed.

    Where all speakers are known, no speaker is on both sides of a fold, and there are at most as many folds as
    speakers.

    Args:
        labels: (clips,), places in `emotions`.
        speakers: of each clip; "" where unknown.
        emotions: names, for the errors.
        seed: of the shuffling.

    Raises:
        SplitError: when an emotion has fewer clips than there are folds, or a fold would leave none of it to learn
            from, and when all clips are of one speaker.
    """
    _check_speakers(speakers)
    known = all(speakers)
    n_folds = min(FOLDS, len(set(speakers))) if known else FOLDS
    _check_counts(labels, emotions, n_folds)
    kind = StratifiedGroupKFold if known else StratifiedKFold
    folds = list(kind(n_folds, shuffle=True, random_state=seed).split(labels, labels, speakers if known else None))
    for learn, _ in folds:
        _check_learnt(labels[learn], emotions, n_folds)
    return folds


def score_orders(
    orders: Sequence[Order],
    vectors: Mapping[str, np.ndarray],
    labels: np.ndarray,
    folds: Sequence[Fold],
    num_proc: int,
) -> Iterator[tuple[Order, dict[str, float]]]:
    """Yield each order with its scores as soon as they are there, in any sequence.

    Args:
        orders: of the names in `vectors`.
        vectors: (clips, rows) of each block.
        labels: (clips,), from 0 on.
        folds: as `make_folds` gives them, the same for every order.
        num_proc: worker processes; 1 starts none.

    Raises:
        RunError: when a worker process dies.
    """
    tasks = [(order, vectors, labels, folds) for order in orders]
    return run_in_workers(_score, tasks, num_proc, "scoring orders")


def score_order(
    order: Order, vectors: Mapping[str, np.ndarray], labels: np.ndarray, folds: Sequence[Fold]
) -> dict[str, float]:
    """`uar` and `accuracy` in 0..1 and `log_loss` of out-of-fold predictions, pooled over the folds.

    The vectors are standardised by those that are learnt from. The regression's optimum is the same for every order
    (see `feature_orders`); what differs between two orders is rounding.
    """
    joined = np.concatenate([vectors[block] for block in order], axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITERATIONS))
    with threadpool_limits(1):
        probabilities = cross_val_predict(model, joined, labels, cv=folds, method="predict_proba")
    predicted = probabilities.argmax(axis=1)
    return {
        "uar": float(recall_score(labels, predicted, average="macro")),
        "accuracy": float(accuracy_score(labels, predicted)),
        "log_loss": float(log_loss(labels, probabilities)),
    }


def _score(order: Order, *arguments: Any) -> tuple[Order, dict[str, float]]:
    """The order too, for the scores come in any sequence."""
    return order, score_order(order, *arguments)


def _check_speakers(speakers: Sequence[str]) -> None:
    if len(set(speakers)) == 1 and speakers[0]:
        raise SplitError(
            f"All {len(speakers)} training clips are of speaker `{speakers[0]}`; orders are compared on speakers that "
            "were not learnt from, and two or more are needed. Use a `split` that leaves more of them in training."
        )


def _check_counts(labels: np.ndarray, emotions: Sequence[str], n_folds: int) -> None:
    counts = np.bincount(labels, minlength=len(emotions))
    rare = int(counts.argmin())
    if counts[rare] < n_folds:
        raise SplitError(
            f"`{emotions[rare]}` has {counts[rare]} training clips, and orders are compared in {n_folds} folds, which "
            f"need one each. Drop it with `map_emotions: {{{emotions[rare]}: drop}}`, merge it with another, or use a "
            "`split` that leaves more of it in training."
        )


def _check_learnt(labels: np.ndarray, emotions: Sequence[str], n_folds: int) -> None:
    counts = np.bincount(labels, minlength=len(emotions))
    absent = [name for name, count in zip(emotions, counts, strict=True) if not count]
    if absent:
        raise SplitError(
            f"One of {n_folds} folds that keep speakers apart has no clip of `{absent[0]}` to learn from: too few "
            f"speakers have it. Drop it with `map_emotions: {{{absent[0]}: drop}}`, or use a `split` that leaves more "
            "speakers in training."
        )
