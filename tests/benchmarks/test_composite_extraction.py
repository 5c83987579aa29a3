"""Time and memory of the composite: ours, alone and in batches, against the same made of librosa's functions.

The sides take turns clip by clip, so that a drifting machine evens out.

python -m pytest tests/benchmarks/test_composite_extraction.py -s
HF_SER_CLIPS=16 python -m pytest tests/benchmarks/test_composite_extraction.py -s
"""

import functools
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from hf_ser.audio import read_audio
from hf_ser.models.composite import BLOCKS, Composite
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.threads import map_clips
from tests.models.test_composite import OPTIONS
from tests.reference import RATE, librosa_blocks, stack_blocks

CLIPS = int(os.environ.get("HF_SER_CLIPS", "64"))
BATCH = 16


@pytest.fixture(scope="module")
def clips(emodb):
    paths = sorted((emodb / "wav").glob("*.wav"))
    return [read_audio(path, RATE) for path in paths[:: len(paths) // CLIPS][:CLIPS]]


@pytest.fixture(scope="module")
def extractor(clips):
    """Warm: filters of every tuning made, loops compiled."""
    extractor = SpectrogramFeatureExtractor(kind="composite", storage="float32")
    extractor(clips)
    return extractor


def measure(function, argument):
    """Milliseconds of one call."""
    started = time.perf_counter()
    function(argument)
    return 1000 * (time.perf_counter() - started)


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_a_clip_takes_a_twentieth_of_librosa_s_time_in_a_batch_and_an_eighth_alone(clips, extractor):
    stack_blocks(librosa_blocks(clips[0]))
    librosa, alone, batch = [], [], []
    for start in range(0, len(clips), BATCH):
        group = clips[start : start + BATCH]
        for clip in group:
            librosa.append(measure(lambda clip: stack_blocks(librosa_blocks(clip)), clip))
            alone.append(measure(extractor, clip))
        batch.append(measure(extractor, group) / len(group))
    seconds = np.mean([len(clip) for clip in clips]) / RATE
    print(f"\n{len(clips)} clips of {seconds:.1f} s, {torch.get_num_threads()} threads, milliseconds a clip:")
    for name, times in {"librosa": librosa, "alone": alone, f"in batches of {BATCH}": batch}.items():
        print(f"  {name:20} {np.mean(times):7.1f}   librosa's are {np.mean(librosa) / np.mean(times):5.1f} x")
    assert np.mean(librosa) >= 20 * np.mean(batch)
    assert np.mean(librosa) >= 8 * np.mean(alone)


def test_the_time_of_each_block(clips, extractor):
    steps = ["spectrum", "amplitude", "power", *BLOCKS]  # the first three are shared by what follows
    times = {step: [] for step in steps}
    for clip in clips:
        composite = Composite(torch.from_numpy(clip)[None], torch.tensor([len(clip)]), **OPTIONS)
        for step in steps:
            read = functools.partial(getattr, composite)
            times[step] += map_clips(functools.partial(measure, read), [step])
    print("\nmilliseconds of each step on one thread (median):")
    for step, values in times.items():
        print(f"  {step:20} {np.median(values):7.2f}")


MEMORY = """
import resource, sys
import torch
from hf_ser.models.composite import BLOCKS, Composite
from tests.models.test_composite import OPTIONS

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

clips, seconds = map(int, sys.argv[1:])
waveforms = torch.randn(clips, seconds * 22_050)
Composite(waveforms[:1, :22_050], torch.tensor([22_050]), **OPTIONS).stack([*BLOCKS])
before = peak()
Composite(waveforms, torch.full((clips,), waveforms.shape[1]), **OPTIONS).stack([*BLOCKS])
print(peak() - before, waveforms.nbytes)
"""


@pytest.mark.parametrize(("clips", "seconds"), [(1, 60), (16, 10)])
def test_memory_stays_below_500_mb_a_minute_and_40_times_the_waveforms(clips, seconds):
    command = [sys.executable, "-c", MEMORY, str(clips), str(seconds)]
    taken, given = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    print(f"\n{clips} clips of {seconds} s: {taken / 1e6:.0f} MB, {taken / given:.1f} times the waveforms")
    assert taken < 500e6 * clips * seconds / 60
    assert taken < 40 * given
