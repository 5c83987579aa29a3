"""What a recipe, a network and clips must agree on before hours are spent on a training."""

import math
from collections.abc import Mapping

import numpy as np
import torch
import transformers
from datasets import Dataset
from transformers import PreTrainedModel, SequenceFeatureExtractor, WhisperFeatureExtractor

from hf_ser.arguments import AugmentationArguments, Recipe
from hf_ser.collators import FeatureCollator
from hf_ser.errors import RecipeError, suggest
from hf_ser.metrics import METRICS
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.modeling import SpectrogramForAudioClassification
from hf_ser.waveform_models import depends_on_padding


def name_metric(arguments: transformers.TrainingArguments) -> str:
    """The metric that chooses the checkpoint, and the trial: `uar`, `loss`, ..."""
    return (arguments.metric_for_best_model or "loss").removeprefix("eval_")


def check_selection(arguments: transformers.TrainingArguments, patience: int | None) -> None:
    """The checkpoint is chosen by a metric that there is, and so is the end of a training that is stopped early."""
    name = name_metric(arguments)
    if name not in ("loss", *METRICS):
        raise RecipeError(f"`metric_for_best_model` is `{name}`. {suggest(name, ('loss', *METRICS))}")
    if patience is None:
        return
    if arguments.metric_for_best_model is None:
        raise RecipeError(
            f"`early_stopping_patience: {patience}` waits for a better score, and `metric_for_best_model: null` names "
            "none. Give one, such as `uar`, or leave `early_stopping_patience` out."
        )
    if arguments.eval_strategy.value == "no":
        raise RecipeError(
            f"`early_stopping_patience: {patience}` counts scores, and with `eval_strategy: no` there are none. Give "
            "`eval_strategy: epoch`, or leave `early_stopping_patience` out."
        )


@torch.no_grad()
def check_forward(
    model: PreTrainedModel, collator: FeatureCollator, part: str, length: int, augmentation: AugmentationArguments
) -> None:
    """Run the network once before hours are spent, on the shortest clip of a part, of `length` frames or samples."""
    try:
        features = _make_smallest(length, collator.feature_extractor, augmentation)
        batch = collator([{collator.column: features, "label": 0}])
        model.eval()(**{name: values for name, values in batch.items() if name != "labels"})
    except (RuntimeError, AssertionError, ValueError) as error:
        rows, reason = collator.feature_extractor.feature_size, " ".join(str(error).split()).rstrip(".")
        size = f"{length} frames of {rows} rows" if collator.column == "input_features" else f"{length} samples"
        raise RecipeError(
            f"The network does not take the shortest clip of `{part}`, {size} before augmentation: {reason}."
            f"{_suggest_size(model, error)}"
        ) from error


def _suggest_size(model: PreTrainedModel, error: Exception) -> str:
    """What to do about a clip that the network does not take; an error of our own networks says it by itself."""
    if not isinstance(model, SpectrogramForAudioClassification):
        return " Give a longer `min_duration`, and a `max_duration` that is no shorter."
    own = isinstance(error, ValueError)
    return "" if own else " Give an `image_size`, a `min_duration`, or other `backbone_kwargs`."


def _make_smallest(
    length: int, feature_extractor: SequenceFeatureExtractor, augmentation: AugmentationArguments
) -> np.ndarray:
    """Features of a clip of so many frames or samples at the highest speed, and of that in a crop."""
    rates = [rates[1] for rates in (augmentation.speed_rates, augmentation.stretch_rates) if rates is not None]
    hop_length = getattr(feature_extractor, "hop_length", None)
    samples = length if hop_length is None else (length - 1) * hop_length
    samples = max(1, int(samples / math.prod(max(rate, 1.0) for rate in rates)))
    [features] = feature_extractor.extract([np.ones(samples, np.float32)])
    return features[: augmentation.crop_frames]


def check_windows(config: SpectrogramConfig, feature_extractor: SpectrogramFeatureExtractor) -> None:
    frames = config.window_frames
    if frames is None or feature_extractor.count_frames(0.0) >= frames:
        return
    seconds = (frames - 1) * feature_extractor.hop_length / feature_extractor.sampling_rate
    seconds = math.ceil(seconds * 1e3) / 1e3  # rounded down, a sample would be missing
    raise RecipeError(
        f"`window_frames: {frames}` needs clips of at least {seconds} s. "
        f"Add `min_duration: {seconds}` and a `padding` for the shorter ones."
    )


def check_value_range(config: SpectrogramConfig, feature_extractor: SpectrogramFeatureExtractor) -> None:
    """One range of colours does not hold both dB and their slopes."""
    if feature_extractor.deltas and config.value_range is not None:
        raise RecipeError(
            f"`value_range: {config.value_range}` would cut the slopes of `deltas: {feature_extractor.deltas}`, which "
            "have a range of their own. Leave one of them out."
        )


def check_waveforms(recipe: Recipe, train: Dataset) -> None:
    route = recipe.augmentation.features
    if "audio" not in train.column_names:
        raise RecipeError(
            f"`features: {route}` reads sound files, but the training part has only the columns {train.column_names}. "
            "Keep its `audio`, or give `features: map`."
        )
    if recipe.training.train_sampling_strategy == "group_by_length":
        raise RecipeError(
            f"`train_sampling_strategy: group_by_length` needs features before training, and `features: {route}` has "
            "none. Leave one of them out."
        )


def check_masks(recipe: Recipe, model: PreTrainedModel, feature_extractor: SequenceFeatureExtractor) -> None:
    """A clip's scores do not depend on the batch it is in."""
    if not depends_on_padding(model, feature_extractor) or _has_one_length(feature_extractor):
        return
    if recipe.training.per_device_eval_batch_size == 1:
        return
    masks = "heeds no mask in some of its layers" if feature_extractor.return_attention_mask else "takes no mask"
    raise RecipeError(
        f"`checkpoint: {recipe.waveform.checkpoint}` {masks}, so that zeros behind a clip would change its "
        "scores. Give `min_duration` and `max_duration` of the same value, or `per_device_eval_batch_size: 1`."
    )


def check_mixing(augmentation: AugmentationArguments, feature_extractor: SpectrogramFeatureExtractor) -> None:
    """Raise RecipeError unless clips that are mixed have one length."""
    key = "mixup_alpha" if augmentation.mixup_alpha else "cutmix_alpha"
    if not getattr(augmentation, key) or augmentation.batch_padding is not None:
        return
    if augmentation.crop_frames is not None:
        one_length = feature_extractor.count_frames(0.0) >= augmentation.crop_frames
    else:
        one_length = _has_one_length(feature_extractor)
    if not one_length:
        raise RecipeError(
            f"`{key}` blends clips of one length. Give `crop_frames` and a `min_duration` that covers them, "
            "`min_duration` and `max_duration` of the same value, or `batch_padding`."
        )


def _has_one_length(feature_extractor: SequenceFeatureExtractor) -> bool:
    """Whether all clips come out equally long, as Whisper's do."""
    shortest, longest = feature_extractor.min_duration, feature_extractor.max_duration
    return isinstance(feature_extractor, WhisperFeatureExtractor) or (shortest is not None and shortest == longest)


def check_tuning(recipe: Recipe, has_validation: bool) -> None:
    """Trials are scored after each epoch, on clips that are not those of the test part, and by one process."""
    arguments, method = recipe.training, recipe.tuning.tune
    if arguments.world_size > 1:
        raise RecipeError(
            f"`tune` runs in one process, and there are {arguments.world_size}, of which one alone may diverge. Give "
            "`accelerate launch --num_processes 1`."
        )
    if not has_validation:
        raise RecipeError("`tune` needs a validation part: give `validation` a share above 0.")
    if arguments.eval_strategy.value != "epoch":
        raise RecipeError(
            f"`tune` needs a score after each epoch, and `eval_strategy: {arguments.eval_strategy.value}` does not "
            "look. Give `eval_strategy: epoch`."
        )
    if name_metric(arguments) == "loss":
        _check_losses(recipe.space)
    if method == "hyperband":
        _check_hyperband(recipe)


def _check_losses(space: Mapping[str, object]) -> None:
    """Trials that are compared by their losses have one loss."""
    for key in ("label_smoothing_factor", "class_weights"):
        if key in space:
            raise RecipeError(
                f"`search_space` has `{key}`, which changes the loss itself, and trials are compared by it. Give "
                "`metric_for_best_model: uar`, or leave the key out."
            )


def _check_hyperband(recipe: Recipe) -> None:
    arguments = recipe.training
    if "num_train_epochs" in recipe.space:
        raise RecipeError(
            "`tune: hyperband` decides by itself how many epochs a trial is worth. Give the most as "
            "`num_train_epochs`, outside of `search_space`."
        )
    if arguments.max_steps > 0 or arguments.num_train_epochs % 1 or arguments.num_train_epochs < 2:
        raise RecipeError(
            "`tune: hyperband` ends poor trials between epochs: give a whole `num_train_epochs` of 2 or more, and no "
            "`max_steps`."
        )


def check_retraining(arguments: transformers.TrainingArguments, has_validation: bool) -> None:
    """What is to be trained again for the best number of epochs is scored after each epoch."""
    if not has_validation:
        raise RecipeError("`retrain` needs a validation part: give `validation` a share above 0.")
    for key in ("eval_strategy", "save_strategy"):
        strategy = getattr(arguments, key).value
        if strategy != "epoch":
            raise RecipeError(
                f"`retrain` needs the best number of whole epochs, and `{key}: {strategy}` does not look after each. "
                f"Give `{key}: epoch`, or leave `retrain` out."
            )
    if arguments.metric_for_best_model is None:
        raise RecipeError(
            "`retrain` needs the epoch of the best score, and `metric_for_best_model: null` names none. Give one, "
            "such as `uar`."
        )
    if arguments.max_steps > 0 or arguments.num_train_epochs % 1:
        raise RecipeError("`retrain` counts whole epochs: give a whole `num_train_epochs`, and no `max_steps`.")
