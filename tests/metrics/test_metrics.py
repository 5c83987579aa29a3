"""Scores against scikit-learn, whose averages are taken over the classes that the references hold."""

import socket

import evaluate
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

from hf_ser.errors import RunError
from hf_ser.metrics import METRICS, PerClassRecall, UnweightedAverageRecall, compute_metrics

LABELS = ["anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"]
RANDOM = np.random.default_rng(7)
CASES = {
    "all classes": (RANDOM.integers(0, 7, 200), RANDOM.integers(0, 7, 200)),
    "a class that is never predicted": (RANDOM.integers(0, 6, 90), RANDOM.integers(0, 7, 90)),
    "a class absent from the references": (RANDOM.integers(0, 7, 90), RANDOM.integers(0, 6, 90)),
    "one class only": (RANDOM.integers(0, 7, 30), np.full(30, 3)),
    "one utterance, wrong": ([2], [5]),
}


def scikit_learn_scores(predictions, references) -> dict[str, float]:
    present = sorted(set(np.asarray(references).tolist()))
    over_present = {"labels": present, "zero_division": 0}
    return {
        "uar": recall_score(references, predictions, average="macro", **over_present),
        "accuracy": accuracy_score(references, predictions),
        "macro_f1": f1_score(references, predictions, average="macro", **over_present),
        "weighted_f1": f1_score(references, predictions, average="weighted", **over_present),
    }


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_those_of_scikit_learn(case):
    predictions, references = CASES[case]
    scores = compute_metrics(predictions, references, LABELS)
    assert list(scores) == ["uar", "accuracy", "macro_f1", "weighted_f1"] == list(METRICS)
    assert scores == pytest.approx(scikit_learn_scores(predictions, references), abs=1e-12)
    assert all(type(score) is float for score in scores.values())


def test_uar_worked_out_by_hand_counts_a_rare_class_as_much_as_a_frequent_one():
    # anger: 8 of 8 right; fear: 1 of 2 right -> UAR (1 + 0.5) / 2, accuracy 9 / 10
    scores = compute_metrics([0] * 8 + [3, 0], [0] * 8 + [3, 3], LABELS)
    assert scores["uar"] == 0.75
    assert scores["accuracy"] == 0.9


def test_uar_is_balanced_accuracy_and_is_a_metric_of_evaluate():
    predictions, references = CASES["all classes"]
    metric = UnweightedAverageRecall()
    metric.add_batch(predictions=predictions[:50], references=references[:50])
    metric.add_batch(predictions=predictions[50:], references=references[50:])
    assert metric.compute()["uar"] == pytest.approx(balanced_accuracy_score(references, predictions))


def test_per_class_recall_leaves_out_a_class_without_references():
    predictions, references = CASES["a class absent from the references"]
    recalls = PerClassRecall().compute(predictions=predictions, references=references)["per_class_recall"]
    expected = recall_score(references, predictions, average=None, labels=range(6), zero_division=0)
    assert recalls == pytest.approx(dict(enumerate(expected)))


def test_metrics_use_no_network_and_leave_nothing_on_disk(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a metric opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path / "metrics")
    monkeypatch.chdir(tmp_path)
    assert compute_metrics([0, 1], [0, 1], ["anger", "fear"])["uar"] == 1.0
    assert not list(tmp_path.iterdir())


def test_two_metrics_at_work_at_once_do_not_mix():
    first, second = UnweightedAverageRecall(), UnweightedAverageRecall()
    first.add_batch(predictions=[0, 1], references=[0, 1])
    second.add_batch(predictions=[1, 0], references=[0, 1])
    assert (first.compute()["uar"], second.compute()["uar"]) == (1.0, 0.0)


def test_no_utterances_is_an_error():
    with pytest.raises(RunError, match="no predictions to score; expected at least one utterance"):
        compute_metrics([], [], LABELS)


def test_predictions_and_references_of_different_lengths_are_an_error():
    with pytest.raises(RunError, match=r"shape \(2,\) do not match references of shape \(3,\)"):
        compute_metrics([0, 1], [0, 1, 2], LABELS)


@pytest.mark.parametrize(("predictions", "references"), [([0, 7], [0, 1]), ([0, 1], [0, -100])])
def test_an_id_without_a_label_is_an_error(predictions, references):
    with pytest.raises(RunError, match=r"label ids \[(7|-100)\]; expected 0 to 6"):
        compute_metrics(predictions, references, LABELS)


def test_names_in_place_of_ids_are_an_error():
    with pytest.raises(RunError, match="expected integer label ids"):
        compute_metrics(["fear"], ["fear"], LABELS)
