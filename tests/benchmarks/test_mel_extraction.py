"""Clips per second of mel extraction: ours against librosa and against a bare torch.stft, files read by all.

The target against librosa, three times, is for a plain loop, as scripts have it. What two hand-tuned workers of
librosa do is printed beside it.

python -m pytest tests/benchmarks -s                 # 20,000 clips: the real EMO-DB again and again
HF_SER_CLIPS=2000 python -m pytest tests/benchmarks -s
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import librosa
import numpy as np
import pytest
import torch
from datasets import Audio, Dataset
from threadpoolctl import threadpool_limits

from hf_ser import features
from hf_ser.audio import read_audio
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor

CLIPS = int(os.environ.get("HF_SER_CLIPS", "20000"))
WORKERS = 2
BATCH = 32
N_FFT, HOP, MELS = 1024, 256, 96


def librosa_batch(paths):
    """What a plain script does for each file."""
    for path in paths:
        signal, rate = librosa.load(path, sr=16_000)
        power = librosa.feature.melspectrogram(y=signal, sr=rate, n_fft=N_FFT, hop_length=HOP, n_mels=MELS)
        librosa.power_to_db(power, ref=np.max)


def tuned_librosa_batch(paths):
    """The same with one thread a worker: two workers with two threads each would get in each other's way."""
    with threadpool_limits(1):
        librosa_batch(paths)


def stft_batch(paths):
    """The least that any spectrogram costs: read, pad into a batch, transform."""
    torch.set_num_threads(1)
    window = torch.hann_window(N_FFT)
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(read_audio(path)) for path in paths], batch_first=True)
    torch.stft(batch, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)


def our_batch(paths):
    """The function that `extract_features` maps."""
    torch.set_num_threads(1)
    extractor = SpectrogramFeatureExtractor(n_fft=N_FFT, hop_length=HOP, n_mels=MELS)
    features.Extraction(extractor)({"audio": paths})


@pytest.fixture(scope="module")
def paths(emodb):
    recordings = sorted(str(path) for path in (emodb / "wav").glob("*.wav"))
    return (recordings * (CLIPS // len(recordings) + 1))[:CLIPS]


def run_batches(function, batches, pool):
    """Clips per second of one pass; the workers are warm."""
    list(pool.map(function, batches[: 2 * WORKERS]))
    started = time.perf_counter()
    list(pool.map(function, batches, chunksize=4))
    return sum(map(len, batches)) / (time.perf_counter() - started)


def test_mel_extraction_costs_at_most_one_and_a_half_transforms(paths):
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    share = batches[: max(len(batches) // 5, 8)]  # each side in turn, five times, so that a drifting machine evens out
    sides = (tuned_librosa_batch, stft_batch, our_batch)
    rates = {function.__name__: [] for function in sides}
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        for start in range(0, len(batches), len(share)):
            for function in sides:
                rates[function.__name__].append(run_batches(function, batches[start : start + len(share)], pool))
    median = {name: float(np.median(values)) for name, values in rates.items()}
    print(f"\n{len(paths)} clips, {WORKERS} workers, clips per second (median of {len(rates['our_batch'])} turns):")
    for name, value in median.items():
        print(f"  {name:20} {value:8.0f}   ours is {median['our_batch'] / value:5.2f} x")
    assert median["stft_batch"] <= 1.5 * median["our_batch"]


def test_extraction_into_the_cache_is_three_times_a_librosa_loop(paths, own_cache):
    clips = Dataset.from_dict({"audio": paths}).cast_column("audio", Audio(decode=False))
    extractor = SpectrogramFeatureExtractor(n_fft=N_FFT, hop_length=HOP, n_mels=MELS)
    started = time.perf_counter()
    librosa_batch(paths[:1000])
    loop = 1000 / (time.perf_counter() - started)
    started = time.perf_counter()
    features.extract_features(clips, extractor, num_proc=WORKERS)
    ours = len(paths) / (time.perf_counter() - started)
    started = time.perf_counter()
    features.extract_features(clips, extractor, num_proc=WORKERS)
    cached = len(paths) / (time.perf_counter() - started)
    print(f"\nextract_features {ours:.0f} clips per second, written to the cache; librosa loop {loop:.0f}: ")
    print(f"  ours is {ours / loop:.2f} x; read back from the cache {cached / loop:.0f} x")
    assert ours >= 3 * loop


def test_a_single_clip_is_fast(benchmark):
    extractor = SpectrogramFeatureExtractor(n_fft=N_FFT, hop_length=HOP, n_mels=MELS)
    benchmark(extractor, np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32))
