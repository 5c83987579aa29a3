"""A sound file as it is drawn: the clip that was read, its features, and what augmentation made of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hf_ser.audio import decode_audio, resample
from hf_ser.errors import AudioError
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor

LONGEST = 60.0  # seconds of a recording that are looked at
NAME = 34  # characters of a name that are drawn


@dataclass(frozen=True)
class FeatureView:
    """One kind of features of a clip."""

    extractor: SpectrogramFeatureExtractor
    before: np.ndarray  # (frames, rows)
    after: np.ndarray  # (frames, rows), augmented
    change: str  # what was done to it, with its numbers
    box: tuple[int, int, int, int] | None = None  # what CutMix took, as `find_box` tells it
    colormap: str | None = None  # of the network's images; None leaves it to the kind
    value_range: Sequence[float] | None = None  # likewise


@dataclass(frozen=True)
class Sheet:
    """All that is drawn of one sound file."""

    name: str
    facts: str  # how long it is, and what augments it
    sampling_rate: int  # of the waveforms
    before: np.ndarray  # (samples,)
    after: np.ndarray  # (samples,), augmented
    change: str  # what was done to it, with its numbers
    views: list[FeatureView]
    is_augmented: bool = True


@dataclass(frozen=True)
class Clip:
    """A sound file that was read, and its features by each extractor."""

    file: Path
    recording: np.ndarray  # (samples,), at most LONGEST
    native_rate: int
    seconds: float  # of the whole file
    features: list[np.ndarray]  # (frames, rows) each

    def at(self, sampling_rate: int) -> np.ndarray:
        """The waveform at a rate."""
        return resample(self.recording, self.native_rate, sampling_rate)

    @property
    def name(self) -> str:
        """Of the file, in letters that can be drawn, without the middle where it is long."""
        name = os.fsencode(self.file.name).decode(errors="replace")
        return name if len(name) <= NAME else f"{name[: NAME // 2]}…{name[-NAME // 2 + 1 :]}"

    @property
    def length(self) -> str:
        """How long the file is, and how much of it is looked at."""
        seen = len(self.recording) / self.native_rate
        return f"{self.seconds:.3g} s" if seen == self.seconds else f"the first {seen:.0f} s of {self.seconds:.0f} s"


def read_clip(file: Path, extractors: list[SpectrogramFeatureExtractor]) -> Clip | AudioError:
    """A clip, or what is wrong with it."""
    try:
        recording, native_rate, seconds = _read_beginning(file)
        waveforms = [resample(recording, native_rate, extractor.sampling_rate) for extractor in extractors]
        features = [extract(*pair) for pair in zip(waveforms, extractors, strict=True)]
    except AudioError as error:
        return error
    except ValueError as error:  # such as a clip that is too short for these features
        return AudioError(f"`{file}`: {error}")
    return Clip(file, recording, native_rate, seconds, features)


def _read_beginning(file: Path) -> tuple[np.ndarray, int, float]:
    """The waveform up to LONGEST, its rate, and the seconds of the whole."""
    recording, native_rate = decode_audio(file)
    seconds, samples = len(recording) / native_rate, int(LONGEST * native_rate)
    if len(recording) > samples:
        start = {"path": f"{file}, first {LONGEST:.0f} s", "array": recording[:samples], "sampling_rate": native_rate}
        recording, _ = decode_audio(start)  # is there a signal in it?
    return recording, native_rate, seconds


def extract(waveform: np.ndarray, extractor: SpectrogramFeatureExtractor) -> np.ndarray:
    """Features of one waveform: (samples,) -> (frames, rows)."""
    return extractor(waveform, sampling_rate=extractor.sampling_rate)["input_features"][0]


def find_box(inside: np.ndarray) -> tuple[int, int, int, int] | None:
    """Of what is true in (frames, rows): first frame, the one past the last, likewise rows; None where nothing is."""
    frames, rows = np.nonzero(inside)
    return (frames.min(), frames.max() + 1, rows.min(), rows.max() + 1) if len(frames) else None


def describe_noise(before: np.ndarray, after: np.ndarray) -> str:
    """The signal-to-noise ratio that was reached."""
    signal, noise = (float(np.square(wave, dtype=np.float64).mean()) for wave in (before, after - before))
    return f"White noise, SNR {10 * np.log10(signal / noise):.1f} dB" if signal and noise else "Unchanged"


def describe_mix(how: str, share: float, *partners: str) -> str:
    """The share of the clip that is left (lambda), and whose the rest is; a clip can draw itself as its partner."""
    return ", with ".join([f"{how}, λ = {share:.2f}", *partners])
