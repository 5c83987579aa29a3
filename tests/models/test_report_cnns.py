"""The report's networks: parameter counts and sizes against its tables, and what its two errors do."""

import pytest
import timm
import torch
from torch import nn

from hf_ser.models.report_cnns import FrameNorm, ReportCNN

NETWORKS = ("ser_report_cnn", "ser_report_parallel_cnn", "ser_report_cnn_transformer")


def build(name, **options):
    with torch.device("meta"):
        return timm.create_model(name, num_classes=7, **options)


def count(module):
    """Parameters as Keras counts them: running statistics too."""
    held = [*module.parameters(), *(value for name, value in module.named_buffers() if "running" in name)]
    return sum(value.numel() for value in held)


def counts(network, kind):
    return [count(module) for module in network.modules() if isinstance(module, kind)]


@pytest.mark.parametrize(
    ("name", "blocks", "encoder_layers", "last"),
    [
        ("ser_report_cnn", 1, 0, 3591),
        ("ser_report_parallel_cnn", 2, 0, 7175),
        ("ser_report_cnn_transformer", 2, 4, 8071),
    ],
)
def test_parameters_are_those_of_the_tables(name, blocks, encoder_layers, last):
    network = build(name, legacy_batch_norm_axis=True)
    assert counts(network, nn.Conv2d) == blocks * [160, 4640, 18496]
    assert counts(network, nn.BatchNorm2d) == blocks * [376, 188, 44]
    assert counts(network, nn.TransformerEncoderLayer) == encoder_layers * [198_272]
    assert count(network.head) == last  # 7175 = 1024 x 7 + 7 by hand: the table of the second network breaks off
    total = blocks * (160 + 4640 + 18496 + 376 + 188 + 44) + encoder_layers * 198_272 + last
    assert count(network) == total


@pytest.mark.parametrize("name", NETWORKS)
def test_batch_norm_over_the_channels_has_four_numbers_a_channel(name):
    network = build(name)
    assert counts(network, nn.BatchNorm2d) == len(network.blocks) * [64, 128, 256]


@pytest.mark.parametrize("legacy", [False, True])
def test_sizes_are_those_of_the_table(legacy):
    images = torch.zeros(5, 1, 128, 94, device="meta")
    shapes = []
    for layer in build("ser_report_cnn", legacy_batch_norm_axis=legacy).blocks[0]:
        images = layer(images)
        shapes.append(tuple(images.shape[1:]))
    assert shapes == [(16, 64, 47), (32, 16, 11), (64, 4, 2)]


@pytest.mark.parametrize(("name", "features"), [*zip(NETWORKS, (512, 1024, 1152), strict=True)])
@pytest.mark.parametrize(("frames", "columns"), [(94, 2), (188, 5)])
def test_features_are_concatenated(name, features, frames, columns):
    network = build(name, img_size=(128, frames))
    network.head = nn.Identity()
    expected = features + (columns - 2) * 64 * 4 * len(network.blocks)
    assert network(torch.zeros(3, 1, 128, frames, device="meta")).shape == (3, expected)
    assert network.head_hidden_size == expected


def test_dropout_has_the_rates_of_the_report():
    network = build("ser_report_cnn_transformer")
    assert {layer.p for layer in network.blocks.modules() if isinstance(layer, nn.Dropout)} == {0.3}
    assert {layer.p for layer in network.encoder.modules() if isinstance(layer, nn.Dropout)} == {0.4}
    assert network.encoder[0].self_attn.num_heads == 4
    assert network.encoder[0].linear1.out_features == 512


def test_the_legacy_norm_levels_each_frame():
    images = torch.rand(6, 3, 5, 4) + torch.tensor([0.0, 10.0, 20.0, 30.0])
    levelled = FrameNorm(4)(images)
    torch.testing.assert_close(levelled.mean(dim=(0, 1, 2)), torch.zeros(4), atol=1e-5, rtol=0)
    assert levelled.shape == images.shape


def make_small(**options):
    torch.manual_seed(0)
    return ReportCNN(img_size=(32, 40), blocks=2, encoder_layers=2, **options).eval()


def test_the_encoder_reads_frames_and_not_rows():
    network, images = make_small(), torch.rand(3, 1, 32, 40)
    encoded = network(images)[:, -32:]
    shuffled = network(images[..., torch.randperm(40)])[:, -32:]
    torch.testing.assert_close(shuffled, encoded)  # no position is marked, so the order of the frames is not seen
    assert not torch.allclose(network(images.flip(2))[:, -32:], encoded, atol=1e-3)


@pytest.mark.filterwarnings("ignore:`legacy_attention_axis`:UserWarning")
def test_only_the_legacy_attention_sees_the_other_clips():
    images = torch.rand(3, 1, 32, 40)
    corrected, legacy = make_small(), make_small(legacy_attention_axis=True)
    torch.testing.assert_close(corrected(images)[:1], corrected(images[:1]))
    assert not torch.allclose(legacy(images)[:1], legacy(images[:1]), atol=1e-3)


def test_the_legacy_attention_is_warned_of():
    with pytest.warns(UserWarning, match="a clip.s scores depend on the other clips of its batch"):
        make_small(legacy_attention_axis=True)


@pytest.mark.filterwarnings("ignore:`legacy_attention_axis`:UserWarning")
def test_the_legacy_attention_keeps_frames_apart():
    network, image = make_small(legacy_attention_axis=True), torch.rand(1, 1, 32, 40)
    encoded = network(image)[0, -32:]  # one clip alone: each frame attends to nothing but itself
    alone = make_small()
    frames = [image[..., [frame]] for frame in range(40)]
    torch.testing.assert_close(torch.cat([alone._encode(frame) for frame in frames]).mean(dim=0), encoded)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"img_size": (16, 94)}, "`img_size` is 16 x 94; the pools .* need at least 32 x 32"),
        ({"in_chans": 3, "encoder_layers": 1}, "The encoder reads one channel .* `in_chans` is 3"),
        ({"img_size": (33, 94), "encoder_layers": 1}, "a multiple of 4 rows"),
        ({"legacy_attention_axis": True}, "is for the encoder of `ser_report_cnn_transformer`"),
    ],
)
def test_what_cannot_be_built_is_named(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        build("ser_report_cnn", **options)


def test_a_clip_of_another_length_is_refused():
    with pytest.raises(
        ValueError, match=r"takes images of 1 x 128 x 94 .*; got 1 x 128 x 188.* `image_size: \[128, 94\]`"
    ):
        build("ser_report_cnn")(torch.zeros(2, 1, 128, 188, device="meta"))
