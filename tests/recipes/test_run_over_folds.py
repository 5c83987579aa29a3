"""A run over folds is killed in one, given again, and ends with the predictions of a run that nobody disturbed."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests.conftest import ROOT

FOLDS = ("--split", "speaker-folds", "--folds", "3", "--test_speakers", "null", "--num_train_epochs", "2")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Begin `recipes/train.py` over three folds in a process of its own, all of them on one cache."""
    cache = tmp_path_factory.mktemp("cache")

    def begin(folder, *arguments):
        command = [sys.executable, "recipes/train.py", "recipes/quickstart.yaml", *FOLDS, "--output_dir", str(folder)]
        environment = {**os.environ, "HF_DATASETS_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, *arguments], cwd=ROOT, env=environment, **pipes)

    return begin


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    process = start(folder)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return folder, output


def kill_in(process, fold):
    """Kill the process once a fold has a checkpoint and is not finished."""
    deadline = time.monotonic() + 300
    while not list(fold.glob("checkpoint-*/trainer_state.json")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (fold / "results.json").exists()


def test_a_run_over_folds_leaves_a_folder_for_each_and_the_pooled_results(undisturbed):
    folder, output = undisturbed
    results = json.loads((folder / "results.json").read_text())
    assert len(results["folds"]) == 3
    assert results["protocol"]["shared_speakers"] == []
    assert results["protocol"]["test_speakers"] == ["f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4"]
    assert results["intervals"]["uar"]["method"].startswith("95 % percentile bootstrap over speakers")
    assert {path.name for path in folder.iterdir()} == {
        *("fold-00", "fold-01", "fold-02", "recipe.yaml", "split.json", "predictions.parquet"),
        *("results.json", "confusion_matrix.png", "learning_curve.png", "README.md"),
    }
    assert all((folder / f"fold-0{fold}" / "model.safetensors").is_file() for fold in range(3))
    table = pd.read_parquet(folder / "predictions.parquet")
    assert len(table) == table["utterance"].nunique() == 320
    assert table.groupby("speaker")["fold"].nunique().eq(1).all()
    assert "3 folds, n = 320" in " ".join(output.split())


def test_a_run_killed_in_a_fold_goes_on_there_and_predicts_the_same(start, undisturbed, tmp_path):
    folder = tmp_path / "killed"
    kill_in(start(folder), folder / "fold-01")
    first = (folder / "fold-00" / "results.json").stat().st_mtime_ns
    process = start(folder)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert f"Going on from `{folder / 'fold-01' / 'checkpoint-'}" in errors
    assert (folder / "fold-00" / "results.json").stat().st_mtime_ns == first  # not trained again
    expected, found = (pd.read_parquet(path / "predictions.parquet") for path in (undisturbed[0], folder))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)

    process = start(folder, "--learning_rate", "1.0e-4")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "holds a finished run" in errors.splitlines()[-1]


def test_another_recipe_does_not_go_on_in_the_folds_of_this_one(start, undisturbed, tmp_path):
    folder = tmp_path / "begun"
    (folder / "fold-00").mkdir(parents=True)
    (folder / "recipe.yaml").write_text((undisturbed[0] / "recipe.yaml").read_text())
    process = start(folder, "--learning_rate", "1.0e-4")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "was begun with another `learning_rate`. " in errors.splitlines()[-1]


def test_a_run_killed_in_the_second_training_of_a_fold_goes_on_there(start, tmp_path):
    folder, options = tmp_path / "retrained", ("--folds", "2", "--retrain", "true", "--metric_for_best_model", "loss")
    kill_in(start(folder, *options), folder / "fold-01" / "retrained")
    process = start(folder, *options)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert f"Going on from `{folder / 'fold-01' / 'retrained' / 'checkpoint-'}" in errors
    assert not list(folder.glob("fold-*/retrained"))
    results = json.loads((folder / "results.json").read_text())
    assert [fold["retraining"]["n_train"] for fold in results["folds"]] == [160, 160]
    assert "2 folds, n = 320" in " ".join(output.split())
