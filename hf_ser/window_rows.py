"""The windows of clips as rows of their own, cut where the model cuts them, to learn from or to be scored alone.

`WindowRows` are cut after a split, whose parts hold whole clips. `part_windows` makes clips of them before it, as
Badshah et al. do: windows of one clip then are on both sides, and the score says so.
"""

from collections.abc import Sequence
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute
import torch
from datasets import Dataset

from hf_ser.arguments import Recipe
from hf_ser.models.windows import window_starts

FROM_FRAME = "#"


class WindowRows(torch.utils.data.Dataset):
    """A row for each window of each clip, with the clip's label; a row reads its own clip and no other.

    Args:
        clips: with `input_features` (frames, rows), `label` and `utterance`.
        frames, hop: `window_frames` and `window_hop` of the model.
    """

    def __init__(self, clips: Dataset, frames: int, hop: int | None):
        self.clips = clips
        self.frames = frames
        starts = [window_starts(length, frames, hop) for length in count_frames(clips)]
        self.places = [(clip, start) for clip, firsts in enumerate(starts) for start in firsts]
        self.labels = np.repeat(clips["label"][:], [len(firsts) for firsts in starts]).tolist()

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """The clip's row with the features of the window alone; `window` is its first frame."""
        clip, start = self.places[index]
        row = self.clips[clip]
        return {**row, "input_features": row["input_features"][start : start + self.frames], "window": start}

    def thin_out(self, most: int, seed: int) -> None:
        """Keep at most so many windows of each emotion, drawn by the seed."""
        labels, generator = np.array(self.labels), np.random.default_rng(seed)
        drawn = [generator.permutation(np.flatnonzero(labels == label))[:most] for label in np.unique(labels)]
        kept = np.sort(np.concatenate(drawn))
        self.places = [self.places[index] for index in kept]
        self.labels = labels[kept].tolist()


def part_windows(dataset: Dataset, recipe: Recipe) -> Dataset:
    """What a recipe splits: clips, or with `split_windows` their windows.

    Every window then is a clip of its own: `03a01Fa#44` is the window of `03a01Fa` from frame 44. All windows of a
    clip are marked as one recording, so that what a split shares is found.
    """
    if not recipe.fine_tuning.split_windows:
        return dataset
    frames, hop = recipe.model["window_frames"], recipe.model.get("window_hop")
    clips, starts = map(list, zip(*WindowRows(dataset, frames, hop).places, strict=True))
    utterances = dataset.select_columns("utterance").select(clips)["utterance"][:]
    names = [f"{name}{FROM_FRAME}{start}" for name, start in zip(utterances, starts, strict=True)]

    def cut(row: dict[str, Any], index: int) -> dict[str, Any]:
        return {"input_features": row["input_features"][starts[index] : starts[index] + frames]}

    features = dataset.select_columns("input_features").select(clips).with_format("numpy")
    windows = features.map(cut, with_indices=True, desc="windows")
    columns = {"utterance": names, "same_audio": utterances}
    rows = dataset.remove_columns(["input_features", *(name for name in columns if name in dataset.column_names)])
    return datasets.concatenate_datasets(
        [rows.select(clips), Dataset.from_dict(columns), windows.with_format(None)], axis=1
    )


def name_clips(windows: Sequence[str]) -> list[str]:
    """The clip of each row of `part_windows`."""
    return [window.rpartition(FROM_FRAME)[0] for window in windows]


def count_frames(dataset: Dataset, column: str = "input_features") -> list[int]:
    """Frames of each clip, or the samples of its `input_values`."""
    tables = dataset.select_columns(column).with_format("arrow").iter(batch_size=1_000)
    columns = (table[column].combine_chunks() for table in tables)
    lists = (getattr(column, "storage", column) for column in columns)  # an Array2D is stored as lists
    return [count for column in lists for count in pa.compute.list_value_length(column).to_pylist()]
