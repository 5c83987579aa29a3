"""A recipe: one flat YAML file, then `--key value` from the command line, checked key by key.

The keys are the fields of the dataclasses below and of transformers.TrainingArguments, and the arguments of
SpectrogramFeatureExtractor and SpectrogramConfig, so that every default is said once, where it is used.
"""

import dataclasses
import functools
import inspect
import math
import sys
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
import yaml

from hf_ser.augmentation.arguments import AugmentationArguments
from hf_ser.errors import RecipeError, suggest
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.search_space import Choices, Range, TuningArguments, fill_elements, read_dimension, split_name
from hf_ser.splits.arguments import SplitArguments
from hf_ser.values import YamlLoader, check_range, check_type, read_value
from hf_ser.waveform_arguments import WaveformArguments


@dataclass
class CorpusArguments:
    """Which recordings."""

    corpus: str | list[str] = field(
        default="demo", metadata={"help": "`hf-ser corpora` lists them; several are pooled"}
    )
    data_dir: str | list[str | None] | None = field(
        default=None, metadata={"help": "folder or archive of the files, or your table; for several corpora one each"}
    )
    pool: str | None = field(default=None, metadata={"help": "`corrected` or `paper`: the report's four corpora"})
    map_emotions: dict[str, str] | None = field(default=None, metadata={"help": "emotion: another, or `drop`"})
    intensities: list[str] | None = field(default=None, metadata={"help": "values of `intensity` to keep"})
    pad_to_longest: bool = field(default=False, metadata={"help": "all clips get the length of the corpus' longest"})
    on_bad_audio: str = field(default="raise", metadata={"help": "`raise`, or `skip`: count and list in results.json"})
    num_proc: int | None = field(default=None, metadata={"help": "workers for the features; null chooses"})

    def as_options(self) -> dict[str, Any]:
        """Arguments of `load_corpus`."""
        return {
            "name": self.corpus,
            "data_dir": self.data_dir,
            "pool": self.pool,
            "map_emotions": self.map_emotions,
            "intensities": self.intensities,
        }


@dataclass
class FineTuningArguments:
    """How the network learns, beside transformers.TrainingArguments."""

    backbone_weights: str | None = field(default=None, metadata={"help": "null, `timm`, a Hub id or a file"})
    class_weights: str = field(default="none", metadata={"help": "`none`, or `balanced`: rare emotions weigh more"})
    backbone_learning_rate: float | None = field(
        default=None, metadata={"help": "of the backbone; `learning_rate` is then the head's"}
    )
    lr_decay_epochs: int | None = field(
        default=None, metadata={"help": "epochs after which a constant rate is multiplied by `lr_decay_factor`"}
    )
    lr_decay_factor: float = field(default=0.1, metadata={"help": "see `lr_decay_epochs`"})
    early_stopping_patience: int | None = field(default=None, metadata={"help": "evaluations without a better one"})
    train_on: str = field(
        default="clips", metadata={"help": "`clips`, or `windows`: each window of `window_frames` is a row of its own"}
    )
    max_windows_per_class: int | None = field(
        default=None, metadata={"help": "windows of each emotion to learn from, drawn by the seed; null takes all"}
    )
    split_windows: bool = field(
        default=False,
        metadata={"help": "as Badshah et al.: single windows are split, and those of a clip may be on both sides"},
    )
    retrain: bool = field(
        default=False,
        metadata={"help": "train again on training and validation parts, for the number of epochs found best"},
    )

    def __post_init__(self) -> None:
        if self.train_on not in TRAINED_ON:
            raise RecipeError(f"`train_on` is `{self.train_on}`. {suggest(self.train_on, TRAINED_ON)}")
        if self.max_windows_per_class is not None and self.train_on != "windows":
            raise RecipeError("`max_windows_per_class` counts windows to learn from. Give `train_on: windows` too.")
        if self.split_windows and self.train_on != "windows":
            raise RecipeError("`split_windows` splits single windows. Give `train_on: windows` too.")


@dataclass
class TrainingArguments(transformers.TrainingArguments):
    """transformers.TrainingArguments with the defaults of this library: evaluate, keep and reload the best epoch."""

    eval_strategy: str = "epoch"
    save_strategy: str = "epoch"
    logging_strategy: str = "epoch"
    save_total_limit: int | None = 1
    load_best_model_at_end: bool = True
    metric_for_best_model: str | None = "uar"
    remove_unused_columns: bool | None = False
    restore_callback_states_from_checkpoint: bool = True
    report_to: None | str | list[str] = "none"

    def __post_init__(self) -> None:
        """Without an accelerator, say so: several processes then find each other, and no memory is pinned for one."""
        if not torch.accelerator.is_available():
            self.use_cpu, self.dataloader_pin_memory = True, False
        super().__post_init__()


TRAINED_ON = ("clips", "windows")

ANY_NUMBER = (-math.inf, math.inf)
# Least and largest value of keys that would otherwise fail late, inside another library, or without a word.
RANGES = {
    "per_device_train_batch_size": (1, math.inf),
    "per_device_eval_batch_size": (1, math.inf),
    "gradient_accumulation_steps": (1, math.inf),
    "dataloader_num_workers": (0, math.inf),
    "num_train_epochs": (1e-3, math.inf),
    "learning_rate": (0, math.inf),
    "backbone_learning_rate": (0, math.inf),
    "lr_decay_epochs": (1, math.inf),
    "lr_decay_factor": (0, 1),
    "weight_decay": (0, math.inf),
    "warmup_steps": (0, math.inf),
    "max_grad_norm": (0, math.inf),
    "adam_beta1": (0, 0.9999999),
    "adam_beta2": (0, 0.9999999),
    "label_smoothing_factor": (0, 0.9999999),
    "early_stopping_patience": (1, math.inf),
    "max_windows_per_class": (1, math.inf),
    "lora_rank": (1, math.inf),
    "lora_alpha": (1e-3, math.inf),
    "lora_dropout": (0, 0.9999999),
    "num_proc": (1, math.inf),
    "trials": (1, math.inf),
    "seed": (0, 2**32 - 1),
    "split_seed": (0, 2**32 - 1),
}

# Keys of transformers.TrainingArguments that would break what a run promises.
REFUSED = {
    "resume_from_checkpoint": "An interrupted run goes on by itself when the same command is given again.",
    "save_only_model": "A run could then not go on after an interruption.",
    "remove_unused_columns": "The collators need the columns that it removes.",
    "restore_callback_states_from_checkpoint": "The patience of an interrupted run would begin again.",
    "push_to_hub": "It would upload checkpoints and a pickle. Upload the finished run folder.",
    "gradient_checkpointing": "Its name is now `activation_checkpointing`.",
}

# What features a network that reads waveforms has options for, and which augmentation needs images.
EXCERPT_KEYS = {"silence_threshold", "offset", "min_duration", "max_duration", "padding"}
IMAGE_KEYS = {
    *("backbone_weights", "crop_frames", "flip", "rotate_degrees", "zoom_range", "cutmix_alpha"),
    *("time_masks", "time_mask_frames", "frequency_masks", "frequency_mask_rows"),
}

SECTIONS = {
    "corpus": CorpusArguments,
    "split": SplitArguments,
    "features": SpectrogramFeatureExtractor,
    "model": SpectrogramConfig,
    "waveform": WaveformArguments,
    "augmentation": AugmentationArguments,
    "fine_tuning": FineTuningArguments,
    "training": TrainingArguments,
    "tuning": TuningArguments,
}

# Keys that a search may try values of: of these sections, and of training those by which a network learns otherwise.
SEARCHED_SECTIONS = ("model", "waveform", "augmentation", "fine_tuning")
SEARCHED_TRAINING = (
    *("learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "num_train_epochs"),
    *("optim", "optim_args", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "label_smoothing_factor"),
)
# These decide on features or split, which are made before; `retrain` on what becomes of the winner.
MADE_BEFORE = {"checkpoint", "features", "split_windows"}
NOT_SEARCHED = MADE_BEFORE | {"retrain"}
SPLIT_WINDOW_KEYS = {"window_frames", "window_hop"}  # of what `split_windows` splits


@dataclass
class Recipe:
    """A checked recipe."""

    corpus: CorpusArguments
    split: SplitArguments
    features: dict[str, Any]  # arguments of SpectrogramFeatureExtractor
    model: dict[str, Any]  # arguments of SpectrogramConfig
    waveform: WaveformArguments
    augmentation: AugmentationArguments
    fine_tuning: FineTuningArguments
    training: TrainingArguments
    tuning: TuningArguments
    space: dict[str, Choices | Range]  # what a search may try
    options: dict[str, Any]  # all that was given, flat, as results.json records it


def parse_recipe(arguments: str | list[str] | None = None) -> Recipe:
    """Read `RECIPE.yaml [--key value ...]`; the command line wins over the file.

    Args:
        arguments: a recipe's path, or what would stand on the command line; None takes the program's own.

    Raises:
        RecipeError: for a missing file, an unknown key (with the nearest valid one) or a wrong type.
    """
    arguments = sys.argv[1:] if arguments is None else [arguments] if isinstance(arguments, str) else arguments
    if not arguments or arguments[0].startswith("-"):
        raise RecipeError("Give a recipe first: `accelerate launch recipes/train.py RECIPE.yaml [--key value ...]`.")
    options = read_recipe(Path(arguments[0])) | _parse_overrides(arguments[1:])
    for key, value in options.items():
        _check_option(key, value)
    return _build(options)


def change_recipe(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with other values, as if they had been given."""
    return _build(recipe.options | changes)


class _UniqueKeyLoader(YamlLoader):
    """PyYAML takes the last of two equal keys without a word; this one refuses them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            raise yaml.YAMLError(f"the key {', '.join(repeated)} stands in it twice")
        return super().construct_mapping(node, deep)


def read_recipe(path: Path) -> dict[str, Any]:
    """The keys and values of a recipe file."""
    if not path.is_file():
        raise RecipeError(f"There is no recipe `{path}`. Recipes are YAML files, such as `recipes/quickstart.yaml`.")
    try:
        options = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: other bytes than UTF-8, a date such as 2024-13-01
        raise RecipeError(f"`{path}` is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
        raise RecipeError(f"`{path}` must hold `key: value` lines; it holds {type(options).__name__}.")
    return options


def read_pairs(arguments: list[str]) -> dict[str, str]:
    """`--key value` and `--key=value` pairs of a command line, keys without their dashes; of equal keys the last."""
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise RecipeError(f"Overrides are pairs, `--key value`; got {' '.join(arguments)!r}.")
    keys = [word.removeprefix("--").replace("-", "_") for word in words[::2]]
    return dict(zip(keys, words[1::2], strict=True))


def _parse_overrides(arguments: list[str]) -> dict[str, Any]:
    return {key: read_value(text, list_keys().get(key, str)) for key, text in read_pairs(arguments).items()}


def _check_option(key: str, value: Any) -> None:
    types_by_key = list_keys()
    if key in REFUSED:
        raise RecipeError(f"`{key}` cannot be given. {REFUSED[key]}")
    if key not in types_by_key:
        raise RecipeError(f"Unknown key `{key}` in the recipe. {suggest(key, types_by_key)}")
    check_type(key, value, types_by_key[key])
    check_range(key, value, *RANGES.get(key, ANY_NUMBER))


def _build(options: dict[str, Any]) -> Recipe:
    """Sort the options into their sections."""
    parts: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        mine = {key: value for key, value in options.items() if key in _options_of(section)}
        parts[name] = mine if name in ("features", "model") else _build_section(section, mine)
    space = _read_space(parts["tuning"].search_space or {}, options)
    _check_network(options | {split_name(name)[0]: True for name in space})
    if parts["fine_tuning"].train_on == "windows":
        _check_windows(parts["model"], parts["augmentation"])
    return Recipe(**parts, space=space, options=dict(options))


def _read_space(entries: dict[str, Any], options: dict[str, Any]) -> dict[str, Choices | Range]:
    """What a search may try, by key, such as `learning_rate`, or by element, such as `hidden_sizes.0`.

    Raises:
        RecipeError: for a key that is unknown or cannot be searched, or values that it does not take.
    """
    space, kinds = {}, list_keys()
    try:
        for name, entry in entries.items():
            key, _ = split_name(name)
            if key not in kinds:
                raise RecipeError(f"Unknown key `{key}`. {suggest(key, _list_searched())}")
            if key not in _list_searched() or (key in SPLIT_WINDOW_KEYS and options.get("split_windows")):
                raise RecipeError(_describe_refusal(key))
            space[name] = read_dimension(name, entry, kinds[key], RANGES.get(key, ANY_NUMBER))
        fill_elements({name: None for name in space}, options)
    except RecipeError as error:
        raise RecipeError(f"`search_space`: {error}") from error
    return space


def _list_searched() -> set[str]:
    """Keys that a search may try values of."""
    keys = {key for name in SEARCHED_SECTIONS for key in _options_of(SECTIONS[name])}
    return (keys | set(SEARCHED_TRAINING)) - NOT_SEARCHED


def _describe_refusal(key: str) -> str:
    """Why a key cannot be searched."""
    sections = [_options_of(SECTIONS[name]) for name in ("corpus", "split", "features")]
    if key in MADE_BEFORE.union(SPLIT_WINDOW_KEYS, *sections):
        return (
            f"`{key}` cannot be searched: corpus, split and features are made once, before any trial. "
            "Give each of its values a run of its own."
        )
    return (
        f"`{key}` cannot be searched. Keys of model, waveform, augmentation and fine-tuning can, and of training "
        f"{', '.join(f'`{name}`' for name in SEARCHED_TRAINING)}."
    )


def _check_network(options: dict[str, Any]) -> None:
    """Options are those of the network that is asked for: one that reads images, or one that reads waveforms."""
    if options.get("checkpoint") is None:
        unused, why = _options_of(WaveformArguments), "is for a `checkpoint` that reads waveforms, and none is given"
    else:
        unused = {**_options_of(SpectrogramFeatureExtractor), **_options_of(SpectrogramConfig)}.keys() - EXCERPT_KEYS
        unused |= IMAGE_KEYS
        why = f"is for image networks, and `{options['checkpoint']}` reads waveforms"
    for key in options:
        if key in unused and options[key]:
            raise RecipeError(f"`{key}` {why}. Leave one of them out.")


def _check_windows(model: dict[str, Any], augmentation: AugmentationArguments) -> None:
    """Raise RecipeError where windows cannot be learnt from one by one."""
    if model.get("window_frames") is None:
        raise RecipeError("`train_on: windows` needs `window_frames`, the length of a window. Give it a number.")
    if augmentation.features != "map":
        raise RecipeError(
            f"`train_on: windows` cuts features that were computed before training, and `features: "
            f"{augmentation.features}` has none. Give `features: map`."
        )
    if augmentation.crop_frames is not None:
        raise RecipeError(
            f"`crop_frames: {augmentation.crop_frames}` takes one piece of each clip, and `train_on: windows` all of "
            "its windows. Leave one of them out."
        )


def _build_section(section: type, options: dict[str, Any]) -> Any:
    """A section with its values checked by its own class, transformers.TrainingArguments among them."""
    try:
        return section(**options)
    except (ValueError, ImportError) as error:
        raise RecipeError(f"The recipe does not hold together: {error}") from error


@functools.cache
def list_keys() -> dict[str, Any]:
    """Every key of a recipe, with its type."""
    return {key: kind for section in SECTIONS.values() for key, kind in _options_of(section).items()}


def _options_of(section: type) -> dict[str, Any]:
    """Key and type of everything a section takes; what transformers adds to its own base classes is left out."""
    if issubclass(section, SpectrogramFeatureExtractor | SpectrogramConfig):
        hints = typing.get_type_hints(section.__init__)
        return {
            name: hints[name]
            for name, parameter in inspect.signature(section.__init__).parameters.items()
            if name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        }
    hints = typing.get_type_hints(section)
    return {entry.name: hints[entry.name] for entry in dataclasses.fields(section) if entry.init}
