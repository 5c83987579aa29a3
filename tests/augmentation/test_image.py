"""Crops, flips, turns, zooms and masks of one clip."""

import numpy as np
import pytest

from hf_ser.augmentation.image import flip, mask_spectrogram, random_crop, rotate, zoom


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


class Draw:
    """Stands in for a generator, with a draw of our choice."""

    def __init__(self, value):
        self.value = value

    def uniform(self, low, high):
        assert low <= self.value <= high
        return self.value


def test_a_flip_turns_time_round_for_about_half_of_the_clips(features):
    flipped = 0
    for seed in range(400):
        changed = flip(features, np.random.default_rng(seed))
        flipped += changed[0, 0] != features[0, 0]
        assert changed.tolist() in (features.tolist(), features[::-1].tolist())
    assert 160 < flipped < 240  # four standard deviations


def test_to_flip_twice_is_to_do_nothing(features):
    for seed in range(10):
        once = flip(features, np.random.default_rng(seed))
        np.testing.assert_array_equal(flip(once, np.random.default_rng(seed)), features)


def test_no_turn_and_no_zoom_change_nothing(features):
    np.testing.assert_array_equal(rotate(features, 0, np.random.default_rng(0)), features)
    np.testing.assert_array_equal(zoom(features, [1, 1], np.random.default_rng(0)), features)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (-90, -1), (180, 2)])
def test_a_turn_by_right_angles_is_that_of_numpy(features, degrees, turns):
    square = features[:20]
    np.testing.assert_allclose(rotate(square, 180, Draw(degrees)), np.rot90(square, -turns), atol=1e-2)


def test_what_turns_into_view_is_the_quietest_value(features):
    turned = rotate(features - 500, 45, Draw(45))
    assert turned[0, 0] == turned[-1, -1] == -500
    assert turned.shape == features.shape
    assert turned.dtype == np.float32


def test_a_zoom_magnifies_about_the_centre():
    ramp = np.arange(9, dtype=np.float32)[:, None] * np.ones((1, 5), np.float32)
    # Twice as large about frame 4: two frames of the result are one of the clip.
    np.testing.assert_allclose(zoom(ramp, [2, 2], Draw(2))[:, 2], [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6])
    # Half as large: the clip's nine frames lie within five, the minimum around them.
    np.testing.assert_allclose(zoom(ramp, [0.5, 1], Draw(0.5))[:, 2], [0, 0, 0, 2, 4, 6, 8, 0, 0])


def test_angles_and_factors_are_drawn_from_their_ranges(features):
    for seed in range(3):
        degrees = np.random.default_rng(seed).uniform(-20, 20)
        turned = rotate(features, 20, np.random.default_rng(seed))
        np.testing.assert_array_equal(turned, rotate(features, 20, Draw(degrees)))
        factor = np.random.default_rng(seed).uniform(0.8, 1.2)
        zoomed = zoom(features, [0.8, 1.2], np.random.default_rng(seed))
        np.testing.assert_array_equal(zoomed, zoom(features, [0.8, 1.2], Draw(factor)))
