"""Scores of the orders of blocks: scikit-learn's own, on folds that keep speakers apart, the same for every order."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from hf_ser.errors import SplitError
from hf_ser.metrics import compute_metrics
from hf_ser.order_scores import list_orders, make_folds, score_order, score_orders

EMOTIONS = ["anger", "neutral", "sadness"]


@pytest.fixture
def clips():
    """60 clips of six speakers in three emotions that overlap; three blocks of 2, 3 and 1 rows."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    speakers = [f"s{number // 10}" for number in range(60)]
    rows = {"a": 2, "b": 3, "c": 1}
    vectors = {name: generator.normal(labels[:, None], 1.5, (60, count)) for name, count in rows.items()}
    return vectors, labels, speakers


def test_every_order_is_there_once_the_given_one_first():
    orders = list_orders(["c", "a", "b"])
    assert orders[0] == ("c", "a", "b")
    assert sorted(orders) == sorted(itertools.permutations("abc"))


def test_a_score_is_that_of_a_regression_on_standardised_vectors_fold_by_fold(clips):
    vectors, labels, speakers = clips
    folds = make_folds(labels, speakers, EMOTIONS, seed=0)
    joined = np.hstack([vectors["c"], vectors["a"], vectors["b"]])
    predicted, probabilities = np.empty(60, int), np.empty((60, 3))
    for learn, test in folds:
        scaler = StandardScaler().fit(joined[learn])
        model = LogisticRegression(max_iter=1_000).fit(scaler.transform(joined[learn]), labels[learn])
        predicted[test] = model.predict(scaler.transform(joined[test]))
        probabilities[test] = model.predict_proba(scaler.transform(joined[test]))
    expected = compute_metrics(predicted, labels, EMOTIONS)
    scores = score_order(("c", "a", "b"), vectors, labels, folds)
    assert 0.4 < scores["uar"] < 0.95
    assert scores["uar"] == pytest.approx(expected["uar"])
    assert scores["accuracy"] == pytest.approx(expected["accuracy"])
    assert scores["log_loss"] == pytest.approx(-np.log(probabilities[np.arange(60), labels]).mean())


def test_the_order_moves_no_prediction_and_the_log_loss_by_rounding_alone(clips):
    vectors, labels, speakers = clips
    folds = make_folds(labels, speakers, EMOTIONS, seed=0)
    scores = [score_order(order, vectors, labels, folds) for order in list_orders(vectors)]
    assert len({(score["uar"], score["accuracy"]) for score in scores}) == 1
    assert [score["log_loss"] for score in scores] == pytest.approx([scores[0]["log_loss"]] * 6, rel=1e-6)


def test_workers_finish_after_torch_was_used_and_give_the_same(clips):
    vectors, labels, speakers = clips
    torch.set_num_threads(2)
    torch.randn(400, 400) @ torch.randn(400, 400)  # starts torch's threads, which a forked child does not have
    arguments = (list_orders(vectors), vectors, labels, make_folds(labels, speakers, EMOTIONS, seed=0))
    assert dict(score_orders(*arguments, num_proc=2)) == dict(score_orders(*arguments, num_proc=1))


def test_no_speaker_is_on_both_sides_of_a_fold_and_every_clip_is_tested_once(clips):
    _, labels, speakers = clips
    folds = make_folds(labels, speakers, EMOTIONS, seed=0)
    assert len(folds) == 5
    for learn, test in folds:
        assert not {speakers[index] for index in learn} & {speakers[index] for index in test}
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(60))


def test_few_speakers_make_fewer_folds(clips):
    _, labels, _ = clips
    folds = make_folds(labels, ["s0"] * 20 + ["s1"] * 25 + ["s2"] * 15, EMOTIONS, seed=0)
    assert sorted(len(test) for _, test in folds) == [15, 20, 25]


def test_without_all_speakers_known_clips_are_dealt_out_by_emotion_and_seed(clips):
    _, labels, speakers = clips
    unknown = ["", *speakers[1:]]
    folds = make_folds(labels, unknown, EMOTIONS, seed=0)
    assert [np.bincount(labels[test]).tolist() for _, test in folds] == [[4, 4, 4]] * 5
    other = make_folds(labels, unknown, EMOTIONS, seed=1)
    assert any(not np.array_equal(one, another) for (_, one), (_, another) in zip(folds, other, strict=True))


def test_an_emotion_with_fewer_clips_than_folds_is_refused(clips):
    _, labels, speakers = clips
    rare = np.where((labels == 2) & (np.arange(60) > 10), 0, labels)
    with pytest.raises(SplitError, match=r"`sadness` has 3 training clips, and orders are compared in 5 folds.*drop"):
        make_folds(rare, speakers, EMOTIONS, seed=0)


def test_an_emotion_of_one_speaker_alone_is_refused(clips):
    _, labels, speakers = clips
    one = np.where(np.arange(60) < 10, 2, labels % 2)
    with pytest.raises(SplitError, match="One of 5 folds that keep speakers apart has no clip of `sadness` to learn"):
        make_folds(one, speakers, EMOTIONS, seed=0)


def test_one_speaker_alone_is_refused(clips):
    _, labels, _ = clips
    with pytest.raises(SplitError, match="All 60 training clips are of speaker `Ada`; orders are compared on"):
        make_folds(labels, ["Ada"] * 60, EMOTIONS, seed=0)
