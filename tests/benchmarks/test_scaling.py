"""From 1,000 to 100,000 clips of a second: time per stage, largest memory, and the exponent by which time grows.

Every n has folders, a cache and a process of its own. Some clips are planted twice, as they are or changed, and must
be found. It takes 4 GB of disk, which are freed again, and about ten minutes of two cores.

python -m pytest tests/benchmarks/test_scaling.py -s
HF_SER_CLIPS=5000 python -m pytest tests/benchmarks/test_scaling.py -s
"""

import functools
import json
import logging
import math
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
LARGEST = int(os.environ.get("HF_SER_CLIPS", "100000"))
SIZES = [size for size in (1_000, 10_000, 100_000) if size < LARGEST] + [LARGEST]
RATE = 16_000
SYLLABLES = 8
EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")
SPEAKERS = 50
# Of so many clips one is a copy of the clip before it, and another a changed copy.
PLANTED_EVERY = 500
COPY, CHANGED_COPY = 499, 249
MOST_MEMORY = 1.5e9  # bytes
LARGEST_EXPONENT = 1.1


@functools.cache
def make_syllables():
    """Harmonic sounds of an eighth of a second, each with a pitch and a colour that glide: (1000, samples)."""
    draw = np.random.default_rng(0)
    glide = np.linspace(0, 1, RATE // SYLLABLES)
    return np.array([np.hanning(len(glide)) * make_harmonics(draw, glide) for _ in range(1_000)], np.float32)


def make_harmonics(draw, glide):
    start, end = draw.uniform(90, 300, (2, 1))
    phase = 2 * np.pi * np.cumsum(start + (end - start) * glide) / RATE
    colours = draw.uniform(0, 1, (2, 6, 1))
    return sum(
        (first + (last - first) * glide) * np.sin(rank * phase)
        for rank, (first, last) in enumerate(zip(*colours, strict=True), start=1)
    )


@functools.cache
def make_noise():
    return np.random.default_rng(1).normal(0, 0.01, 60 * RATE).astype(np.float32)


def make_clip(index):
    """A second of eight syllables in noise, each loud enough to count: two clips that share one are not alike."""
    draw = np.random.default_rng(index)
    syllables = make_syllables()[draw.integers(0, 1_000, SYLLABLES)]
    start = draw.integers(0, 59 * RATE)
    loudness = draw.uniform(0.1, 1, (SYLLABLES, 1))
    clip = (loudness * syllables).ravel() + make_noise()[start : start + RATE]
    return 0.8 * clip / np.abs(clip).max()


def make_planted_clip(index):
    if index % PLANTED_EVERY == COPY:
        return make_clip(index - 1)
    if index % PLANTED_EVERY == CHANGED_COPY:
        return np.concatenate([np.zeros(int(0.037 * RATE)), 0.4 * make_clip(index - 1)])
    return make_clip(index)


def write_clips(folder, n_clips):
    """`NNNNNN_speaker_emotion.wav`, a thousand to a folder."""
    for index in range(n_clips):
        part = folder / f"{index // 1_000:03d}"
        part.mkdir(parents=True, exist_ok=True)
        name = f"{index:06d}_{index % SPEAKERS:02d}_{EMOTIONS[index // SPEAKERS % len(EMOTIONS)]}.wav"
        soundfile.write(part / name, make_planted_clip(index), RATE, subtype="PCM_16")


def make_builder(n_clips):
    from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance

    class Generated(CorpusBuilder):
        card = CorpusCard(
            **dict.fromkeys(("title", "language", "licence", "home_page", "download", "citation"), ""),
            name="generated",
            emotion_counts=dict.fromkeys(EMOTIONS, n_clips // len(EMOTIONS)),
            n_speakers=SPEAKERS,
        )

        def read_utterance(self, path):
            _, speaker, emotion = path.stem.split("_")
            return Utterance(path, speaker, "female", "", emotion, source_label=emotion)

    return Generated


def measure(folder, n_clips):
    """Seconds per stage, and bytes of memory; run in a process of its own."""
    import datasets

    from hf_ser import checks
    from hf_ser.corpora.fingerprints import check_fingerprint
    from hf_ser.splits import make_split

    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    datasets.disable_progress_bars()
    logging.basicConfig(level=logging.WARNING)
    builder, seconds = make_builder(n_clips), {}

    def timed(stage, function, *arguments, **options):
        start = time.perf_counter()
        result = function(*arguments, **options)
        seconds[stage] = time.perf_counter() - start
        return result

    dataset = timed("load", lambda: builder(data_dir=folder / "clips").load())
    timed("load again", lambda: builder(data_dir=folder / "clips").load())
    timed("counts", check_fingerprint, dataset, builder.card)
    scanned = timed("scan", checks.scan_audio, dataset)
    timed("scan again", checks.scan_audio, dataset)
    marked = timed("duplicates", checks.mark_duplicates, scanned)
    timed("outliers", checks.quality.find_outliers, scanned)
    good, _ = timed("bad files", checks.drop_bad_audio, marked)
    timed("stratified", make_split, good)
    timed("leave one out", make_split, good, "leave-one-speaker-out", fold=0)
    return {
        "seconds": seconds,
        "processor_seconds": sum(os.times()[:4]),  # with the workers, and with the imports
        "memory": read_peak_memory(),
        "worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "exact": checks.find_duplicate_audio(marked),
        "near": checks.find_near_duplicate_audio(marked),
    }


def read_peak_memory():
    """Largest resident memory in bytes; unlike `getrusage`, it knows nothing of the process before exec."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    found = {}
    for n_clips in SIZES:
        folder = tmp_path_factory.mktemp(f"clips-{n_clips}")
        write_clips(folder / "clips", n_clips)
        command = [sys.executable, "-m", "tests.benchmarks.test_scaling", str(folder), str(n_clips)]
        found[n_clips] = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
        )
        shutil.rmtree(folder)
        print_row(n_clips, found)
    return found


def print_row(n_clips, found):
    seconds = found[n_clips]["seconds"]
    print(f"\n{n_clips} clips: {sum(seconds.values()):.1f} s, {sum(seconds.values()) / n_clips * 1e3:.2f} ms a clip")
    print("  " + ", ".join(f"{stage} {value:.2f}" for stage, value in seconds.items()))
    print(f"  all processors {found[n_clips]['processor_seconds']:.1f} s with imports")
    print(f"  memory {found[n_clips]['memory'] / 1e6:.0f} MB, largest worker {found[n_clips]['worker'] / 1e6:.0f} MB")
    if n_clips != SIZES[0]:
        stages = ", ".join(f"{stage} {exponent(found, n_clips, stage):.2f}" for stage in seconds)
        print(f"  exponent from {SIZES[0]} clips: {exponent(found, n_clips):.2f} in all; {stages}")


def exponent(found, n_clips, stage=None):
    """b of seconds = a * clips ** b."""
    few, many = (found[size]["seconds"] for size in (SIZES[0], n_clips))
    ratio = many[stage] / few[stage] if stage else sum(many.values()) / sum(few.values())
    return math.log(ratio) / math.log(n_clips / SIZES[0])


@pytest.mark.parametrize("n_clips", SIZES)
def test_every_planted_clip_is_found_and_no_other(results, n_clips):
    for kind, place in (("exact", COPY), ("near", CHANGED_COPY)):
        planted = [[index - 1, index] for index in range(place, n_clips, PLANTED_EVERY)]
        assert [[int(name.split("-")[1][:6]) for name in group] for group in results[n_clips][kind]] == planted


@pytest.mark.parametrize("n_clips", SIZES)
def test_memory_stays_small(results, n_clips):
    assert max(results[n_clips]["memory"], results[n_clips]["worker"]) < MOST_MEMORY


def test_time_grows_in_proportion(results):
    assert exponent(results, SIZES[-1]) <= LARGEST_EXPONENT


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
