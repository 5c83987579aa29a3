"""Batches: padded with a mask, augmented only in training, and the same whenever seed, epoch and clip are the same."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hf_ser.arguments import AugmentationArguments
from hf_ser.collators import AugmentingCollator, FeatureCollator, NoisyCopies, WaveformCollator
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import tone

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


WAVEFORM = {
    "features": "collator",
    "noise_snr": [10, 20],
    "pitch_semitones": [-2, 2],
    "speed_rates": [0.9, 1.1],
    "gain_db": [-6, 6],
    "waveform_probability": 0.7,
}


@pytest.fixture
def clips():
    """Rows of four tones of 0.2 to 0.35 s."""
    return [
        {
            "audio": {"array": tone(0.2 + 0.05 * index, frequency=300 + 100 * index), "sampling_rate": 16_000},
            "label": index % 3,
            "utterance": f"clip-{index}",
        }
        for index in range(4)
    ]


def reading(extractor, seed=0, epoch=0, **options):
    options = {"features": "collator"} | options
    collator = WaveformCollator(extractor, AugmentationArguments(**options), num_labels=3, seed=seed)
    collator.epoch = epoch
    return collator


def test_sound_files_give_the_batch_that_mapped_features_give(extractor, clips):
    features = extractor([clip["audio"]["array"] for clip in clips])["input_features"]
    mapped = [{**clip, "input_features": values} for clip, values in zip(clips, features, strict=True)]
    options = MASKS | {"crop_frames": 8, "flip": True, "rotate_degrees": 10, "zoom_range": [0.9, 1.1]}
    assert same(reading(extractor)(clips), FeatureCollator(extractor)(mapped))
    assert same(reading(extractor, **options)(clips), augmenting(extractor, **options)(mapped))


def test_the_same_seed_epoch_and_clips_give_the_same_waveforms_and_others_give_others(extractor, clips):
    first = reading(extractor, 7, 2, **WAVEFORM)(clips)
    assert same(reading(extractor, 7, 2, **WAVEFORM)(clips), first)
    for seed, epoch in ((8, 2), (7, 3)):
        assert not same(reading(extractor, seed, epoch, **WAVEFORM)(clips), first)


def test_a_waveform_is_changed_alike_whatever_its_neighbours(extractor, clips):
    collator = reading(extractor, **WAVEFORM)
    together = collator.read(clips)["waveforms"]
    for clip, waveform in zip(reversed(clips), reversed(together), strict=True):
        np.testing.assert_array_equal(collator.read([clip])["waveforms"][0], waveform)


def test_each_change_has_its_chance(extractor, clips):
    for probability in (0.0, 0.3, 1.0):
        collator = reading(extractor, gain_db=[6, 12], waveform_probability=probability)
        changed = 0
        for collator.epoch in range(200):
            changed += (collator.read(clips[:1])["waveforms"][0] != clips[0]["audio"]["array"]).any()
        assert abs(changed - 200 * probability) <= 4 * np.sqrt(200 * probability * (1 - probability))


def test_a_clip_has_noisy_copies_that_are_the_same_in_all_epochs(extractor, clips):
    rows = NoisyCopies(clips, 2)
    assert [(row["utterance"], row["copy"]) for row in rows] == [
        (f"clip-{index}", copy) for copy in range(3) for index in range(4)
    ]
    collator = reading(extractor, noise_snr=[15, 30], noise_copies=2)
    first = collator.read(list(rows))["waveforms"]
    collator.epoch = 1
    again = collator.read(list(rows))["waveforms"]
    ratios = []
    for row, waveform, later in zip(rows, first, again, strict=True):
        clean = row["audio"]["array"]
        np.testing.assert_array_equal(waveform, later)
        if row["copy"]:
            ratios.append(10 * np.log10((clean**2).sum() / ((waveform - clean) ** 2).sum()))
        else:
            np.testing.assert_array_equal(waveform, clean)
    assert 14.9 < min(ratios) < max(ratios) < 30.1
    assert len({round(ratio, 3) for ratio in ratios}) == 8


def test_copies_of_a_clip_are_masked_each_in_its_own_way(extractor, clips):
    options = {"time_masks": 1, "time_mask_frames": 10, "noise_snr": [90, 90], "noise_copies": 3}
    rows = [row for row in NoisyCopies(clips[:1], 3)]
    batch = reading(extractor, **options)(rows)["input_features"]
    changed = (batch - batch[:1]).abs().amax(dim=(1, 2)) > 1
    assert changed.tolist() == [False, True, True, True]


def test_a_padded_batch_has_one_length_ten_samples_below_the_longest(extractor, clips):
    batch = reading(extractor, batch_padding="reflect", cutmix_alpha=0.4).read(clips)
    assert {len(waveform) for waveform in batch["waveforms"]} == {int(0.35 * 16_000) - 10}
    shortest, clip = batch["waveforms"][0], clips[0]["audio"]["array"]
    np.testing.assert_array_equal(shortest[1_200:4_400], clip)  # half of 0.15 s before it
    np.testing.assert_array_equal(shortest[:1_200], clip[1_200:0:-1])


def test_a_clip_is_cut_before_noise_is_measured_and_before_a_batch_is_padded(clips):
    extractor = SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16, max_duration=0.25)
    for clip in clips:
        clip["audio"]["array"][4_000:] *= 100  # what is cut away would make the noise louder
    options = {"noise_snr": [10, 10], "waveform_probability": 1.0}
    for clip, waveform in zip(clips, reading(extractor, **options).read(clips)["waveforms"], strict=True):
        clean = clip["audio"]["array"][:4_000]
        assert len(waveform) == len(clean)
        assert abs(10 * np.log10((clean**2).sum() / ((waveform - clean) ** 2).sum()) - 10) < 0.1
    padded = reading(extractor, batch_padding="reflect").read(clips)["waveforms"]
    assert {len(waveform) for waveform in padded} == {4_000 - 10}


def test_silence_is_cut_before_a_batch_is_padded_and_not_again(clips):
    extractor = SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16, silence_threshold=0.01)
    for clip in clips:
        clip["audio"]["array"] = np.concatenate([clip["audio"]["array"], np.zeros(3_200, np.float32)])
    collator = reading(extractor, batch_padding="reflect", gain_db=[-60, -60], waveform_probability=1.0)
    batch = collator.read(clips)
    longest = len(extractor.trim(clips[-1]["audio"]["array"]))
    # Half a window behind the tone, less some 50 samples: of mean 0.5 * 2 / pi, they alone make 0.01 of 1600.
    assert 5_600 + 800 - 60 < longest < 5_600 + 800 - 40
    assert {len(waveform) for waveform in batch["waveforms"]} == {longest - 10}
    features = collator.compute(batch, "cpu")
    assert features["attention_mask"].all()  # the quiet clips were not cut once more


def test_cutmix_gives_probabilities(extractor, clips):
    batch = reading(extractor, batch_padding="reflect", cutmix_alpha=1.0)(clips)
    assert batch["labels"].shape == (4, 3)
    torch.testing.assert_close(batch["labels"].sum(dim=1), torch.ones(4))
    assert ((batch["labels"] > 0) & (batch["labels"] < 1)).any()


def test_workers_read_the_waveforms_that_one_process_reads(extractor, clips):
    here, there = (reading(extractor, **WAVEFORM, cutmix_alpha=0.5, batch_padding="reflect") for _ in range(2))
    loader = DataLoader(clips, batch_size=2, collate_fn=there, num_workers=2, persistent_workers=True)
    for epoch in range(2):
        here.epoch = there.epoch = epoch
        expected = [here(clips[:2]), here(clips[2:])]
        assert all(same(batch, wanted) for batch, wanted in zip(loader, expected, strict=True))
