"""The spectrogram network of Badshah et al. (2017, section II.C), entered into timm's registry as `ser_badshah_cnn`.

Sizes for an image of 256 x 256. The paper names no padding, so there is none, and one pool; `pools: 3`, the default,
puts the same pool behind C2 and C3 too, for the first dense layer would hold 453 M weights without them.

| layer | kernels                                | `pools: 3`     | `pools: 1`     |
|-------|----------------------------------------|----------------|----------------|
| image |                                        | 3 x 256 x 256  | 3 x 256 x 256  |
| C1    | 120 of 11 x 11, stride 4, ReLU         | 120 x 62 x 62  | 120 x 62 x 62  |
|       | max pool 3 x 3, stride 2               | 120 x 30 x 30  | 120 x 30 x 30  |
| C2    | 256 of 5 x 5, ReLU                     | 256 x 26 x 26  | 256 x 26 x 26  |
|       | max pool 3 x 3, stride 2, if `pools: 3` | 256 x 12 x 12  |                |
| C3    | 384 of 3 x 3, ReLU                     | 384 x 10 x 10  | 384 x 24 x 24  |
|       | max pool 3 x 3, stride 2, if `pools: 3` | 384 x 4 x 4    |                |
|       | flatten                                | 6,144          | 221,184        |
| FC    | dense 2048, ReLU, dropout, twice       | 2048           | 2048           |

The paper names no initialisation. Weights begin as Caffe's `xavier` filler has them, with a variance of 1 / inputs,
and biases at zero. The max pools raise what the ReLUs halve, so activations keep their scale; torch's own third of
that variance leaves training at chance for epochs.
"""

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from .images import check_image_shape


class BadshahCNN(nn.Module):
    """Three convolutions and two dense layers; the last layer of the paper is the classifier.

    Args:
        in_chans: channels of the image.
        num_classes: 0 for the 2048 features, as everywhere in timm.
        global_pool: taken as every network of timm takes it; the dense layers read the image whole.
        img_size: height and width of the image, which the first dense layer needs.
        pools: 3 for a pool behind every convolution, 1 for the only one that the paper names.
        drop_rate: dropout behind each dense layer.

    Raises:
        ValueError: for another number of pools, and an image too small for them.
    """

    def __init__(
        self,
        in_chans: int = 3,
        num_classes: int = 0,
        global_pool: str = "",
        img_size: tuple[int, int] = (256, 256),
        pools: int = 3,
        drop_rate: float = 0.5,
    ):
        super().__init__()
        if pools not in (1, 3):
            raise ValueError(f"`pools` is {pools!r}; give 3, or 1 for the only pool that the paper names.")
        self.image_shape = (in_chans, *img_size)
        self.num_features, self.head_hidden_size = 384, 2048
        kept_pool = nn.MaxPool2d if pools == 3 else nn.Identity
        self.features = nn.Sequential(
            *(nn.Conv2d(in_chans, 120, 11, stride=4), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(120, 256, 5), nn.ReLU(inplace=True), kept_pool(3, stride=2)),
            *(nn.Conv2d(256, 384, 3), nn.ReLU(inplace=True), kept_pool(3, stride=2)),
        )
        cells = _count_cells(img_size[0], pools) * _count_cells(img_size[1], pools)
        self.classifier = nn.Sequential(
            *(nn.Linear(384 * cells, 2048), nn.ReLU(inplace=True), nn.Dropout(drop_rate)),
            *(nn.Linear(2048, 2048), nn.ReLU(inplace=True), nn.Dropout(drop_rate)),
            nn.Linear(2048, num_classes) if num_classes else nn.Identity(),
        )
        for layer in (*self.features, *self.classifier[:-1]):
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")  # Caffe's "xavier"
                nn.init.zeros_(layer.bias)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """How timm groups the parameters: a convolution is a group, the dense layers are the last."""
        return {"blocks": r"^features\.(\d+)"}

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, in_chans, height, width) -> (batch, 384, rows, columns)."""
        return self.features(images)

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """(batch, 384, rows, columns) -> (batch, 2048), or scores, if there is a classifier."""
        layers = self.classifier[:-1] if pre_logits else self.classifier
        return layers(features.flatten(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features or scores of a batch of images."""
        check_image_shape(images, self.image_shape)
        return self.forward_head(self.forward_features(images))


def _count_cells(length: int, pools: int) -> int:
    """Rows or columns that are left of an image's height or width."""
    conv1 = ((length - 11) // 4 + 1 - 3) // 2 + 1
    last = conv1 - 4 - 2 if pools == 1 else ((conv1 - 4 - 3) // 2 + 1 - 2 - 3) // 2 + 1
    if last < 1:
        raise ValueError(f"An image {length} high or wide is too small for `ser_badshah_cnn`; the paper's is 256.")
    return last


# Colours 0..1 come in, so the mean and deviation centre them; there are no pretrained weights.
default_cfgs = generate_default_cfgs(
    {
        "ser_badshah_cnn.untrained": {
            "input_size": (3, 256, 256),
            "mean": (0.5, 0.5, 0.5),
            "std": (0.25, 0.25, 0.25),
            "classifier": "classifier.6",
        }
    }
)


@register_model
def ser_badshah_cnn(pretrained: bool = False, **kwargs) -> BadshahCNN:
    """The network of Badshah et al. that is trained from scratch."""
    return build_model_with_cfg(BadshahCNN, "ser_badshah_cnn", pretrained, **kwargs)
