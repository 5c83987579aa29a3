"""Sound prints: by these a recording is known again at another gain, rate or bit depth, as MP3, or shifted a little.

A print holds what all of these changes keep: how the level of 20 narrow bands below 2 kHz moves over time, relative to
the loudest point of the clip. Two prints are compared by correlation, at every lag up to an eighth of a second. To
spare the comparison of all with all, each print is summed up in a few numbers that hardly move with such changes, and
only the nearest neighbours by these are compared.
"""

import hashlib
import logging
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from hf_ser.audio import resample
from hf_ser.workers import count_cores

logger = logging.getLogger(__name__)

# 8 kHz keeps all that telephones keep; an MP3 of 8 kbit/s keeps little above 2 kHz.
SAMPLING_RATE = 8_000
LOWEST, HIGHEST = 200.0, 2_000.0  # Hz
BANDS = 20
WINDOW, HOP = 384, 128  # samples: 48 and 16 ms
# dB below the loudest point that a print sees; what lies deeper is filled by the noise of 8 bits or of an MP3.
DEPTH = 25.0
EDGE = 8  # frames: the largest lag, 128 ms. A shift of 50 ms and the delay of an MP3 encoder, 69 ms at 16 kHz
SHORTEST = 0.5  # s; what is left of a shorter clip between its edges is too little to know it by
LEAST_SOUND = 0.3  # s within `DEPTH` of the loudest point; a click in silence is like any other
# dB, root mean square around the mean of each band: a steady tone has under 0.1, the evenest clip of EMO-DB 1.1.
EVEN = 0.5

# Correlation from which two clips are one recording. Least of a clip of EMO-DB (535) and its changed copy: 0.999 for
# gain, 8 bits, 8 kHz and MP3, 0.966 for shifts up to 50 ms, 0.97 for gain, shift and MP3, 0.95 for MP3 of 16 kbit/s,
# and 0.924 for MP3 of 8 kbit/s, but for one clip, 0.887. Greatest of two clips: 0.830 in EMO-DB; in the demo corpus,
# whose synthetic takes are much more alike, 0.905, and 0.897 of those within `REACH`.
SAME = 0.92
LONGEST_DIFFERENCE = 0.2  # s between the durations of one recording
# Largest difference in any other coordinate of the summaries of one recording. In EMO-DB it is 0.11 for gains, shifts
# and MP3 of soundfile's default quality; above 0.17 for 1 clip of 268 as MP3 of 16 kbit/s, and 3 of 535 at 8 kbit/s.
REACH = 0.17
# Among very many clips that reach finds too many others, and takes time that grows with the square of their number.
# With this one, 1 in 20 is missed as MP3 of 8 kbit/s.
MANY, REACH_AMONG_MANY = 10_000, 0.12
NEIGHBOURS = 8  # compared with each clip, the nearest; this bounds the time where very many sound alike
BROAD_BANDS = 4
MODULATIONS = 0.7 * np.arange(1, 6)  # Hz; the syllables of speech come at up to about 4 a second
SHARE_WEIGHT = 3.0  # the shares of the bands move about a third as much as the modulations when a clip is changed


def make_print(waveform: np.ndarray, sampling_rate: int) -> bytes:
    """Print of a clip, about 1.2 kB a second, row by row (frames, bands).

    It is empty for a clip that cannot be known again: too short, too even, or nearly silent.

    Args:
        waveform: (samples,), with signal.
        sampling_rate: in Hz.
    """
    if len(waveform) < SHORTEST * sampling_rate:
        return b""
    waveform = resample(waveform / np.abs(waveform).max(), sampling_rate, SAMPLING_RATE)
    frames = sliding_window_view(waveform, WINDOW)[::HOP] * _HANN
    power = np.abs(np.fft.rfft(frames)) ** 2 @ _FILTERS  # (frames, samples) -> (frames, BANDS)
    if not (loudest := power.max()):
        return b""
    decibels = 10 * np.log10(np.maximum(power / loudest, 10 ** (-DEPTH / 10))) + DEPTH
    sound = (decibels > 0).any(axis=1).sum() * HOP / SAMPLING_RATE
    if sound < LEAST_SOUND or np.sqrt(decibels.var(axis=0).mean()) < EVEN:
        return b""
    return np.round(decibels * (255 / DEPTH)).astype(np.uint8).tobytes()


def find_near_duplicates(prints: Sequence[bytes]) -> list[list[int]]:
    """Groups of positions whose prints are of one recording, in order; empty prints are in none.

    The time grows almost in proportion to the number of prints.
    """
    known = _group_identical(prints)
    firsts = [group[0] for group in known]
    logger.info("Sound prints: %d, of which %d differ", len(prints), len(firsts))
    pairs = _find_pairs([_read(prints[first]) for first in firsts])
    links = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(known), len(known)))
    _, labels = connected_components(links, directed=False)
    merged: dict[int, list[int]] = {}
    for label, group in zip(labels, known, strict=True):
        merged.setdefault(label, []).extend(group)
    return sorted(sorted(group) for group in merged.values() if len(group) > 1)


def compare_prints(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two prints (frames, BANDS) at their best lag, each band around its mean: 1 for the same sound.

    The shorter one without its edges slides along the longer one in steps of half a hop.
    """
    short, long = sorted((one.astype(np.float32), other.astype(np.float32)), key=len)
    core = short[EDGE:-EDGE] - short[EDGE:-EDGE].mean(axis=0)
    between = (long[1:] + long[:-1]) / 2
    return max(_correlate(core, frames) for frames in (long, between))


def _correlate(core: np.ndarray, frames: np.ndarray) -> float:
    """Highest correlation of `core`, whose bands have zero mean, with any stretch of `frames`."""
    stretches = sliding_window_view(frames, len(core), axis=0)  # (frames, BANDS) -> (lags, BANDS, frames)
    products = np.tensordot(stretches, core.T)
    energies = (stretches**2).sum(axis=(1, 2)) - len(core) * (stretches.mean(axis=2) ** 2).sum(axis=1)
    norms = np.sqrt(np.maximum(energies, 1.0) * max((core**2).sum(), 1.0))  # 1: one step of one level
    return float((products / norms).max())


def _group_identical(prints: Sequence[bytes]) -> list[list[int]]:
    groups: dict[bytes, list[int]] = {}
    for index, sound_print in enumerate(prints):
        if len(sound_print):
            groups.setdefault(hashlib.blake2b(sound_print, digest_size=16).digest(), []).append(index)
    return list(groups.values())


def _find_pairs(prints: list[np.ndarray]) -> np.ndarray:
    """(pairs, 2) positions of prints of one recording."""
    if len(prints) < 2:
        return np.empty((0, 2), int)
    pairs = [pair for pair in _find_candidates(prints) if compare_prints(prints[pair[0]], prints[pair[1]]) >= SAME]
    return np.array(pairs, int).reshape(-1, 2)


def _find_candidates(prints: list[np.ndarray]) -> np.ndarray:
    """(pairs, 2) positions of prints whose summaries are near each other."""
    summaries = np.array([_summarize(sound_print) for sound_print in prints])
    summaries[:, 0] /= LONGEST_DIFFERENCE
    summaries[:, 1:] /= REACH if len(prints) <= MANY else REACH_AMONG_MANY
    count = min(NEIGHBOURS + 1, len(prints))  # each finds itself
    distances, neighbours = cKDTree(summaries).query(
        summaries, count, p=np.inf, distance_upper_bound=1.0, workers=count_cores()
    )
    near = np.isfinite(distances)
    if count > NEIGHBOURS and (crowded := int(near.all(axis=1).sum())):
        logger.info("%d clips have more than %d alike; only the nearest were compared", crowded, NEIGHBOURS)
    pairs = np.stack([np.nonzero(near)[0], neighbours[near]], axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _summarize(sound_print: np.ndarray) -> np.ndarray:
    """Coordinates of a print, which do not depend on silence at the ends and little on what is cut off there.

    They are its duration in s, the share of each broad band in the amplitude, and how strongly that pulses at a few
    rates: the magnitude of a Fourier transform over time, which no shift changes.
    """
    amplitude = _AMPLITUDES[sound_print].reshape(len(sound_print), BROAD_BANDS, -1).sum(axis=2)
    seconds = np.arange(len(amplitude)) * (HOP / SAMPLING_RATE)
    totals = np.maximum(amplitude.sum(axis=0), 1e-6)
    pulses = np.abs(np.exp(-2j * np.pi * np.outer(MODULATIONS, seconds)) @ amplitude) / totals
    shares = totals / totals.sum()
    # A band that holds little pulses at random, and counts little.
    pulses *= np.sqrt(BROAD_BANDS * shares)
    duration = len(amplitude) * HOP / SAMPLING_RATE
    return np.fromiter(chain([duration], SHARE_WEIGHT * shares, pulses.ravel()), float)


def _read(sound_print: bytes) -> np.ndarray:
    return np.frombuffer(sound_print, np.uint8).reshape(-1, BANDS)


def _make_filters() -> np.ndarray:
    """Triangles of equal width in mel (O'Shaughnessy's formula): (WINDOW / 2 + 1, BANDS)."""
    mels = np.linspace(*(2595 * np.log10(1 + np.array([LOWEST, HIGHEST]) / 700)), BANDS + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLING_RATE)[:, None]
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


_HANN = np.hanning(WINDOW).astype(np.float32)
_FILTERS = _make_filters()
# Amplitude of each of the 256 levels, less that of the deepest: silence counts nothing.
_AMPLITUDES = 10 ** (np.arange(256) * (DEPTH / 255) / 20) - 1
