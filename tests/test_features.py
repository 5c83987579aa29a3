"""Features of a dataset: equal to the extractor's, cached, resumed by the shard, and never hanging."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from datasets import Audio, Dataset, DatasetDict
from transformers import ASTFeatureExtractor, Wav2Vec2FeatureExtractor

from hf_ser import features
from hf_ser.errors import AudioError, CorpusError, RecipeError, RunError, StorageError
from hf_ser.features import extract_features
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import ROOT, tone
from tests.test_structure import imported_modules


@pytest.fixture
def clips(tmp_path):
    """Ten clips of 0.2 to 0.65 s."""
    paths = [tmp_path / f"{index}.wav" for index in range(10)]
    for index, path in enumerate(paths):
        soundfile.write(path, tone(0.2 + 0.05 * index, 100.0 * (index + 1)), 16_000, subtype="FLOAT")
    dataset = Dataset.from_dict({"audio": [str(path) for path in paths], "utterance": [path.stem for path in paths]})
    return dataset.cast_column("audio", Audio(decode=False))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(features, "SHARD_SIZE", 3)


def test_every_clip_gets_the_features_of_the_extractor(clips, feature_extractor, small_shards):
    extracted = extract_features(clips, feature_extractor).with_format("numpy")
    assert extracted["utterance"][:].tolist() == [str(index) for index in range(10)]
    for index, row in enumerate(extracted):
        expected = feature_extractor(tone(0.2 + 0.05 * index, 100.0 * (index + 1)))["input_features"][0]
        assert np.array_equal(row["input_features"], expected)


def test_selected_clips_keep_their_order(clips, feature_extractor):
    extracted = extract_features(clips.select([7, 2, 2]), feature_extractor)
    assert extracted["utterance"][:] == ["7", "2", "2"]
    assert len(extracted[0]["input_features"]) > len(extracted[1]["input_features"])


def test_raw_waveforms_are_normalised_as_wav2vec2_wants_them(clips):
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True)
    row = extract_features(clips, extractor).with_format("numpy")[3]
    wave = tone(0.35, 400.0)
    np.testing.assert_allclose(row["input_values"], (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7), atol=1e-5)


def test_images_are_ready_for_any_image_model(clips, feature_extractor):
    extracted = extract_features(clips, feature_extractor, as_images=True).with_format("numpy")
    image = extracted[0]["pixel_values"]
    assert image.shape == (3, 224, 224)
    # The loudest point is magma's last colour, (252, 253, 191), normalised as ImageNet's images are.
    red = (252 / 255 - 0.485) / 0.229
    assert image[0].max() == pytest.approx(red, abs=0.02)


def test_images_have_the_colours_and_size_of_their_configuration(clips, feature_extractor):
    config = SpectrogramConfig(
        backbone_kwargs={"in_chans": 1}, value_range=[-80, 0], image_size=[20, 30], image_mean=[0.0], image_std=[1.0]
    )
    extracted = extract_features(clips, feature_extractor, as_images=True, image_config=config).with_format("numpy")
    assert extracted[0]["pixel_values"].shape == (1, 20, 30)
    assert 0 <= extracted[0]["pixel_values"].min() <= extracted[0]["pixel_values"].max() <= 1


def test_images_of_a_waveform_are_refused(clips):
    with pytest.raises(RecipeError, match="what Wav2Vec2FeatureExtractor gives is no image"):
        extract_features(clips, Wav2Vec2FeatureExtractor(), as_images=True)


def test_images_of_slopes_need_a_range_of_their_own(clips):
    extractor = SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16, deltas=1)
    with pytest.raises(RecipeError, match="Images of features that are not dB below the maximum alone need an"):
        extract_features(clips, extractor, as_images=True)


def test_workers_finish_after_torch_was_used_and_give_the_same(clips, feature_extractor, small_shards, own_cache):
    torch.set_num_threads(2)
    torch.randn(400, 400) @ torch.randn(400, 400)  # starts torch's threads, which a forked child does not have
    alone = extract_features(clips, feature_extractor, num_proc=1).with_format("numpy")
    for path in (own_cache / "hf_ser" / "features").glob("*/*"):
        path.unlink()
    together = extract_features(clips, feature_extractor, num_proc=2).with_format("numpy")
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one["input_features"], other["input_features"])


def test_a_second_call_computes_nothing(clips, feature_extractor, small_shards, monkeypatch):
    extract_features(clips, feature_extractor)
    monkeypatch.setattr(features, "_extract_shard", None)
    assert len(extract_features(clips, feature_extractor)) == 10


def test_a_relabelled_corpus_has_the_features_already(clips, feature_extractor, small_shards, monkeypatch):
    extract_features(clips, feature_extractor)
    monkeypatch.setattr(features, "_extract_shard", None)
    relabelled = clips.add_column("label", list(range(10)))
    assert extract_features(relabelled, feature_extractor)["label"][:] == list(range(10))


def test_features_are_replaced_and_every_part_of_a_split_gets_them(clips, feature_extractor):
    parts = DatasetDict({"train": clips.select(range(6)), "test": clips.select(range(6, 10))})
    extracted = extract_features(extract_features(parts, feature_extractor), feature_extractor)
    assert extracted["test"]["utterance"][:] == ["6", "7", "8", "9"]
    assert extracted["train"].column_names == ["audio", "utterance", "input_features"]


def test_a_file_that_changes_is_read_again(clips, feature_extractor):
    before = extract_features(clips, feature_extractor)[4]["input_features"]
    soundfile.write(clips[4]["audio"]["path"], tone(0.9), 16_000)
    assert len(extract_features(clips, feature_extractor)[4]["input_features"]) > len(before)


def test_a_damaged_shard_is_made_anew(clips, feature_extractor, own_cache):
    whole = extract_features(clips, feature_extractor)[:]["input_features"]
    for path in (own_cache / "hf_ser" / "features").glob("*/*.arrow"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert extract_features(clips, feature_extractor)[:]["input_features"] == whole


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda clips: clips.select([]), CorpusError, "The dataset has 0 clips"),
        (lambda clips: clips.remove_columns("audio"), CorpusError, "and an `audio` column"),
    ],
)
def test_a_dataset_without_sound_is_refused(clips, feature_extractor, change, error, sentence):
    with pytest.raises(error, match=sentence):
        extract_features(change(clips), feature_extractor)


def test_another_kind_of_extractor_is_refused(clips):
    with pytest.raises(RecipeError, match="and not with ASTFeatureExtractor"):
        extract_features(clips, ASTFeatureExtractor())


def test_the_cache_is_keyed_by_all_code_behind_the_features():
    behind, open_ends = set(), ["models.feature_extraction"]
    while open_ends:
        behind.add(name := open_ends.pop())
        open_ends += imported_modules(name) - behind
    keyed = {module.__name__.removeprefix("hf_ser.") for module in features.CODE}
    assert behind - keyed == {"models.choices", "models.threads"}  # they change no number


def test_another_option_is_another_cache(clips, feature_extractor):
    first = extract_features(clips, feature_extractor)
    feature_extractor.top_db = 20.0
    second = extract_features(clips, feature_extractor)
    assert np.min(first[0]["input_features"]) < -20 <= np.min(second[0]["input_features"])


def test_a_clip_that_cannot_be_read_is_named(clips, feature_extractor):
    Path(clips[4]["audio"]["path"]).write_text("no sound")
    with pytest.raises(AudioError, match=r"4\.wav"):
        extract_features(clips, feature_extractor)


KILLED = """
import os, sys
from pathlib import Path
from datasets import Audio, Dataset, config
from hf_ser import features
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor

config.HF_DATASETS_CACHE = sys.argv[1]
features.SHARD_SIZE = 3
die_after, original, done = int(sys.argv[3]), features._extract_shard, []

def extract_shard(*arguments):
    if len(done) == die_after:
        os.kill(os.getpid(), 9)
    done.append(1)
    return original(*arguments)

features._extract_shard = extract_shard
paths = sorted(str(path) for path in Path(sys.argv[2]).glob("*.wav"))
clips = Dataset.from_dict({"audio": paths}).cast_column("audio", Audio(decode=False))
extracted = features.extract_features(clips, SpectrogramFeatureExtractor(n_fft=256, n_mels=16))
print("computed", len(done), "of", len(extracted), "sum", sum(map(len, extracted["input_features"][:])))
"""


def test_a_killed_extraction_goes_on_from_its_finished_shards(clips, tmp_path):
    def run(die_after, cache):
        arguments = [
            sys.executable,
            "-c",
            textwrap.dedent(KILLED),
            str(tmp_path / cache),
            str(tmp_path),
            str(die_after),
        ]
        return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=120)

    assert run(2, "interrupted").returncode == -signal.SIGKILL
    resumed, whole = run(-1, "interrupted"), run(-1, "whole")
    assert resumed.stdout.startswith("computed 2 of 10")
    assert whole.stdout.startswith("computed 4 of 10")
    assert resumed.stdout.split("sum")[1] == whole.stdout.split("sum")[1]


def test_a_worker_that_dies_is_an_error_and_no_hang(clips, feature_extractor, small_shards, monkeypatch):
    parent = os.getpid()

    def die(*arguments):
        assert os.getpid() != parent
        os._exit(9)

    monkeypatch.setattr(features, "read_audio", die)
    started = time.monotonic()
    with pytest.raises(RunError, match="A worker process died while extracting features.* What is finished is kept"):
        extract_features(clips, feature_extractor, num_proc=2)
    assert time.monotonic() - started < 30


def test_a_full_disk_is_named(clips, feature_extractor, monkeypatch):
    def fill(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features, "_extract_shard", fill)
    with pytest.raises(StorageError, match="No space left while writing .* set `HF_DATASETS_CACHE`"):
        extract_features(clips, feature_extractor)
