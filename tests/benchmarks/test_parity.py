"""Every kind of features against librosa on all files of EMO-DB; librosa's composites are kept in a folder.

python -m pytest tests/benchmarks/test_parity.py -s          # some minutes the first time
HF_SER_CLIPS=50 python -m pytest tests/benchmarks/test_parity.py -s
"""

import os
import tempfile
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from hf_ser.audio import read_audio
from hf_ser.models.composite import BLOCKS, Composite
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.models.test_composite import OPTIONS
from tests.reference import RATE, difference, librosa_blocks

CLIPS = int(os.environ.get("HF_SER_CLIPS", "535"))
FOLDER = Path(tempfile.gettempdir()) / f"hf_ser-librosa-{librosa.__version__}"
LIMITS = dict.fromkeys(BLOCKS, 1e-3) | {"mel": 1e-4, "mfcc": 1e-4}
# Files in which a pitch lies so near the edge of a bin that the last digit of a transform decides on the tuning.
EXCEPTIONS: dict[str, set[str]] = {}
# A transform in float32, in half the time of librosa's in float64, is 0.009 dB off in a bin 79.5 dB below the maximum.
ROUNDED = {("spectrogram db", "11b10Ae.wav")}


def read_or_compute(path, clip):
    """Librosa's blocks of one file."""
    kept = FOLDER / f"{path.stem}.npz"
    if not kept.exists():
        FOLDER.mkdir(exist_ok=True)
        np.savez(kept, **librosa_blocks(clip, librosa.effects.hpss(clip)))  # both parts in half the time
    with np.load(kept) as blocks:
        return dict(blocks)


def librosa_kinds(clip):
    """What librosa gives for the kinds of one clip of 16 kHz, by their defaults."""
    transform = {"n_fft": 1024, "hop_length": 256}
    linear = np.abs(librosa.stft(clip, n_fft=512, hop_length=128)) ** 2
    mel = librosa.feature.melspectrogram(y=clip, sr=16_000, **transform)
    return {
        ("spectrogram", "power"): linear,
        ("spectrogram", "db"): librosa.power_to_db(linear, ref=np.max),
        ("mel", "power"): mel,
        ("mel", "db"): librosa.power_to_db(mel, ref=np.max),
        ("mfcc", None): librosa.feature.mfcc(y=clip, sr=16_000, n_mfcc=128),
    }


def test_every_kind_of_every_file_equals_librosa(emodb):
    largest, beyond = {}, set()
    for path in sorted((emodb / "wav").glob("*.wav"))[:CLIPS]:
        clip = read_audio(path)
        for (kind, scale), expected in librosa_kinds(clip).items():
            extractor = SpectrogramFeatureExtractor(kind=kind, scale=scale, storage="float32")
            features = extractor(clip)["input_features"][0]
            name, distance = f"{kind} {scale or ''}".strip(), difference(features.T, expected)
            largest[name] = max(largest.get(name, (0.0, "")), (distance, path.name))
            if distance > 1e-4:
                beyond.add((name, path.name))
    for name, (distance, path) in largest.items():
        print(f"  {name:20} {distance:.1e} at most, in {path}")
    assert beyond <= ROUNDED


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_every_block_of_every_file_equals_librosa(emodb):
    largest = {block: (0.0, "") for block in BLOCKS}
    beyond = {}
    for path in sorted((emodb / "wav").glob("*.wav"))[:CLIPS]:
        clip = read_audio(path, RATE)
        expected = read_or_compute(path, clip)
        composite = Composite(torch.from_numpy(clip)[None], torch.tensor([len(clip)]), **OPTIONS)
        for block in BLOCKS:
            distance = difference(getattr(composite, block)[0].numpy().T, expected[block])
            largest[block] = max(largest[block], (distance, path.name))
            if distance > LIMITS[block]:
                beyond.setdefault(path.name, set()).add(block)
    for block, (distance, name) in largest.items():
        print(f"  {block:20} {distance:.1e} at most, in {name}")
    assert beyond == EXCEPTIONS
