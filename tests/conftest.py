"""What all tests share: no network, a cache of their own, tones, a tiny model, and the real EMO-DB where it is."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest
import soundfile
import torch

from hf_ser.corpora.base import make_features
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.modeling import SpectrogramForAudioClassification
from hf_ser.splits import make_split
from tests.trainings import make_image_split, parse_small_recipe

ROOT = Path(__file__).parents[1]
LABELS = {"id2label": {0: "anger", 1: "neutral", 2: "sadness"}, "label2id": {"anger": 0, "neutral": 1, "sadness": 2}}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Nothing of the user's cache is read or written."""
    cache = tmp_path_factory.mktemp("datasets-cache")
    before, datasets.config.HF_DATASETS_CACHE = datasets.config.HF_DATASETS_CACHE, cache
    yield cache
    datasets.config.HF_DATASETS_CACHE = before


@pytest.fixture(scope="session")
def emodb():
    """Folder of the real EMO-DB."""
    folder = ROOT.parent / "shared" / "corpora" / "emodb"
    if not folder.is_dir():
        pytest.skip("the recordings of EMO-DB are not at hand")
    return folder


@pytest.fixture(scope="session")
def imagenet_weights():
    """File of a really pretrained MobileNetV2."""
    path = ROOT.parent / "shared" / "weights" / "mobilenetv2_100.imagenet" / "model.safetensors"
    if not path.is_file():
        pytest.skip("the pretrained weights are not at hand")
    return path


@pytest.fixture
def feature_extractor():
    """Small images: 16 mels in dB."""
    return SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16)


def make_tiny_model(**options):
    """Three emotions, a network of two narrow blocks."""
    options = {"backbone_kwargs": {"in_chans": 1, "widths": (4, 8)}, "value_range": [-80.0, 0.0], **options}
    torch.manual_seed(0)
    return SpectrogramForAudioClassification(SpectrogramConfig(**options, **LABELS)).eval()


def tone(seconds, frequency=440.0, sampling_rate=16_000, seed=0):
    """A tone in a little noise: (samples,) float32."""
    time = np.arange(int(seconds * sampling_rate)) / sampling_rate
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    return (0.5 * np.sin(2 * np.pi * frequency * time) + noise).astype(np.float32)


@pytest.fixture(scope="session")
def sound_split(tmp_path_factory):
    """Thirty tones of 0.35 to 0.5 s in files, and their features; the emotion is the pitch."""
    folder, rows = tmp_path_factory.mktemp("sounds"), []
    for index in range(30):
        path = folder / f"{index}.wav"
        soundfile.write(path, tone(0.35 + 0.005 * index, 200 * 3 ** (index % 3), seed=index), 16_000)
        texts = {"speaker": f"s{index % 5}", "sex": "", "sentence": "", "intensity": "", "corpus": "tones"}
        names = {"utterance": f"clip-{index}", "source_label": ""}
        sound = {"audio": {"bytes": None, "path": str(path)}, "label": index % 3, "duration": 0.35 + 0.005 * index}
        rows.append(sound | texts | names)
    dataset = datasets.Dataset(
        pa.Table.from_pylist(rows, schema=make_features(tuple(LABELS["label2id"])).arrow_schema)
    )
    return make_split(dataset, "stratified", 0, test=0.2, validation=1 / 6)


@pytest.fixture
def make_recipe(tmp_path):
    """Make the small recipe of `tests.trainings`, for a run folder of its own and with overrides."""

    def make(folder="run", *overrides):
        return parse_small_recipe(tmp_path, folder, *overrides)

    return make


@pytest.fixture(scope="module")
def split():
    """Parts of the made-up clips of `tests.trainings`."""
    return make_image_split()
