"""LoRA: which weights learn, that they do, and that they are in the saved weights and nowhere else."""

import sys

import pytest
import torch
from datasets import DatasetDict
from transformers import AutoModelForAudioClassification

from hf_ser.arguments import WaveformArguments, parse_recipe
from hf_ser.errors import RecipeError
from hf_ser.lora import merge_adapters
from hf_ser.retraining import run_training
from hf_ser.runs import open_run, save_model
from hf_ser.waveform_models import load_waveform_model
from tests.checkpoints import KIN, NAMES, make_kin, make_waveform_trainer, parse_waveform_recipe
from tests.conftest import tone

TARGETS = {"wav2vec2-conformer": ["linear_q", "linear_k", "linear_v", "linear_out"]}


def load(folder, kind, **options):
    checkpoint = make_kin(folder, kind)
    arguments = WaveformArguments(checkpoint, **{"lora_rank": 2, "lora_targets": TARGETS.get(kind), **options})
    return load_waveform_model(arguments, NAMES)


def score(model):
    """Logits of one clip, at whatever the model reads."""
    torch.manual_seed(1)
    values = torch.randn(1, 8, 200) if model.main_input_name == "input_features" else torch.from_numpy(tone(0.4))[None]
    return model.eval()(values).logits


@pytest.mark.parametrize("kind", [*KIN, "whisper"])
def test_adapters_and_head_learn_and_nothing_else(kind, tmp_path):
    model = load(tmp_path, kind)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    adapters = {name: weight for name, weight in trained.items() if "lora_" in name}
    # Two layers, four projections each, a matrix of 16 x 2 on either side.
    assert sum(weight.numel() for weight in adapters.values()) == 2 * 4 * 2 * (16 * 2)
    assert {name.split(".")[0] for name in trained.keys() - adapters.keys()} == {"projector", "classifier"}
    score(model)[0, 0].backward()
    deaf = [name for name, weight in adapters.items() if "lora_B" in name and not weight.grad.abs().sum()]
    # What a softmax sees of the keys' adapters need not be zero, so that all of them hear of the loss.
    assert deaf == []


@pytest.mark.parametrize("kind", [*KIN, "whisper"])
def test_merged_weights_give_the_scores_of_the_adapters(kind, tmp_path):
    model = load(tmp_path / "checkpoint", kind)
    before = score(model)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    adapted = score(model)
    assert (before - adapted).abs().max() > 3e-4
    merge_adapters(model)
    torch.testing.assert_close(score(model), adapted, rtol=0, atol=1e-5)
    model.save_pretrained(tmp_path / "run")
    stock, report = AutoModelForAudioClassification.from_pretrained(tmp_path / "run", output_loading_info=True)
    assert type(stock) is type(model)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    torch.testing.assert_close(score(stock), adapted, rtol=0, atol=1e-5)


def test_what_the_adapters_add_is_multiplied_by_alpha_over_rank(tmp_path):
    scores = []
    for options in ({}, {"lora_alpha": 4}, {"lora_alpha": 1}):
        model = load(tmp_path, "hubert", **options)
        layer = model.hubert.encoder.layers[0].attention.q_proj
        torch.nn.init.ones_(layer.lora_B["default"].weight)
        scores.append(
            layer.get_delta_weight("default") / (layer.lora_B["default"].weight @ layer.lora_A["default"].weight)
        )
    factors = [score.mean().item() for score in scores]
    assert factors == pytest.approx([2, 2, 0.5])  # the default is twice the rank


def test_dense_layers_of_the_base_can_be_named(tmp_path):
    model = load(tmp_path, "wavlm", lora_targets=["intermediate_dense", "output_dense"], lora_dropout=0.1)
    adapters = {name.split(".")[-4] for name, _ in model.named_parameters() if "lora_A" in name}
    assert adapters == {"intermediate_dense", "output_dense"}


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("hubert", {"lora_targets": ["q_proj", "query"]}, "`lora_targets` has query, and HubertModel no dense layer"),
        ("hubert", {"lora_targets": ["classifier"]}, "Its dense layers: intermediate_dense, k_proj, out_proj,"),
        ("wav2vec2-conformer", {"lora_targets": None}, "has q_proj, k_proj, v_proj, out_proj, .* linear_k, linear_o"),
        ("wavlm", {"lora_dropout": 0.1}, "`lora_dropout: 0.1` does nothing at q_proj, k_proj, v_proj, out_proj of Wa"),
    ],
)
def test_layers_that_cannot_be_adapted_are_named(kind, options, sentence, tmp_path):
    with pytest.raises(RecipeError, match=sentence):
        load(tmp_path, kind, **options)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("lora_rank: 8\nfreeze_base: true", "`lora_rank: 8` trains adapters in the base, and `freeze_base` nothing"),
        ("lora_rank: 8\nfreeze_feature_encoder: false", "and `freeze_feature_encoder: false` trains them"),
        ("lora_alpha: 8", "`lora_alpha` is for LoRA, which `lora_rank` turns on"),
        ("lora_dropout: 0.1", "`lora_dropout` is for LoRA, which `lora_rank` turns on"),
        ("lora_rank: 8\nlora_targets: []", "`lora_targets` names no layer"),
        ("lora_rank: 0", "`lora_rank` is 0; it must be at least 1"),
        ("lora_dropout: 1.0", "`lora_dropout` is 1.0; it must be at least 0 and at most"),
    ],
)
def test_options_that_contradict_each_other_are_refused(lines, sentence, tmp_path):
    (tmp_path / "recipe.yaml").write_text(f"checkpoint: a/b\n{lines}\n")
    with pytest.raises(RecipeError, match=sentence):
        parse_recipe(str(tmp_path / "recipe.yaml"))


def test_without_peft_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(RecipeError, match=r'`lora_rank` needs the package peft: `pip install "hf_ser\[peft\]"`'):
        load(tmp_path, "hubert")


def test_a_second_training_has_adapters_of_its_own(sound_split, tmp_path):
    checkpoint = make_kin(tmp_path / "checkpoint", "wavlm")
    words = ("--lora_rank", "2", "--learning_rate", "1e-2", "--retrain", "true", "--num_train_epochs", "2")
    recipe = parse_waveform_recipe(tmp_path, checkpoint, *words)
    trainer, split = make_waveform_trainer(recipe, sound_split)
    folder = open_run(recipe)
    trainer = run_training(trainer, recipe, DatasetDict(split))
    save_model(folder, trainer.model, trainer.processing_class)
    report = AutoModelForAudioClassification.from_pretrained(folder, output_loading_info=True)[1]
    assert not any(report.values())
