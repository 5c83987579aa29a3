"""From a recipe to a transformers.Trainer, wired: feature extractor, model, loss, collators, callbacks."""

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset, DatasetDict
from transformers import EarlyStoppingCallback, PreTrainedModel, SequenceFeatureExtractor, TrainerCallback

from hf_ser.arguments import AugmentationArguments, FineTuningArguments, Recipe
from hf_ser.collators import AugmentingCollator, FeatureCollator, NoisyCopies, WaveformCollator
from hf_ser.errors import RecipeError, RunError, writing
from hf_ser.lora import merge_adapters
from hf_ser.losses import EmotionLoss, balance_classes
from hf_ser.metrics import compute_metrics
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.modeling import SpectrogramForAudioClassification
from hf_ser.optimization import prepare_optimization, separate_backbone, step_down
from hf_ser.runs import FREE_SPACE
from hf_ser.training_checks import (
    check_forward,
    check_masks,
    check_mixing,
    check_retraining,
    check_selection,
    check_value_range,
    check_waveforms,
    check_windows,
)
from hf_ser.waveform_models import load_waveform_extractor, load_waveform_model
from hf_ser.window_rows import WindowRows, count_frames
from hf_ser.workers import count_cores

logger = logging.getLogger(__name__)

FEATURE_COLUMNS = ("input_features", "input_values")
CLASS_WEIGHTS = ("none", "balanced")


def build_feature_extractor(recipe: Recipe, dataset: Dataset | None = None) -> SpectrogramFeatureExtractor:
    """The feature extractor of a recipe.

    Args:
        recipe: its feature options.
        dataset: the corpus, whose longest clip gives all their length with `pad_to_longest`; else it is not needed.

    Raises:
        RecipeError: for an option that is not valid.
    """
    options = dict(recipe.features)
    if recipe.corpus.pad_to_longest:
        options["min_duration"] = options["max_duration"] = _find_longest(dataset, options)
    if recipe.waveform.checkpoint is not None:
        return load_waveform_extractor(recipe.waveform.checkpoint, options)
    try:
        return SpectrogramFeatureExtractor(**options)
    except ValueError as error:
        raise RecipeError(str(error)) from error


def build_model(
    recipe: Recipe, labels: list[str], feature_extractor: SpectrogramFeatureExtractor
) -> SpectrogramForAudioClassification:
    """The network of a recipe, with its base weights.

    Args:
        recipe: its model options, `backbone_weights` and seed.
        labels: emotions, in the order of the label column.
        feature_extractor: whose images the network reads.

    Raises:
        RecipeError: for an option that is not valid or does not fit the features.
    """
    transformers.set_seed(recipe.training.seed)
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: index for index, name in enumerate(labels)}}
    if recipe.waveform.checkpoint is not None:
        model = load_waveform_model(recipe.waveform, names)
    else:
        model = _build_image_model(recipe, names, feature_extractor)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    network = getattr(model.config, "backbone", model.config.model_type)
    logger.info("%s: %.2f M weights, %.2f M trained.", network, model.num_parameters() / 1e6, trained / 1e6)
    return model


def _build_image_model(
    recipe: Recipe, names: dict[str, dict], feature_extractor: SpectrogramFeatureExtractor
) -> SpectrogramForAudioClassification:
    try:
        config = SpectrogramConfig(**recipe.model, **names)
        model = SpectrogramForAudioClassification(config, recipe.fine_tuning.backbone_weights)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    check_windows(config, feature_extractor)
    check_value_range(config, feature_extractor)
    return model


def build_trainer(
    recipe: Recipe,
    model: PreTrainedModel,
    feature_extractor: SequenceFeatureExtractor,
    split: DatasetDict,
) -> "EmotionTrainer":
    """A Trainer that learns from `split["train"]` and chooses its checkpoint on `split["validation"]`; of the test
    part it is told the length of the shortest clip alone.

    Raises:
        RecipeError: for options that contradict each other.
    """
    labels = split["train"].features["label"].names
    check_selection(recipe.training, recipe.fine_tuning.early_stopping_patience)
    prepare_optimization(recipe, model)
    has_validation = len(split["validation"]) > 0
    if recipe.fine_tuning.retrain:
        check_retraining(recipe.training, has_validation)
    if not has_validation:
        _train_without_validation(recipe)
    train, collator = _build_inputs(recipe, feature_extractor, split["train"])
    callbacks: list[TrainerCallback] = [EpochCallback(collator)]
    if recipe.fine_tuning.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(recipe.fine_tuning.early_stopping_patience))
    evaluation_collator = FeatureCollator(feature_extractor)
    check_masks(recipe, model, feature_extractor)
    for name in (name for name, part in split.items() if len(part)):
        changes = recipe.augmentation if name == "train" else AugmentationArguments()
        length = min(count_frames(split[name], evaluation_collator.column))
        check_forward(model, evaluation_collator, name, length, changes)
    try:
        return EmotionTrainer(
            model=model,
            args=recipe.training,
            data_collator=evaluation_collator,
            train_collator=collator,
            on_device=recipe.augmentation.features == "device",
            fine_tuning=recipe.fine_tuning,
            train_dataset=train,
            eval_dataset=select_inputs(split["validation"]) if has_validation else None,
            processing_class=feature_extractor,
            compute_loss_func=_build_loss(recipe, _list_labels(train, split["train"]), len(labels)),
            compute_metrics=_make_compute_metrics(labels),
            callbacks=callbacks,
        )
    except ValueError as error:  # such as an unknown name in `report_to`
        raise RecipeError(f"Trainer does not take this recipe: {error}") from error


def use_all_cores(arguments: transformers.TrainingArguments) -> None:
    """Share the cores out among the processes of a training on CPUs; `accelerate launch` gives each one thread."""
    if arguments.device.type == "cpu":
        torch.set_num_threads(max(1, count_cores() // arguments.world_size))


def select_inputs(dataset: Dataset, column: str | None = None) -> Dataset:
    """The columns that a collator reads: the features, or `column`, `audio`, where it reads the sound files."""
    column = column or next(name for name in FEATURE_COLUMNS if name in dataset.column_names)
    return dataset.select_columns([column, "label", "utterance"]).with_format("numpy")


class EmotionTrainer(transformers.Trainer):
    """transformers.Trainer with a collator of its own for training, so that nothing else is ever augmented.

    Args:
        train_collator: of the training part; `data_collator` is that of all others.
        on_device: a WaveformCollator only reads, and its features are computed where the model is.
        fine_tuning: learning rates, beside those of `args`.
    """

    def __init__(
        self,
        *args: Any,
        train_collator: Callable,
        on_device: bool,
        fine_tuning: FineTuningArguments,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.train_collator = train_collator
        self.on_device = on_device
        self.fine_tuning = fine_tuning
        # Of a second training: the end of the first, which has found the number of epochs.
        self.search: transformers.TrainerState | None = None

    def get_train_dataloader(self) -> torch.utils.data.DataLoader:
        """Batches of the training part, augmented."""
        evaluation_collator = self.data_collator
        self.data_collator = self.train_collator.read if self.on_device else self.train_collator
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = evaluation_collator

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """One step; a loss that is no number ends the training, for nothing would be learnt any more."""
        if self.on_device:
            inputs = self.train_collator.compute(inputs, self.args.device)
        loss = super().training_step(model, inputs, *args, **kwargs)
        if not torch.isfinite(loss).all():
            raise RunError(
                f"The loss is {loss.mean().item()} at step {self.state.global_step}: the training diverged. "
                "Give a smaller `learning_rate`, more `warmup_steps`, or bf16 in place of fp16."
            )
        return loss

    def prediction_step(self, *args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        """Loss, scores and labels of a batch, without the hidden states that Whisper gives with a sum of layers."""
        return super().prediction_step(*args, **(kwargs | {"ignore_keys": ["hidden_states", "attentions"]}))

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """Trainer's optimiser, in which the backbone may have a rate of its own."""
        is_new, rate = self.optimizer is None, self.fine_tuning.backbone_learning_rate
        optimizer = super().create_optimizer(*args, **kwargs)
        if is_new and rate is not None:
            separate_backbone(optimizer, self.model, rate)
        return optimizer

    def create_scheduler(self, num_training_steps: int, *args: Any, **kwargs: Any) -> Any:
        """Trainer's schedule, which may step down after every so many epochs."""
        is_new, options = self.lr_scheduler is None, self.fine_tuning
        schedule = super().create_scheduler(num_training_steps, *args, **kwargs)
        if is_new and options.lr_decay_epochs is not None:
            steps_per_epoch = int(num_training_steps / self.args.num_train_epochs + 1e-6)  # Trainer has rounded up
            step_down(schedule, options.lr_decay_factor, options.lr_decay_epochs * steps_per_epoch)
        return schedule

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; a full disk is reported as such. LoRA ends with its adapters merged into the weights."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()  # of the fold before
        with writing(self.args.output_dir, FREE_SPACE):
            output = super().train(*args, **kwargs)
        merge_adapters(self.model)
        return output


class EpochCallback(TrainerCallback):
    """Tells the collator which epoch it is, and logs the seconds of each, so that checkpoints keep them."""

    def __init__(self, collator: AugmentingCollator):
        self.collator = collator
        self.started = 0.0

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An epoch begins, or goes on after an interruption."""
        self.collator.epoch = int((state.epoch or 0) + 1e-6)
        self.started = time.perf_counter()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """An epoch ends."""
        seconds = time.perf_counter() - self.started
        state.log_history.append({"epoch": state.epoch, "step": state.global_step, "epoch_seconds": seconds})


def _build_inputs(
    recipe: Recipe, feature_extractor: SequenceFeatureExtractor, train: Dataset
) -> tuple[Dataset | NoisyCopies | WindowRows, AugmentingCollator]:
    """Rows of the training part, and the collator that reads them."""
    augmentation, labels, seed = recipe.augmentation, train.features["label"].names, recipe.training.seed
    if recipe.fine_tuning.train_on == "windows":
        rows = _cut_rows(recipe, train)
        return rows, AugmentingCollator(feature_extractor, augmentation, len(labels), seed)
    check_mixing(augmentation, feature_extractor)
    if augmentation.features == "map":
        return select_inputs(train), AugmentingCollator(feature_extractor, augmentation, len(labels), seed)
    check_waveforms(recipe, train)
    clips = select_inputs(train, "audio")
    rows = NoisyCopies(clips, augmentation.noise_copies) if augmentation.noise_copies else clips
    return rows, WaveformCollator(feature_extractor, augmentation, len(labels), seed)


def _cut_rows(recipe: Recipe, train: Dataset) -> WindowRows:
    """The windows of the training part, counted by emotion in the log."""
    rows = WindowRows(select_inputs(train), recipe.model["window_frames"], recipe.model.get("window_hop"))
    if recipe.fine_tuning.max_windows_per_class is not None:
        rows.thin_out(recipe.fine_tuning.max_windows_per_class, recipe.training.seed)
    names = train.features["label"].names
    counts = np.bincount(rows.labels, minlength=len(names)).tolist()
    logger.info("%d windows to learn from %s", len(rows), dict(zip(names, counts, strict=True)))
    return rows


def _list_labels(rows: torch.utils.data.Dataset, clips: Dataset) -> list[int]:
    """Labels of what is learnt from, which class weights balance; copies leave the clips' proportions as they are."""
    return rows.labels if isinstance(rows, WindowRows) else clips["label"]


def _make_compute_metrics(labels: list[str]) -> Callable[[Any], dict[str, float]]:
    def compute(prediction: Any) -> dict[str, float]:
        return compute_metrics(np.argmax(prediction.predictions, axis=-1), prediction.label_ids, labels)

    return compute


def _build_loss(recipe: Recipe, labels: list[int], num_labels: int) -> EmotionLoss:
    kind = recipe.fine_tuning.class_weights
    if kind not in CLASS_WEIGHTS:
        raise RecipeError(f"`class_weights` is `{kind}`; valid: {', '.join(CLASS_WEIGHTS)}.")
    weights = balance_classes(labels, num_labels) if kind == "balanced" else None
    return EmotionLoss(num_labels, weights, recipe.training.label_smoothing_factor)


def _find_longest(dataset: Dataset | None, options: dict[str, Any]) -> float:
    """Seconds of the longest clip, as far as the options let it be heard."""
    if dataset is None:
        raise RecipeError(
            "`pad_to_longest` needs a corpus, and there is none here. Give a `min_duration` in its place."
        )
    if options.get("min_duration") is not None:
        raise RecipeError("`pad_to_longest` sets `min_duration`. Leave one of them out.")
    longest, offset = max(dataset["duration"]), options.get("offset", 0.0)
    if longest <= offset:
        raise RecipeError(
            f"The longest clip lasts {longest:.3f} s, which is over at `offset: {offset}`. Give a smaller one."
        )
    return min(longest - offset, options.get("max_duration") or float("inf"))


def _train_without_validation(recipe: Recipe) -> None:
    """Train to the last epoch: with `validation: 0` there is nothing to choose a checkpoint on."""
    if recipe.fine_tuning.early_stopping_patience is not None:
        raise RecipeError("`early_stopping_patience` needs a validation part: give `validation` a share above 0.")
    recipe.training.eval_strategy = transformers.IntervalStrategy.NO
    recipe.training.load_best_model_at_end = False
