"""The search for hyper-parameters: each combination once, the best by validation, blind to test, gone on with."""

import csv
import json
import statistics
import sys
from pathlib import Path

import pytest
import torch
from datasets import ClassLabel, DatasetDict
from transformers import TrainingArguments

from hf_ser.errors import RecipeError, RunError
from hf_ser.evaluation import evaluate_run, summarize
from hf_ser.model_card import render_model_card
from hf_ser.model_card_check import check_model_card
from hf_ser.retraining import run_training
from hf_ser.runs import close_run, find_checkpoint, keep_split, open_run
from hf_ser.training import EmotionTrainer, build_feature_extractor
from hf_ser.trials import report_score
from hf_ser.tuning import find_best, tune
from tests.trainings import make_trainer, parse_small_recipe

GRID = ("--tune", "grid", "--num_train_epochs", "2")
RATES = "{learning_rate: [1.0e-09, 0.02], hidden_sizes.0: {low: 8, high: 16, step: 8}}"


def search(parent, split, *words, folder="run"):
    """As recipes/train.py does it: the recipe as given, and the recipe that is trained."""
    recipe = parse_small_recipe(parent, folder, *words)
    keep_split(open_run(recipe), split, recipe.split)
    return recipe, tune(recipe, split, build_feature_extractor(recipe, split["train"]))


def read_trials(recipe):
    """What is on record, less the seconds."""
    with open(f"{recipe.training.output_dir}/trials/tuning.json", encoding="utf-8") as file:
        trials = json.load(file)["trials"]
    return [{key: value for key, value in trial.items() if key != "seconds"} for trial in trials]


@pytest.fixture(scope="module")
def grid(split, tmp_path_factory):
    return search(tmp_path_factory.mktemp("grid"), split, *GRID, "--search_space", RATES)


class Scores:
    """In place of trainings: scores by the value of `dropout` alone, best at 0.3; they grow with the epochs."""

    def __init__(self):
        self.numbers, self.breaks_at = [], None

    def __call__(self, recipe, trial, values, split, feature_extractor):
        if trial.number == self.breaks_at:
            raise KeyboardInterrupt
        self.numbers.append(trial.number)
        epochs, history, is_pruned = int(recipe.training.num_train_epochs), [], False
        while len(history) < epochs and not is_pruned:
            epoch = len(history) + 1
            history.append({"epoch": float(epoch), "score": -abs(values["dropout"] - 0.3) * (1 + 1 / epoch)})
            is_pruned = report_score(trial, epoch, history[-1]["score"], epochs)
        state = "pruned" if is_pruned else "complete"
        scores = {"score": history[-1]["score"], "epoch": float(epoch), "epochs": float(epoch), "history": history}
        return {"number": trial.number, "values": values, "state": state, "seconds": 0.0, **scores}


@pytest.fixture
def scores(monkeypatch):
    scores = Scores()
    monkeypatch.setattr("hf_ser.tuning.run_trial", scores)
    return scores


def test_a_grid_tries_each_combination_once_in_the_order_of_the_recipe(grid):
    recipe, _ = grid
    tried = [trial["values"] for trial in read_trials(recipe)]
    expected = [(1e-9, 8), (1e-9, 16), (0.02, 8), (0.02, 16)]
    assert [(values["learning_rate"], values["hidden_sizes.0"]) for values in tried] == expected


def test_the_recipe_trained_is_that_of_the_best_validation_score(grid, split):
    recipe, winner = grid
    trials = read_trials(recipe)
    best = max(trials, key=lambda trial: trial["score"])
    assert best["values"]["learning_rate"] == 0.02
    assert winner.training.learning_rate == 0.02
    assert winner.model["hidden_sizes"] == [best["values"]["hidden_sizes.0"]]
    assert winner.tuning.tune is None
    unchanged = winner.options.keys() - {"learning_rate", "hidden_sizes", "tune", "trials", "search_space"}
    assert {key: winner.options[key] for key in unchanged} == {key: recipe.options[key] for key in unchanged}


def test_a_trial_is_scored_as_a_training_of_its_recipe(grid, split):
    recipe, winner = grid
    trainer = make_trainer(winner, split)
    trainer.train()
    scores = [entry["eval_uar"] for entry in trainer.state.log_history if "eval_uar" in entry]
    best = find_best(read_trials(recipe), greater_is_better=True)
    assert [entry["score"] for entry in best["history"]] == scores
    assert (best["score"], best["epoch"]) == (max(scores), 1 + scores.index(max(scores)))


def test_trials_save_no_weights(grid):
    recipe, _ = grid
    assert [path.name for path in Path(recipe.training.output_dir, "trials").iterdir()] == ["tuning.json"]


def test_the_labels_of_the_test_part_change_nothing(grid, split, tmp_path):
    recipe, winner = grid
    wrong = [(label + 1) % 3 for label in split["test"]["label"]]
    test = split["test"].remove_columns("label").add_column("label", wrong)
    test = test.cast_column("label", ClassLabel(names=split["test"].features["label"].names))
    again, same = search(tmp_path, DatasetDict(split | {"test": test}), *GRID, "--search_space", RATES)
    assert read_trials(again) == read_trials(recipe)
    assert same.training.learning_rate == winner.training.learning_rate
    assert same.model == winner.model


def test_a_killed_search_goes_on_and_finishes_with_the_same_trials(grid, split, tmp_path, monkeypatch):
    steps = []

    def interrupt(self, args, state, control, **kwargs):
        steps.append(state.global_step)
        if len(steps) == 27:  # five steps an epoch, two epochs a trial: in the middle of the third
            raise KeyboardInterrupt

    monkeypatch.setattr("hf_ser.training.EpochCallback.on_step_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, split, *GRID, "--search_space", RATES)
    with pytest.raises(RunError, match="begun with another `dropout`"):
        search(tmp_path, split, *GRID, "--search_space", RATES, "--dropout", "0.1")
    recipe, winner = search(tmp_path, split, *GRID, "--search_space", RATES)
    assert read_trials(recipe) == read_trials(grid[0])
    assert len(steps) == 27 + 20
    assert winner.options | {"output_dir": ""} == grid[1].options | {"output_dir": ""}


@pytest.mark.parametrize("method", ["random", "tpe", "hyperband"])
def test_an_interrupted_search_of_any_method_ends_as_an_unbroken_one(split, tmp_path, scores, method):
    words = ("--tune", method, "--trials", "25", "--num_train_epochs", "9")
    words += ("--search_space", "{dropout: {low: 0.0, high: 0.9}, class_weights: [none, balanced]}")
    whole, winner = search(tmp_path, split, *words, folder="whole")
    scores.numbers.clear()
    scores.breaks_at = 14
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, split, *words, folder="broken")
    scores.breaks_at = None
    broken, same = search(tmp_path, split, *words, folder="broken")
    assert scores.numbers == list(range(25))
    assert read_trials(broken) == read_trials(whole)
    assert same.model == winner.model
    tried = [trial["values"]["dropout"] for trial in read_trials(whole)]
    assert len(set(tried)) == 25
    best = max((trial for trial in read_trials(whole) if trial["state"] == "complete"), key=lambda t: t["score"])
    assert winner.model["dropout"] == best["values"]["dropout"]


def test_tpe_draws_near_the_better_values_and_another_seed_draws_others(split, tmp_path, scores):
    words = ("--trials", "60", "--search_space", "{dropout: {low: 0.0, high: 0.9}}", "--tune")
    tried = {}
    for name, *rest in (("tpe",), ("random",), ("random", "--seed", "1")):
        recipe, _ = search(tmp_path, split, *words, name, *rest, folder=" ".join([name, *rest]))
        tried[name, *rest] = [trial["values"]["dropout"] for trial in read_trials(recipe)]
    # Even draws are 0.25 away from 0.3 on average: 0.15 below it, a third of the time, and 0.3 above it.
    distances = {name: statistics.fmean(abs(value - 0.3) for value in tried[name,][20:]) for name in ("tpe", "random")}
    assert distances["random"] > 0.18
    assert distances["tpe"] < 0.12
    assert not set(tried["random",]) & set(tried["random", "--seed", "1"])


def test_hyperband_lets_the_best_third_go_on(split, tmp_path, scores):
    """Of scores that keep their order, those that go on at a rung are among the best third there so far."""
    words = ("--tune", "hyperband", "--trials", "40", "--num_train_epochs", "9")
    recipe, _ = search(tmp_path, split, *words, "--search_space", "{dropout: {low: 0.0, high: 0.9}}")
    trials = read_trials(recipe)
    pruned = [trial for trial in trials if trial["state"] == "pruned"]
    assert {trial["epochs"] for trial in pruned} == {1, 3}
    assert {trial["epochs"] for trial in trials if trial["state"] == "complete"} == {9}
    assert len(pruned) > 20
    assert trials[0]["state"] == "complete"
    final = {trial["number"]: trial["history"][0]["score"] for trial in trials}
    first = [trial for trial in pruned if trial["epochs"] == 1]
    assert all(any(final[other] > final[trial["number"]] for other in range(trial["number"])) for trial in first)


def test_hyperband_ends_trainings_that_learn_nothing(split, tmp_path):
    words = ("--tune", "hyperband", "--trials", "7", "--num_train_epochs", "3", "--metric_for_best_model", "loss")
    space = "{learning_rate: [1.0e-09, 2.0e-09, 3.0e-09, 0.02]}"
    recipe, winner = search(tmp_path, split, *words, "--search_space", space)
    trials = read_trials(recipe)
    pruned = [trial for trial in trials if trial["state"] == "pruned"]
    assert {trial["epochs"] for trial in pruned} == {1}
    assert max(trial["values"]["learning_rate"] for trial in pruned) < 1e-8
    assert {trial["epochs"] for trial in trials if trial["state"] == "complete"} == {3}
    assert winner.training.learning_rate == 0.02
    assert find_best(trials, greater_is_better=False)["score"] == min(trial["score"] for trial in trials)


def test_a_trial_that_diverges_has_failed_and_the_search_goes_on(split, tmp_path, caplog):
    words = ("--tune", "grid", "--num_train_epochs", "1", "--mixup_alpha", "0")
    recipe, winner = search(tmp_path, split, *words, "--search_space", "{learning_rate: [1.0e+30, 0.005]}")
    states = [(trial["state"], trial["score"] is None) for trial in read_trials(recipe)]
    assert states == [("failed", True), ("complete", False)]
    assert winner.training.learning_rate == 0.005
    with pytest.raises(RunError, match=r"None of the 2 trials was trained to its end\. One of them: .*diverged"):
        search(tmp_path, split, *words, "--search_space", "{learning_rate: [1.0e+30, 1.0e+29]}", folder="bad")


def test_values_that_make_no_training_have_failed_and_the_search_goes_on(split, tmp_path):
    words = ("--tune", "grid", "--num_train_epochs", "1", "--search_space")
    recipe, winner = search(tmp_path, split, *words, "{dropout: [1.5, 0.2]}")
    failed, complete = read_trials(recipe)
    assert (failed["state"], failed["score"], failed["history"]) == ("failed", None, [])
    assert failed["reason"].startswith("`dropout` is 1.5")
    assert (complete["state"], complete["reason"], winner.model["dropout"]) == ("complete", "", 0.2)
    with pytest.raises(RunError, match=r"None of the 2 trials was .*\. One of them: `dropout` is 1\.5"):
        search(tmp_path, split, *words, "{dropout: [1.5, 1.7]}", folder="bad")


def test_a_trial_that_memory_is_too_small_for_has_failed_and_the_search_goes_on(split, tmp_path, monkeypatch):
    train = EmotionTrainer.train

    def train_small_batches(self, **options):
        if self.args.per_device_train_batch_size == 16:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return train(self, **options)

    monkeypatch.setattr(EmotionTrainer, "train", train_small_batches)
    space = "{per_device_train_batch_size: [16, 8]}"
    recipe, winner = search(tmp_path, split, "--tune", "grid", "--num_train_epochs", "1", "--search_space", space)
    assert [trial["reason"] for trial in read_trials(recipe)] == ["CUDA out of memory.", ""]
    assert winner.training.per_device_train_batch_size == 8


@pytest.fixture(scope="module")
def run(split, tmp_path_factory):
    """A whole run: search, training, second training, scores."""
    parent = tmp_path_factory.mktemp("whole")
    words = ("--tune", "random", "--trials", "2", "--num_train_epochs", "2", "--retrain", "true")
    _, recipe = search(parent, split, *words, "--search_space", "{learning_rate: {low: 0.001, high: 0.05, log: true}}")
    checkpoint = find_checkpoint(parent / "run")
    trainer = run_training(make_trainer(recipe, split), recipe, split, checkpoint)
    return parent / "run", evaluate_run(trainer, recipe, split, [])


def test_the_results_tell_every_trial_and_the_values_trained_with(run):
    _, results = run
    tuning = results["tuning"]
    assert (tuning["method"], tuning["metric"], len(tuning["trials"])) == ("random", "validation uar", 2)
    assert list(tuning["search_space"]) == ["learning_rate"]
    keys = {"number", "values", "state", "reason", "score", "epoch", "epochs", "seconds"}
    assert all(trial.keys() == keys for trial in tuning["trials"])
    best = max(tuning["trials"], key=lambda trial: trial["score"])
    assert tuning["best"] == {key: best[key] for key in ("number", "values", "score", "epoch")}
    assert results["recipe"]["learning_rate"] == best["values"]["learning_rate"]
    assert results["recipe"]["tune"] is None
    assert results["retraining"]["epochs"] == best["epoch"]


def test_the_trials_are_a_table_too(run):
    folder, results = run
    with open(folder / "trials.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["learning_rate"]) for row in rows] == [
        trial["values"]["learning_rate"] for trial in results["tuning"]["trials"]
    ]
    assert [float(row["score"]) for row in rows] == [trial["score"] for trial in results["tuning"]["trials"]]
    assert {row["state"] for row in rows} == {"complete"}


def test_card_and_summary_say_what_was_searched_and_on_what(run, tmp_path):
    _, results = run
    sentence = "Searched (random, 2 trials) by validation uar: `learning_rate`."
    assert sentence in summarize(results).caption
    results["corpus"] |= {"licence": "none", "home_page": "", "citation": ""}
    for name in ("confusion_matrix.png", "learning_curve.png"):
        (tmp_path / name).touch()
    card = str(render_model_card(results, tmp_path))
    check_model_card(tmp_path / "README.md")
    assert sentence in card
    assert "search_space" not in card


def test_a_finished_run_keeps_its_table_and_no_folder_of_trials(run):
    folder, results = run
    close_run(folder, results)
    assert not (folder / "trials").exists()
    assert (folder / "trials.csv").exists()


def test_a_recipe_without_a_search_stays_as_it_is(split, tmp_path):
    recipe, same = search(tmp_path, split)
    assert same is recipe


TPE = ("--tune", "tpe", "--trials", "2")
BAND = ("--tune", "hyperband", "--trials", "2")
RATE = ("--search_space", "{learning_rate: [0.1, 0.01]}")
BY_STEPS = ("--eval_strategy", "steps", "--save_strategy", "steps", "--eval_steps", "5", "--save_steps", "5")
REFUSED = {
    (*TPE, *RATE, "--backbone_weights", "missing.safetensors"): r"missing\.safetensors",
    (*TPE, *RATE, *BY_STEPS): r"`tune` needs a score after each epoch, and `eval_strategy: steps` does not look",
    (*BAND, *RATE, "--num_train_epochs", "1"): r"`tune: hyperband` ends poor .* `num_train_epochs` of 2 or more",
    (*BAND, *RATE, "--num_train_epochs", "2.5"): r"between epochs: give a whole `num_train_epochs`",
    (*BAND, *RATE, "--max_steps", "9"): r"and no `max_steps`",
    (*BAND, "--search_space", "{num_train_epochs: [5, 9]}"): r"`tune: hyperband` decides by itself how many epochs",
    (*TPE, "--metric_for_best_model", "loss", "--search_space", "{class_weights: [none, balanced]}"): (
        r"`search_space` has `class_weights`, which changes the loss itself.* Give `metric_for_best_model: uar`"
    ),
    ("--tune", "grid", "--search_space", "{dropout: {low: 0.1, high: 0.5}}"): r"the range of `dropout` is continuous",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_a_search_that_cannot_be_made_is_refused(split, tmp_path, words):
    with pytest.raises(RecipeError, match=REFUSED[words]):
        search(tmp_path, split, *words)


def test_without_a_validation_part_nothing_can_be_searched(split, tmp_path):
    everything = DatasetDict(split | {"validation": split["validation"].select([])})
    with pytest.raises(RecipeError, match="`tune` needs a validation part: give `validation` a share above 0"):
        search(tmp_path, everything, *TPE, *RATE)


def test_several_processes_are_refused(split, tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingArguments, "world_size", 2)
    with pytest.raises(RecipeError, match=r"`tune` runs in one process, and there are 2.*--num_processes 1"):
        search(tmp_path, split, *TPE, *RATE)


def test_without_optuna_the_extra_is_named(split, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        RecipeError, match=r"`tune` needs Optuna, and it is not installed: `pip install 'hf_ser\[tune\]'"
    ):
        search(tmp_path, split, *TPE, *RATE)


def test_trials_of_another_version_of_optuna_are_not_mixed_with_new_ones(split, tmp_path, scores):
    words = ("--tune", "random", "--trials", "2", "--search_space", "{dropout: {low: 0.1, high: 0.5}}")
    recipe, _ = search(tmp_path, split, *words)
    path = f"{recipe.training.output_dir}/trials/tuning.json"
    with open(path, encoding="utf-8") as file:
        tuning = json.load(file)
    tuning["trials"][1]["values"]["dropout"] = 0.25
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tuning, file)
    with pytest.raises(RunError, match=r"Trial 1 in .* tried `dropout` 0\.25, and this version of Optuna would try"):
        search(tmp_path, split, *words)


def test_the_first_of_equal_trials_is_the_best_and_a_pruned_one_is_not():
    trials = [
        {"number": 0, "state": "pruned", "score": 0.9},
        {"number": 1, "state": "complete", "score": 0.5},
        {"number": 2, "state": "complete", "score": 0.5},
        {"number": 3, "state": "failed", "score": None},
    ]
    assert find_best(trials, greater_is_better=True)["number"] == 1
    trials[2]["score"] = 0.4
    assert find_best(trials, greater_is_better=False)["number"] == 2
