"""Scores against scikit-learn, groups by hand, history and the table of predictions."""

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, recall_score

from hf_ser.evaluation import average_by_clip, describe_windows, merge_history, score, summarize, tabulate_predictions
from hf_ser.wording import percent
from tests.results import make_results

LABELS = ["anger", "neutral", "sadness"]


@pytest.fixture(scope="module")
def dataset():
    columns = {
        "label": [index % 3 for index in range(60)],
        "speaker": [f"s{index % 5}" for index in range(60)],
        "sex": ["female" if index % 5 < 2 else "male" for index in range(60)],
        "sentence": ["text"] * 60,
        "utterance": [f"clip-{index}" for index in range(60)],
    }
    return Dataset.from_dict(columns).cast_column("label", ClassLabel(names=LABELS))


@pytest.fixture(scope="module")
def probabilities():
    return np.random.default_rng(0).dirichlet([0.5, 0.5, 0.5], 60)


def test_scores_equal_those_of_scikit_learn(dataset, probabilities):
    results, truth = score(tabulate_predictions(probabilities, dataset), LABELS), dataset["label"][:]
    answer = probabilities.argmax(axis=1)
    assert results["metrics"]["uar"] == pytest.approx(balanced_accuracy_score(truth, answer))
    assert results["metrics"]["accuracy"] == pytest.approx(accuracy_score(truth, answer))
    assert results["metrics"]["macro_f1"] == pytest.approx(f1_score(truth, answer, average="macro"))
    assert results["metrics"]["weighted_f1"] == pytest.approx(f1_score(truth, answer, average="weighted"))
    assert results["confusion_matrix"] == confusion_matrix(truth, answer).tolist()
    recalls = [results["per_class"][label]["recall"] for label in LABELS]
    assert recalls == pytest.approx(recall_score(truth, answer, average=None).tolist())
    assert all(
        entry["low"] <= results["metrics"][name] <= entry["high"] for name, entry in results["intervals"].items()
    )


def test_clips_are_counted_in_whole_numbers_where_no_answer_is_right(dataset):
    never_right = np.roll(np.eye(3), 1, axis=1)[dataset["label"][:]]
    results = score(tabulate_predictions(never_right, dataset), LABELS)
    assert results["metrics"]["accuracy"] == 0
    assert [repr(results["per_class"][label]["support"]) for label in LABELS] == ["20", "20", "20"]


def test_every_speaker_and_sex_is_scored_on_its_own_clips(dataset, probabilities):
    results = score(tabulate_predictions(probabilities, dataset), LABELS)
    right = probabilities.argmax(axis=1) == np.asarray(dataset["label"])
    assert {name: entry["support"] for name, entry in results["per_speaker"].items()} == dict.fromkeys(
        ["s0", "s1", "s2", "s3", "s4"], 12
    )
    assert results["per_sex"]["female"]["support"] == 24
    assert results["per_speaker"]["s3"]["accuracy"] == pytest.approx(right[3::5].mean())


def test_the_table_names_every_clip_and_what_was_heard(dataset, probabilities):
    table = tabulate_predictions(probabilities, dataset)
    assert table.columns.tolist() == ["utterance", "speaker", "sex", "sentence", "label", "prediction", *LABELS]
    assert table["utterance"].tolist() == dataset["utterance"][:]
    assert table.loc[7, "label"] == "neutral"
    assert table.loc[7, "prediction"] == LABELS[probabilities[7].argmax()]
    assert np.allclose(table[LABELS], probabilities)


def test_the_summary_tells_the_scores_of_windows_where_there_are_some():
    def cells(results):
        columns = [list(column.cells) for column in summarize(results).columns]
        return dict(zip(columns[0], columns[1], strict=True))

    assert list(cells(make_results())) == ["uar", "accuracy", "macro_f1", "weighted_f1"]
    table = cells(make_results() | describe_windows(np.array([[3, 1], [2, 2]])))
    assert table["accuracy"] == percent(make_results()["metrics"]["accuracy"])
    assert table["accuracy per window"] == "62.5 %"


def test_the_log_becomes_one_entry_an_epoch():
    log = [
        {"loss": 1.0, "epoch": 1.0, "step": 5},
        {"epoch_seconds": 2.0, "epoch": 1.0, "step": 5},
        {"eval_loss": 1.5, "eval_uar": 0.4, "epoch": 1.0, "step": 5},
        {"loss": 0.5, "epoch": 2.0, "step": 10},
        {"train_runtime": 9.0, "epoch": 2.0, "step": 10},
    ]
    assert merge_history(log) == [
        {"loss": 1.0, "epoch": 1.0, "step": 5, "epoch_seconds": 2.0, "eval_loss": 1.5, "eval_uar": 0.4},
        {"loss": 0.5, "epoch": 2.0, "step": 10},
    ]


def test_windows_of_a_clip_are_averaged_to_one_answer_however_they_were_tested():
    columns = ("utterance", "speaker", "sex", "sentence", "label", "prediction", "anger", "fear", "windows")
    rows = [
        ("b", "2", "m", "s", "fear", "anger", 0.6, 0.4, 3),
        ("a", "1", "f", "t", "anger", "anger", 0.9, 0.1, 2),
        ("b", "2", "m", "s", "fear", "fear", 0.1, 0.9, 2),
    ]
    clips = average_by_clip(pd.DataFrame(rows, columns=columns), ["anger", "fear"])
    # b: anger (3 x 0.6 + 2 x 0.1) / 5
    expected = pd.DataFrame(
        [("b", "2", "m", "s", "fear", "fear", 0.4, 0.6, 5), ("a", "1", "f", "t", "anger", "anger", 0.9, 0.1, 2)],
        columns=columns,
    )
    pd.testing.assert_frame_equal(clips, expected)
