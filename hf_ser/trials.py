"""One trial of a search for hyper-parameters: a training with other values, scored on the validation part."""

import logging
import math
import time
from pathlib import Path
from typing import Any

import torch
from datasets import DatasetDict
from transformers import SequenceFeatureExtractor, TrainerCallback
from transformers.trainer_utils import SaveStrategy

from hf_ser.arguments import Recipe, change_recipe
from hf_ser.errors import RecipeError, RunError
from hf_ser.runs import TRIALS
from hf_ser.search_space import fill_elements
from hf_ser.training import EmotionTrainer, build_model, build_trainer
from hf_ser.training_checks import name_metric
from hf_ser.wording import without_folders

logger = logging.getLogger(__name__)

NO_SEARCH = {"tune": None, "trials": None, "search_space": None}
COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


def run_trial(
    recipe: Recipe, trial: Any, values: dict[str, Any], split: DatasetDict, feature_extractor: SequenceFeatureExtractor
) -> dict[str, Any]:
    """Train with these values.

    Args:
        recipe: with what is not searched.
        trial: an optuna.Trial, which hears of each score and may end the training.
        values: by key or element of the recipe.
        split: its test part is not touched.
        feature_extractor: whose features the split holds.

    Returns:
        what came of it: `state` is `complete`, `pruned`, or `failed`, for values that make no training together, a
        training that diverged and one that the accelerator has too little memory for, with the `reason`; `score` is
        the best of the validation scores and `epoch` its epoch, of `epochs` that were trained; `history` has them all.
    """
    started, callback = time.perf_counter(), TrialCallback(trial)
    reason = ""
    try:
        trainer = build_trial(recipe, values, split, feature_extractor)
        trainer.add_callback(callback)
        trainer.train()
        state = PRUNED if callback.is_pruned else COMPLETE
    except (RecipeError, RunError, torch.OutOfMemoryError) as error:
        state, reason = FAILED, without_folders(" ".join(str(error).split()))
        logger.warning("Trial %d: %s", trial.number, error)
    record = {
        "number": trial.number,
        "values": values,
        "state": state,
        "reason": reason,
        **_score(callback.history, state, recipe.training.greater_is_better),
        "seconds": time.perf_counter() - started,
        "history": callback.history,
    }
    logger.info("Trial %d, %s: %s, score %s.", trial.number, describe_values(values), state, record["score"])
    return record


def report_score(trial: Any, epoch: float, score: float, epochs: float) -> bool:
    """Tell Optuna the score of an epoch; whether the trial should end now, before the last of its `epochs`."""
    trial.report(score, math.ceil(epoch))
    return trial.should_prune() and epoch < epochs


def describe_values(values: dict[str, Any]) -> str:
    """Values as a line of the log, or of an error."""
    return ", ".join(f"`{name}` {value}" for name, value in values.items())


class TrialCallback(TrainerCallback):
    """Reports the validation score of each epoch to Optuna, and ends a training that is not worth going on with."""

    def __init__(self, trial: Any):
        self.trial = trial
        self.history: list[dict[str, float]] = []
        self.is_pruned = False

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any) -> None:
        """An epoch was scored."""
        score = metrics[f"eval_{name_metric(args)}"]
        if not math.isfinite(score):
            raise RunError(f"The validation score is {score} after epoch {state.epoch:g}.")
        self.history.append({"epoch": state.epoch, "score": score})
        if report_score(self.trial, state.epoch, score, args.num_train_epochs):
            self.is_pruned = control.should_training_stop = True


def build_trial(
    recipe: Recipe, values: dict[str, Any], split: DatasetDict, feature_extractor: SequenceFeatureExtractor
) -> EmotionTrainer:
    """The trainer of a trial, or without values that of what all trials share.

    It saves nothing, for the winner is trained again, and trackers do not hear of it.

    Raises:
        RecipeError: for values that make no training together.
    """
    changes = {**NO_SEARCH, "report_to": "none", "output_dir": str(Path(recipe.training.output_dir) / TRIALS)}
    changed = change_recipe(recipe, **changes, **fill_elements(values, recipe.options))
    model = build_model(changed, split["train"].features["label"].names, feature_extractor)
    trainer = build_trainer(changed, model, feature_extractor, split)
    # Not by the recipe, whose check wants the best checkpoint to be one that is saved.
    trainer.args.save_strategy = SaveStrategy.NO
    return trainer


def _score(history: list[dict[str, float]], state: str, greater_is_better: bool) -> dict[str, Any]:
    """Best score, its epoch, and the number of epochs; a trial that failed has no score."""
    epochs = history[-1]["epoch"] if history else 0.0
    if state == FAILED:
        return {"score": None, "epoch": None, "epochs": epochs}
    best = (max if greater_is_better else min)(history, key=lambda entry: entry["score"])
    return {"score": best["score"], "epoch": best["epoch"], "epochs": epochs}
