"""AlexNet against torchvision's."""

import pytest
import timm
import torch
import torchvision

from hf_ser.models.backbones import build_backbone, pool_width


def test_the_weights_have_the_names_and_shapes_of_torchvision():
    with torch.device("meta"):
        mine, other = timm.create_model("ser_alexnet"), torchvision.models.alexnet()
    shapes = [{name: weight.shape for name, weight in net.state_dict().items()} for net in (mine, other)]
    assert shapes[0] == shapes[1]
    assert sum(weight.numel() for weight in mine.parameters()) == 61_100_840  # torchvision's own figure


def test_the_published_weights_come_from_torchvision():
    config = timm.get_pretrained_cfg("ser_alexnet")
    assert config.url == torchvision.models.AlexNet_Weights.IMAGENET1K_V1.url
    transform = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    assert (list(config.mean), list(config.std)) == (transform.mean, transform.std)


def test_a_file_of_torchvision_gives_its_features(tmp_path):
    donor = torchvision.models.alexnet().eval()
    torch.save(donor.state_dict(), tmp_path / "alexnet.pth")
    mine = build_backbone("ser_alexnet", "backbone", str(tmp_path / "alexnet.pth")).eval()
    donor.classifier[6] = torch.nn.Identity()
    for size in ((224, 224), (96, 130)):
        images = torch.rand(1, 3, *size)
        torch.testing.assert_close(mine(images), donor(images))
        assert mine(images).shape == (1, pool_width(mine, "backbone"))


def test_dropout_stands_before_each_dense_layer():
    with torch.device("meta"):
        kinds = [type(layer).__name__ for layer in timm.create_model("ser_alexnet", drop_rate=0.3).classifier]
    assert kinds == ["Dropout", "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Linear"]


@pytest.mark.parametrize(("pooling", "weights"), [("avg", 2_469_696), ("backbone", 57_003_840)])
def test_a_pooling_leaves_the_dense_layers_out(pooling, weights):
    with torch.device("meta"):  # 9216 x 4096 + 4096 + 4096 x 4096 + 4096 = 54,534,144 in the dense layers
        backbone = build_backbone("ser_alexnet", pooling)
    assert sum(weight.numel() for weight in backbone.parameters()) == weights
