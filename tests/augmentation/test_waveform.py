"""Augmentations of waveforms: strengths as asked for, lengths as promised, and no NaN from any clip."""

import warnings
from functools import partial

import numpy as np
import pytest
import soundfile

from hf_ser.augmentation.arguments import AugmentationArguments
from hf_ser.augmentation.waveform import (
    add_background,
    add_noise,
    build_changes,
    change_gain,
    change_speed,
    convolve_room,
    list_sounds,
    pad_batch,
    shift_pitch,
    stretch_time,
)
from hf_ser.errors import AudioError, RecipeError
from tests.conftest import tone

RATE = 16_000


def decibels(signal, noise):
    return 10 * np.log10(np.mean(signal.astype(float) ** 2) / np.mean(noise.astype(float) ** 2))


def loudest_frequency(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return np.fft.rfftfreq(len(waveform), 1 / RATE)[spectrum.argmax()]


@pytest.fixture
def write_sound(tmp_path):
    """Write a WAV file of floats; gives a list of its path."""

    def write(samples, name="sound.wav"):
        soundfile.write(tmp_path / name, np.asarray(samples, np.float32), RATE, subtype="FLOAT")
        return [tmp_path / name]

    return write


@pytest.mark.parametrize("snr", [-5.0, 0.0, 15.0, 30.0])
def test_noise_has_the_ratio_that_was_asked_for(snr):
    clip = tone(0.5)
    achieved = [
        decibels(clip, add_noise(clip, np.random.default_rng(seed), snr=[snr, snr]) - clip) for seed in range(50)
    ]
    np.testing.assert_allclose(achieved, snr, atol=0.1)


def test_the_ratio_is_uniform_over_its_range():
    clip = tone(0.1)
    achieved = [
        decibels(clip, add_noise(clip, np.random.default_rng(seed), snr=[15, 30]) - clip) for seed in range(400)
    ]
    assert min(achieved) > 14.9
    assert max(achieved) < 30.1
    counts = np.histogram(achieved, bins=3, range=(15, 30))[0]
    assert (abs(counts - 400 / 3) < 4 * np.sqrt(400 * 2 / 9)).all()  # four standard deviations of a binomial


def test_noise_is_white():
    clip = tone(1.0)
    power = np.abs(np.fft.rfft(add_noise(clip, np.random.default_rng(0), snr=[0, 0]) - clip)) ** 2
    quarters = [part.mean() for part in np.array_split(power, 4)]
    np.testing.assert_allclose(quarters, np.mean(quarters), rtol=0.1)


def test_an_octave_up_doubles_the_frequency_and_keeps_the_length():
    clip = tone(1.0, frequency=440)
    shifted = shift_pitch(clip, np.random.default_rng(0), sampling_rate=RATE, semitones=[12, 12])
    assert len(shifted) == len(clip)
    assert loudest_frequency(shifted) == pytest.approx(880, abs=5)


def test_stretching_halves_the_length_and_keeps_the_frequency():
    clip = tone(1.0, frequency=440)
    stretched = stretch_time(clip, np.random.default_rng(0), sampling_rate=RATE, rates=[2, 2])
    assert len(stretched) == len(clip) // 2
    assert loudest_frequency(stretched) == pytest.approx(440, abs=5)


def test_double_speed_halves_the_length_and_doubles_the_frequency():
    clip = tone(1.0, frequency=440)
    faster = change_speed(clip, np.random.default_rng(0), sampling_rate=RATE, rates=[2, 2])
    assert len(faster) == len(clip) // 2
    assert loudest_frequency(faster) == pytest.approx(880, abs=5)


def test_a_gain_of_20_db_is_tenfold():
    clip = tone(0.1)
    np.testing.assert_allclose(change_gain(clip, np.random.default_rng(0), decibels=[20, 20]), 10 * clip, rtol=1e-6)


def test_a_background_is_a_stretch_of_its_file_from_anywhere_at_its_ratio(write_sound):
    noise, clip = tone(0.05, seed=1, frequency=50), tone(0.04)
    paths, starts = write_sound(noise), set()
    for seed in range(200):
        changed = add_background(clip, np.random.default_rng(seed), sampling_rate=RATE, paths=paths, snr=[5, 5])
        added = changed - clip
        assert decibels(clip, added) == pytest.approx(5, abs=0.1)
        windows = np.lib.stride_tricks.sliding_window_view(noise, len(clip))
        alike = windows @ added / np.linalg.norm(windows, axis=1) / np.linalg.norm(added)
        assert alike.max() == pytest.approx(1, abs=1e-4)
        starts.add(int(alike.argmax()))
    assert min(starts) < 20
    assert max(starts) > len(noise) - len(clip) - 20


def test_a_short_background_is_repeated(write_sound):
    noise, clip = tone(0.01, seed=1), np.sin(np.arange(1_000)).astype(np.float32)
    added = (
        add_background(clip, np.random.default_rng(0), sampling_rate=RATE, paths=write_sound(noise), snr=[0, 0]) - clip
    )
    np.testing.assert_allclose(added[160:], added[:-160], atol=1e-6)
    assert np.corrcoef(np.sort(added[:160]), np.sort(noise))[0, 1] == pytest.approx(1, abs=1e-4)


def test_a_room_adds_its_echoes_behind_the_sound_and_keeps_length_and_energy(write_sound):
    response = np.zeros(100)
    response[[10, 40]] = 1.0, -0.5  # the direct path, and an echo 30 samples later
    clip = tone(0.1)
    heard = convolve_room(clip, np.random.default_rng(0), sampling_rate=RATE, paths=write_sound(response))
    expected = clip.copy()
    expected[30:] -= 0.5 * clip[:-30]
    expected *= np.sqrt((clip**2).sum() / (expected**2).sum())
    np.testing.assert_allclose(heard, expected, atol=1e-5)


def all_changes(write_sound):
    noise, room = write_sound(tone(0.02), "noise.wav"), write_sound(np.exp(-np.arange(200) / 20), "room.wav")
    return {
        "noise": partial(add_noise, snr=[0, 20]),
        "background": partial(add_background, sampling_rate=RATE, paths=noise, snr=[0, 20]),
        "room": partial(convolve_room, sampling_rate=RATE, paths=room),
        "pitch": partial(shift_pitch, sampling_rate=RATE, semitones=[-3, 3]),
        "stretch": partial(stretch_time, sampling_rate=RATE, rates=[0.8, 1.25]),
        "speed": partial(change_speed, sampling_rate=RATE, rates=[0.8, 1.25]),
        "gain": partial(change_gain, decibels=[-6, 6]),
    }


CHANGES = ("noise", "background", "room", "pitch", "stretch", "speed", "gain")


@pytest.mark.parametrize("name", CHANGES)
def test_the_same_seed_gives_the_same_waveform_and_another_gives_another(write_sound, name):
    change, clip = all_changes(write_sound)[name], tone(0.2)
    first, again, other = (change(clip, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    if name != "room":  # the folder has but one
        assert len(first) != len(other) or (first != other).any()
    np.testing.assert_array_equal(clip, tone(0.2))  # what was given is not changed


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("length", [1, 2, 3, 100, 1_500])
def test_silence_and_very_short_clips_stay_finite_and_keep_the_length_they_should(write_sound, name, length):
    change = all_changes(write_sound)[name]
    for clip in (np.zeros(length, np.float32), tone(0.1)[100 : 100 + length]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            changed = change(clip, np.random.default_rng(0))
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()
        shortest, longest = (0.8, 1.25) if name in ("stretch", "speed") else (1, 1)
        assert max(1, int(length * shortest)) <= len(changed) <= np.ceil(length * longest)
        assert changed.any() == clip.any()


def test_the_changes_of_a_recipe_come_in_the_order_of_sound(write_sound, tmp_path):
    write_sound(tone(0.02))
    ranges = {name: [0.9, 1.1] for name in ("speed_rates", "stretch_rates", "pitch_semitones", "noise_snr", "gain_db")}
    folders = {"background_dir": str(tmp_path), "room_dir": str(tmp_path)}
    changes = build_changes(
        AugmentationArguments(features="collator", **ranges, **folders, background_snr=[5, 20]), RATE
    )
    assert [change.func for change in changes] == [
        *(change_speed, stretch_time, shift_pitch, convolve_room, add_background, add_noise, change_gain)
    ]
    clip = tone(0.1)
    for change in changes:
        clip = change(clip, np.random.default_rng(0))
    assert np.isfinite(clip).all()


def test_what_is_not_asked_for_is_not_done():
    assert build_changes(AugmentationArguments(), RATE) == []
    copies = AugmentationArguments(features="collator", noise_snr=[15, 30], noise_copies=2)
    assert build_changes(copies, RATE) == []  # the noise is in the copies


def test_a_batch_is_padded_by_mirror_images_to_ten_samples_below_its_longest():
    ramp = np.arange(20, dtype=np.float32)
    short, odd, longest = pad_batch([ramp[:4], ramp[:17], ramp])
    np.testing.assert_array_equal(longest, ramp[:10])
    # 20 - 4 = 16, so 8 on each side of 0 1 2 3, of which the first 10 samples stay.
    np.testing.assert_array_equal(short, [2, 1, 0, 1, 2, 3, 2, 1, 0, 1])
    # 20 - 17 = 3, so 2 on each side.
    np.testing.assert_array_equal(odd, [2, 1, 0, 1, 2, 3, 4, 5, 6, 7])


def test_a_batch_of_clips_of_a_few_samples_keeps_one_of_each():
    assert [len(clip) for clip in pad_batch([np.ones(1, np.float32), np.ones(5, np.float32)])] == [1, 1]


def test_sounds_are_found_at_any_depth_in_one_order(tmp_path):
    for name in ("b.wav", "a/c.flac", "a/b.WAV"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, tone(0.01), RATE)
    (tmp_path / "README.txt").write_text("about these sounds")
    (tmp_path / "._b.wav").write_bytes(b"no sound")
    found = [path.relative_to(tmp_path).as_posix() for path in list_sounds("room_dir", str(tmp_path))]
    assert found == ["a/b.WAV", "a/c.flac", "b.wav"]


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"`background_dir: .*nowhere` is no folder\. Give one with sound files\."):
        list_sounds("background_dir", str(tmp_path / "nowhere"))
    with pytest.raises(RecipeError, match=r"`room_dir: .*` holds no sound file; looked .* for \.wav"):
        list_sounds("room_dir", str(tmp_path))
    (tmp_path / "bad.wav").write_bytes(b"RIFF and no more")
    with pytest.raises(AudioError, match=r"bad\.wav`: not a sound file that can be read"):
        build_changes(AugmentationArguments(features="collator", room_dir=str(tmp_path)), RATE)
