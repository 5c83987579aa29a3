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
