"""A run's training, and with `retrain: true` a second one, at the number of epochs that the first has found best."""

import logging
from pathlib import Path

from datasets import DatasetDict, concatenate_datasets
from transformers import EarlyStoppingCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from hf_ser.arguments import Recipe, change_recipe
from hf_ser.errors import RunError
from hf_ser.runs import RETRAINED, find_checkpoint, keep_search, read_search
from hf_ser.training import EmotionTrainer, build_model, build_trainer

logger = logging.getLogger(__name__)

COUNTER = "early_stopping_patience_counter"  # of evaluations without a better one


def run_training(
    trainer: EmotionTrainer, recipe: Recipe, split: DatasetDict, checkpoint: str | None = None
) -> EmotionTrainer:
    """Train, or go on; the trainer that comes back holds the weights of the run.

    With `retrain: true` this is the search for the number of epochs after which the validation score is best. A fresh
    network of the same seed is then trained for so many epochs on the training and validation parts together, without
    a look at any score. Its schedule spans those epochs: a constant rate and `lr_decay_epochs` are as they were in the
    search; a linear or cosine rate, which had not come down at the best epoch, now does.

    Args:
        trainer: of the recipe, with its validation part.
        recipe: whose run folder holds what an interrupted run goes on from, in either training.
        split: its test part is not touched.
        checkpoint: of the first training.
    """
    if not recipe.fine_tuning.retrain:
        _train(trainer, checkpoint)
        return trainer
    folder = Path(recipe.training.output_dir)
    search = read_search(folder)
    if search is None:
        _train(trainer, checkpoint)
        search = trainer.state
        if trainer.is_world_process_zero():
            keep_search(folder, search)
    return _retrain(trainer, recipe, split, search)


def count_best_epochs(search: TrainerState) -> int:
    """Epochs of training after which the validation score was best, the first of equals.

    Raises:
        RunError: if no validation score was a number.
    """
    best = [entry["epoch"] for entry in search.log_history if entry.get("step") == search.best_global_step]
    if search.best_global_step is None or not best:
        raise RunError("No epoch has a validation score that is a number. Give a smaller `learning_rate`.")
    return round(best[0])


def _train(trainer: EmotionTrainer, checkpoint: str | None) -> None:
    """Train, or go on; one that was interrupted after it had been stopped early only gets its best weights again."""
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(Path(checkpoint) / TRAINER_STATE_NAME))
        stopping = state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
        if stopping and stopping["attributes"][COUNTER] >= stopping["args"]["early_stopping_patience"]:
            trainer.args.num_train_epochs = state.epoch  # Trainer itself would train on for an epoch
    trainer.train(resume_from_checkpoint=checkpoint)


def _retrain(trainer: EmotionTrainer, recipe: Recipe, split: DatasetDict, search: TrainerState) -> EmotionTrainer:
    """The second training, in a folder of its own inside the run folder."""
    epochs, folder = count_best_epochs(search), Path(recipe.training.output_dir) / RETRAINED
    logger.info("Training again on training and validation parts: %d epochs.", epochs)
    changes = {"retrain": False, "early_stopping_patience": None, "num_train_epochs": epochs}
    again = change_recipe(recipe, **changes, output_dir=str(folder))
    with recipe.training.main_process_first(desc="second training"):
        checkpoint = find_checkpoint(folder)
    both = {
        "train": concatenate_datasets([split["train"], split["validation"]]),
        "validation": split["validation"].select([]),
    }
    labels, feature_extractor = split["train"].features["label"].names, trainer.processing_class
    model = build_model(again, labels, feature_extractor)
    retrainer = build_trainer(again, model, feature_extractor, DatasetDict(both))
    retrainer.search = search
    retrainer.train(resume_from_checkpoint=checkpoint)
    return retrainer
