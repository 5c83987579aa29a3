"""Augmentations of one waveform, (samples,) in float32; each draws its strength from a range."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import scipy.signal

from hf_ser.audio import SUFFIXES, decode_audio, read_audio, resample
from hf_ser.augmentation.arguments import AugmentationArguments
from hf_ser.errors import RecipeError
from hf_ser.models.padding import pad_zero

# The phase vocoder's window: long enough for the lowest voices, short enough to keep syllables apart.
WINDOW_SECONDS = 0.064
# How far below the longest clip of a batch Ragheb et al. cut it, in samples (their published notebook).
BATCH_CUT = 10


def build_changes(
    options: AugmentationArguments, sampling_rate: int
) -> list[Callable[[np.ndarray, np.random.Generator], np.ndarray]]:
    """The changes that a recipe asks for, in the order in which sound meets them: voice, room, noise, recorder.

    Raises:
        RecipeError: for a folder that is none or holds no sound file.
        AudioError: for a sound file in it that cannot be read.
    """
    noise = None if options.noise_copies else options.noise_snr
    rate = {"sampling_rate": sampling_rate}
    backgrounds = {**rate, "paths": list_sounds("background_dir", options.background_dir)}
    rooms = {**rate, "paths": list_sounds("room_dir", options.room_dir)}
    wanted = [
        (options.speed_rates, partial(change_speed, **rate, rates=options.speed_rates)),
        (options.stretch_rates, partial(stretch_time, **rate, rates=options.stretch_rates)),
        (options.pitch_semitones, partial(shift_pitch, **rate, semitones=options.pitch_semitones)),
        (options.room_dir, partial(convolve_room, **rooms)),
        (options.background_dir, partial(add_background, **backgrounds, snr=options.background_snr)),
        (noise, partial(add_noise, snr=noise)),
        (options.gain_db, partial(change_gain, decibels=options.gain_db)),
    ]
    changes = [change for given, change in wanted if given is not None]
    for change in changes:  # what is slow to load does so here, and not in each worker of each epoch
        change(np.ones(1, np.float32), np.random.default_rng(0))
    return changes


def list_sounds(key: str, folder: str | None) -> list[Path]:
    """Sound files of a folder, at any depth; each is read once here, so that a bad one is found before training.

    Args:
        key: of the recipe, for messages.
        folder: None has no files.
    """
    if folder is None:
        return []
    if not Path(folder).is_dir():
        raise RecipeError(f"`{key}: {folder}` is no folder. Give one with sound files.")
    found = (path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
    paths = sorted(path for path in found if not path.name.startswith("."))
    if not paths:
        raise RecipeError(
            f"`{key}: {folder}` holds no sound file; looked in it and its folders for {', '.join(SUFFIXES)}."
        )
    for path in paths:
        decode_audio(path)
    return paths


def add_noise(waveform: np.ndarray, generator: np.random.Generator, *, snr: list[float]) -> np.ndarray:
    """White Gaussian noise at a signal-to-noise ratio in the range `snr` (dB), over the whole clip."""
    noise = generator.standard_normal(len(waveform), np.float32)
    return _add_at(waveform, noise, generator.uniform(*snr))


def add_background(
    waveform: np.ndarray,
    generator: np.random.Generator,
    *,
    sampling_rate: int,
    paths: list[Path],
    snr: list[float],
) -> np.ndarray:
    """A stretch of one of the noises in `paths`, repeated where it is shorter, at a ratio in the range `snr` (dB)."""
    noise = read_audio(paths[generator.integers(len(paths))], sampling_rate)
    spare = len(noise) - len(waveform)
    start = generator.integers(spare + 1 if spare >= 0 else len(noise))
    stretch = np.take(noise, np.arange(start, start + len(waveform)), mode="wrap")
    return _add_at(waveform, stretch, generator.uniform(*snr))


def convolve_room(
    waveform: np.ndarray, generator: np.random.Generator, *, sampling_rate: int, paths: list[Path]
) -> np.ndarray:
    """The clip in a room of `paths`, impulse responses; it keeps its length and energy, and starts where it did."""
    response = read_audio(paths[generator.integers(len(paths))], sampling_rate)
    direct = int(np.abs(response).argmax())
    heard = scipy.signal.fftconvolve(waveform, response)[direct : direct + len(waveform)]
    before, after = _power(waveform), _power(heard)
    return (heard * np.sqrt(before / after)).astype(np.float32) if before and after else waveform


def shift_pitch(
    waveform: np.ndarray, generator: np.random.Generator, *, sampling_rate: int, semitones: list[float]
) -> np.ndarray:
    """Another pitch, by a number of `semitones` in the range; the length is kept (librosa.effects.pitch_shift)."""
    n_fft = _vocoder_points(sampling_rate)
    steps = generator.uniform(*semitones)
    long_enough = pad_zero(waveform, max(n_fft, len(waveform)))
    shifted = librosa.effects.pitch_shift(long_enough, sr=sampling_rate, n_steps=steps, n_fft=n_fft)
    return shifted[: len(waveform)]


def stretch_time(
    waveform: np.ndarray, generator: np.random.Generator, *, sampling_rate: int, rates: list[float]
) -> np.ndarray:
    """The clip at a tempo in the range `rates`; the pitch is kept (librosa.effects.time_stretch)."""
    n_fft = _vocoder_points(sampling_rate)
    rate = generator.uniform(*rates)
    long_enough = pad_zero(waveform, max(n_fft, len(waveform)))
    stretched = librosa.effects.time_stretch(long_enough, rate=rate, n_fft=n_fft)
    return stretched[: max(1, round(len(waveform) / rate))]


def change_speed(
    waveform: np.ndarray, generator: np.random.Generator, *, sampling_rate: int, rates: list[float]
) -> np.ndarray:
    """The clip played at a speed in the range `rates`: tempo and pitch change together."""
    return resample(waveform, round(sampling_rate * generator.uniform(*rates)), sampling_rate)


def change_gain(waveform: np.ndarray, generator: np.random.Generator, *, decibels: list[float]) -> np.ndarray:
    """The clip louder or softer, by an amount in the range `decibels`."""
    return waveform * np.float32(10 ** (generator.uniform(*decibels) / 20))


def pad_batch(waveforms: list[np.ndarray]) -> list[np.ndarray]:
    """The clips of a batch at one length, by their mirror images on both sides (Ragheb et al., mini-batch padding).

    Each is padded by half of what it lacks to the longest, and cut a little below that one's length.
    """
    longest = max(map(len, waveforms))
    sides = [-(-(longest - len(waveform)) // 2) for waveform in waveforms]
    padded = (np.pad(waveform, side, mode="reflect") for waveform, side in zip(waveforms, sides, strict=True))
    return [waveform[: max(1, longest - BATCH_CUT)] for waveform in padded]


def _add_at(waveform: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """Sum at a ratio of powers in dB; where one of them is silent there is none, and the clip stays as it is."""
    signal_power, noise_power = _power(waveform), _power(noise)
    if not signal_power or not noise_power:
        return waveform
    scale = np.sqrt(signal_power / noise_power / 10 ** (snr / 10))
    return waveform + (scale * noise).astype(np.float32)


def _power(waveform: np.ndarray) -> float:
    return float(np.square(waveform, dtype=np.float64).mean())


def _vocoder_points(sampling_rate: int) -> int:
    """The power of two nearest to the vocoder's window."""
    return 2 ** round(np.log2(WINDOW_SECONDS * sampling_rate))
