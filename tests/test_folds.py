"""Folds are pooled: every clip once, confusions before scores, and what any fold shares is shared."""

import copy
import json
import statistics

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from hf_ser.arguments import change_recipe, parse_recipe
from hf_ser.evaluation import describe_windows, summarize
from hf_ser.folds import pool_folds
from hf_ser.model_card import render_model_card
from hf_ser.model_card_check import check_model_card
from hf_ser.plots import plot_learning_curve
from hf_ser.runs import plan_runs
from hf_ser.splits.lists import hash_lists
from tests.conftest import ROOT
from tests.results import LABELS, make_results

# fold -> (utterance, speaker, true, heard): worked out below by hand.
CLIPS = {
    0: [("u0", "03", "anger", "anger"), ("u1", "03", "fear", "anger"), ("u2", "03", "neutral", "neutral")],
    1: [("u3", "08", "anger", "anger"), ("u4", "08", "fear", "fear")],
}


def write_fold(folder, number, history):
    """What a finished fold leaves, as far as the pool reads it."""
    folder.mkdir(parents=True)
    clips = pd.DataFrame(CLIPS[number], columns=["utterance", "speaker", "label", "prediction"])
    truth, answer = clips["label"], clips["prediction"]
    table = clips.assign(sex="male", sentence="a01", **{name: (answer == name).astype(float) for name in LABELS})
    table.to_parquet(folder / "predictions.parquet")
    speakers = sorted(set(clips["speaker"]))
    others = [clip[0] for other, rows in CLIPS.items() if other != number for clip in rows]
    split = {"train": others, "validation": [], "test": clips["utterance"].tolist()}
    results = make_results(
        test_speakers=speakers,
        shared_speakers=[],
        shared_sentences=["a01"] if number else ["a02"],
        shared_audio=[["u0", "u9"]],
        split="leave-one-speaker-out",
        split_hash=hash_lists(split),
        n_train=100 + number,
        n_test=len(clips),
    )
    results["metrics"]["uar"] = balanced_accuracy_score(truth, answer)
    results["history"] = history
    results["recipe"] |= {"fold": number, "output_dir": folder.name}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "split.json").write_text(json.dumps(split))


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    recipe = parse_recipe([str(ROOT / "recipes/quickstart.yaml"), "--output_dir", str(folder)])
    runs = plan_runs(recipe, 2)
    write_fold(folder / "fold-00", 0, [{"epoch": 1.0, "loss": 2.0, "eval_uar": 0.5}, {"epoch": 2.0, "loss": 1.0}])
    write_fold(folder / "fold-01", 1, [{"epoch": 1.0, "loss": 1.0, "eval_uar": 0.7}])
    return recipe, runs, folder


def test_each_fold_has_a_recipe_and_a_folder_of_its_own(run):
    recipe, runs, folder = run
    assert [fold.training.output_dir for fold in runs] == [str(folder / "fold-00"), str(folder / "fold-01")]
    assert [fold.split.fold for fold in runs] == [0, 1]
    assert [fold.options["fold"] for fold in runs] == [0, 1]
    assert recipe.split.fold is None
    assert plan_runs(recipe, 1) == [recipe]


def test_confusions_are_pooled_before_they_are_scored(run):
    recipe, runs, _ = run
    results = pool_folds(recipe, runs)
    # anger 2 of 2, fear 1 of 2, neutral 1 of 1
    assert results["metrics"]["uar"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert results["metrics"]["accuracy"] == pytest.approx(4 / 5)
    assert results["per_speaker"]["03"] == {
        "uar": pytest.approx(2 / 3),
        "accuracy": pytest.approx(2 / 3),
        "support": 3,
    }
    assert sum(map(sum, results["confusion_matrix"])) == 5


def test_windows_are_pooled_before_they_are_scored_too(run):
    recipe, runs, folder = run
    assert not {key for key in pool_folds(recipe, runs) if "window" in key}
    matrices = (np.diag([4, 0, 0, 2, 0, 0, 0]), np.diag([0, 0, 0, 1, 0, 3, 0]))
    matrices[0][0, 3] = 2  # anger heard as fear
    for number, matrix in enumerate(matrices):
        path = folder / f"fold-0{number}" / "results.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | describe_windows(matrix)))
    results = pool_folds(recipe, runs)
    assert results["n_windows"] == 12
    assert results["window_confusion_matrix"] == (matrices[0] + matrices[1]).tolist()
    # anger 4 of 6, fear 3 of 3, neutral 3 of 3
    assert results["window_metrics"]["uar"] == pytest.approx((4 / 6 + 1 + 1) / 3)
    assert results["window_metrics"]["accuracy"] == pytest.approx(10 / 12)
    assert [fold["n_windows"] for fold in results["folds"]] == [8, 4]
    card = str(render_model_card(results, folder))
    assert "each of the\n12 windows scored by itself: UAR (unweighted average recall) 88.9 %, Accuracy 83.3 %" in card


def test_a_clip_whose_windows_are_in_several_folds_is_scored_once_by_their_mean(run):
    recipe, runs, folder = run
    options = {"train_on": "windows", "window_frames": 40, "split_windows": True}
    recipe = change_recipe(recipe, **options)
    paths = [folder / f"fold-0{fold}" for fold in CLIPS]
    both = pd.concat(pd.read_parquet(path / "predictions.parquet") for path in paths)
    wrong = dict.fromkeys(LABELS, 0.0) | {"fear": 1.0}
    tables = [both.assign(windows=3), both.assign(windows=2, prediction="fear", **wrong)]
    for path, table in zip(paths, tables, strict=True):
        table.to_parquet(path / "predictions.parquet")
        results = json.loads((path / "results.json").read_text())
        (path / "results.json").write_text(json.dumps(results | {"recipe": results["recipe"] | options}))
    results = pool_folds(recipe, runs)
    clips = pd.read_parquet(folder / "predictions.parquet")
    assert clips["windows"].tolist() == [5, 5, 5, 5, 5]
    assert clips.loc[0, ["anger", "fear"]].tolist() == pytest.approx([3 / 5, 2 / 5])
    assert results["metrics"]["accuracy"] == pytest.approx(4 / 5)
    assert (results["protocol"]["n_test"], results["protocol"]["repeats"]) == (5, 1)
    repeated = pool_folds(change_recipe(recipe, folds=1), runs)  # each fold then is a repeat
    assert repeated["protocol"]["repeats"] == 2
    assert repeated["metrics"]["accuracy"] == pytest.approx((4 + 2) / 10)
    card = " ".join(str(render_model_card(results, folder)).split())
    assert "each window scored by the model of its fold, which had not seen it" in card
    assert "| Training windows, mean of the folds | 100 |" in card


def test_the_folds_stand_beside_with_mean_and_spread(run):
    recipe, runs, _ = run
    results = pool_folds(recipe, runs)
    folds = [2 / 3, 1.0]
    assert [fold["metrics"]["uar"] for fold in results["folds"]] == pytest.approx(folds)
    assert results["fold_metrics"]["uar"] == pytest.approx(
        {"mean": statistics.fmean(folds), "sd": statistics.stdev(folds), "min": 2 / 3, "max": 1.0}
    )
    assert [fold["fold"] for fold in results["folds"]] == [0, 1]


def test_the_protocol_speaks_for_all_folds(run):
    recipe, runs, folder = run
    protocol = pool_folds(recipe, runs)["protocol"]
    assert (protocol["n_folds"], protocol["n_test"], protocol["n_train"]) == (2, 5, 100)
    assert protocol["test_speakers"] == ["03", "08"]
    assert protocol["shared_sentences"] == ["a01", "a02"]
    assert protocol["shared_audio"] == [["u0", "u9"]]  # of both folds, told once
    assert protocol["selected_on"] == "validation uar, in each fold"
    assert protocol["split_hash"] == json.loads((folder / "split.json").read_text())["hash"]


def test_folds_that_were_trained_twice_say_so_and_keep_their_own_number_of_epochs(run):
    recipe, runs, folder = run
    for fold, epochs in enumerate((12, 9)):
        path = folder / f"fold-0{fold}" / "results.json"
        results = json.loads(path.read_text())
        results["protocol"]["selected_on"] = (
            "epochs by validation uar, then retrained on training and validation parts"
        )
        results["retraining"] = {"epochs": epochs, "n_train": 428, "history": []}
        path.write_text(json.dumps(results))
    pooled = pool_folds(recipe, runs)
    assert [fold["retraining"]["epochs"] for fold in pooled["folds"]] == [12, 9]
    assert pooled["protocol"]["selected_on"].endswith("retrained on training and validation parts, in each fold")
    card = " ".join(str(render_model_card(pooled, folder)).split())
    assert (
        "Each fold's model learned from its own training and validation parts and was scored on its own test" in card
    )


def test_folds_that_were_searched_keep_their_trials_and_the_pool_only_what_they_have_in_common(run):
    recipe, runs, folder = run
    for fold, rate in enumerate((0.01, 0.002)):
        path = folder / f"fold-0{fold}" / "results.json"
        results = json.loads(path.read_text())
        results["recipe"] |= {"learning_rate": rate, "seed": 7}
        results["tuning"] = {"method": "hyperband", "metric": "validation uar", "search_space": {"learning_rate": {}}}
        results["tuning"] |= {"trials": [{"number": 0}, {"number": 1}], "best": {"values": {"learning_rate": rate}}}
        path.write_text(json.dumps(results))
    pooled = pool_folds(recipe, runs)
    assert [fold["tuning"]["best"]["values"]["learning_rate"] for fold in pooled["folds"]] == [0.01, 0.002]
    assert pooled["recipe"]["seed"] == 7
    assert pooled["recipe"]["output_dir"] == "run"
    assert not {"learning_rate", "fold"} & pooled["recipe"].keys()
    sentence = "Searched (hyperband, 2 trials) by validation uar, in each fold: `learning_rate`."
    assert sentence in str(render_model_card(pooled, folder))
    assert sentence in summarize(pooled).caption


def test_one_fold_of_unknown_speakers_leaves_the_claim_unproven(run):
    recipe, runs, folder = run
    path = folder / "fold-01" / "results.json"
    results = json.loads(path.read_text())
    results["protocol"]["test_speakers"] = []
    path.write_text(json.dumps(results))
    assert pool_folds(recipe, runs)["protocol"]["test_speakers"] == []


def test_out_of_fold_predictions_hold_every_clip_once_with_its_fold(run):
    recipe, runs, folder = run
    pool_folds(recipe, runs)
    table = pd.read_parquet(folder / "predictions.parquet")
    assert table["utterance"].tolist() == ["u0", "u1", "u2", "u3", "u4"]
    assert table["fold"].tolist() == [0, 0, 0, 1, 1]
    assert (folder / "confusion_matrix.png").stat().st_size > 1_000
    assert (folder / "learning_curve.png").stat().st_size > 1_000


def test_histories_are_averaged_by_epoch_over_the_folds_that_have_it(run):
    recipe, runs, _ = run
    assert pool_folds(recipe, runs)["history"] == [
        {"epoch": 1.0, "loss": 1.5, "eval_uar": pytest.approx(0.6)},
        {"epoch": 2.0, "loss": 1.0},
    ]


def test_the_card_of_all_folds_passes_its_check_and_names_a_model_that_is_there(run):
    recipe, runs, folder = run
    card = str(render_model_card(pool_folds(recipe, runs), folder, model_id="me/ser"))
    check_model_card(folder / "README.md")
    assert "On all 5 test utterances of 2 folds" in card
    assert "| 0 | 03 | 3 | 66.7 % |" in card
    assert "| mean ± deviation (range) | | | 83.3 ± 23.6 % (66.7 to 100.0 %) |" in card
    assert 'model="me/ser/fold-00"' in card
    assert "Speaker-independent: no test speaker was heard in training" in card


def test_a_repeated_clip_counts_once_in_the_interval(run):
    recipe, runs, folder = run
    once = pool_folds(recipe, runs)["intervals"]["accuracy"]
    paths = [folder / f"fold-0{fold}" / "predictions.parquet" for fold in CLIPS]
    both = pd.concat(map(pd.read_parquet, paths))
    for path in paths:  # every clip is predicted twice, alike
        both.to_parquet(path)
    twice = pool_folds(recipe, runs)["intervals"]["accuracy"]
    assert (twice["low"], twice["high"]) == (once["low"], once["high"])


def test_the_learning_curve_draws_each_fold_thin_behind_the_mean(run, monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: figures.append(figure))
    recipe, runs, folder = run
    results = pool_folds(recipe, runs)
    plot_learning_curve(copy.deepcopy(results), folder / "unused.png")
    widths = [line.get_linewidth() for line in figures[-1].axes[0].lines]
    assert sorted(set(widths)) == [0.7, 1.8]
    assert widths.count(0.7) == 2
