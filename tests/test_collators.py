"""Batches: padded with a mask, augmented only in training, and the same whenever seed, epoch and clip are the same."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hf_ser.arguments import AugmentationArguments
from hf_ser.collators import AugmentingCollator, FeatureCollator
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor

MASKS = {"time_masks": 1, "time_mask_frames": 6, "frequency_masks": 1, "frequency_mask_rows": 3}


@pytest.fixture(scope="module")
def extractor():
    return SpectrogramFeatureExtractor(n_mels=8)


@pytest.fixture
def rows():
    """Four clips of 20, 14, 30 and 10 frames."""
    generator = np.random.default_rng(0)
    return [
        {"input_features": generator.normal(size=(frames, 8)), "label": index % 3, "utterance": f"clip-{index}"}
        for index, frames in enumerate((20, 14, 30, 10))
    ]


def augmenting(extractor, seed=0, epoch=0, **options):
    collator = AugmentingCollator(extractor, AugmentationArguments(**options), num_labels=3, seed=seed)
    collator.epoch = epoch
    return collator


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_a_batch_is_as_long_as_its_longest_clip_and_the_mask_tells_the_others_length(extractor, rows):
    batch = FeatureCollator(extractor)(rows)
    assert batch["input_features"].shape == (4, 30, 8)
    assert batch["attention_mask"].sum(dim=1).tolist() == [20, 14, 30, 10]
    for index, row in enumerate(rows):
        own = len(row["input_features"])
        np.testing.assert_array_equal(batch["input_features"][index, :own], row["input_features"].astype(np.float32))
        assert (batch["attention_mask"][index, :own] == 1).all()
        assert (batch["input_features"][index, own:] == 0).all()
    assert batch["labels"].tolist() == [0, 1, 2, 0]
    assert batch["labels"].dtype == torch.int64


def test_the_evaluation_collator_never_augments(extractor, rows):
    collator = FeatureCollator(extractor)
    first = collator(rows)
    assert same(collator(rows), first)
    assert same(augmenting(extractor)(rows), first)  # and nor does the other with everything off


def test_the_same_seed_epoch_and_clips_give_the_same_batch(extractor, rows):
    options = MASKS | {"crop_frames": 10, "mixup_alpha": 0.5}
    assert same(augmenting(extractor, 7, 2, **options)(rows), augmenting(extractor, 7, 2, **options)(rows))


@pytest.mark.parametrize(("seed", "epoch"), [(8, 2), (7, 3)])
def test_another_seed_or_epoch_gives_another_batch(extractor, rows, seed, epoch):
    options = MASKS | {"crop_frames": 10}
    first = augmenting(extractor, 7, 2, **options)(rows)
    other = augmenting(extractor, seed, epoch, **options)(rows)
    assert not torch.equal(first["input_features"], other["input_features"])


def test_a_clip_is_augmented_alike_whatever_its_neighbours_and_what_came_before(extractor, rows):
    collator = augmenting(extractor, **MASKS, crop_frames=10)
    together = collator(rows)["input_features"]
    backwards = [collator([row])["input_features"][0] for row in reversed(rows)]
    torch.testing.assert_close(torch.stack(backwards[::-1]), together, rtol=0, atol=0)


def test_a_crop_shortens_the_mask_too(extractor, rows):
    batch = augmenting(extractor, crop_frames=12)(rows)
    assert batch["attention_mask"].sum(dim=1).tolist() == [12, 12, 12, 10]


def test_labels_are_probabilities_where_clips_are_mixed(extractor, rows):
    batch = augmenting(extractor, crop_frames=10, mixup_alpha=0.5)(rows)
    assert batch["labels"].shape == (4, 3)
    torch.testing.assert_close(batch["labels"].sum(dim=1), torch.ones(4))
    assert ((batch["labels"] > 0) & (batch["labels"] < 1)).any()


def test_rows_are_not_changed(extractor, rows):
    for row in rows:
        row["input_features"] = row["input_features"].astype(np.float32)
    before = [row["input_features"].copy() for row in rows]
    augmenting(extractor, **MASKS, crop_frames=10, mixup_alpha=0.5)(rows)
    for row, features in zip(rows, before, strict=True):
        np.testing.assert_array_equal(row["input_features"], features)


@pytest.mark.parametrize("workers", [{"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}])
def test_workers_follow_the_epoch_and_give_the_batches_that_one_process_gives(extractor, rows, workers):
    here, there = (augmenting(extractor, **MASKS, crop_frames=10, mixup_alpha=0.5) for _ in range(2))
    loader = DataLoader(rows, batch_size=2, collate_fn=there, **workers)
    for epoch in range(2):
        here.epoch = there.epoch = epoch
        expected = [here(rows[:2]), here(rows[2:])]
        assert all(same(batch, wanted) for batch, wanted in zip(loader, expected, strict=True))
