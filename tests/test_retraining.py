"""The second training: of the best number of epochs, on train and validation, gone on with after any interruption."""

import json

import pytest
import torch
from datasets import DatasetDict, concatenate_datasets
from transformers import TrainerCallback, TrainerState

from hf_ser.errors import RecipeError, RunError
from hf_ser.evaluation import evaluate_run
from hf_ser.model_card import render_model_card
from hf_ser.model_card_check import check_model_card
from hf_ser.retraining import count_best_epochs, run_training
from hf_ser.runs import close_run, find_checkpoint, keep_split, open_run
from tests.trainings import make_trainer, parse_small_recipe

RETRAIN = ("--retrain", "true", "--num_train_epochs", "8", "--early_stopping_patience", "2", "--learning_rate", "0.02")


class Interrupt(TrainerCallback):
    """Ends the program, as it seems, after a step of a training whose folder has this name."""

    def __init__(self, folder, step):
        self.folder, self.step = folder, step

    def on_step_end(self, args, state, control, **kwargs):
        if args.output_dir.endswith(self.folder) and state.global_step == self.step:
            raise KeyboardInterrupt


def begin(parent, split, *overrides):
    """As recipes/train.py does it."""
    recipe = parse_small_recipe(parent, "run", *RETRAIN, *overrides)
    folder = open_run(recipe)
    keep_split(folder, split, recipe.split)
    checkpoint = find_checkpoint(folder)
    return recipe, run_training(make_trainer(recipe, split), recipe, split, checkpoint)


@pytest.fixture(scope="module")
def run(split, tmp_path_factory):
    return begin(tmp_path_factory.mktemp("undisturbed"), split)


def weights_of(trainer):
    return {name: weight.clone() for name, weight in trainer.model.state_dict().items()}


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def best_epochs(log):
    scores = [entry["eval_uar"] for entry in log if "eval_uar" in entry]
    return 1 + scores.index(max(scores)), len(scores)


def test_the_weights_are_those_of_a_training_so_long_on_both_parts(run, split, tmp_path):
    _, trainer = run
    best, searched = best_epochs(trainer.search.log_history)
    assert best > 1
    assert searched == best + 2  # stopped early, after two epochs without a better one
    assert trainer.state.epoch == trainer.args.num_train_epochs == best
    both = concatenate_datasets([split["train"], split["validation"]])
    plain = parse_small_recipe(tmp_path, "plain", "--learning_rate", "0.02", "--num_train_epochs", str(best))
    alone = make_trainer(plain, DatasetDict(split | {"train": both, "validation": split["validation"].select([])}))
    alone.train()
    assert_same_weights(weights_of(trainer), weights_of(alone))


def test_it_learns_from_train_and_validation_and_never_from_test(run, split):
    _, trainer = run
    names = {part: set(split[part]["utterance"]) for part in split}
    assert set(trainer.train_dataset["utterance"]) == names["train"] | names["validation"]
    assert len(trainer.train_dataset) == 48
    assert trainer.eval_dataset is None
    assert not any("eval_loss" in entry for entry in trainer.state.log_history)


@pytest.mark.parametrize(("folder", "step"), [("run", 8), ("retrained", 1), ("retrained", 8)])
def test_a_run_interrupted_in_either_training_ends_with_the_same_weights(
    run, split, tmp_path, monkeypatch, folder, step
):
    interrupt, steps = Interrupt(folder, step), []
    monkeypatch.setattr(
        "hf_ser.training.EpochCallback.on_step_end", lambda self, *args, **kw: interrupt.on_step_end(*args, **kw)
    )
    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path, split)
    monkeypatch.setattr(
        "hf_ser.training.EpochCallback.on_step_end",
        lambda self, args, state, control, **kw: steps.append((args.output_dir, state.global_step)),
    )
    _, trainer = begin(tmp_path, split)
    assert_same_weights(weights_of(trainer), weights_of(run[1]))
    assert best_epochs(trainer.search.log_history) == best_epochs(run[1].search.log_history)
    first = str(tmp_path / "run")
    # Five steps an epoch in the first training, six in the second: the epoch that was interrupted is repeated.
    assert steps[0] == ((first, 6) if folder == "run" else (f"{first}/retrained", 7 if step == 8 else 1))
    assert steps[-1] == (f"{first}/retrained", 24)


def test_a_run_interrupted_between_the_trainings_and_the_scores_trains_nothing_again(
    run, split, tmp_path, monkeypatch
):
    begin(tmp_path, split)
    monkeypatch.setattr("hf_ser.training.EpochCallback.on_step_end", lambda *args, **kw: pytest.fail("trained again"))
    _, trainer = begin(tmp_path, split)
    assert_same_weights(weights_of(trainer), weights_of(run[1]))


def test_the_results_tell_both_trainings(run, split):
    recipe, trainer = run
    best, searched = best_epochs(trainer.search.log_history)
    results = evaluate_run(trainer, recipe, split, [])
    protocol, retraining = results["protocol"], results["retraining"]
    assert protocol["selected_on"] == "epochs by validation uar, then retrained on training and validation parts"
    assert (protocol["n_train"], protocol["n_validation"], protocol["n_test"]) == (36, 12, 12)
    assert (retraining["epochs"], retraining["n_train"]) == (best, 48)
    assert len(results["history"]) == searched
    assert all("eval_uar" in entry for entry in results["history"])
    assert [entry["epoch"] for entry in retraining["history"]] == list(range(1, best + 1))
    seconds = [entry["epoch_seconds"] for entry in results["history"] + retraining["history"]]
    assert results["runtime"]["train_seconds"] == pytest.approx(sum(seconds))


def test_the_card_says_that_the_weights_are_of_a_second_training(run, split, tmp_path):
    recipe, trainer = run
    results = evaluate_run(trainer, recipe, split, [])
    results["corpus"] |= {"licence": "none", "home_page": "", "citation": ""}
    for name in ("confusion_matrix.png", "learning_curve.png"):
        (tmp_path / name).touch()
    card = " ".join(str(render_model_card(results, tmp_path)).split())
    check_model_card(tmp_path / "README.md")
    best = results["retraining"]["epochs"]
    assert f"best validation score after {best} epochs. The weights are those of a second one" in card
    assert "The model learned from 48 utterances and was scored on 12 others" in card
    assert "The weights are those of epoch" not in card


def test_a_finished_run_leaves_no_folder_of_the_second_training(split, tmp_path):
    recipe = parse_small_recipe(tmp_path, "run", *RETRAIN)
    folder = open_run(recipe)
    (folder / "retrained" / "checkpoint-5").mkdir(parents=True)
    with pytest.raises(RunError, match="begun with another `learning_rate`"):
        open_run(parse_small_recipe(tmp_path, "run", *RETRAIN, "--learning_rate", "1e-4"))
    close_run(folder, {})
    assert {path.name for path in folder.iterdir()} == {"recipe.yaml", "results.json"}


def test_the_first_of_equal_epochs_is_the_best():
    log = [{"epoch": epoch, "step": 5 * epoch, "eval_uar": 0.5} for epoch in (1.0, 2.0, 3.0)]
    assert count_best_epochs(TrainerState(log_history=log, best_global_step=10)) == 2
    with pytest.raises(RunError, match="No epoch has a validation score that is a number"):
        count_best_epochs(TrainerState(log_history=log))


BY_STEPS = ("--eval_strategy", "steps", "--save_strategy", "steps", "--eval_steps", "5", "--save_steps", "5")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (BY_STEPS, "best number of whole epochs, and `eval_strategy: steps` does not look after each"),
        (("--save_strategy", "best"), "`save_strategy: best` does not look after each. Give `save_strategy: epoch`"),
        (("--num_train_epochs", "2.5"), "`retrain` counts whole epochs: give a whole `num_train_epochs`"),
        (("--max_steps", "20"), "and no `max_steps`"),
        (
            ("--metric_for_best_model", "null", "--load_best_model_at_end", "false"),
            "`retrain` needs the epoch of the best score, and `metric_for_best_model: null` names none",
        ),
    ],
)
def test_a_number_of_epochs_that_cannot_be_found_is_refused(split, tmp_path, words, sentence):
    with pytest.raises(RecipeError, match=sentence):
        make_trainer(parse_small_recipe(tmp_path, "run", "--retrain", "true", *words), split)


def test_without_a_validation_part_nothing_can_be_searched(split, tmp_path):
    everything = DatasetDict(split | {"validation": split["validation"].select([])})
    with pytest.raises(RecipeError, match="`retrain` needs a validation part"):
        make_trainer(parse_small_recipe(tmp_path, "run", "--retrain", "true"), everything)


def test_what_the_first_training_found_is_kept_whole(run):
    recipe, trainer = run
    path = f"{recipe.training.output_dir}/retrained/search.json"
    with open(path, encoding="utf-8") as file:
        assert json.load(file)["log_history"] == trainer.search.log_history
