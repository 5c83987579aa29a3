"""A run over folds: the results of its folds, pooled into one set of out-of-fold predictions and its scores."""

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hf_ser.arguments import Recipe
from hf_ser.errors import RunError, writing
from hf_ser.evaluation import average_by_clip, describe_windows, score
from hf_ser.plots import plot_confusion_matrix, plot_learning_curve
from hf_ser.runs import FREE_SPACE, PREDICTIONS, RESULTS, SPLIT
from hf_ser.splits.lists import hash_folds, read_split, write_folds

# Lists of the protocol that hold what is in any fold's.
UNITED = ("shared_speakers", "shared_sentences", "shared_audio", "train_corpora", "test_corpora")
# What the pooled results keep of each fold.
KEPT = ("metrics", "intervals", "confusion_matrix", "protocol", "history", "probe", "versions", "runtime")
# And what it keeps where there is any: of models that cut windows, that were trained again, or after a search.
KEPT_IF_ANY = ("window_metrics", "n_windows", "window_confusion_matrix", "retraining", "tuning")


def pool_folds(recipe: Recipe, runs: Sequence[Recipe]) -> dict[str, Any]:
    """Score all folds together; write their predictions, splits and plots into the folder above them.

    Every clip is scored by the model that has not seen it. Confusions are pooled before they are scored, and the
    folds' own scores stand beside, as mean and spread.

    Args:
        recipe: of the whole run.
        runs: the recipe of each fold, all finished.

    Returns:
        the content of results.json, which `runs.close_run` writes last.
    """
    folder, folders = Path(recipe.training.output_dir), [Path(run.training.output_dir) for run in runs]
    folds = [
        _read_fold(path, lambda path: json.loads((path / RESULTS).read_text(encoding="utf-8"))) for path in folders
    ]
    tables = [_read_fold(path, lambda path: pd.read_parquet(path / PREDICTIONS)) for path in folders]
    predictions = pd.concat([table.assign(fold=fold) for fold, table in enumerate(tables)], ignore_index=True)
    first = folds[0]
    if recipe.fine_tuning.split_windows:
        predictions = _join_windows(predictions, recipe, first["labels"])
    _check_predictions(predictions)
    results = {
        **score(predictions, first["labels"]),
        **_pool_windows(folds),
        "protocol": _pool_protocols([fold["protocol"] for fold in folds], predictions),
        "corpus": first["corpus"],
        "history": _average_histories([fold["history"] for fold in folds]),
        "probe": None,  # each fold has its own model
        "skipped_audio": first["skipped_audio"],
        "recipe": _pool_recipes([fold["recipe"] for fold in folds]) | {"output_dir": folder.name},
        "versions": first["versions"],
        "runtime": _pool_runtimes([fold["runtime"] for fold in folds]),
        "fold_metrics": _spread([fold["metrics"] for fold in folds]),
        "folds": [{"fold": number, **_keep(fold)} for number, fold in enumerate(folds)],
    }
    with writing(folder, FREE_SPACE):
        write_folds([read_split(path / SPLIT) for path in folders], recipe.split, folder / SPLIT)
        predictions.to_parquet(folder / PREDICTIONS, index=False)
        plot_confusion_matrix(results, folder / "confusion_matrix.png")
        plot_learning_curve(results, folder / "learning_curve.png")
    return results


def _pool_recipes(recipes: list[dict[str, Any]]) -> dict[str, Any]:
    """What all folds were trained with; not their number, and not what a search has found for each."""
    return {key: value for key, value in recipes[0].items() if all(recipe.get(key) == value for recipe in recipes)}


def _pool_windows(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Scores of single windows over all folds, their confusions pooled first; nothing where there are none."""
    matrices = [fold["window_confusion_matrix"] for fold in folds if "window_confusion_matrix" in fold]
    return describe_windows(np.sum(matrices, axis=0)) if matrices else {}


def _join_windows(predictions: pd.DataFrame, recipe: Recipe, labels: list[str]) -> pd.DataFrame:
    """One row a clip, or a clip and repeat: with `split_windows` each fold has tested some windows of it."""
    repeats = predictions["fold"] // recipe.split.folds
    return pd.concat([average_by_clip(table, labels) for _, table in predictions.groupby(repeats)], ignore_index=True)


def _keep(fold: dict[str, Any]) -> dict[str, Any]:
    """What the pooled results keep of a fold's own."""
    return {key: fold[key] for key in KEPT} | {key: fold[key] for key in KEPT_IF_ANY if key in fold}


def _spread(scores: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, lowest and highest value of each metric over the folds."""
    columns = {name: [fold[name] for fold in scores] for name in scores[0]}
    return {
        name: {
            "mean": statistics.fmean(values),
            "sd": statistics.stdev(values),
            "min": min(values),
            "max": max(values),
        }
        for name, values in columns.items()
    }


def _read_fold(folder: Path, read: Callable[[Path], Any]) -> Any:
    """What a finished fold has left, or a RunError that says how to mend it."""
    try:
        return read(folder)
    except (OSError, ValueError) as error:  # of JSON and of Arrow too
        raise RunError(
            f"`{folder}` is damaged ({' '.join(str(error).split())}). Delete it: the same command trains it again."
        ) from error


def _check_predictions(predictions: pd.DataFrame) -> None:
    """Raise RunError unless every clip is tested equally often."""
    times = predictions["utterance"].value_counts()
    if times.nunique() > 1:
        raise RunError(
            f"`{times.index[0]}` is tested {times.iloc[0]} times and `{times.index[-1]}` {times.iloc[-1]} times: the "
            "folds are not of one split. Delete the folders `fold-*` and run again."
        )


def _pool_protocols(protocols: list[dict[str, Any]], predictions: pd.DataFrame) -> dict[str, Any]:
    """One block for all folds: what any fold's test part shares with its own training is shared."""
    first = protocols[0]
    unknown = any(not protocol["test_speakers"] for protocol in protocols)
    return {
        "split": first["split"],
        "seed": first["seed"],
        "n_folds": len(protocols),
        "split_hash": hash_folds([protocol["split_hash"] for protocol in protocols]),
        "n_train": round(statistics.fmean(protocol["n_train"] for protocol in protocols)),
        "n_validation": round(statistics.fmean(protocol["n_validation"] for protocol in protocols)),
        "n_test": predictions["utterance"].nunique(),
        "repeats": len(predictions) // predictions["utterance"].nunique(),
        **{key: _unite(protocols, key) for key in UNITED},
        "test_speakers": [] if unknown else _unite(protocols, "test_speakers"),
        "selected_on": f"{first['selected_on']}, in each fold",
    }


def _unite(protocols: list[dict[str, Any]], key: str) -> list:
    """Entries of all folds, each once."""
    entries = {json.dumps(entry): entry for protocol in protocols for entry in protocol.get(key, [])}
    return [entries[text] for text in sorted(entries)]


def _average_histories(histories: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Mean of each number over the folds that have it, by epoch."""
    entries = pd.DataFrame([entry for history in histories for entry in history])
    if entries.empty:
        return []
    means = entries.groupby("epoch").mean(numeric_only=True).reset_index()
    return [{key: value for key, value in row.items() if pd.notna(value)} for row in means.to_dict("records")]


def _pool_runtimes(runtimes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "train_seconds": sum(runtime["train_seconds"] for runtime in runtimes),
        "seconds_per_epoch": statistics.median(runtime["seconds_per_epoch"] for runtime in runtimes),
        "clips_per_second": statistics.median(runtime["clips_per_second"] for runtime in runtimes),
        "peak_memory_mb": max(runtime["peak_memory_mb"] for runtime in runtimes),
        "hardware": runtimes[0]["hardware"],
    }
