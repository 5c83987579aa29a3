"""A paper's folder, invented and small, and finished runs of its rows."""

import json
import textwrap
from pathlib import Path

import yaml

from tests.results import make_results

TABLE = """
title: Somebody et al. (2020), Table 1
metric: accuracy
protocol: random split, 428 / 107
beside: {split: leave-one-speaker-out, validation: 0.1, speaker_independent: true}
rows:
  A: {recipe: a.yaml, published: 0.8773, note: complete}
  B: {recipe: b.yaml, published: 0.80, note: without augmentation}
  C: {recipe: b.yaml, published: null, metric: uar, protocol: ten folds, beside: null}
"""
RECIPE = {
    "corpus": "demo",
    "split": "stratified",
    "test": 0.25,
    "backbone": "ser_small_cnn",
    "backbone_kwargs": {"in_chans": 1, "widths": [4, 8]},
    "value_range": [-80.0, 0.0],
    "n_fft": 256,
    "hop_length": 256,
    "n_mels": 16,
    "min_duration": 1.0,
    "max_duration": 1.0,
    "learning_rate": 0.005,
    "num_train_epochs": 1,
    "per_device_train_batch_size": 32,
    "output_dir": "runs/somebody2020",
    "seed": 0,
}


def make_paper(recipes: Path, table: str = TABLE, name: str = "somebody2020") -> Path:
    """A folder of recipes with a table of three rows, two of them of one recipe."""
    folder = recipes / name
    folder.mkdir(parents=True)
    (folder / "table.yaml").write_text(textwrap.dedent(table))
    (folder / "a.yaml").write_text(yaml.safe_dump(RECIPE | {"flip": True}, sort_keys=False))
    (folder / "b.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    return folder


def finish_run(folder: Path, recipe: dict, accuracy: float, results: dict | None = None, **changes) -> dict:
    """A run folder with what reproduction.md is made of; the interval of accuracy is 5 % to both sides.

    Args:
        folder: of the run.
        recipe: as it was run; keyword arguments replace entries.
        accuracy: of the test part.
        results: of another protocol than the random split's.
    """
    results = (results or make_results()) | {"recipe": recipe | changes | {"output_dir": folder.name}}
    results["metrics"]["accuracy"] = accuracy
    results["intervals"]["accuracy"] |= {"low": accuracy - 0.05, "high": accuracy + 0.05}
    folder.mkdir(parents=True)
    for name in ("confusion_matrix.png", "learning_curve.png"):
        (folder / name).write_bytes(f"{folder.name} {name}".encode())
    (folder / "results.json").write_text(json.dumps(results))
    return results


def make_folded_results() -> dict:
    """Results over two folds of speakers, whose own accuracies are 0.5 and 0.7."""
    results = make_results(shared_speakers=[], split="leave-one-speaker-out", n_folds=2)
    scores = [make_results()["metrics"] | {"accuracy": 0.5}, make_results()["metrics"] | {"accuracy": 0.7}]
    spread = {name: {"mean": 0.6, "sd": 0.1414, "min": 0.5, "max": 0.7} for name in results["metrics"]}
    folds = [make_results() | {"fold": number, "metrics": score} for number, score in enumerate(scores)]
    folds[1]["history"] = folds[1]["history"][:10]  # five epochs
    return results | {"fold_metrics": spread, "folds": folds, "probe": None}
