"""Predictions -> results.json with its protocol, plots and a table of predictions."""

import math
import platform
import resource
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets
from rich.table import Table
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from transformers import PreTrainedModel, SequenceFeatureExtractor, TrainerState

from hf_ser.arguments import Recipe
from hf_ser.corpora import describe_corpora
from hf_ser.errors import RunError, writing
from hf_ser.metrics import METRICS, bootstrap_intervals, compute_metrics
from hf_ser.metrics.confusion import accuracy, uar
from hf_ser.metrics.intervals import SCORES, count_by_group
from hf_ser.plots import plot_confusion_matrix, plot_learning_curve
from hf_ser.runs import FREE_SPACE, PREDICTIONS, TRIALS_TABLE
from hf_ser.splits.protocol import describe_split
from hf_ser.training import EmotionTrainer, select_inputs
from hf_ser.tuning import describe_tuning
from hf_ser.window_rows import WindowRows, name_clips
from hf_ser.wording import (
    describe_search,
    describe_size,
    fold_spread,
    interval_range,
    percent,
    results_title,
    speaker_claim,
)

PROBE_SEED, PROBE_SECONDS = 0, 3.0
PACKAGES = ("hf_ser", "torch", "torchaudio", "transformers", "datasets", "accelerate", "timm", "librosa", "numpy")


def evaluate_run(
    trainer: EmotionTrainer, recipe: Recipe, split: DatasetDict, skipped: list[dict[str, str]]
) -> dict[str, Any]:
    """Score the trained model on the test part; write its predictions and plots into the run folder.

    Args:
        trainer: after training, with the chosen weights.
        recipe: as run.
        split: with the test part, which is looked at here for the first time.
        skipped: files that were left out, with the reason.

    Returns:
        the content of results.json, which `runs.close_run` writes last.
    """
    folder, test = Path(recipe.training.output_dir), split["test"]
    logits = trainer.predict(select_inputs(test)).predictions
    if not np.isfinite(logits).all():
        raise RunError("The network's scores are no numbers: the training diverged. Give a smaller `learning_rate`.")
    predictions = tabulate_predictions(torch.from_numpy(logits).softmax(dim=-1).numpy(), test)
    if recipe.fine_tuning.split_windows:
        windows = predictions.assign(utterance=name_clips(predictions["utterance"]), windows=1)
        predictions = average_by_clip(windows, test.features["label"].names)
    results = {
        **score(predictions, test.features["label"].names),
        **score_windows(trainer, test),
        "protocol": _describe_protocol(trainer, recipe, split, len(predictions)),
        "corpus": _describe_corpus(recipe, split),
        "history": merge_history((trainer.search or trainer.state).log_history),
        "probe": probe(trainer.model, trainer.processing_class),
        "skipped_audio": skipped,
        "recipe": _describe_recipe(recipe, trainer.model),
        "versions": {package: version(package) for package in PACKAGES},
        "runtime": _describe_runtime(trainer),
    }
    if trainer.search:
        results["retraining"] = {
            "epochs": int(trainer.args.num_train_epochs),
            "n_train": len(split["train"]) + len(split["validation"]),
            "history": merge_history(trainer.state.log_history),
        }
    if tuning := describe_tuning(recipe):
        results["tuning"] = _portable(tuning)
    if trainer.is_world_process_zero():
        with writing(folder, FREE_SPACE):
            if tuning:
                tabulate_trials(results["tuning"]).to_csv(folder / TRIALS_TABLE, index=False)
            predictions.to_parquet(folder / PREDICTIONS, index=False)
            plot_confusion_matrix(results, folder / "confusion_matrix.png")
            plot_learning_curve(results, folder / "learning_curve.png")
    return results


def score(table: pd.DataFrame, labels: list[str]) -> dict[str, Any]:
    """Every score of a table of predictions.

    Args:
        table: as `tabulate_predictions` makes it; over repeated folds a clip has a row for each repeat.
        labels: the emotions, in the model's order.
    """
    ids = list(range(len(labels)))
    references, predictions = (pd.Index(labels).get_indexer(table[name]) for name in ("label", "prediction"))
    repeats = len(table) // table["utterance"].nunique()
    columns = list(precision_recall_fscore_support(references, predictions, labels=ids, zero_division=0))
    columns[-1] = np.bincount(references, minlength=len(ids))  # scikit-learn's is no integer where no answer is right
    names = ("precision", "recall", "f1", "support")
    return {
        "metrics": compute_metrics(predictions, references, labels),
        "intervals": bootstrap_intervals(predictions, references, table["speaker"], len(labels), repeats=repeats),
        "per_class": {
            label: {name: column[index].item() for name, column in zip(names, columns, strict=True)}
            for index, label in enumerate(labels)
        },
        "per_speaker": _score_groups(predictions, references, table["speaker"], labels),
        "per_sex": _score_groups(predictions, references, table["sex"], labels),
        "labels": labels,
        "confusion_matrix": confusion_matrix(references, predictions, labels=ids).tolist(),
    }


def score_windows(trainer: EmotionTrainer, test: Dataset) -> dict[str, Any]:
    """Scores of the windows of a test part, each against its clip's label; nothing for a model without windows.

    The scores of `score` are of whole clips, each by the mean over its windows.
    """
    config = trainer.model.config
    if getattr(config, "window_frames", None) is None:
        return {}
    output = trainer.predict(WindowRows(select_inputs(test), config.window_frames, config.window_hop))
    ids = range(len(test.features["label"].names))
    return describe_windows(confusion_matrix(output.label_ids, output.predictions.argmax(axis=-1), labels=ids))


def describe_windows(matrix: np.ndarray) -> dict[str, Any]:
    """What results.json says of single windows, from their confusions (true, predicted)."""
    return {
        "window_metrics": {name: SCORES[name](matrix).item() for name in METRICS},
        "n_windows": matrix.sum().item(),
        "window_confusion_matrix": matrix.tolist(),
    }


def tabulate_predictions(probabilities: np.ndarray, dataset: Dataset) -> pd.DataFrame:
    """One row a clip: who said it, what it is, what was predicted, and the probability of each emotion."""
    labels = dataset.features["label"].names
    table = pd.DataFrame({name: dataset[name][:] for name in ("utterance", "speaker", "sex", "sentence")})
    table["label"] = [labels[index] for index in dataset["label"]]
    table["prediction"] = [labels[index] for index in probabilities.argmax(axis=-1)]
    return pd.concat([table, pd.DataFrame(probabilities, columns=labels)], axis=1)


def average_by_clip(table: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """One row a clip: the mean probability over its windows, of which a row of the table stands for so many."""
    described = dict.fromkeys(("speaker", "sex", "sentence", "label", "prediction"), "first")
    summed = dict.fromkeys((*labels, "windows"), "sum")
    weighted = table.assign(**table[labels].mul(table["windows"], axis=0))
    clips = weighted.groupby("utterance", sort=False).agg(described | summed).reset_index()
    means = clips[labels].div(clips["windows"], axis=0)
    return clips.assign(**means, prediction=means.idxmax(axis=1))


def tabulate_trials(tuning: dict[str, Any]) -> pd.DataFrame:
    """One row a trial of a search: its values, a column each, and what came of it."""
    return pd.DataFrame([{**trial, **trial["values"]} for trial in tuning["trials"]]).drop(columns="values")


def merge_history(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Trainer's log as one entry for each epoch; a number that is none, as fp16's first gradients are, is null."""
    epochs: dict[float, dict[str, Any]] = {}
    for entry in log:
        if entry.keys() & {"loss", "eval_loss", "epoch_seconds"}:
            numbers = {key: value if math.isfinite(value) else None for key, value in entry.items()}
            epochs.setdefault(entry["epoch"], {}).update(numbers)
    return [epochs[epoch] for epoch in sorted(epochs)]


def probe(model: PreTrainedModel, feature_extractor: SequenceFeatureExtractor) -> dict[str, Any]:
    """A seeded signal and the model's logits for it, by which a copy of the model can be verified."""
    rate = feature_extractor.sampling_rate
    seconds = PROBE_SECONDS + getattr(feature_extractor, "offset", 0.0)
    signal = np.random.default_rng(PROBE_SEED).normal(0, 0.1, round(seconds * rate)).astype(np.float32)
    inputs = feature_extractor(signal, sampling_rate=rate, return_tensors="pt").to(model.device)
    with torch.no_grad():
        logits = model.eval()(**inputs).logits[0].float().cpu()
    return {"seed": PROBE_SEED, "seconds": seconds, "sampling_rate": rate, "logits": logits.tolist()}


def summarize(results: dict[str, Any]) -> Table:
    """Score, interval and protocol as a table for a terminal."""
    protocol = results["protocol"]
    title = f"{results_title(results)}: {protocol['split']}, {describe_size(protocol)}"
    table = Table(title=f"{title}\n{speaker_claim(protocol)}")
    search = describe_search(results)
    table.caption = results["intervals"]["uar"]["method"] + (f"\n{search}" if search else "")
    over_folds = ["folds: mean ± deviation (range)"] if "folds" in results else []
    for column in ("metric", "score", "95 % interval", *over_folds):
        table.add_column(column)
    for name in METRICS:
        row = [percent(results["metrics"][name]), interval_range(results["intervals"][name])]
        table.add_row(name, *row, *([fold_spread(results, name)] if over_folds else []))
    for name, value in results.get("window_metrics", {}).items():
        table.add_row(f"{name} per window", percent(value))
    return table


def _score_groups(predictions: np.ndarray, references: np.ndarray, groups: pd.Series, labels: list[str]) -> dict:
    names, matrices = count_by_group(predictions, references, groups, len(labels))
    columns = (uar(matrices).tolist(), accuracy(matrices).tolist(), matrices.sum((1, 2)).tolist())
    return {
        name: {"uar": recall, "accuracy": share, "support": support}
        for name, recall, share, support in zip(names, *columns, strict=True)
    }


def _describe_protocol(trainer: EmotionTrainer, recipe: Recipe, split: DatasetDict, n_test: int) -> dict[str, Any]:
    """The protocol block; of single windows, all parts but the clips that are scored are counted in windows."""
    protocol = describe_split(split, recipe.split, _describe_selection(trainer))
    if recipe.fine_tuning.split_windows:
        protocol |= {"split": f"{protocol['split']}, single windows", "n_test": n_test}
    return protocol


def _describe_selection(trainer: EmotionTrainer) -> str:
    """On what the checkpoint, or the number of epochs, was chosen; never the test part."""
    if trainer.search:
        metric = trainer.args.metric_for_best_model
        return f"epochs by validation {metric}, then retrained on training and validation parts"
    if not trainer.args.load_best_model_at_end:
        return "nothing: the weights after the last epoch"
    return f"validation {trainer.args.metric_for_best_model}"


def _describe_corpus(recipe: Recipe, split: DatasetDict) -> dict[str, Any]:
    """The corpora as they were used: what is left of them after bad files are dropped."""
    used, corpus = concatenate_datasets(list(split.values())), recipe.corpus
    if recipe.fine_tuning.split_windows:
        used = used.select(np.unique(name_clips(used["utterance"]), return_index=True)[1])
    return describe_corpora(corpus.corpus, corpus.data_dir, corpus.pool, used)


def _describe_recipe(recipe: Recipe, model: PreTrainedModel) -> dict[str, Any]:
    """The options as given, paths without the folders of this machine, and the Hub id of timm's own weights."""
    options = {key: _portable(value) for key, value in recipe.options.items()}
    if recipe.fine_tuning.backbone_weights == "timm":
        options["backbone_weights"] = model.backbone.pretrained_cfg.get("hf_hub_id") or "timm"
    return options


def _describe_runtime(trainer: EmotionTrainer) -> dict[str, Any]:
    epochs = _list_epoch_seconds(trainer.state)
    seconds = statistics.median(epochs) if epochs else 0.0
    before = _list_epoch_seconds(trainer.search) if trainer.search else []
    on_gpu = torch.cuda.is_available()
    peak = torch.cuda.max_memory_allocated() if on_gpu else _peak_resident_bytes()
    processes, rows = trainer.args.world_size, trainer.train_dataset
    clips = len(rows.clips if isinstance(rows, WindowRows) else rows)
    if trainer.fine_tuning.split_windows:
        clips = len(set(name_clips(rows.clips["utterance"])))
    hardware = (
        torch.cuda.get_device_name() if on_gpu else f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    )
    return {
        "train_seconds": sum(before) + sum(epochs),
        "seconds_per_epoch": seconds,
        "clips_per_second": clips / seconds if seconds else 0.0,
        "peak_memory_mb": peak / 1e6,
        "hardware": f"{processes} x {hardware}" if processes > 1 else hardware,
    }


def _list_epoch_seconds(state: TrainerState) -> list[float]:
    return [entry["epoch_seconds"] for entry in state.log_history if "epoch_seconds" in entry]


def _peak_resident_bytes() -> int:
    """The most memory that this process has held; Linux counts it in kilobytes, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _portable(value: Any) -> Any:
    """A path without the folders of this machine."""
    if isinstance(value, list):
        return [_portable(item) for item in value]
    if isinstance(value, dict):
        return {key: _portable(item) for key, item in value.items()}
    return Path(value).name if isinstance(value, str) and "/" in value and Path(value).exists() else value
