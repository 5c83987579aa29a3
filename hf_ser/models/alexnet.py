"""AlexNet as torchvision lays it out, entered into timm's registry as `ser_alexnet`; timm has none of its own.

Layers and names of the weights are torchvision's, so that its published weights load, from its address
(`backbone_weights: timm`) or from a file of them. Sizes for an image of 224 x 224:

| layer      | kernels                                          | output         |
|------------|--------------------------------------------------|----------------|
| features   | conv 64 of 11 x 11, stride 4, padding 2, ReLU    | 64 x 55 x 55   |
|            | max pool 3 x 3, stride 2                         | 64 x 27 x 27   |
|            | conv 192 of 5 x 5, padding 2, ReLU               | 192 x 27 x 27  |
|            | max pool 3 x 3, stride 2                         | 192 x 13 x 13  |
|            | conv 384 of 3 x 3, padding 1, ReLU               | 384 x 13 x 13  |
|            | conv 256 of 3 x 3, padding 1, ReLU, twice        | 256 x 13 x 13  |
|            | max pool 3 x 3, stride 2                         | 256 x 6 x 6    |
| avgpool    | mean over 6 x 6 cells, for images of other sizes | 256 x 6 x 6    |
| classifier | dropout, dense 4096, ReLU, twice                 | 4096           |

Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014); torchvision's AlexNet.
"""

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn


class AlexNet(nn.Module):
    """Five convolutions and two dense layers; the third dense layer is the classifier.

    Args:
        in_chans: channels of the image.
        num_classes: 0 for the 4096 features, as everywhere in timm.
        global_pool: taken as every network of timm takes it; the dense layers read 6 x 6 cells.
        drop_rate: dropout before each of the two dense layers.
    """

    def __init__(self, in_chans: int = 3, num_classes: int = 1000, global_pool: str = "avg", drop_rate: float = 0.5):
        super().__init__()
        self.num_features, self.head_hidden_size = 256, 4096
        self.num_classes = num_classes
        self.features = nn.Sequential(
            *(nn.Conv2d(in_chans, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            *(nn.Dropout(drop_rate), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True)),
            *(nn.Dropout(drop_rate), nn.Linear(4096, 4096), nn.ReLU(inplace=True)),
            nn.Linear(4096, num_classes) if num_classes else nn.Identity(),
        )

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """How timm groups the parameters: a convolution is a group, the dense layers are the last."""
        return {"blocks": r"^features\.(\d+)"}

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, in_chans, height, width) -> (batch, 256, rows, columns)."""
        return self.features(images)

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """(batch, 256, rows, columns) -> (batch, 4096), or scores, if there is a classifier."""
        layers = self.classifier[:-1] if pre_logits else self.classifier
        return layers(self.avgpool(features).flatten(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features or scores of a batch of images."""
        return self.forward_head(self.forward_features(images))


default_cfgs = generate_default_cfgs(
    {
        "ser_alexnet.tv_in1k": {
            "url": "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            "input_size": (3, 224, 224),
            "mean": IMAGENET_DEFAULT_MEAN,
            "std": IMAGENET_DEFAULT_STD,
            "num_classes": 1000,
            "first_conv": "features.0",
            "classifier": "classifier.6",
        }
    }
)


@register_model
def ser_alexnet(pretrained: bool = False, **kwargs) -> AlexNet:
    """The network that Badshah et al. fine-tune."""
    return build_model_with_cfg(AlexNet, "ser_alexnet", pretrained, **kwargs)
