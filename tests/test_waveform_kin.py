"""Every network of transformers that reads waveforms: trained, resumed, saved, and heard by pipeline()."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, pipeline

from hf_ser.arguments import WaveformArguments
from hf_ser.audio import read_audio
from hf_ser.errors import RecipeError
from hf_ser.inference import predict
from hf_ser.runs import find_checkpoint, save_model
from hf_ser.training import select_inputs
from hf_ser.waveform_models import depends_on_padding, load_waveform_extractor, load_waveform_model
from tests.checkpoints import KIN, LABELS, NAMES, make_kin, make_waveform_trainer, parse_waveform_recipe
from tests.conftest import tone

ALONE = ("--per_device_eval_batch_size", "1")
NETWORKS = {kind: (kind, ()) for kind in (*KIN, "whisper")}
NETWORKS |= {
    "data2vec-audio": ("data2vec-audio", ALONE),
    "wav2vec2-conformer": ("wav2vec2-conformer", ALONE),
    "report": ("wav2vec2", ("--waveform_head", "report")),
    "layer sum": ("wavlm", ("--weighted_layer_sum", "true")),
    "layer sum of whisper": ("whisper", ("--weighted_layer_sum", "true")),
    "lora": ("hubert", ("--lora_rank", "2")),
    "lora of wavlm": ("wavlm", ("--lora_rank", "2")),
    "lora of whisper": ("whisper", ("--lora_rank", "2")),
}
RATE = ("--learning_rate", "1e-2")


@pytest.fixture(params=NETWORKS)
def network(request, tmp_path):
    kind, options = NETWORKS[request.param]
    return make_kin(tmp_path / "checkpoint", kind), (*options, *RATE)


def test_each_network_is_trained_and_its_folder_gives_the_scores_of_training(network, sound_split, tmp_path):
    checkpoint, options = network
    losses = []
    for recompute in ("false", "true"):
        words = ("--max_steps", "2", "--save_strategy", "no", "--eval_strategy", "no")
        words = (*words, "--load_best_model_at_end", "false", "--activation_checkpointing", recompute)
        recipe = parse_waveform_recipe(tmp_path, checkpoint, *words, *options)
        trainer, split = make_waveform_trainer(recipe, sound_split)
        before = {name: weight.clone() for name, weight in trainer.model.named_parameters() if weight.requires_grad}
        losses.append(trainer.train().training_loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    after = trainer.model.state_dict()
    unchanged = [name for name, weight in before.items() if name in after and torch.equal(weight, after[name])]
    unused = ["masked_spec_embed", "k_proj.bias", "linear_k.bias"]  # softmax does not see a bias of the keys
    unused += ["pos_conv_embed"] if trainer.model.config.model_type == "wav2vec2-conformer" else []
    assert [name for name in unchanged if not any(part in name for part in unused)] == []
    save_model(tmp_path / "run", trainer.model, trainer.processing_class)
    logits = trainer.predict(select_inputs(split["test"])).predictions
    expected = torch.tensor(logits).softmax(dim=-1).numpy()
    classifier = pipeline("audio-classification", model=str(tmp_path / "run"), top_k=None)
    heard = [
        {score["label"]: score["score"] for score in classifier(read_audio(row["audio"]))} for row in split["test"]
    ]
    np.testing.assert_allclose([[row[name] for name in LABELS] for row in heard], expected, atol=1e-5)
    table = predict(tmp_path / "run", [row["audio"]["path"] for row in split["test"]])
    np.testing.assert_allclose(table[LABELS].to_numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", [*KIN, "whisper"])
def test_a_sum_of_layers_begins_with_equal_shares(kind, tmp_path):
    model = load_waveform_model(WaveformArguments(make_kin(tmp_path, kind), weighted_layer_sum=True), NAMES)
    assert model.layer_weights.tolist() == pytest.approx([1 / 3] * 3)  # two layers and what they read
    assert model.layer_weights.requires_grad


class Interrupt(TrainerCallback):
    """Ends the program, as it seems, in the middle of the second epoch."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["lora of wavlm", "wav2vec2"])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(kind, sound_split, tmp_path):
    kind, options = NETWORKS[kind]
    checkpoint = make_kin(tmp_path / "checkpoint", kind)
    name_as_of_old(tmp_path / "checkpoint" / "model.safetensors")
    words = ("--num_train_epochs", "3", *options, *RATE)
    whole = make_waveform_trainer(parse_waveform_recipe(tmp_path, checkpoint, *words), sound_split)[0]
    whole.train()
    recipe = parse_waveform_recipe(tmp_path, checkpoint, *words, "--output_dir", str(tmp_path / "broken"))
    broken = make_waveform_trainer(recipe, sound_split)[0]
    broken.add_callback(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    resumed = make_waveform_trainer(recipe, sound_split)[0]
    resumed.train(resume_from_checkpoint=find_checkpoint(tmp_path / "broken"))
    assert resumed.state.global_step == 9
    for (name, one), other in zip(whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def name_as_of_old(path):
    """Name the weights of the positional convolution as all published checkpoints do."""
    new, old = ("parametrizations.weight.original0", "parametrizations.weight.original1"), ("weight_g", "weight_v")
    state = {name.replace(new[0], old[0]).replace(new[1], old[1]): weight for name, weight in load_file(path).items()}
    assert any(name.endswith("weight_g") for name in state)
    save_file(state, path, metadata={"format": "pt"})


@pytest.mark.parametrize("kind", ["data2vec-audio", "wav2vec2-conformer"])
def test_a_network_whose_convolutions_heed_no_mask_needs_clips_of_one_length(kind, sound_split, tmp_path):
    checkpoint = make_kin(tmp_path / "checkpoint", kind)
    with pytest.raises(RecipeError, match="heeds no mask in some of its layers, so that zeros behind a clip would"):
        make_waveform_trainer(parse_waveform_recipe(tmp_path, checkpoint), sound_split)
    make_waveform_trainer(parse_waveform_recipe(tmp_path, checkpoint, "--min_duration", "0.4"), sound_split)


@pytest.mark.parametrize("kind", [*KIN, "whisper"])
def test_padding_a_batch_changes_scores_of_those_networks_alone_that_are_said_to(kind, tmp_path):
    arguments = WaveformArguments(make_kin(tmp_path, kind))
    model, extractor = load_waveform_model(arguments, NAMES).eval(), load_waveform_extractor(arguments.checkpoint, {})
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.5)
    clips, options = [tone(0.2), tone(0.5)], {"sampling_rate": 16_000, "return_tensors": "pt"}
    alone = model(**extractor(clips[0], **options)).logits[0]
    padding = {} if kind == "whisper" else {"padding": True}
    beside = model(**extractor(clips, **padding, **options)).logits[0]
    assert torch.allclose(alone, beside, rtol=1e-4, atol=1e-5) is not depends_on_padding(model, extractor)
