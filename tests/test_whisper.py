"""Whisper's encoder as a classifier: loaded from a network that speaks, trained by the same keys as all others."""

import numpy as np
import pytest
import soundfile
import torch
from transformers import Wav2Vec2Config, WhisperFeatureExtractor

from hf_ser.arguments import WaveformArguments, parse_recipe
from hf_ser.errors import RecipeError
from hf_ser.features import extract_features
from hf_ser.waveform_models import load_waveform_extractor, load_waveform_model
from tests.checkpoints import NAMES, TINY, make_waveform_trainer, make_whisper, parse_waveform_recipe


def load(folder, **options):
    return load_waveform_model(WaveformArguments(str(folder), **options), NAMES)


def test_the_encoder_keeps_its_weights_in_float32_and_the_decoder_stays_behind(tmp_path, caplog):
    speaks = make_whisper(tmp_path)  # in float16
    with caplog.at_level("INFO", logger="hf_ser"):
        model = load(tmp_path)
    assert "New, and begun at random: classifier, projector." in caplog.text
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    for name, weight in speaks.model.encoder.state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], weight), name
    assert not any("decoder" in name for name in model.state_dict())


def test_convolutions_keep_their_weights_unless_they_are_to_learn(tmp_path):
    make_whisper(tmp_path)
    frozen = {name for name, weight in load(tmp_path).named_parameters() if not weight.requires_grad}
    convolutions = {f"encoder.conv{layer}.{kind}" for layer in (1, 2) for kind in ("weight", "bias")}
    assert frozen == convolutions | {"encoder.embed_positions.weight"}  # these are sines, and never learn
    model = load(tmp_path, freeze_feature_encoder=False)
    assert all(model.get_parameter(name).requires_grad for name in convolutions)


def test_only_the_head_learns_on_a_frozen_base(tmp_path):
    make_whisper(tmp_path)
    model = load(tmp_path, freeze_base=True, weighted_layer_sum=True)
    learnt = {name.split(".")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    assert learnt == {"projector", "classifier", "layer_weights"}


def test_a_head_for_our_emotions_is_kept(tmp_path):
    classifier = make_whisper(tmp_path, classifier=True)
    assert torch.equal(load(tmp_path).classifier.weight, classifier.classifier.weight.half().float())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"chunk_length": 30}, r"reads 8 mels in 200 frames, and its feature extractor gives 8 mels in 3000 .*30 s"),
        ({"feature_size": 80}, "reads 8 mels in 200 frames, and its feature extractor gives 80 mels in 200 frames"),
    ],
)
def test_a_feature_extractor_of_another_whisper_is_refused(options, sentence, tmp_path):
    make_whisper(tmp_path, **options)
    with pytest.raises(RecipeError, match=sentence):
        load_waveform_extractor(str(tmp_path), {})


def test_other_networks_behind_that_feature_extractor_are_refused(tmp_path):
    WhisperFeatureExtractor().save_pretrained(tmp_path)
    Wav2Vec2Config(**TINY).save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="is a wav2vec2, and of the networks that read waveforms through a Whisper"):
        load_waveform_extractor(str(tmp_path), {})


def test_the_map_gives_what_the_feature_extractor_gives(sound_split, tmp_path):
    make_whisper(tmp_path)
    stock = WhisperFeatureExtractor.from_pretrained(tmp_path)
    ours = load_waveform_extractor(str(tmp_path), {})
    for extractor in (stock, ours):
        clips = extract_features(sound_split["test"], extractor).with_format("numpy")
        assert clips["input_features"][:].shape == (6, 8, 200)
    waveform = soundfile.read(clips[3]["audio"]["path"], dtype="float32")[0]
    expected = stock(waveform, sampling_rate=16_000)["input_features"][0]
    np.testing.assert_array_equal(clips[3]["input_features"], expected)


def make_trainer(folder, sounds, *overrides):
    make_whisper(folder / "checkpoint")
    return make_waveform_trainer(parse_waveform_recipe(folder, folder / "checkpoint", *overrides), sounds)[0]


@pytest.mark.parametrize("route", ["collator", "device"])
def test_waveforms_are_augmented_in_training_and_nowhere_else(route, sound_split, tmp_path):
    words = ("--features", route, "--noise_snr", "10,20", "--waveform_probability", "1", "--mixup_alpha", "0.3")
    trainer = make_trainer(tmp_path, sound_split, *words)
    batch = next(iter(trainer.get_train_dataloader()))
    batch = trainer.train_collator.compute(batch, "cpu") if route == "device" else batch
    assert set(batch) == {"input_features", "labels"}
    assert batch["input_features"].shape == (8, 8, 200)
    assert batch["labels"].shape == (8, 3)  # mixed
    validation = next(iter(trainer.get_eval_dataloader()))
    mapped = trainer.eval_dataset.with_format("numpy")["input_features"][:]
    np.testing.assert_array_equal(validation["input_features"], mapped)
    trainer.train()


def test_the_encoder_can_learn_at_a_rate_of_its_own(sound_split, tmp_path):
    trainer = make_trainer(tmp_path, sound_split, "--backbone_learning_rate", "1e-6", "--learning_rate", "1e-3")
    groups = trainer.create_optimizer().param_groups
    rates = {id(weight): group["lr"] for group in groups for weight in group["params"]}
    model = trainer.model
    assert rates[id(model.encoder.layer_norm.weight)] == 1e-6
    assert rates[id(model.projector.weight)] == rates[id(model.classifier.bias)] == 1e-3


def test_images_are_not_augmented(tmp_path):
    (tmp_path / "recipe.yaml").write_text("checkpoint: openai/whisper-base\nfrequency_masks: 2\n")
    with pytest.raises(RecipeError, match="`frequency_masks` is for image networks, and `openai/whisper-base` reads"):
        parse_recipe(str(tmp_path / "recipe.yaml"))


def test_a_recipe_that_asks_for_more_than_is_heard_is_refused(sound_split, tmp_path):
    with pytest.raises(RecipeError, match="`max_duration` is 3.0 s, and this checkpoint hears 2 s of a clip"):
        make_trainer(tmp_path, sound_split, "--max_duration", "3.0")
