"""How clips were recorded: level, clipping, silence; and the clips that are far from the rest."""

import dataclasses

import datasets
import numpy as np

FRAME = 0.02  # s
DEEP = 50.0  # dB below the loudest frame: silence
PLATEAU = 3  # samples; two equal ones at a peak are common in sound that was not clipped

MOST_CLIPPED = 0.01  # share of a clip's samples
MOST_SILENT = 0.5  # share of a clip's frames
FAR = 5.0  # robust deviations from the median
# A corpus more alike than this has no outliers for it: deviation of the level in dB, and of the logarithm of seconds.
EVEN_LEVEL, EVEN_DURATION = 2.0, float(np.log(1.2))

SENTENCES = {
    "clipped": "{:.1%} of its samples are clipped",
    "silence": "{:.0%} of it is silence",
    "level": "its level is {:.0f} dB below full scale, far from the others",
    "duration": "it lasts {:.2f} s, far from the others",
}


@dataclasses.dataclass(frozen=True)
class Outlier:
    """One clip that is unlike the rest of its corpus, or badly recorded."""

    kind: str  # key of SENTENCES
    utterance: str
    value: float  # share, dB below full scale, or seconds

    def __str__(self) -> str:
        return f"{self.utterance}: {SENTENCES[self.kind].format(self.value)}"


def measure_quality(waveform: np.ndarray, sampling_rate: int) -> dict[str, float]:
    """Numbers on a waveform (samples,) that is not silent; full scale is 1.

    `level`: root mean square in dB, negative below full scale. `clipped`: share of
    the samples in runs of three or more that equal the highest, or the lowest, of the clip, wherever full scale is; an
    MP3 of a clipped sound has none. `silence`: share of frames of 20 ms more than 50 dB below the loudest one.
    """
    power = np.square(waveform, dtype=np.float64)
    return {
        "level": float(10 * np.log10(power.mean())),
        "clipped": sum(_count_plateaus(waveform == edge) for edge in (waveform.min(), waveform.max())) / len(waveform),
        "silence": _share_silence(power, max(1, round(FRAME * sampling_rate))),
    }


def find_outliers(scanned: datasets.Dataset) -> list[Outlier]:
    """Clips that are clipped, mostly silent, or far from the median of their own corpus in level or duration.

    Args:
        scanned: as `scan_audio` gives it; its bad files are passed over.
    """
    good = np.flatnonzero(np.array([not fault for fault in scanned["fault"][:]]))
    columns = {name: np.array(scanned[name][:], float)[good] for name in SENTENCES}
    clipped, silence = columns["clipped"] > MOST_CLIPPED, columns["silence"] > MOST_SILENT
    corpora = np.array(scanned["corpus"][:], dtype=str)[good]
    level = _is_far(columns["level"], corpora, EVEN_LEVEL)
    duration = _is_far(np.log(np.maximum(columns["duration"], 1e-3)), corpora, EVEN_DURATION)
    names = scanned["utterance"][:]
    found = {"clipped": clipped, "silence": silence, "level": level, "duration": duration}
    return [
        Outlier(kind, names[good[index]], float(abs(columns[kind][index])))
        for kind, is_outlier in found.items()
        for index in np.flatnonzero(is_outlier)
    ]


def _count_plateaus(at_edge: np.ndarray) -> int:
    """Samples in long runs of true."""
    turns = np.flatnonzero(np.diff(at_edge, prepend=False, append=False))
    lengths = turns[1::2] - turns[::2]
    return int(lengths[lengths >= PLATEAU].sum())


def _share_silence(power: np.ndarray, frame: int) -> float:
    """Share of frames far below the loudest; the last one may be shorter."""
    starts = np.arange(0, len(power), frame)
    means = np.add.reduceat(power, starts) / np.diff(starts, append=len(power))
    return float((means < means.max() * 10 ** (-DEEP / 10)).mean())


def _is_far(values: np.ndarray, groups: np.ndarray, floor: float) -> np.ndarray:
    """Which values are many deviations from the median of their group; 1.4826 MAD is a normal one's deviation."""
    far = np.zeros(len(values), bool)
    for group in np.unique(groups):
        members = groups == group
        distances = np.abs(values[members] - np.median(values[members]))
        far[members] = distances > FAR * max(floor, 1.4826 * np.median(distances))
    return far
