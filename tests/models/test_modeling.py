"""The spectrogram model: batches, windows, freezing, saving, and loading without hf_ser."""

import json
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
from transformers import AutoModelForAudioClassification, pipeline

from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.modeling import SpectrogramForAudioClassification
from tests.conftest import LABELS, make_tiny_model, tone


@pytest.mark.parametrize("options", [{}, {"image_size": [32, 48]}, {"window_frames": 20, "window_hop": 7}])
def test_padding_a_batch_changes_no_logit(options, feature_extractor):
    model = make_tiny_model(**options)
    clips = [tone(1.0), tone(0.4, 900.0), tone(1.0, 200.0)]
    alone = torch.cat([model(**feature_extractor(clip, return_tensors="pt")).logits for clip in clips])
    together = model(**feature_extractor(clips, return_tensors="pt")).logits
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-6)


def test_what_lies_behind_the_mask_is_not_seen(feature_extractor):
    model = make_tiny_model()
    batch = feature_extractor([tone(1.0), tone(0.4)], return_tensors="pt")
    before = model(**batch).logits
    batch["input_features"][1, batch["attention_mask"][1].sum() :] = 1e4
    assert torch.equal(model(**batch).logits, before)


RANGES = {"mel": [-80.0, 0.0], "mfcc": [-600.0, 200.0], "composite": [-1.0, 1.0]}


@torch.no_grad()
@pytest.mark.parametrize("kind", RANGES)
def test_storing_features_in_float16_changes_no_logit_by_a_hundredth(kind, imagenet_weights):
    torch.manual_seed(0)
    model = SpectrogramForAudioClassification(
        SpectrogramConfig(backbone="mobilenetv2_100", value_range=RANGES[kind], **LABELS), str(imagenet_weights)
    ).eval()
    features = {}
    for storage in ("float16", "float32"):
        extractor = SpectrogramFeatureExtractor(kind=kind, storage=storage, min_duration=1.0)
        clips = [tone(1.0, 100.0 * (2 + seed), extractor.sampling_rate, seed) for seed in range(6)]
        features[storage] = extractor(clips, return_tensors="pt")["input_features"]
    logits = {storage: model(values).logits for storage, values in features.items()}
    rounded, exact = (values / logits["float32"].std() for values in logits.values())
    assert 0 < (rounded - exact).abs().max() < 1e-2


def test_the_probabilities_of_windows_are_averaged():
    model = make_tiny_model(window_frames=20, window_hop=15)
    features = torch.rand(1, 50, 16) * -80  # windows from frames 0, 15 and 30
    windows = torch.cat([features[:, start : start + 20] for start in (0, 15, 30)])
    expected = model(windows).logits.softmax(dim=-1).mean(dim=0)
    torch.testing.assert_close(model(features).logits.softmax(dim=-1)[0], expected)


def test_the_last_window_reaches_the_end_of_the_clip():
    model = make_tiny_model(window_frames=20, window_hop=20)
    features = torch.rand(1, 45, 16) * -80
    changed = features.clone()
    changed[:, 44] = 0
    assert not torch.equal(model(features).logits, model(changed).logits)


def test_a_clip_shorter_than_a_window_is_refused():
    with pytest.raises(
        ValueError, match="shorter than `window_frames` 20. Give the feature extractor a `min_duration`"
    ):
        make_tiny_model(window_frames=20)(torch.zeros(1, 10, 16))


# The papers' networks for small images.
REPORT = {"backbone_kwargs": {"in_chans": 1, "img_size": [32, 40]}, "image_size": [32, 40]}
LEGACY = {"in_chans": 1, "img_size": [32, 40], "legacy_batch_norm_axis": True, "legacy_attention_axis": True}
OURS = [
    {"backbone": "ser_alexnet", "backbone_kwargs": {}, "pooling": "avg", "image_size": [64, 64]},
    {"backbone": "ser_badshah_cnn", "backbone_kwargs": {"img_size": [131, 131]}, "image_size": [131, 131]},
    {"backbone": "ser_report_cnn", **REPORT},
    {"backbone": "ser_report_parallel_cnn", **REPORT},
    {"backbone": "ser_report_cnn_transformer", **REPORT},
    {"backbone": "ser_report_cnn_transformer", **REPORT, "backbone_kwargs": LEGACY},
]


@pytest.mark.parametrize("options", [{}, {"window_frames": 20, "hidden_sizes": [6, 5], "dropout": 0.5}, *OURS])
def test_a_saved_model_comes_back_bit_equal(options, tmp_path, feature_extractor):
    model = make_tiny_model(**options)
    model.save_pretrained(tmp_path)
    again = AutoModelForAudioClassification.from_pretrained(tmp_path).eval()
    batch = feature_extractor([tone(1.0), tone(0.5)], return_tensors="pt")
    assert torch.equal(again(**batch).logits, model(**batch).logits)
    assert again.config.id2label == LABELS["id2label"]


def test_a_checkpoint_of_another_number_of_emotions_is_refused_or_gets_a_new_head(tmp_path):
    make_tiny_model().save_pretrained(tmp_path)
    names = {"id2label": {0: "calm", 1: "tense"}, "label2id": {"calm": 0, "tense": 1}}
    with pytest.raises(ValueError, match="a head for another number of emotions. Load it with its own emotions"):
        SpectrogramForAudioClassification.from_pretrained(tmp_path, **names)
    again = SpectrogramForAudioClassification.from_pretrained(tmp_path, **names, ignore_mismatched_sizes=True)
    assert again.head[-1].weight.shape == (2, 8)
    assert again.head[-1].weight.std() > 0


@pytest.mark.parametrize("backbone", ["efficientnet_b0", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_backbones_of_timm_come_back_bit_equal(backbone, tmp_path):
    config = SpectrogramConfig(
        backbone=backbone, value_range=[-80, 0], colormap="magma", image_size=[224, 224], **LABELS
    )
    model = SpectrogramForAudioClassification(config).eval()
    model.save_pretrained(tmp_path)
    features = torch.rand(1, 60, 32) * -80
    again = SpectrogramForAudioClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(again(features).logits, model(features).logits)
    assert model.config.image_mean == list(timm.data.resolve_data_config(model=model.backbone)["mean"])


def test_the_backbone_keeps_the_initialisation_of_timm():
    torch.manual_seed(3)
    expected = timm.create_model("resnet18", num_classes=0)
    torch.manual_seed(3)
    model = SpectrogramForAudioClassification(SpectrogramConfig(backbone="resnet18", **LABELS))
    for weight, other in zip(model.backbone.parameters(), expected.parameters(), strict=True):
        assert torch.equal(weight, other)
    assert model.head[-1].weight.std() > 0
    assert torch.equal(model.head[-1].bias, torch.zeros(3))


def test_weights_of_a_file_are_loaded(tmp_path):
    torch.manual_seed(1)
    donor = timm.create_model("mobilenetv2_100", num_classes=10)
    path = tmp_path / "weights.pth"
    torch.save(donor.state_dict(), path)
    config = SpectrogramConfig(backbone="mobilenetv2_100", **LABELS)
    model = SpectrogramForAudioClassification(config, str(path))
    assert torch.equal(model.backbone.conv_head.weight, donor.conv_head.weight)


def test_the_pretrained_weights_give_the_features_of_plain_timm(imagenet_weights):
    options = {"pad_type": "same"}
    config = SpectrogramConfig(backbone="mobilenetv2_100", backbone_kwargs=options, **LABELS)
    model = SpectrogramForAudioClassification(config, str(imagenet_weights)).eval()
    plain = timm.create_model("mobilenetv2_100", num_classes=1000, checkpoint_path=str(imagenet_weights), **options)
    images = torch.rand(1, 3, 96, 128)
    expected = plain.eval().forward_head(plain.forward_features(images), pre_logits=True)
    torch.testing.assert_close(model.backbone(images), expected)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [("nowhere.safetensors", "there is no such file. Give a file, a Hub id"), ("WRONG", "cannot be built")],
)
def test_weights_that_cannot_be_had_are_named(weights, sentence, tmp_path):
    if weights == "WRONG":
        weights = str(tmp_path / "other.pth")
        torch.save(timm.create_model("resnet10t", num_classes=0).state_dict(), weights)
    with pytest.raises(ValueError, match=sentence):
        SpectrogramForAudioClassification(SpectrogramConfig(backbone="mobilenetv2_100", **LABELS), weights)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"backbone": "mobilnetv2_100"}, "Did you mean `mobilenetv2_100`"),
        ({"backbone": "resnet18", "backbone_kwargs": {"colour": 3}}, "cannot be built: .*colour"),
        ({"backbone": "vit_tiny_patch16_224", "pooling": "avg"}, "needs a feature map"),
        ({"pooling": "median"}, "`pooling` is 'median'"),
        ({"colormap": "magma"}, "needs a `value_range`"),
        ({"value_range": [0, -80]}, "the second number must be the larger one"),
        ({"image_mean": [0.5]}, "has 1 numbers for an image of 3 channels"),
        ({"freeze": "some"}, "`freeze` is 'some'. Valid: all, none"),
        ({"window_hop": 5}, "`window_hop` is 5, and there are no windows. Give `window_frames` too"),
        ({"unfreeze_last_blocks": 1}, "`unfreeze_last_blocks` needs `freeze: all`"),
        ({"unfreeze_from": "layer4"}, "`unfreeze_from` needs `freeze: all`"),
        (
            {"freeze": "all", "unfreeze_last_layers": 1, "unfreeze_from": "layer4"},
            "Give `unfreeze_last_layers` or `unfreeze_from`, not both",
        ),
        (
            {"backbone": "resnet10t", "freeze": "all", "unfreeze_from": "layer5"},
            "`unfreeze_from` is 'layer5'. Did you mean `layer4`",
        ),
        ({"freeze": "all", "unfreeze_last_blocks": 99}, "`unfreeze_last_blocks` is 99, but the backbone has 4"),
        ({"dropout": 1.5}, "`dropout` is 1.5"),
        ({"dropout": [0.5, 1]}, r"`dropout` is \[0.5, 1\]; it must lie in 0 to 1"),
        ({"dropout": [0.5], "hidden_sizes": [8]}, "`dropout` has 1 rates for 2 dense layers"),
        ({"backbone": "ser_report_cnn"}, "takes images of 1 x 128 x 94 .*; got 3 x 224 x 224. Give .*{in_chans: 1}"),
    ],
)
def test_an_option_that_is_not_valid_is_named(options, sentence):
    def build_and_run():
        SpectrogramForAudioClassification(SpectrogramConfig(**options, **LABELS))(torch.zeros(1, 224, 224))

    with pytest.raises(ValueError, match=sentence):
        build_and_run()


def test_frozen_batch_norm_stands_still_and_frozen_weights_get_no_gradient():
    model = make_tiny_model(freeze="all", unfreeze_last_blocks=1).train()
    before = {name: value.clone() for name, value in model.backbone.named_buffers()}
    model(torch.rand(4, 32, 16) * -80, labels=torch.tensor([0, 1, 2, 0])).loss.backward()
    after = dict(model.backbone.named_buffers())
    assert torch.equal(before["blocks.0.1.running_mean"], after["blocks.0.1.running_mean"])
    assert not torch.equal(before["blocks.1.1.running_mean"], after["blocks.1.1.running_mean"])
    assert model.backbone.blocks[0][0].weight.grad is None
    assert model.backbone.blocks[1][0].weight.grad is not None


@pytest.mark.parametrize("options", OURS)
def test_every_weight_of_our_networks_is_trained(options):
    model = make_tiny_model(**options).train()
    model(torch.rand(4, 50, 16) * -80, labels=torch.tensor([0, 1, 2, 0])).loss.backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("options", [{"backbone_kwargs": {"in_chans": 1}}, {"backbone": "mobilenetv2_100"}])
def test_gradient_checkpointing_changes_neither_gradients_nor_statistics(options):
    features = torch.rand(4, 40, 40) * -80
    outcomes = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model = SpectrogramForAudioClassification(SpectrogramConfig(**options, **LABELS)).train()
        if checkpointing:
            model.activation_checkpointing_enable()
        model(features, labels=torch.tensor([0, 1, 2, 0])).loss.backward()
        gradients = [weight.grad for weight in model.parameters()]
        statistics = [value for name, value in model.named_buffers() if "running" in name]
        outcomes.append(gradients + statistics)
    for plain, recomputed in zip(*outcomes, strict=True):
        torch.testing.assert_close(recomputed, plain)


@pytest.fixture
def saved(tmp_path, feature_extractor):
    folder = tmp_path / "model"
    make_tiny_model(window_frames=20).save_pretrained(folder)
    feature_extractor.save_pretrained(folder)
    return folder


def test_the_pipeline_gives_the_same_scores_for_any_batch_size(saved):
    classifier = pipeline("audio-classification", model=str(saved), top_k=None)
    clips = [tone(0.3 + 0.1 * index, 200.0 + 90 * index) for index in range(9)]
    one, eight = (classifier(clips, batch_size=size) for size in (1, 8))
    for mine, other in zip(one, eight, strict=True):
        assert {s["label"]: s["score"] for s in mine} == pytest.approx(
            {s["label"]: s["score"] for s in other}, abs=1e-5
        )


WITHOUT_HF_SER = """
import sys
sys.modules["hf_ser"] = None  # as if it were not installed
import json, numpy as np
from transformers import pipeline
classifier = pipeline("audio-classification", model=sys.argv[1], top_k=None, trust_remote_code=True)
print(json.dumps(classifier(np.load(sys.argv[2]))))
import torch
from transformers import AutoModelForAudioClassification
features = torch.linspace(-80, 0, 50 * 16).reshape(1, 50, 16)
for folder in sys.argv[3:]:
    model = AutoModelForAudioClassification.from_pretrained(folder, trust_remote_code=True).eval()
    print(json.dumps(model(features).logits.tolist()))
"""


def test_the_saved_folder_gives_bit_equal_scores_without_hf_ser(saved, tmp_path, monkeypatch):
    clip = tmp_path / "clip.npy"
    np.save(clip, tone(1.0))
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    ours = {str(tmp_path / str(index)): make_tiny_model(**options) for index, options in enumerate(OURS)}
    for folder, model in ours.items():
        model.save_pretrained(folder)
    arguments = [sys.executable, "-c", WITHOUT_HF_SER, str(saved), str(clip), *ours]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    there, *logits = map(json.loads, done.stdout.splitlines()[-1 - len(ours) :])
    assert there == pipeline("audio-classification", model=str(saved), top_k=None)(np.load(clip))
    features = torch.linspace(-80, 0, 50 * 16).reshape(1, 50, 16)
    assert logits == [model(features).logits.tolist() for model in ours.values()]
