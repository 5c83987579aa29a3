"""The network of Badshah et al.: sizes and counts worked out from the paper's text."""

import pytest
import timm
import torch

from hf_ser.models.badshah_cnn import BadshahCNN


def build(**options):
    with torch.device("meta"):
        return timm.create_model("ser_badshah_cnn", num_classes=7, **options)


def count(module):
    return sum(weight.numel() for weight in module.parameters())


# 120 x 3 x 11 x 11 + 120, 256 x 120 x 5 x 5 + 256, 384 x 256 x 3 x 3 + 384
CONVOLUTIONS = [43_680, 768_256, 885_120]


@pytest.mark.parametrize(
    ("pools", "shapes", "first_dense"),
    [
        (3, [(120, 62), (120, 30), (256, 26), (256, 12), (384, 10), (384, 4)], 6_144 * 2048 + 2048),
        (1, [(120, 62), (120, 30), (256, 26), (256, 26), (384, 24), (384, 24)], 221_184 * 2048 + 2048),
    ],
)
def test_sizes_and_counts_are_those_of_the_table(pools, shapes, first_dense):
    network = build(pools=pools)
    images, found = torch.zeros(2, 3, 256, 256, device="meta"), []
    for layer in network.features:
        images = layer(images)
        if not isinstance(layer, torch.nn.ReLU):
            found.append(tuple(images.shape[1:]))
    assert found == [(channels, size, size) for channels, size in shapes]
    dense = [first_dense, 2048 * 2048 + 2048, 2048 * 7 + 7]
    assert [count(layer) for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)] == CONVOLUTIONS
    assert [count(layer) for layer in network.modules() if isinstance(layer, torch.nn.Linear)] == dense
    assert network(torch.zeros(2, 3, 256, 256, device="meta")).shape == (2, 7)


def test_dropout_stands_behind_the_first_two_dense_layers():
    kinds = [type(layer).__name__ for layer in build().classifier]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert {layer.p for layer in build().modules() if isinstance(layer, torch.nn.Dropout)} == {0.5}


def test_the_first_weights_are_those_of_caffes_xavier():
    torch.manual_seed(0)
    network = BadshahCNN(img_size=(131, 131))
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 5
    for layer in layers:
        inputs = layer.weight[0].numel()
        assert layer.weight.var().item() == pytest.approx(1 / inputs, rel=0.02)
        assert layer.weight.abs().max().item() == pytest.approx((3 / inputs) ** 0.5, rel=0.01)
        assert not layer.bias.any()


@pytest.mark.parametrize("pools", [1, 3])
@pytest.mark.parametrize("size", [(131, 200), (160, 145)])
def test_the_first_dense_layer_fits_images_of_any_size(size, pools):
    with torch.device("meta"):
        network = BadshahCNN(in_chans=1, img_size=size, pools=pools)
        assert network(torch.zeros(2, 1, *size)).shape == (2, 2048)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"img_size": (256, 130)}, "130 high or wide is too small"), ({"pools": 2}, "`pools` is 2; give 3, or 1")],
)
def test_what_cannot_be_built_is_named(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**options)


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"takes images of 3 x 256 x 256 .*; got 3 x 128 x 94"):
        build()(torch.zeros(2, 3, 128, 94, device="meta"))
