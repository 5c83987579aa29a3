"""Networks of the report on four corpora, entered into timm's registry as `ser_report_*`.

The image is (batch, 1, height, width) with 128 rows as its height and 94 frames, time, as its width: `time_axis:
across`. That the low frequencies lie at the bottom, where the report has them on top, changes nothing that is learnt.

| layer           | kernels                                                                    | output         |
|-----------------|----------------------------------------------------------------------------|----------------|
| image           |                                                                            | 1 x 128 x 94   |
| block, layer 1  | conv 16 of 3 x 3 same, batch norm, ReLU, max pool 2 x 2, dropout           | 16 x 64 x 47   |
| block, layer 2  | conv 32 of 3 x 3 same, batch norm, ReLU, max pool 4 x 4, dropout           | 32 x 16 x 11   |
| block, layer 3  | conv 64 of 3 x 3 same, batch norm, ReLU, max pool 4 x 4, dropout           | 64 x 4 x 2     |
| flatten         |                                                                            | 512 a block    |
| encoder, 4 x    | 94 frames of 128: attention of 4 heads, dense 512, ReLU, dense 128         | 94 x 128       |
| mean over time  |                                                                            | 128            |

`ser_report_cnn` has one block (512 features), `ser_report_parallel_cnn` two beside each other (1024), and
`ser_report_cnn_transformer` two and the encoder (1152). The report names no encoding of a frame's position, so there
is none. Batch norm has Keras's epsilon and momentum. Two options repeat the axes that the report's tables show:

- `legacy_batch_norm_axis`: one mean and deviation for each frame (94, 47 and 11 of them, hence the tables' 376, 188
  and 44 parameters) in place of each channel (which would be 64, 128 and 256).
- `legacy_attention_axis`: frame t of a clip attends to frame t of the other clips of the batch, not to its own frames;
  scores then depend on the batch.
"""

import warnings

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from .images import check_image_shape

CHANNELS, POOLS = (16, 32, 64), (2, 4, 4)


class ReportCNN(nn.Module):
    """Blocks beside each other, and the encoder, if there is one; their features are concatenated in this order.

    Args:
        in_chans: channels of the image.
        num_classes: 0 for features, as everywhere in timm.
        global_pool: taken as every network of timm takes it; features are flattened.
        img_size: rows and frames, which decide the number of features.
        blocks: convolutional blocks beside each other.
        encoder_layers: of the transformer encoder; 0 for none.
        drop_rate: dropout behind each pool.
        encoder_drop_rate: dropout in the encoder.
        legacy_batch_norm_axis: normalise over the time axis, as the report did.
        legacy_attention_axis: attend across the batch, as the report probably did.

    Raises:
        ValueError: for an image that the pools leave nothing of, an encoder that meets several channels, and an axis
            of attention where there is none.
    """

    def __init__(
        self,
        in_chans: int = 1,
        num_classes: int = 0,
        global_pool: str = "",
        img_size: tuple[int, int] = (128, 94),
        blocks: int = 1,
        encoder_layers: int = 0,
        drop_rate: float = 0.3,
        encoder_drop_rate: float = 0.4,
        legacy_batch_norm_axis: bool = False,
        legacy_attention_axis: bool = False,
    ):
        super().__init__()
        _check_image(in_chans, img_size, encoder_layers)
        if legacy_attention_axis and not encoder_layers:
            raise ValueError(
                "`legacy_attention_axis` is for the encoder of `ser_report_cnn_transformer`. Leave it out."
            )
        if legacy_attention_axis:
            warnings.warn(
                "`legacy_attention_axis`: a clip's scores depend on the other clips of its batch, as probably "
                "in the report. Use it for comparison only.",
                stacklevel=2,
            )
        self.image_shape = (in_chans, *img_size)
        self.legacy_attention_axis = legacy_attention_axis
        frames = img_size[1] if legacy_batch_norm_axis else None
        self.blocks = nn.ModuleList(_block(in_chans, drop_rate, frames) for _ in range(blocks))
        self.encoder = nn.ModuleList(_encoder_layer(img_size[0], encoder_drop_rate) for _ in range(encoder_layers))
        self.num_features = CHANNELS[-1] * blocks
        self.head_hidden_size = self.num_features * (img_size[0] // 32) * (img_size[1] // 32)
        if encoder_layers:
            self.head_hidden_size += img_size[0]
        self.head = nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """How timm groups the parameters: the first layers of all blocks, the second, the third, then the encoder."""
        return {"blocks": r"^blocks\.\d+\.(\d+)", "encoder": r"^encoder\.(\d+)"}

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, in_chans, rows, frames) -> (batch, channels of all blocks, rows / 32, frames / 32).

        With an encoder, whose features are no image, the concatenated features: (batch, features).
        """
        features = torch.cat([block(images) for block in self.blocks], dim=1)
        if not self.encoder:
            return features
        return torch.cat([features.flatten(1), self._encode(images)], dim=1)

    def _encode(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, 1, rows, frames) -> (batch, rows): the frames' mean behind the encoder."""
        frames = images[:, 0].transpose(1, 2)  # (batch, rows, frames) -> (batch, frames, rows)
        if self.legacy_attention_axis:
            frames = frames.transpose(0, 1)  # the encoder takes the first axis for the batch
        for layer in self.encoder:
            frames = layer(frames)
        return frames.mean(dim=0 if self.legacy_attention_axis else 1)

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """(batch, ...) -> (batch, features), then the classifier, if there is one."""
        flat = features.flatten(1)
        return flat if pre_logits else self.head(flat)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features or scores of a batch of images."""
        check_image_shape(images, self.image_shape)
        return self.forward_head(self.forward_features(images))


class FrameNorm(nn.Module):
    """Batch norm with a mean and a deviation for each frame: (batch, channels, rows, frames), same shape out."""

    def __init__(self, frames: int):
        super().__init__()
        self.norm = _batch_norm(frames)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise over batch, rows and channels."""
        return self.norm(images.transpose(1, 3)).transpose(1, 3)


def _block(in_chans: int, drop_rate: float, frames: int | None) -> nn.Sequential:
    """Three layers; `frames` is given where batch norm runs over the time axis."""
    layers, channels = [], in_chans
    for width, pool in zip(CHANNELS, POOLS, strict=True):
        norm = _batch_norm(width) if frames is None else FrameNorm(frames)
        conv = nn.Conv2d(channels, width, 3, padding=1)
        layers.append(nn.Sequential(conv, norm, nn.ReLU(), nn.MaxPool2d(pool), nn.Dropout(drop_rate)))
        channels, frames = width, frames and frames // pool
    return nn.Sequential(*layers)


def _batch_norm(features: int) -> nn.BatchNorm2d:
    """Batch norm with the defaults of Keras, whose momentum 0.99 is torch's 0.01."""
    return nn.BatchNorm2d(features, eps=1e-3, momentum=0.01)


def _encoder_layer(rows: int, drop_rate: float) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(rows, nhead=4, dim_feedforward=512, dropout=drop_rate, batch_first=True)


def _check_image(in_chans: int, img_size: tuple[int, int], encoder_layers: int) -> None:
    rows, frames = img_size
    if rows < 32 or frames < 32:
        raise ValueError(f"`img_size` is {rows} x {frames}; the pools of `ser_report_*` need at least 32 x 32.")
    if encoder_layers and (in_chans != 1 or rows % 4):
        raise ValueError(
            f"The encoder reads one channel and a multiple of 4 rows; `in_chans` is {in_chans}, `img_size` {img_size}."
        )


# The report names no scaling, so values are taken as they are; there are no pretrained weights.
NAMES = ("ser_report_cnn", "ser_report_parallel_cnn", "ser_report_cnn_transformer")
default_cfgs = generate_default_cfgs(
    {
        f"{name}.untrained": {"input_size": (1, 128, 94), "mean": (0.0,), "std": (1.0,), "classifier": "head"}
        for name in NAMES
    }
)


@register_model
def ser_report_cnn(pretrained: bool = False, **kwargs) -> ReportCNN:
    """First network of the report (section 4.3): one block."""
    return build_model_with_cfg(ReportCNN, "ser_report_cnn", pretrained, **kwargs)


@register_model
def ser_report_parallel_cnn(pretrained: bool = False, **kwargs) -> ReportCNN:
    """Second network of the report (section 4.4): two blocks."""
    return build_model_with_cfg(ReportCNN, "ser_report_parallel_cnn", pretrained, **{"blocks": 2, **kwargs})


@register_model
def ser_report_cnn_transformer(pretrained: bool = False, **kwargs) -> ReportCNN:
    """Third network of the report (section 4.5): two blocks and four encoder layers."""
    kwargs = {"blocks": 2, "encoder_layers": 4, **kwargs}
    return build_model_with_cfg(ReportCNN, "ser_report_cnn_transformer", pretrained, **kwargs)
