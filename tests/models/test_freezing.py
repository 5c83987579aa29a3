"""Blocks and layers of real networks, counted by hand from their papers."""

import pytest
import timm
import torch

from hf_ser.models.freezing import find_blocks, find_layers, freeze_backbone


def build(name):
    with torch.device("meta"):
        return timm.create_model(name, num_classes=0, global_pool="")


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("vgg16", [2, 2, 3, 3, 3]), ("vgg19", [2, 2, 4, 4, 4]), ("vgg16_bn", [4, 4, 6, 6, 6])],
)
def test_a_block_of_vgg_ends_at_a_pool(name, blocks):
    assert [len(block) for block in find_blocks(build(name))][:5] == blocks


@pytest.mark.parametrize(("name", "layers"), [("resnet18", 20), ("mobilenetv2_100", 52)])
def test_layers_are_convolutions_with_their_normalisation(name, layers):
    found = find_layers(build(name))
    assert len(found) == layers  # ResNet-18: 1 + 16 + 3 on the shortcuts; MobileNetV2: 1 + 2 + 16 x 3 + 1
    assert all(len(layer) == 2 for layer in found)


def test_only_the_last_blocks_are_trained():
    backbone = build("resnet18")
    freeze_backbone(backbone, last_blocks=1, last_layers=0)
    trained = {name.split(".")[0] for name, weight in backbone.named_parameters() if weight.requires_grad}
    assert trained == {"layer4"}


def test_only_the_last_layers_are_trained():
    backbone = build("mobilenetv2_100")
    freeze_backbone(backbone, last_blocks=0, last_layers=2)
    trained = [name for name, weight in backbone.named_parameters() if weight.requires_grad]
    expected = [f"{layer}.{kind}" for layer in ("blocks.6.0.bn3", "bn2") for kind in ("weight", "bias")]
    assert set(trained) == {"blocks.6.0.conv_pwl.weight", "conv_head.weight", *expected}


def test_asking_for_more_than_there_is_names_the_number():
    with pytest.raises(ValueError, match="`unfreeze_last_layers` is 30, but the backbone has 20; use at most that"):
        freeze_backbone(build("resnet18"), last_blocks=0, last_layers=30)


def names_of_block(block):
    """Weights of an inverted residual with squeeze and excitation, in its order."""
    norms = {index: [f"{block}.bn{index}.{kind}" for kind in ("weight", "bias")] for index in (1, 2, 3)}
    squeeze = [f"{block}.se.conv_{part}.{kind}" for part in ("reduce", "expand") for kind in ("weight", "bias")]
    first, last = [f"{block}.conv_pw.weight", *norms[1]], [f"{block}.conv_pwl.weight", *norms[3]]
    return [*first, f"{block}.conv_dw.weight", *norms[2], *squeeze, *last]


TOP = ["conv_head.weight", "bn2.weight", "bn2.bias"]


@pytest.mark.parametrize(
    ("name", "first", "expected", "weights"),
    [
        # 6d: 587,952; 7a: 717,232; top: 320 x 1280 + 2 x 1280
        ("efficientnet_b0", "blocks.5.3", names_of_block("blocks.5.3") + names_of_block("blocks.6.0"), 1_717_344),
        ("tf_efficientnet_b0", "blocks.5.3", names_of_block("blocks.5.3") + names_of_block("blocks.6.0"), 1_717_344),
        # 6g without its expansion: 348,336; 6h: 569,520; top: 192 x 1280 + 2 x 1280
        (
            "tf_efficientnetv2_b0",
            "blocks.5.6.bn1",
            names_of_block("blocks.5.6")[1:] + names_of_block("blocks.5.7"),
            1_166_176,
        ),
    ],
)
def test_the_last_32_layers_of_keras_are_trained_from_a_module_on(name, first, expected, weights):
    backbone = build(name)
    freeze_backbone(backbone, last_blocks=0, last_layers=0, first_module=first)
    trained = {name: weight.numel() for name, weight in backbone.named_parameters() if weight.requires_grad}
    assert list(trained) == expected + TOP
    assert sum(trained.values()) == weights


@pytest.mark.parametrize(
    ("name", "convolutions"), [("vgg16", [17, 19, 21, 24, 26, 28]), ("vgg19", [19, 21, 23, 25, 28, 30, 32, 34])]
)
def test_the_last_two_blocks_of_vgg_are_its_fourth_and_fifth(name, convolutions):
    backbone = build(name)
    backbone.pre_logits = torch.nn.Identity()
    freeze_backbone(backbone, last_blocks=2, last_layers=0)
    trained = [name for name, weight in backbone.named_parameters() if weight.requires_grad]
    assert trained == [f"features.{index}.{kind}" for index in convolutions for kind in ("weight", "bias")]


@pytest.mark.parametrize(
    ("name", "blocks"), [("ser_alexnet", 6), ("ser_badshah_cnn", 4), ("ser_report_cnn_transformer", 7)]
)
def test_blocks_of_our_networks(name, blocks):
    assert len(find_blocks(build(name))) == blocks  # convolutions, and one of dense layers or four of the encoder


def test_an_unknown_module_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"`unfreeze_from` is 'blocks.5.9'. Did you mean `blocks.5.3`"):
        freeze_backbone(build("efficientnet_b0"), last_blocks=0, last_layers=0, first_module="blocks.5.9")
    with pytest.raises(ValueError, match=r"`unfreeze_from` is 'zzz'. None of the \d+ valid names is near it"):
        freeze_backbone(build("efficientnet_b0"), last_blocks=0, last_layers=0, first_module="zzz")


def test_a_module_that_no_weights_follow_is_refused():
    with pytest.raises(
        ValueError, match="`unfreeze_from: global_pool` trains nothing: the backbone has no weights from"
    ):
        freeze_backbone(build("mobilenetv2_100"), last_blocks=0, last_layers=0, first_module="global_pool")
