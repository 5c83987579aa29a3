"""Every recipe builds the network that its paper tells, and runs from sound files to a prediction of `pipeline()`."""

import csv
import importlib.util
import json
import logging
import math
import shutil
import sys

import pytest
import soundfile
import torch
import yaml
from datasets import Dataset
from torch import nn
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForAudioClassification,
    Wav2Vec2FeatureExtractor,
    pipeline,
)

from hf_ser.arguments import parse_recipe, read_recipe
from hf_ser.audio import read_audio
from hf_ser.training import build_feature_extractor, build_model
from tests.conftest import ROOT, tone
from tests.recipes.networks import CORPORA, NETWORKS
from tests.recipes.small import full_config, shrink

FOLDER = ROOT / "recipes"
PATHS = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): path
    for path in sorted(FOLDER.rglob("*.yaml"))
    if path.name != "table.yaml" and path.parent.name != "accelerate"
}
EMOTIONS = sorted({emotion for emotions in CORPORA.values() for emotion in emotions})
SPEAKERS = {"f1": "female", "f4": "female", "m1": "male", "m4": "male"}


@pytest.fixture(params=PATHS)
def name(request):
    """Each recipe, `paper/row`."""
    if request.param not in NETWORKS:
        pytest.fail(f"`recipes/{request.param}.yaml` has no entry: add one to NETWORKS in tests/recipes/networks.py.")
    return request.param


def test_every_network_is_of_a_recipe():
    assert sorted(NETWORKS.keys() - PATHS.keys()) == []


@pytest.fixture
def checkpoints_without_weights(monkeypatch):
    """transformers' Auto classes, which then fetch nothing and build the published checkpoints at their full size."""

    def build(auto_class):
        def load(checkpoint, output_loading_info, dtype, ignore_mismatched_sizes=False, **options):
            config = full_config(checkpoint, **options)
            keys = ("missing_keys", "unexpected_keys", "mismatched_keys")
            return auto_class.from_config(config), dict.fromkeys(keys, set())

        return load

    for auto_class in (AutoModel, AutoModelForAudioClassification):
        monkeypatch.setattr(auto_class, "from_pretrained", build(auto_class))
    monkeypatch.setattr(AutoConfig, "from_pretrained", full_config)
    monkeypatch.setattr(AutoFeatureExtractor, "from_pretrained", lambda checkpoint: Wav2Vec2FeatureExtractor())


@pytest.mark.usefixtures("checkpoints_without_weights")
def test_the_network_is_the_one_of_the_paper(name):
    expected = NETWORKS[name]
    recipe = parse_recipe([str(PATHS[name]), "--backbone_weights", "null"])
    extractor = build_feature_extractor(recipe, Dataset.from_dict({"duration": [9.0]}))
    with torch.device("meta"):
        model = build_model(recipe, list(expected.emotions), extractor)
    widths = zip(expected.dense[:-1], expected.dense[1:], strict=True)
    assert [(layer.in_features, layer.out_features) for layer in list_dense_layers(model)] == [*widths]
    assert expected.dense[-1] == len(expected.emotions)
    assert {weight for weight, _ in model.named_parameters() if belongs(weight, expected.learns)} == {
        weight for weight, tensor in model.named_parameters() if tensor.requires_grad
    }
    assert sum(weight.numel() for weight in model.parameters() if weight.requires_grad) == expected.weights
    assert model.eval()(make_clips(extractor)).logits.shape == (2, len(expected.emotions))


def list_dense_layers(model):
    """Dense layers of the head, in order."""
    if hasattr(model, "head"):
        return [layer for layer in model.head if isinstance(layer, nn.Linear)]
    return [getattr(model, name) for name in ("projector", "classifier") if hasattr(model, name)]


def make_clips(extractor):
    """Two clips of three seconds without content."""
    if extractor.model_input_names[0] == "input_values":
        return torch.zeros(2, 3 * extractor.sampling_rate, device="meta")
    return torch.zeros(2, extractor.count_frames(3.0), extractor.feature_size, device="meta")


def belongs(weight, modules):
    """Whether a weight is one of a module's."""
    return any(weight == module or weight.startswith(f"{module}." if module else "") for module in modules)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Four voices, each with one tone of 0.8 to 0.9 s for every emotion there is."""
    folder = tmp_path_factory.mktemp("sounds")
    for number, (speaker, emotion) in enumerate((speaker, emotion) for speaker in SPEAKERS for emotion in EMOTIONS):
        seconds, frequency = 0.8 + 0.002 * number, 150 * 1.3 ** EMOTIONS.index(emotion)
        soundfile.write(folder / f"{speaker}_{emotion}.wav", tone(seconds, frequency, seed=number), 16_000)
    return folder


@pytest.fixture(scope="module")
def write_corpus(sounds):
    """A table of the clips of some emotions."""

    def write(emotions):
        path = sounds / f"{'-'.join(emotions)}.csv"
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("file", "label", "speaker", "sex"))
            for speaker, sex in SPEAKERS.items():
                table.writerows((f"{speaker}_{emotion}.wav", emotion, speaker, sex) for emotion in emotions)
        return path

    return write


@pytest.fixture(scope="module")
def script():
    """`recipes/train.py`, in this process."""
    spec = importlib.util.spec_from_file_location("train", FOLDER / "train.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture
def train(script, monkeypatch):
    """Run a recipe file on one thread: with images this small, several would wait for each other on a busy machine."""
    threads, logger = torch.get_num_threads(), logging.getLogger("hf_ser")
    level = logger.level
    monkeypatch.setattr("hf_ser.training.count_cores", lambda: 1)

    def run(path):
        monkeypatch.setattr(sys, "argv", ["train.py", str(path)])
        script.main()

    yield run
    torch.set_num_threads(threads)
    logger.setLevel(level)


@pytest.fixture
def folder(tmp_path):
    """Of a run; all of them together would be gigabytes."""
    yield tmp_path / "run"
    shutil.rmtree(tmp_path / "run", ignore_errors=True)


def test_the_recipe_runs_from_sound_files_to_a_prediction(name, write_corpus, train, folder, tmp_path):
    options, expected = read_recipe(PATHS[name]), NETWORKS[name]
    table, path = write_corpus(CORPORA[options.get("pool") or options["corpus"]]), tmp_path / "recipe.yaml"
    corpus = {"corpus": "csv", "data_dir": str(table), "output_dir": str(folder)}
    path.write_text(yaml.safe_dump(shrink(options, expected.emotions, tmp_path / "checkpoint") | corpus))
    train(path)

    results = json.loads((folder / "results.json").read_text())
    assert results["history"][-1]["step"] >= 2
    assert results["labels"] == list(expected.emotions)
    classifier = pipeline("audio-classification", model=str(folder), top_k=None)
    scores = classifier(read_audio(table.parent / "f1_anger.wav", classifier.feature_extractor.sampling_rate))
    assert sorted(score["label"] for score in scores) == list(expected.emotions)
    assert all(math.isfinite(score["score"]) for score in scores)
    assert sum(score["score"] for score in scores) == pytest.approx(1, abs=1e-5)
