"""Bootstrap intervals against exact binomial percentiles, a plain scikit-learn loop and repeated experiments."""

import numpy as np
import pytest
import scipy.stats
from scipy.stats import binom
from sklearn.metrics import f1_score, recall_score

from hf_ser.errors import RunError
from hf_ser.metrics import METRICS, bootstrap_intervals


def simulate(generator, n_speakers, per_speaker, n_labels=4, spread=0.2, mean=0.7):
    """Utterances whose chance of being recognised differs from speaker to speaker."""
    speakers = np.repeat([f"s{i}" for i in range(n_speakers)], per_speaker)
    skill = np.repeat(np.clip(generator.normal(mean, spread, n_speakers), 0, 1), per_speaker)
    references = np.tile(np.arange(n_labels), len(speakers) // n_labels + 1)[: len(speakers)]
    wrong = (references + generator.integers(1, n_labels, len(speakers))) % n_labels
    predictions = np.where(generator.random(len(speakers)) < skill, references, wrong)
    return predictions, references, speakers


def loop_interval(predictions, references, groups, score, resamples, generator):
    """The same interval the slow way: draw groups of utterances, score each draw with scikit-learn."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    scores = []
    for _ in range(resamples):
        drawn = np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])
        present = np.unique(references[drawn])
        scores.append(score(references[drawn], predictions[drawn], labels=present, average="macro", zero_division=0))
    return np.quantile(scores, [0.025, 0.975])


def bounds(interval):
    return np.array([interval["low"], interval["high"]])


def test_accuracy_over_utterances_has_binomial_percentiles():
    references = np.zeros(200, dtype=int)
    predictions = np.where(np.arange(200) < 140, 0, 1)
    interval = bootstrap_intervals(predictions, references, ["a"] * 200, n_labels=2, resamples=50_000)["accuracy"]
    assert bounds(interval) == pytest.approx(binom.ppf([0.025, 0.975], 200, 0.7) / 200, abs=0.0051)


@pytest.mark.parametrize(("metric", "score"), [("uar", recall_score), ("macro_f1", f1_score)])
@pytest.mark.parametrize("n_speakers", [3, 10])
def test_intervals_equal_those_of_a_plain_loop(metric, score, n_speakers):
    generator = np.random.default_rng(3)
    predictions, references, speakers = simulate(generator, n_speakers, per_speaker=20)
    groups = speakers if n_speakers >= 8 else np.arange(len(speakers))
    expected = loop_interval(predictions, references, groups, score, 600, generator)
    interval = bootstrap_intervals(predictions, references, speakers, n_labels=4)[metric]
    assert bounds(interval) == pytest.approx(expected, abs=0.025)


def test_ninety_five_percent_intervals_over_speakers_cover_the_true_score_and_those_over_utterances_do_not():
    generator = np.random.default_rng(11)
    covered, covered_by_utterances = [], []
    for _ in range(200):
        predictions, references, speakers = simulate(generator, n_speakers=24, per_speaker=40, spread=0.15, mean=0.5)
        for record, who in ((covered, speakers), (covered_by_utterances, ["one"] * len(speakers))):
            low, high = bounds(bootstrap_intervals(predictions, references, who, 4, resamples=400)["uar"])
            record.append(low <= 0.5 <= high)
    assert 0.88 <= np.mean(covered) <= 0.99
    assert np.mean(covered_by_utterances) < 0.80


def test_eight_speakers_are_resampled_as_speakers_and_seven_are_not():
    generator = np.random.default_rng(0)
    eight = bootstrap_intervals(*simulate(generator, 8, 10), n_labels=4)
    seven = bootstrap_intervals(*simulate(generator, 7, 10), n_labels=4)
    assert list(eight) == list(METRICS)
    assert eight["uar"]["method"] == "95 % percentile bootstrap over speakers, 2000 resamples"
    assert seven["uar"]["method"] == (
        "95 % percentile bootstrap over utterances of each emotion, 2000 resamples "
        "(under 8 speakers: how speakers differ is not in it)"
    )


def test_a_seed_gives_the_same_interval_again_and_a_wider_level_contains_it():
    data = simulate(np.random.default_rng(5), 9, 12)
    first, again = (bootstrap_intervals(*data, n_labels=4, seed=1) for _ in range(2))
    wider = bootstrap_intervals(*data, n_labels=4, seed=1, level=0.99)
    assert first == again
    assert wider["uar"]["low"] < first["uar"]["low"] < first["uar"]["high"] < wider["uar"]["high"]


def test_a_class_that_a_resample_misses_gives_no_nan():
    intervals = bootstrap_intervals([0, 1, 2, 3], [0, 0, 0, 1], ["a"] * 4, n_labels=6)
    assert all(0 <= interval["low"] <= interval["high"] <= 1 for interval in intervals.values())


def test_missing_speakers_are_an_error():
    with pytest.raises(RunError, match="There are 1 speakers for 2 utterances"):
        bootstrap_intervals([0, 1], [0, 1], ["a"], n_labels=2)


def test_a_perfect_score_is_not_certain():
    labels = [0] * 80
    interval = bootstrap_intervals(labels, labels, ["a"] * 80, 2, resamples=50_000)["uar"]
    assert interval["low"] == pytest.approx(scipy.stats.beta.ppf(0.025, 80.5, 0.5), abs=2e-3)
    assert interval["high"] == 1
    assert "Jeffreys' prior" in interval["method"]


def test_one_clip_of_an_emotion_is_little_to_go_by():
    labels = [0] * 50 + [1]
    interval = bootstrap_intervals(labels, labels, ["a"] * 51, 2)["uar"]
    assert interval["low"] < 0.65


def test_a_network_that_always_says_the_same_has_an_interval_too():
    interval = bootstrap_intervals([0] * 40, [0, 1] * 20, ["a"] * 40, 2)["uar"]
    assert interval["low"] <= 0.5 < interval["high"]


def test_a_rare_emotion_never_drops_out_of_a_resample():
    references, predictions = [0] * 53 + [1] * 53 + [2], [0] * 50 + [1] * 56 + [0]
    interval = bootstrap_intervals(predictions, references, ["a"] * 107, 3)["uar"]
    assert interval["high"] <= 2 / 3
