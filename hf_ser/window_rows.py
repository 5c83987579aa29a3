"""The windows of clips as rows of their own, cut where the model cuts them, to learn from or to be scored alone."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import torch
from datasets import Dataset

from hf_ser.models.windows import window_starts


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


def count_frames(dataset: Dataset, column: str = "input_features") -> list[int]:
    """Frames of each clip, or the samples of its `input_values`."""
    tables = dataset.select_columns(column).with_format("arrow").iter(batch_size=1_000)
    columns = (table[column].combine_chunks() for table in tables)
    lists = (getattr(column, "storage", column) for column in columns)  # an Array2D is stored as lists
    return [count for column in lists for count in pa.compute.list_value_length(column).to_pylist()]
