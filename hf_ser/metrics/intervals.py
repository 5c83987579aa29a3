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
) -> dict[str, dict[str, float | str]]:
    """Interval of each score: {metric: {low, high, method}}; a perfect score gets an exact binomial one.

    Args:
        predictions: one label id per utterance.
        references: the true label ids.
        speakers: who spoke each utterance; these are the units drawn where there are eight or more.
        n_labels: number of labels.
        seed: of the resampling.
        resamples: how many test sets are drawn.
        level: share of the resamples inside the interval.
    """
    generator = np.random.default_rng(seed)
    by_speaker = count_by_speaker(predictions, references, speakers, n_labels)
    if len(references) == np.trace(by_speaker.sum(0)):
        return dict.fromkeys(SCORES, _bound_perfect_score(len(references), level))
    if len(by_speaker) >= FEWEST_SPEAKERS:
        unit, note = "speakers", ""
        matrices = draw_speakers(by_speaker, resamples, generator)
    else:
        unit, note = "utterances", f" (under {FEWEST_SPEAKERS} speakers)"
        matrices = draw_utterances(by_speaker.sum(0), resamples, generator)
    method = f"{100 * level:g} % percentile bootstrap over {unit}, {resamples} resamples{note}"
    return {name: _percentiles(score(matrices), level) | {"method": method} for name, score in SCORES.items()}


def count_by_speaker(
    predictions: Sequence[int], references: Sequence[int], speakers: Sequence[str], n_labels: int
) -> np.ndarray:
    """Confusion matrices of shape (speakers, true, predicted)."""
    predictions, references = confusion.check_ids(predictions, references, n_labels)
    if len(speakers) != len(references):
        raise RunError(
            f"There are {len(speakers)} speakers for {len(references)} utterances; expected one speaker per utterance."
        )
    names, speaker_ids = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    cells = (speaker_ids * n_labels + references) * n_labels + predictions
    return np.bincount(cells, minlength=len(names) * n_labels**2).reshape(-1, n_labels, n_labels)


def draw_speakers(by_speaker: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Sums over as many speakers as there are, drawn with replacement: (resamples, true, predicted)."""
    n_speakers = len(by_speaker)
    times_drawn = generator.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), size=resamples)
    return np.tensordot(times_drawn, by_speaker, axes=1)  # (resamples, speakers) -> (resamples, true, predicted)


def draw_utterances(matrix: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Matrices of as many utterances as there are, drawn with replacement: (resamples, true, predicted).

    An utterance matters only by its cell, so the draw is multinomial over cells.
    """
    n_utterances = matrix.sum()
    return generator.multinomial(n_utterances, matrix.ravel() / n_utterances, size=resamples).reshape(
        -1, *matrix.shape
    )


def _bound_perfect_score(n_utterances: int, level: float) -> dict[str, float | str]:
    """Every resample of a perfect score is perfect too, hence the exact binomial one (Clopper and Pearson, 1934)."""
    low = ((1 - level) / 2) ** (1 / n_utterances)
    method = f"{100 * level:g} % exact binomial interval: no error among {n_utterances} utterances"
    return {"low": low, "high": 1.0, "method": method}


def _percentiles(scores: np.ndarray, level: float) -> dict[str, float]:
    """The bounds that leave (1 - level) / 2 of the scores on either side."""
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return {"low": float(low), "high": float(high)}
