"""Percentile bootstrap intervals, drawn as confusion matrices rather than as lists of utterances.

Utterances of one speaker resemble each other, so speakers are resampled where there are enough of them
(Field and Welsh, 2007); with fewer than eight the percentiles of so few clusters say little, and utterances are.
"""

from collections.abc import Sequence

import numpy as np

from hf_ser.errors import RunError
from hf_ser.metrics import confusion

# Below this a bootstrap over speakers has too few distinct draws to give percentiles.
FEWEST_SPEAKERS = 8

SCORES = {
    "uar": confusion.uar,
    "accuracy": confusion.accuracy,
    "macro_f1": confusion.macro_f1,
    "weighted_f1": confusion.weighted_f1,
}


def bootstrap_intervals(
    predictions: Sequence[int],
    references: Sequence[int],
    speakers: Sequence[str],
    n_labels: int,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
    repeats: int = 1,
) -> dict[str, dict[str, float | str]]:
    """Interval of each score: {metric: {low, high, method}}.

    Args:
        predictions: one label id per utterance.
        references: the true label ids.
        speakers: who spoke each utterance; these are the units drawn where there are eight or more.
        n_labels: number of labels.
        seed: of the resampling.
        resamples: how many test sets are drawn.
        level: share of the resamples inside the interval.
        repeats: predictions of each utterance, as in repeated k-fold; they are drawn as one, for they are not
            independent.
    """
    if len(speakers) != len(references):
        raise RunError(
            f"There are {len(speakers)} speakers for {len(references)} utterances; expected one speaker per utterance."
        )
    generator = np.random.default_rng(seed)
    _, by_speaker = count_by_group(predictions, references, speakers, n_labels)
    by_speaker = by_speaker / repeats
    matrix = by_speaker.sum(0)
    percent = f"{100 * level:g} %"
    if _is_all_or_nothing(matrix):
        method = f"{percent} interval of each emotion's recall under Jeffreys' prior (a bootstrap would have no width)"
        matrices = draw_recalls(matrix, resamples, generator)
    elif len(by_speaker) >= FEWEST_SPEAKERS:
        method = f"{percent} percentile bootstrap over speakers, {resamples} resamples"
        matrices = draw_speakers(by_speaker, resamples, generator)
    else:
        method = (
            f"{percent} percentile bootstrap over utterances of each emotion, {resamples} resamples "
            f"(under {FEWEST_SPEAKERS} speakers: how speakers differ is not in it)"
        )
        if repeats > 1:
            method += f"; the {repeats} answers for an utterance count as one, which makes it rather too wide"
        matrices = draw_utterances(matrix, resamples, generator)
    return {
        name: _percentiles(score(matrices), float(score(matrix)), level) | {"method": method}
        for name, score in SCORES.items()
    }


def count_by_group(
    predictions: Sequence[int], references: Sequence[int], groups: Sequence[str], n_labels: int
) -> tuple[list[str], np.ndarray]:
    """Names of the groups, sorted, and their confusion matrices of shape (groups, true, predicted)."""
    predictions, references = confusion.check_ids(predictions, references, n_labels)
    names, group_ids = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    cells = (group_ids * n_labels + references) * n_labels + predictions
    counts = np.bincount(cells, minlength=len(names) * n_labels**2).reshape(-1, n_labels, n_labels)
    return names.tolist(), counts


def draw_speakers(by_speaker: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Sums over as many speakers as there are, drawn with replacement: (resamples, true, predicted)."""
    n_speakers = len(by_speaker)
    times_drawn = generator.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), size=resamples)
    return np.tensordot(times_drawn, by_speaker, axes=1)  # (resamples, speakers) -> (resamples, true, predicted)


def draw_utterances(matrix: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """As many utterances of each emotion as there are, drawn with replacement: (resamples, true, predicted).

    An utterance matters only by its cell, so each row's draw is multinomial; a rare emotion never drops out.
    """
    sizes = matrix.sum(axis=-1).round().astype(int)  # counts of repeated predictions are shares of whole ones
    rows = [generator.multinomial(n, row / max(n, 1), size=resamples) for n, row in zip(sizes, matrix, strict=True)]
    return np.stack(rows, axis=1)


def draw_recalls(matrix: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Rows from the posterior of their shares: (resamples, true, predicted).

    Jeffreys' prior (1946) adds half a right and half a wrong answer to each emotion, so that recall is distributed as
    Beta(right + 1/2, wrong + 1/2).
    """
    n_labels = len(matrix)
    prior = np.full((n_labels, n_labels), 0.5 / max(n_labels - 1, 1))
    np.fill_diagonal(prior, 0.5)
    shares = [generator.dirichlet(row + before, size=resamples) for row, before in zip(matrix, prior, strict=True)]
    return np.stack(shares, axis=1) * matrix.sum(axis=-1)[:, None]


def _is_all_or_nothing(matrix: np.ndarray) -> bool:
    """Whether every emotion is always recognised or never, so that no resample differs."""
    right = np.diagonal(matrix)
    return bool(np.all((right == 0) | (right == matrix.sum(axis=-1))))


def _percentiles(scores: np.ndarray, score: float, level: float) -> dict[str, float]:
    """The bounds that leave (1 - level) / 2 of the scores on either side; the score itself lies within them."""
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return {"low": min(float(low), score), "high": max(float(high), score)}
