"""Time of spectrogram, mel and MFCC in batches: ours against a loop of librosa calls and against a bare torch.stft.

Waveforms are in memory, the sides take turns of four batches, and each has all threads. Ours uses one.

OMP_NUM_THREADS=2 python -m pytest tests/benchmarks/test_kind_extraction.py -s
"""

import os
import time

import librosa
import numpy as np
import pytest
import torch

from hf_ser.audio import read_audio
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor

CLIPS = int(os.environ.get("HF_SER_CLIPS", "320"))
BATCH, TURN = 16, 4
RATE = 16_000


def librosa_spectrogram(clip, extractor):
    power = np.abs(librosa.stft(clip, n_fft=extractor.n_fft, hop_length=extractor.hop_length)) ** 2
    return librosa.power_to_db(power, ref=np.max)


def librosa_mel(clip, extractor):
    options = {"n_fft": extractor.n_fft, "hop_length": extractor.hop_length}
    return librosa.power_to_db(librosa.feature.melspectrogram(y=clip, sr=RATE, **options), ref=np.max)


def librosa_mfcc(clip, extractor):
    return librosa.feature.mfcc(y=clip, sr=RATE, n_mfcc=extractor.n_mfcc)


LIBROSA = {"spectrogram": librosa_spectrogram, "mel": librosa_mel, "mfcc": librosa_mfcc}


@pytest.fixture(scope="module")
def batches(emodb):
    paths = sorted((emodb / "wav").glob("*.wav"))[:CLIPS]
    clips = [read_audio(path, RATE) for path in paths]
    return [clips[start : start + BATCH] for start in range(0, len(clips), BATCH)]


def transform_batch(clips, extractor):
    """The least that any spectrogram of a batch costs: pad and transform."""
    window = torch.hann_window(extractor.n_fft)
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    torch.stft(batch, extractor.n_fft, extractor.hop_length, window=window, pad_mode="constant", return_complex=True)


def measure(function, clips):
    """Milliseconds a clip."""
    started = time.perf_counter()
    function(clips)
    return 1000 * (time.perf_counter() - started) / len(clips)


@pytest.mark.parametrize("kind", LIBROSA)
def test_a_batch_takes_a_third_of_librosa_s_time_and_at_most_one_and_a_half_transforms(kind, batches):
    extractor = SpectrogramFeatureExtractor(kind=kind)
    sides = {
        "librosa": lambda clips: [LIBROSA[kind](clip, extractor) for clip in clips],
        "torch.stft": lambda clips: transform_batch(clips, extractor),
        "ours": extractor,
    }
    times = {name: [] for name in sides}
    for start in [0, *range(0, len(batches), TURN)]:
        for name, function in sides.items():
            times[name] += [measure(function, clips) for clips in batches[start : start + TURN]]
    median = {name: np.median(values[TURN:]) for name, values in times.items()}  # the first turn is to warm up
    print(f"\n{kind}, {len(batches)} batches of {BATCH}, {torch.get_num_threads()} threads, milliseconds a clip:")
    for name, value in median.items():
        print(f"  {name:12} {value:6.2f}   {value / median['ours']:5.2f} of ours")
    assert kind == "spectrogram" or median["librosa"] >= 3 * median["ours"]  # of the bare transform there is no more
    assert median["ours"] <= 1.5 * median["torch.stft"]
