"""A run folder: opened for one recipe, resumed from its last whole checkpoint, closed with what travels.

A run over folds holds one such folder for each fold, and is resumed at the fold that was interrupted. A run that
trains twice holds what its first training has found, and the checkpoints of the second, in a folder `retrained`; one
that searches for hyper-parameters holds its trials in a folder `trials`.
"""

import dataclasses
import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import yaml
from datasets import DatasetDict
from transformers import PreTrainedModel, SequenceFeatureExtractor, TrainerState

from hf_ser.arguments import Recipe, change_recipe, read_recipe
from hf_ser.errors import RunError, writing
from hf_ser.splits import SplitArguments
from hf_ser.splits.lists import hash_clips, hash_split, write_split
from hf_ser.values import YamlDumper

logger = logging.getLogger(__name__)

RECIPE, RESULTS, SPLIT, PREDICTIONS = "recipe.yaml", "results.json", "split.json", "predictions.parquet"
RETRAINED, SEARCH = "retrained", "search.json"
TRIALS, TUNING, TRIALS_TABLE = "trials", "tuning.json", "trials.csv"
CHANGED = "Restore the corpus as it was when the run began, or give another `--output_dir` for a new run."
FREE_SPACE = "Free some space and run the same command again: it goes on from the last checkpoint."
# Without any one of these, Trainer would resume from a damaged checkpoint or diverge without a word.
CHECKPOINT_FILES = ("*.safetensors", "optimizer*", "scheduler.pt", "rng_state*.pth", "trainer_state.json")


def open_run(recipe: Recipe) -> Path:
    """Make the run folder, or reopen it: for the same recipe, once it holds a checkpoint or a fold.

    Raises:
        RunError: if the folder holds a finished run, or the beginning of a run of another recipe.
    """
    folder = check_folder(recipe)
    with writing(folder, FREE_SPACE):
        folder.mkdir(parents=True, exist_ok=True)
        logger.info("Run folder: `%s`", folder)
        _write_whole(folder / RECIPE, yaml.dump(recipe.options, Dumper=YamlDumper, sort_keys=False))
    return folder


def check_folder(recipe: Recipe) -> Path:
    """The run folder, in which a run of this recipe may begin or go on; nothing is made.

    Raises:
        RunError: if it may not, as `open_run`.
    """
    folder = Path(recipe.training.output_dir)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"`--output_dir {folder}` is a file. Give the name of a folder, which is made if need be.")
    if (folder / RESULTS).exists():
        raise RunError(f"`{folder}` holds a finished run. Give another `--output_dir`, or delete the folder.")
    if (_has_begun(folder) or list_folds(folder)) and (folder / RECIPE).exists():
        _check_same_recipe(folder / RECIPE, recipe.options)
    return folder


def plan_runs(recipe: Recipe, n_folds: int) -> list[Recipe]:
    """The recipe of each training: its own, or one for each fold, in a folder `fold-03` of its own."""
    if n_folds == 1:
        return [recipe]
    folder = Path(recipe.training.output_dir)
    return [change_recipe(recipe, fold=fold, output_dir=str(folder / f"fold-{fold:02d}")) for fold in range(n_folds)]


def list_folds(folder: Path) -> list[Path]:
    """Folders of the folds of a run, in their order; none for a run without folds."""
    folds = [path for path in folder.glob("fold-*") if re.fullmatch(r"fold-\d+", path.name) and path.is_dir()]
    return sorted(folds, key=lambda path: (len(path.name), path.name))


def is_finished(recipe: Recipe) -> bool:
    """Whether the run of a recipe has ended; results.json is written last.

    Raises:
        RunError: if another recipe's run has ended there.
    """
    folder = Path(recipe.training.output_dir)
    if not (folder / RESULTS).exists():
        return False
    _check_same_recipe(folder / RECIPE, recipe.options)
    logger.info("`%s` is finished.", folder)
    return True


def keep_split(folder: Path, split: DatasetDict, arguments: SplitArguments) -> None:
    """Write the split beside the recipe, before anything is learnt from it.

    Raises:
        RunError: if the run goes on, or other folds of it are there, and the corpus has changed since.
    """
    before = [folder] if _has_begun(folder) else []
    before += [fold for fold in list_folds(folder.parent) if fold != folder] if _is_fold(folder) else []
    for path in [other / SPLIT for other in before if (other / SPLIT).exists()][:1]:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["clips_hash"] != hash_clips(split):
            raise RunError(f"The corpus has other clips, labels, speakers or sounds than at `{path}`. {CHANGED}")
        if path.parent == folder and content["hash"] != hash_split(split):
            raise RunError(f"`{path}` is not the split of this recipe any more. {CHANGED}")
    with writing(folder / SPLIT, FREE_SPACE):
        write_split(split, arguments, folder / SPLIT)


def find_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint of an interrupted run; one that was cut off while it was written is passed over."""
    for checkpoint in reversed(_list_checkpoints(folder)):
        missing = [name for name in CHECKPOINT_FILES if not any(checkpoint.glob(name))]
        if not missing:
            logger.info("Going on from `%s`.", checkpoint)
            return str(checkpoint)
        logger.warning("`%s` lacks %s; it was cut off while it was written and is deleted.", checkpoint, missing)
        shutil.rmtree(checkpoint)
    return None


def keep_search(folder: Path, search: TrainerState) -> None:
    """Write what the first of two trainings has found, so that a run that goes on need not repeat its end."""
    with writing(folder, FREE_SPACE):
        (folder / RETRAINED).mkdir(exist_ok=True)
        _write_whole(folder / RETRAINED / SEARCH, json.dumps(dataclasses.asdict(search), indent=2))


def read_search(folder: Path) -> TrainerState | None:
    """What the first of two trainings has found; None if it has not ended."""
    path = folder / RETRAINED / SEARCH
    return TrainerState.load_from_json(path) if path.exists() else None


def keep_tuning(folder: Path, tuning: dict[str, Any]) -> None:
    """Write the trials that are finished, so that a search that goes on need not repeat them."""
    with writing(folder, FREE_SPACE):
        (folder / TRIALS).mkdir(exist_ok=True)
        _write_whole(folder / TRIALS / TUNING, json.dumps(tuning, indent=2, allow_nan=False))


def read_tuning(folder: Path) -> dict[str, Any] | None:
    """The trials that are finished; None if none is."""
    path = folder / TRIALS / TUNING
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def save_model(folder: Path, model: PreTrainedModel, feature_extractor: SequenceFeatureExtractor) -> None:
    """Save what travels: weights, configurations and the Python files that load them."""
    with writing(folder, FREE_SPACE):
        model.save_pretrained(folder)
        feature_extractor.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes them for the owner alone


def close_run(folder: Path, results: dict[str, Any]) -> None:
    """Write results.json, which marks a run as finished and so comes last; checkpoints and trials go."""
    with writing(folder, FREE_SPACE):
        _write_whole(folder / RESULTS, json.dumps(results, indent=2, allow_nan=False))
    for leftover in [*_list_checkpoints(folder), *folder.glob(RETRAINED), *folder.glob(TRIALS)]:
        shutil.rmtree(leftover)


def _list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints of Trainer, by their step."""
    steps = {path: path.name.removeprefix("checkpoint-") for path in folder.glob("checkpoint-*")}
    return sorted((path for path, step in steps.items() if step.isdecimal()), key=lambda path: int(steps[path]))


def _has_begun(folder: Path) -> bool:
    """Whether anything was learnt there."""
    return bool(_list_checkpoints(folder)) or any((folder / name).exists() for name in (RETRAINED, TRIALS))


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _is_fold(folder: Path) -> bool:
    return folder.name.startswith("fold-")


def _check_same_recipe(path: Path, options: dict) -> None:
    before = read_recipe(path)
    keys = (before.keys() | options.keys()) - {"output_dir"}  # which may be written in several ways
    changed = sorted(key for key in keys if _resolve(key, before.get(key)) != _resolve(key, options.get(key)))
    if changed:
        raise RunError(
            f"`{path.parent}` holds a run that was begun with another {', '.join(f'`{key}`' for key in changed)}. "
            "Give the same values to go on with it, or another `--output_dir` for a new run."
        )


def _resolve(key: str, value: Any) -> Any:
    """A value of the recipe; of the corpus' folders, which may be written in several ways too, where they lie."""
    if key != "data_dir":
        return value
    folders = value if isinstance(value, list) else [value]
    return [folder if folder is None else os.path.realpath(os.path.expanduser(folder)) for folder in folders]
