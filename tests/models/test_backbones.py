"""Backbones of timm: poolings, the papers' heads, weights that do not fit, images that are too small."""

import logging

import pytest
import timm
import torch
import torchvision
from torch import nn

from hf_ser.models.backbones import POOLINGS, build_backbone, pool_width
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.modeling import SpectrogramForAudioClassification
from tests.conftest import make_tiny_model

SEVEN = {"num_labels": 7}


def build(**options):
    with torch.device("meta"):
        return SpectrogramForAudioClassification(SpectrogramConfig(**options))


def count(module, trained=False):
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad or not trained)


def head_layers(model):
    """What the head is made of, dropout that does nothing left out."""
    return [
        getattr(layer, "p", None) or getattr(layer, "out_features", "ReLU")
        for layer in model.head
        if getattr(layer, "p", True)
    ]


def test_flattening_averages_to_seven_by_seven_in_the_order_of_torchvision():
    features = torch.rand(2, 3, 14, 7)
    expected = torch.stack([features[:, :, 0::2], features[:, :, 1::2]]).mean(dim=0)
    torch.testing.assert_close(POOLINGS["flatten_7x7"](features), expected.reshape(2, 3 * 49))


@pytest.mark.parametrize(("pooling", "width"), [("avg", 512), ("flatten_7x7", 25088), ("backbone", 4096)])
def test_the_width_of_a_pooling_is_known_before_it_runs(pooling, width):
    with torch.device("meta"):
        assert pool_width(build_backbone("vgg16", pooling), pooling) == width


def test_the_head_of_ragheb():
    options = {"pooling": "flatten_7x7", "hidden_sizes": [4096, 4096], "dropout": [0.0, 0.5, 0.5]}
    model = build(backbone="vgg16_bn", **options, **SEVEN)
    assert head_layers(model) == [4096, "ReLU", 0.5, 4096, "ReLU", 0.5, 7]
    dense = [25088 * 4096 + 4096, 4096 * 4096 + 4096, 4096 * 7 + 7]
    assert [count(layer) for layer in model.head if isinstance(layer, nn.Linear)] == dense
    assert count(model) == 14_714_688 + 2 * 4224 + sum(dense)  # 4,224 channels are normalised


def test_the_head_of_ragheb_with_pretrained_dense_layers():
    model = build(backbone="vgg16_bn", backbone_kwargs={"drop_rate": 0.5}, **SEVEN)
    with torch.device("meta"):
        classifier = torchvision.models.vgg16_bn(num_classes=7).classifier
    dense = [model.backbone.pre_logits.fc1, model.backbone.pre_logits.fc2, model.head[-1]]
    assert [count(layer) for layer in dense] == [count(classifier[index]) for index in (0, 3, 6)]
    assert model.backbone.pre_logits.fc1.kernel_size == (7, 7)
    rates = [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)]
    assert rates == [0.5, 0.5, 0.0]  # behind each of VGG's dense layers, and none of ours


def test_the_head_of_chakhtouna():
    model = build(backbone="efficientnet_b0", hidden_sizes=[512, 256], dropout=[0, 0.5, 0], num_labels=8)
    assert head_layers(model) == [512, "ReLU", 0.5, 256, "ReLU", 8]


@pytest.mark.parametrize(
    ("freeze", "trained"),
    [
        ({}, 12_945_415),
        ({"unfreeze_last_layers": 2}, 17_665_031),  # as the report's experiment 4 counts
        ({"unfreeze_last_layers": 3}, 20_024_839),  # as its experiment 5 counts
        ({"unfreeze_last_blocks": 1}, 12_945_415 + 3 * 2_359_808),
        ({"unfreeze_last_blocks": 2}, 12_945_415 + 5 * 2_359_808 + 1_180_160),
    ],
)
def test_the_head_and_the_freezing_of_the_report(freeze, trained):
    head = {"pooling": "flatten_7x7", "hidden_sizes": [512, 192], "dropout": [0, 0.5, 0]}
    model = build(backbone="vgg16", **head, freeze="all", **freeze, **SEVEN)
    assert head_layers(model) == [512, "ReLU", 0.5, 192, "ReLU", 7]
    dense = [12_845_568, 98_496, 1_351]  # the report's table
    assert [count(layer) for layer in model.head if isinstance(layer, nn.Linear)] == dense
    assert (count(model), count(model, trained=True)) == (27_660_103, trained)


def test_one_rate_of_dropout_stands_before_every_dense_layer():
    model = make_tiny_model(hidden_sizes=[6, 5], dropout=0.5)
    assert head_layers(model) == [0.5, 6, "ReLU", 0.5, 5, "ReLU", 0.5, 3]
    assert list(model.head.state_dict()) == [f"{layer}.{kind}" for layer in (1, 4, 7) for kind in ("weight", "bias")]


@pytest.mark.parametrize("name", ["vgg16", "ser_alexnet"])
def test_an_image_that_is_too_small_is_named(name):
    options = {"backbone": name, "pooling": "avg", "num_labels": 3}
    with pytest.raises(ValueError, match=r"Images of 16 x 60 \(height x width\) are too small .* larger `image_size`"):
        build(**options)(torch.zeros(2, 60, 16, device="meta"))


def save_weights(folder, rename):
    """A file of 14 convolutions, each with four of its batch norm, and of a classifier of five."""
    donor = timm.create_model("resnet10t", num_classes=5)
    torch.save({rename(name): weight for name, weight in donor.state_dict().items()}, folder / "weights.pth")
    return str(folder / "weights.pth")


@pytest.mark.parametrize(
    ("rename", "sentence"),
    [
        (
            lambda name: f"backbone.{name}",
            r"lacks 70 of the backbone's 70 weights, `conv1.0.weight`.* `backbone.conv1",
        ),
        (
            lambda name: name.replace("layer4.0.conv1", "x"),
            r"lacks 1 of .* `layer4.0.conv1.weight`.*others, `x.weight`",
        ),
    ],
)
def test_weights_that_a_file_lacks_are_named(rename, sentence, tmp_path):
    path = save_weights(tmp_path, rename)
    with pytest.raises(ValueError, match=sentence):
        build_backbone("resnet10t", "avg", path)


def test_weights_of_a_deeper_network_are_refused(tmp_path):
    path = save_weights(tmp_path, str)
    weights = torch.load(path)
    deeper = {"layer4.1.conv1.weight": torch.zeros(1), "layer4.1.bn1.num_batches_tracked": torch.zeros(1)}
    torch.save(weights | deeper, path)
    sentence = r"holds 1 weights that the backbone has no place for, `layer4.1.conv1.weight`\. .* that they are of\."
    with pytest.raises(ValueError, match=sentence):
        build_backbone("resnet10t", "avg", path)


def test_a_file_with_another_classifier_fits_and_nothing_of_timm_is_changed(tmp_path):
    logger = logging.getLogger("timm.models._builder")
    before = (logger.level, list(logger.filters))
    build_backbone("resnet10t", "avg", save_weights(tmp_path, str))
    assert (logger.level, logger.filters) == before
