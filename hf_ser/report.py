"""The end of a training: its card, its results, and what it says of itself."""

from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset
from rich.console import Group
from transformers import pipeline

from hf_ser.audio import read_audio
from hf_ser.evaluation import summarize
from hf_ser.inference import read_json
from hf_ser.model_card import render_model_card
from hf_ser.runs import PREDICTIONS, RESULTS, close_run, list_folds


def finish_run(folder: Path, results: dict[str, Any]) -> None:
    """Write the card and, last, results.json, by which a run counts as finished."""
    render_model_card(results, folder)
    close_run(folder, results)


def report_run(folder: Path, dataset: Dataset) -> Group:
    """Score of a finished run, one prediction through the stock pipeline, and where everything lies.

    Args:
        folder: of the run; of a run over folds the model of the first is heard.
        dataset: which holds the run's test clips.
    """
    parts = list_folds(folder) or [folder]
    clip = pd.read_parquet(parts[0] / PREDICTIONS).iloc[0]
    sound = dataset[dataset["utterance"][:].index(clip["utterance"])]["audio"]
    classifier = pipeline("audio-classification", model=str(parts[0]), top_k=None)
    scores = classifier(read_audio(sound, classifier.feature_extractor.sampling_rate))
    heard = ", ".join(f"{score['label']} {score['score']:.2f}" for score in scores)
    weights = f"{len(parts)} folds with their weights" if len(parts) > 1 else "weights"
    return Group(
        summarize(read_json(folder / RESULTS, "metrics")),
        f"{clip['utterance']} is {clip['label']}; the model hears: {heard}",
        f"The run is in {folder}: {weights}, results.json, plots, predictions, README.md.",
    )
