"""The script itself, as a user runs it, with one epoch."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT

RUN_FOLDER = {
    *("model.safetensors", "config.json", "preprocessor_config.json", "modeling.py", "feature_extraction.py"),
    *("results.json", "confusion_matrix.png", "learning_curve.png", "predictions.parquet", "README.md"),
    *("recipe.yaml", "split.json"),
}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Run `recipes/train.py` in a process of its own, all of them on one cache."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments, launcher=()):
        command = [sys.executable, *launcher, "recipes/train.py", *map(str, arguments)]
        environment = {**os.environ, "HF_DATASETS_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300)

    return run


def test_the_quickstart_leaves_a_whole_run_folder(train, tmp_path):
    folder = tmp_path / "run"
    done = train("recipes/quickstart.yaml", "--num_train_epochs", 1, "--output_dir", folder)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} >= RUN_FOLDER
    assert not list(folder.glob("checkpoint-*"))
    assert "the model hears:" in done.stdout
    assert "speaker-independent: no test speaker was heard in training" in " ".join(done.stdout.split())

    results = json.loads((folder / "results.json").read_text())
    assert results["protocol"]["shared_speakers"] == []
    assert results["protocol"]["test_speakers"] == ["f4", "m4"]
    assert results["protocol"]["selected_on"] == "validation uar"
    assert results["corpus"]["synthetic"] is True
    table = pd.read_parquet(folder / "predictions.parquet")
    assert len(table) == results["protocol"]["n_test"] == sum(map(sum, results["confusion_matrix"])) == 80
    assert (table["label"] == table["prediction"]).mean() == pytest.approx(results["metrics"]["accuracy"])
    split = json.loads((folder / "split.json").read_text())
    assert sorted(split["test"]) == sorted(table["utterance"])
    assert not {key for key in results if "window" in key}
    assert yaml.safe_load((folder / "recipe.yaml").read_text())["num_train_epochs"] == 1

    again = train("recipes/quickstart.yaml", "--num_train_epochs", 1, "--output_dir", folder)
    assert again.returncode == 1
    assert again.stderr.strip().splitlines()[-1].startswith("RunError: ")


def test_a_network_that_learns_from_windows_is_scored_by_clips_and_by_windows(train, tmp_path):
    folder, windows = tmp_path / "run", ("--train_on", "windows", "--window_frames", 60, "--max_windows_per_class", 90)
    done = train("recipes/quickstart.yaml", "--num_train_epochs", 1, *windows, "--output_dir", folder)
    assert done.returncode == 0, done.stderr
    assert "360 windows to learn from {'anger': 90, " in done.stderr
    results = json.loads((folder / "results.json").read_text())
    assert sum(map(sum, results["confusion_matrix"])) == results["protocol"]["n_test"] == 80
    # 126 frames: windows from 0, 30, 60 and 66
    assert sum(map(sum, results["window_confusion_matrix"])) == results["n_windows"] == 320
    assert results["history"][-1]["step"] == 12  # 360 windows in batches of 32
    clips_per_second = results["protocol"]["n_train"] / results["runtime"]["seconds_per_epoch"]
    assert results["runtime"]["clips_per_second"] == pytest.approx(clips_per_second)
    assert "Per window, not per utterance" in (folder / "README.md").read_text()
    assert "accuracy per window" in done.stdout


def test_windows_that_are_split_one_by_one_are_said_to_be_of_shared_recordings(train, tmp_path):
    folder, windows = tmp_path / "run", ("--train_on", "windows", "--window_frames", 60, "--split_windows", "true")
    options = ("--split", "stratified", "--test_speakers", "null", "--speaker_independent", "false")
    done = train("recipes/quickstart.yaml", "--num_train_epochs", 1, *windows, *options, "--output_dir", folder)
    assert done.returncode == 0, done.stderr
    results = json.loads((folder / "results.json").read_text())
    assert results["protocol"]["split"] == "stratified, single windows"
    # 320 clips of 126 frames make 1280 windows, a fifth of them to test
    assert results["n_windows"] == 256
    assert sum(results["protocol"][f"n_{part}"] for part in ("train", "validation")) == 1280 - 256
    table = pd.read_parquet(folder / "predictions.parquet")
    assert len(table) == results["protocol"]["n_test"] == sum(map(sum, results["confusion_matrix"]))
    assert len(table) == table["utterance"].nunique() < 256
    assert results["corpus"]["counts"] == dict.fromkeys(results["labels"], 80)
    assert results["protocol"]["shared_audio"]
    assert "The same recordings, exact or changed, occur in training and test" in (folder / "README.md").read_text()
    assert not table["utterance"].str.contains("#").any()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("recipes/quickstart.yaml", "--learning_rat", "1"),
            "RecipeError: Unknown key `learning_rat` in the recipe. ",
        ),
        (("recipes/quikstart.yaml",), "RecipeError: There is no recipe `recipes/quikstart.yaml`"),
    ],
)
def test_a_mistake_is_one_line(train, arguments, sentence):
    done = train(*arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in done.stderr


def test_two_processes_share_the_training_and_one_of_them_reports(train, tmp_path):
    launcher = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")
    options = ("--num_train_epochs", 1, "--output_dir", tmp_path / "run", "--use_cpu", "true")
    done = train("recipes/quickstart.yaml", *options, launcher=launcher)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["runtime"]["hardware"].startswith("2 x ")
    assert results["history"][-1]["step"] == 4  # 200 clips in batches of 32 by two processes
    assert sum(map(sum, results["confusion_matrix"])) == 80
    assert done.stdout.count("the model hears:") == 1
