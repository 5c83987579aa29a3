"""Networks that read waveforms: loaded whole or not at all, trained by the same recipe keys, read by pipeline()."""

import functools

import numpy as np
import pytest
import torch
from transformers import (
    ASTFeatureExtractor,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2ForPreTraining,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
    pipeline,
)

from hf_ser.arguments import WaveformArguments, parse_recipe
from hf_ser.audio import read_audio
from hf_ser.errors import RecipeError
from hf_ser.evaluation import evaluate_run
from hf_ser.runs import open_run, save_model
from hf_ser.waveform_models import load_waveform_extractor, load_waveform_model
from tests.checkpoints import LABELS, NAMES, QUANTIZER, TINY, make_waveform_trainer, parse_waveform_recipe
from tests.checkpoints import save_checkpoint as save


@pytest.fixture
def save_checkpoint(tmp_path):
    return functools.partial(save, tmp_path / "checkpoint")


@pytest.mark.parametrize(
    ("config", "network"), [(Wav2Vec2Config, Wav2Vec2Model), (HubertConfig, HubertModel), (WavLMConfig, WavLMModel)]
)
def test_a_pretrained_network_keeps_its_weights_and_gets_a_head_for_our_emotions(config, network, save_checkpoint):
    base = network(config(**TINY))
    checkpoint = save_checkpoint(base)
    model = load_waveform_model(WaveformArguments(checkpoint), NAMES)
    assert model.config.id2label == NAMES["id2label"]
    for name, weight in base.state_dict().items():
        assert torch.equal(model.base_model.state_dict()[name], weight), name
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert frozen
    assert all(".feature_extractor." in name for name in frozen)


def test_only_the_head_learns_on_a_frozen_base(save_checkpoint):
    checkpoint = save_checkpoint(Wav2Vec2Model(Wav2Vec2Config(**TINY)))
    arguments = WaveformArguments(checkpoint, freeze_base=True, weighted_layer_sum=True)
    model = load_waveform_model(arguments, NAMES)
    learnt = {name.split(".")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    assert learnt == {"projector", "classifier", "layer_weights"}


def test_what_pretraining_alone_needs_is_left_behind(save_checkpoint, caplog):
    checkpoint = save_checkpoint(Wav2Vec2ForPreTraining(Wav2Vec2Config(**TINY, **QUANTIZER)))
    with caplog.at_level("INFO", logger="hf_ser"):
        load_waveform_model(WaveformArguments(checkpoint), NAMES)
    assert "New, and begun at random: classifier, projector." in caplog.text


def test_a_head_for_other_emotions_is_refused_or_replaced(save_checkpoint):
    names = {"id2label": {0: "ang", 1: "neu"}, "label2id": {"ang": 0, "neu": 1}}
    base = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**TINY, **names))
    checkpoint = save_checkpoint(base)
    with pytest.raises(
        RecipeError, match="has a head for ang, neu; the corpus has anger, neutral, sadness.*`new_head: t"
    ):
        load_waveform_model(WaveformArguments(checkpoint), NAMES)
    model = load_waveform_model(WaveformArguments(checkpoint, new_head=True), NAMES)
    assert model.classifier.out_features == 3
    assert torch.equal(model.projector.weight, base.projector.weight)


def test_a_head_for_as_many_other_emotions_is_replaced_too(save_checkpoint, caplog):
    names = {"id2label": {0: "ang", 1: "neu", 2: "sad"}, "label2id": {"ang": 0, "neu": 1, "sad": 2}}
    base = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**TINY, **names))
    with caplog.at_level("INFO", logger="hf_ser"):
        model = load_waveform_model(WaveformArguments(save_checkpoint(base), new_head=True), NAMES)
    assert "New, as asked for, and begun at random: classifier." in caplog.text
    assert not torch.isclose(model.classifier.weight, base.classifier.weight).all()
    assert torch.equal(model.projector.weight, base.projector.weight)
    assert model.config.id2label == NAMES["id2label"]


def test_a_head_for_our_emotions_is_kept(save_checkpoint):
    base = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**TINY, **NAMES))
    model = load_waveform_model(WaveformArguments(save_checkpoint(base)), NAMES)
    assert torch.equal(model.classifier.weight, base.classifier.weight)


def test_the_report_s_head_is_new_on_weights_that_are_kept(save_checkpoint, caplog):
    base = Wav2Vec2ForPreTraining(Wav2Vec2Config(**TINY, **QUANTIZER))
    with caplog.at_level("INFO", logger="hf_ser"):
        model = load_waveform_model(WaveformArguments(save_checkpoint(base), waveform_head="report"), NAMES)
    assert "New, and begun at random: classifier." in caplog.text
    assert model.config.id2label == NAMES["id2label"]
    for name, weight in base.wav2vec2.state_dict().items():
        assert torch.equal(model.wav2vec2.state_dict()[name], weight), name
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert frozen
    assert all(name.startswith("wav2vec2.feature_extractor.") for name in frozen)
    assert 0 < model.classifier.weight.std() < 0.1
    assert not model.classifier.bias.any()


def test_a_run_with_the_report_s_head_is_gone_on_from(save_checkpoint):
    checkpoint = save_checkpoint(Wav2Vec2Model(Wav2Vec2Config(**TINY)))
    arguments = WaveformArguments(checkpoint, waveform_head="report")
    model = load_waveform_model(arguments, NAMES)
    save_checkpoint(model)
    again = load_waveform_model(arguments, NAMES)
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in model.state_dict().items())
    with pytest.raises(RecipeError, match="has the report's head. Give `waveform_head: report`"):
        load_waveform_model(WaveformArguments(checkpoint), NAMES)


def test_another_head_or_network_is_not_given_the_report_s_head_unasked(save_checkpoint):
    base = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**TINY, **NAMES))
    checkpoint = save_checkpoint(base)
    with pytest.raises(RecipeError, match="has a head, and it is not the report's. .* `new_head: true`"):
        load_waveform_model(WaveformArguments(checkpoint, waveform_head="report"), NAMES)
    model = load_waveform_model(WaveformArguments(checkpoint, waveform_head="report", new_head=True), NAMES)
    assert not hasattr(model, "projector")
    checkpoint = save_checkpoint(HubertModel(HubertConfig(**TINY)))
    with pytest.raises(RecipeError, match="`waveform_head: report` is for wav2vec2, and .* is a hubert"):
        load_waveform_model(WaveformArguments(checkpoint, waveform_head="report"), NAMES)


def test_a_checkpoint_that_lacks_weights_is_refused(save_checkpoint):
    base = Wav2Vec2Model(Wav2Vec2Config(**TINY))
    state = {name: weight for name, weight in base.state_dict().items() if "layers.1" not in name}
    checkpoint = save_checkpoint(base)
    base.save_pretrained(checkpoint, state_dict=state)
    with pytest.raises(RecipeError, match=r"lacks the weights .*encoder\.layers\.1.* Get the whole of it anew"):
        load_waveform_model(WaveformArguments(checkpoint), NAMES)


def test_what_hides_frames_may_be_missing_as_in_wav2vec2_base_960h(save_checkpoint, caplog):
    base = Wav2Vec2Model(Wav2Vec2Config(**{**TINY, "mask_time_prob": 0.05}))
    checkpoint = save_checkpoint(base)
    state = base.state_dict()
    del state["masked_spec_embed"]
    base.save_pretrained(checkpoint, state_dict=state)
    with caplog.at_level("INFO", logger="hf_ser"):
        model = load_waveform_model(WaveformArguments(checkpoint), NAMES)
    assert "New, and begun at random: classifier, masked_spec_embed, projector." in caplog.text
    assert 0 < model.wav2vec2.masked_spec_embed.std() < 1


@pytest.mark.parametrize("new_head", [False, True])
def test_weights_of_other_shapes_are_named(save_checkpoint, new_head):
    base = Wav2Vec2Model(Wav2Vec2Config(**TINY))
    checkpoint = save_checkpoint(base)
    base.encoder.layers[1].attention.k_proj = torch.nn.Linear(8, 16)
    base.save_pretrained(checkpoint)
    with pytest.raises(
        RecipeError, match=r"has other shapes than its `config.json` says: \S+layers\.1\S+k_proj\.weight\. Get"
    ):
        load_waveform_model(WaveformArguments(checkpoint, new_head=new_head), NAMES)


def test_a_checkpoint_whose_weights_are_cut_off_is_named(save_checkpoint, tmp_path):
    checkpoint = save_checkpoint(Wav2Vec2Model(Wav2Vec2Config(**TINY)))
    weights = tmp_path / "checkpoint" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(RecipeError, match="`checkpoint: .*cannot be loaded.*incomplete"):
        load_waveform_model(WaveformArguments(checkpoint), NAMES)


def test_a_checkpoint_that_is_not_there_or_reads_something_else_is_named(tmp_path):
    with pytest.raises(
        RecipeError, match="`checkpoint: nobody/nothing` cannot be loaded. Expected a folder, or a Hub"
    ):
        load_waveform_extractor("nobody/nothing", {})
    ASTFeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match="has a ASTFeatureExtractor; expected a checkpoint that reads waveforms"):
        load_waveform_extractor(str(tmp_path), {})


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("checkpoint: a/b\nkind: mel", "`kind` is for image networks, and `a/b` reads waveforms"),
        ("checkpoint: a/b\nbackbone: resnet18", "`backbone` is for image networks"),
        ("checkpoint: a/b\ntime_masks: 2", "`time_masks` is for image networks"),
        ("checkpoint: a/b\ncutmix_alpha: 0.4", "`cutmix_alpha` is for image networks"),
        ("new_head: true", "`new_head` is for a `checkpoint` that reads waveforms, and none is given"),
        ("weighted_layer_sum: true", "`weighted_layer_sum` is for a `checkpoint`"),
        ("lora_rank: 8", "`lora_rank` is for a `checkpoint`"),
        ("checkpoint: a/b\nwaveform_head: reports", "`waveform_head` is `reports`. Did you mean `report`?"),
        ("checkpoint: a/b\nwaveform_head: report\nweighted_layer_sum: true", "reads the last layer, and `weighted_"),
    ],
)
def test_keys_of_the_other_kind_of_network_are_refused(lines, sentence, tmp_path):
    (tmp_path / "recipe.yaml").write_text(lines)
    with pytest.raises(RecipeError, match=sentence):
        parse_recipe(str(tmp_path / "recipe.yaml"))


@pytest.fixture
def make_recipe(tmp_path, save_checkpoint):
    def make(*overrides, **options):
        torch.manual_seed(0)
        checkpoint = save_checkpoint(Wav2Vec2Model(Wav2Vec2Config(**TINY)), **options)
        return parse_waveform_recipe(tmp_path, checkpoint, *overrides)

    return make


def test_a_run_loads_by_pipeline_and_hears_what_evaluation_heard(make_recipe, sound_split, tmp_path):
    recipe = make_recipe()
    trainer, split = make_waveform_trainer(recipe, sound_split)
    trainer.train()
    folder = open_run(recipe)
    evaluate_run(trainer, recipe, split, [])
    save_model(folder, trainer.model, trainer.processing_class)
    logits = trainer.predict(split["test"].select_columns(["input_values", "label", "utterance"])).predictions
    classifier = pipeline("audio-classification", model=str(folder), top_k=None)
    for row, scores in zip(split["test"], torch.tensor(logits).softmax(dim=-1), strict=True):
        heard = {entry["label"]: entry["score"] for entry in classifier(read_audio(row["audio"]))}
        np.testing.assert_allclose([heard[name] for name in LABELS], scores, atol=1e-5)


def test_waveforms_are_augmented_in_training(make_recipe, sound_split):
    overrides = ("--features", "collator", "--noise_snr", "10,20", "--waveform_probability", "1")
    trainer, split = make_waveform_trainer(make_recipe(*overrides), sound_split)
    train, validation = next(iter(trainer.get_train_dataloader())), next(iter(trainer.get_eval_dataloader()))
    assert set(train) == {"input_values", "attention_mask", "labels"}
    clean = {tuple(np.round(values[:50], 5)) for values in split["train"].with_format("numpy")["input_values"][:]}
    assert not any(tuple(np.round(values[:50].numpy(), 5)) in clean for values in train["input_values"])
    first = split["validation"].with_format("numpy")[0]["input_values"]
    np.testing.assert_array_equal(validation["input_values"][0][: len(first)], first)
    trainer.train()


def test_a_network_without_masks_needs_clips_of_one_length(make_recipe, sound_split):
    with pytest.raises(RecipeError, match="takes no mask, so that zeros behind a clip would change its scores"):
        make_waveform_trainer(make_recipe(return_attention_mask=False), sound_split)
    make_waveform_trainer(make_recipe("--min_duration", "0.4", return_attention_mask=False), sound_split)
    make_waveform_trainer(make_recipe("--per_device_eval_batch_size", "1", return_attention_mask=False), sound_split)


def test_clips_too_short_for_the_network_are_refused(make_recipe, sound_split):
    sentence = (
        r"shortest clip of `train`, 8 samples before augmentation: .*\. Give a longer `min_duration`, and a `max_"
    )
    with pytest.raises(RecipeError, match=sentence):
        make_waveform_trainer(make_recipe("--max_duration", "0.0005"), sound_split)
