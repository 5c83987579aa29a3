"""Crops and masks of one clip."""

import numpy as np
import pytest

from hf_ser.augmentation.image import mask_spectrogram, random_crop


@pytest.fixture
def features():
    """(50, 20), every value once."""
    return np.arange(1_000, dtype=np.float32).reshape(50, 20)


def masked(features, seed=0, **options):
    none = {"time_masks": 0, "time_mask_frames": 0, "frequency_masks": 0, "frequency_mask_rows": 0}
    return mask_spectrogram(features, **(none | options), generator=np.random.default_rng(seed))


def test_a_crop_is_a_stretch_of_the_clip_and_every_start_occurs(features):
    generator = np.random.default_rng(0)
    starts = set()
    for _ in range(300):
        crop = random_crop(features, 40, generator)
        start = int(crop[0, 0]) // 20
        np.testing.assert_array_equal(crop, features[start : start + 40])
        starts.add(start)
    assert starts == set(range(11))


@pytest.mark.parametrize("frames", [50, 51, 1_000])
def test_a_clip_that_is_no_longer_than_the_crop_stays_whole(features, frames):
    assert random_crop(features, frames, np.random.default_rng(0)) is features


def test_a_time_mask_covers_whole_frames_in_one_stripe_of_every_width_up_to_the_widest(features):
    widths = set()
    for seed in range(200):
        hidden = masked(features, seed, time_masks=1, time_mask_frames=5) != features
        frames = np.flatnonzero(hidden.any(axis=1))
        assert hidden[frames].all()
        assert len(frames) == 0 or frames[-1] - frames[0] + 1 == len(frames)
        widths.add(len(frames))
    assert widths == set(range(6))


def test_a_frequency_mask_covers_whole_rows_and_reaches_the_first_and_the_last(features):
    covered = set()
    for seed in range(300):
        hidden = masked(features, seed, frequency_masks=1, frequency_mask_rows=3) != features
        rows = np.flatnonzero(hidden.any(axis=0))
        assert hidden[:, rows].all()
        assert len(rows) <= 3
        covered.update(rows.tolist())
    assert covered == set(range(20))


def test_a_mask_is_filled_with_the_mean_of_the_unmasked_clip(features):
    changed = masked(features, 3, time_masks=2, time_mask_frames=20, frequency_masks=2, frequency_mask_rows=8)
    hidden = changed != features
    assert hidden.any()
    assert set(changed[hidden].tolist()) == {499.5}  # mean of 0 to 999


def test_a_mask_wider_than_the_clip_covers_at_most_the_clip(features):
    widest = max((masked(features, seed, time_masks=1, time_mask_frames=10_000) == 499.5).sum() for seed in range(300))
    assert widest == features.size


def test_no_masks_change_nothing(features):
    np.testing.assert_array_equal(masked(features), features)


def test_the_same_seed_gives_the_same_masks_and_another_gives_others(features):
    options = {"time_masks": 2, "time_mask_frames": 20, "frequency_masks": 2, "frequency_mask_rows": 8}
    np.testing.assert_array_equal(masked(features, 1, **options), masked(features, 1, **options))
    assert (masked(features, 1, **options) != masked(features, 2, **options)).any()


def test_the_clip_that_was_given_is_not_changed(features):
    before = features.copy()
    masked(random_crop(features, 30, np.random.default_rng(0)), time_masks=5, time_mask_frames=20)
    np.testing.assert_array_equal(features, before)
