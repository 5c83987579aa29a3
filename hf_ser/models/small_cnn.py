"""A small network trained from scratch, entered into timm's registry as `ser_small_cnn`.

| stage | layers                                         | output (1 x H x W input) |
|-------|------------------------------------------------|--------------------------|
| 1-4   | conv 3x3 same, batch norm, ReLU, max pool 2x2  | widths[i] x H/2^i x W/2^i |
| head  | mean over the image                            | widths[-1]               |
"""

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn


class SmallCNN(nn.Module):
    """Blocks of one convolution each, then the mean over the image.

    Args:
        in_chans: channels of the image.
        num_classes: 0 for features, as everywhere in timm.
        global_pool: `avg`, or an empty string for the feature map.
        widths: channels of each block.
    """

    def __init__(
        self,
        in_chans: int = 1,
        num_classes: int = 0,
        global_pool: str = "avg",
        widths: tuple[int, ...] = (16, 32, 64, 96),
    ):
        super().__init__()
        self.global_pool = global_pool
        self.num_features = self.head_hidden_size = widths[-1]
        self.grad_checkpointing = False
        channels = (in_chans, *widths)
        self.blocks = nn.ModuleList(_block(*channels[index : index + 2]) for index in range(len(widths)))
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """How timm groups the parameters: a block is a group."""
        return {"blocks": r"^blocks\.(\d+)"}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute each block in the backward pass instead of keeping what it put out."""
        self.grad_checkpointing = enable

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, in_chans, height, width) -> (batch, channels, height / 2^blocks, width / 2^blocks)."""
        for block in self.blocks:
            if self.grad_checkpointing and self.training:
                images = torch.utils.checkpoint.checkpoint(block, images, use_reentrant=False)
            else:
                images = block(images)
        return images

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Mean over the image, then the classifier, if there is one."""
        pooled = features.mean(dim=(2, 3)) if self.global_pool else features
        return pooled if pre_logits else self.head(pooled)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features or scores of a batch of images."""
        return self.forward_head(self.forward_features(images))


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )


# Values 0..1 come in, so the mean and deviation centre them; there are no pretrained weights.
default_cfgs = generate_default_cfgs(
    {"ser_small_cnn.untrained": {"input_size": (1, 64, 64), "mean": (0.5,), "std": (0.25,), "classifier": "head"}}
)


@register_model
def ser_small_cnn(pretrained: bool = False, **kwargs) -> SmallCNN:
    """The network of the quickstart."""
    return build_model_with_cfg(SmallCNN, "ser_small_cnn", pretrained, **kwargs)
