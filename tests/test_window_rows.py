"""Windows as rows: cut as the model cuts them, thinned by the seed, augmented each in its own way."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset
from torch.utils.data import DataLoader

from hf_ser.arguments import AugmentationArguments
from hf_ser.collators import AugmentingCollator, FeatureCollator
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.training import select_inputs
from hf_ser.window_rows import WindowRows, name_clips, part_windows
from tests.conftest import LABELS, make_tiny_model

FRAMES = (50, 20, 41)
# Windows of 20 frames every 15; the last one ends where the clip ends.
STARTS = ((0, 15, 30), (0,), (0, 15, 21))


def make_clips(lengths, labels):
    generator = np.random.default_rng(0)
    columns = {
        "input_features": [generator.normal(-40, 9, (length, 16)).astype(np.float16) for length in lengths],
        "label": labels,
        "utterance": [f"clip-{index}" for index in range(len(lengths))],
        "speaker": ["a"] * len(lengths),
    }
    names = [LABELS["id2label"][index] for index in range(3)]
    return select_inputs(Dataset.from_dict(columns).cast_column("label", ClassLabel(names=names)))


@pytest.fixture
def clips():
    return make_clips(FRAMES, [2, 0, 1])


@pytest.fixture
def collator():
    return FeatureCollator(SpectrogramFeatureExtractor(n_mels=16))


def test_each_window_is_a_row_with_its_clips_label(clips):
    rows = WindowRows(clips, 20, 15)
    assert len(rows) == 7
    expected = [(clip, start) for clip, starts in enumerate(STARTS) for start in starts]
    for row, (clip, start) in zip([rows[index] for index in range(7)], expected, strict=True):
        whole = clips[clip]
        np.testing.assert_array_equal(row["input_features"], whole["input_features"][start : start + 20])
        assert (row["utterance"], row["label"], row["window"]) == (whole["utterance"], whole["label"], start)
    assert rows.labels == [2, 2, 2, 0, 1, 1, 1]
    assert len(list(rows)) == 7  # ends where the rows end


def test_the_images_of_the_rows_are_those_that_forward_cuts_of_whole_clips(clips, collator):
    options = {"window_frames": 20, "image_size": [24, 32], "colormap": "jet"}
    options["backbone_kwargs"] = {"in_chans": 3, "widths": (4, 8)}
    for hop in (None, 7):
        model, images = make_tiny_model(window_hop=hop, **options), []
        classify = model._classify
        model._classify = lambda batch, classify=classify, seen=images: seen.append(batch) or classify(batch)
        for batch in (list(clips), list(WindowRows(clips, 20, hop))):
            inputs = collator(batch)
            model(inputs["input_features"], inputs["attention_mask"])
        of_clips, of_rows = images
        assert of_rows.shape[1:] == (3, 24, 32)
        assert torch.equal(of_clips, of_rows)


def test_the_logits_of_a_clip_are_the_mean_probability_of_its_rows(clips, collator):
    model = make_tiny_model(window_frames=20, window_hop=15)
    inputs = collator(list(clips))
    wholes = model(inputs["input_features"], inputs["attention_mask"]).logits.softmax(dim=-1)
    windows = model(collator(list(WindowRows(clips, 20, 15)))["input_features"]).logits.softmax(dim=-1)
    for clip, part in zip(wholes, windows.split([3, 1, 3]), strict=True):
        torch.testing.assert_close(clip, part.mean(dim=0))


def test_a_row_reads_its_own_clip_alone(clips):
    class Watched:
        read = []

        def __getitem__(self, index):
            self.read.append(index)
            return clips[index]

    rows = WindowRows(clips, 20, 15)
    rows.clips = Watched()
    assert [rows[index]["window"] for index in (6, 3)] == [21, 0]
    assert rows.clips.read == [2, 1]


def test_a_clip_shorter_than_a_window_is_refused(clips):
    with pytest.raises(ValueError, match="A clip of 20 frames is shorter than `window_frames` 21. Give the feature"):
        WindowRows(clips, 21, None)


def thinned(clips, most, seed):
    rows = WindowRows(clips, 20, 10)
    rows.thin_out(most, seed)
    return rows


def test_windows_are_thinned_at_random_by_the_seed_and_rare_emotions_keep_all():
    clips = make_clips([100] * 6 + [20, 30], [0] * 4 + [1] * 2 + [2] * 2)  # 36, 18 and 3 windows
    rows = thinned(clips, 18, seed=3)
    assert Counter(rows.labels) == {0: 18, 1: 18, 2: 3}
    assert [rows[index]["label"] for index in range(len(rows))] == rows.labels
    assert rows.places == sorted(set(rows.places))
    assert set(rows.places) < set(WindowRows(clips, 20, 10).places)
    assert thinned(clips, 18, seed=3).places == rows.places
    assert thinned(clips, 18, seed=4).places != rows.places
    chosen = Counter(place for seed in range(200) for place in thinned(clips, 18, seed).places if place[0] < 4)
    assert len(chosen) == 36
    assert all(70 <= count <= 130 for count in chosen.values())  # 100 on average, deviation 7.1


def test_windows_of_a_clip_are_augmented_each_in_its_own_way_and_alike_in_workers(clips):
    options = AugmentationArguments(time_masks=1, time_mask_frames=15, frequency_masks=1, frequency_mask_rows=8)
    rows = WindowRows(make_clips([20 * 8], [0]), 20, 20)
    equal = np.tile(np.arange(16, dtype=np.float32), (160, 1))  # before they are augmented
    rows.clips = [{**rows.clips[0], "input_features": equal}]
    collator = AugmentingCollator(SpectrogramFeatureExtractor(n_mels=16), options, 3, seed=0)
    batch = collator(list(rows))["input_features"]
    assert len({window.numpy().tobytes() for window in batch}) == 8
    loader = DataLoader(rows, batch_size=8, collate_fn=collator, num_workers=1)
    assert torch.equal(next(iter(loader))["input_features"], batch)


@pytest.fixture
def split_windows_recipe():
    options = {"window_frames": 20, "window_hop": 15}
    return SimpleNamespace(fine_tuning=SimpleNamespace(split_windows=True), model=options)


def test_a_recipe_that_splits_windows_makes_a_clip_of_each(clips, split_windows_recipe):
    dataset = clips.with_format(None)
    rows = part_windows(dataset, split_windows_recipe)
    expected = [(clip, start) for clip, starts in enumerate(STARTS) for start in starts]
    assert rows["utterance"][:] == [f"clip-{clip}#{start}" for clip, start in expected]
    assert name_clips(rows["utterance"][:]) == rows["same_audio"][:] == [f"clip-{clip}" for clip, _ in expected]
    assert rows["label"][:] == [[2, 0, 1][clip] for clip, _ in expected]
    for row, (clip, start) in zip(rows, expected, strict=True):
        np.testing.assert_array_equal(row["input_features"], dataset[clip]["input_features"][start : start + 20])


def test_other_recipes_split_clips(clips, split_windows_recipe):
    split_windows_recipe.fine_tuning.split_windows = False
    assert part_windows(clips, split_windows_recipe) is clips
