"""Image backbones: any network of timm, ours entered beside them, with weights from timm, the Hub or a file.

VGG's own dense layers, 25088-4096-4096, are kept with their pretrained weights by `pooling: backbone`; timm holds them
as convolutions of 7 x 7 and 1 x 1. With `backbone_kwargs: {drop_rate: 0.5}` and `dropout: 0.0` that is torchvision's
classifier for images of 224 x 224: dropout behind both. Smaller images are averaged up to 7 x 7 cells, as in
torchvision; on larger ones the dense layers run at every position and their results are averaged, which torchvision
does not do. `pooling: flatten_7x7` averages images of every size to 7 x 7 cells; its dense layers, `hidden_sizes`, are
new, as in Ragheb et al. (section 3.2).
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn import functional as F

from .alexnet import ser_alexnet
from .badshah_cnn import ser_badshah_cnn
from .choices import check_choice
from .report_cnns import ser_report_cnn, ser_report_cnn_transformer, ser_report_parallel_cnn
from .small_cnn import ser_small_cnn

# Importing them enters them into timm's registry.
OUR_BACKBONES = (
    *(ser_small_cnn, ser_alexnet, ser_badshah_cnn),
    *(ser_report_cnn, ser_report_parallel_cnn, ser_report_cnn_transformer),
)

# How a feature map (batch, channels, height, width) becomes a vector; `backbone` leaves it to the network itself.
POOLINGS = {
    "avg": lambda features: features.mean(dim=(2, 3)),
    "max": lambda features: features.amax(dim=(2, 3)),
    "flatten_7x7": lambda features: F.adaptive_avg_pool2d(features, 7).flatten(1),
}
POOLED_CELLS = {"flatten_7x7": 49}  # numbers that a channel gives; one for the other poolings

# Dense layers that a pooling of ours passes by: 119.5 M weights of VGG, 54.5 M of AlexNet.
DENSE_LAYERS = ("pre_logits", "classifier")

# What torch says of an image that a network's pools and kernels leave nothing of.
TOO_SMALL = ("Output size is too small", "Kernel size can't be greater than actual input size")


def build_backbone(name: str, pooling: str, weights: str | None = None, **kwargs: Any) -> nn.Module:
    """A timm network without its classifier.

    Args:
        name: of a network in timm's registry.
        pooling: `backbone`, or one of `POOLINGS`, which read the feature map.
        weights: None for timm's own initialisation, `timm` for its published weights, a file, or a Hub id.
        kwargs: `backbone_kwargs`, for timm.create_model.

    Raises:
        ValueError: for an unknown network, arguments it does not take, and weights that do not fit it.
    """
    check_choice("backbone", name.split(".")[0], timm.list_models())
    check_choice("pooling", pooling, ("backbone", *POOLINGS))
    try:
        with _noting_unmatched_weights() as unmatched:
            backbone = timm.create_model(name, num_classes=0, **_weights_arguments(weights), **kwargs)
    except (RuntimeError, TypeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            f"Backbone `{name}` with {kwargs} and weights `{weights}` cannot be built: {reason}. "
            "Check the arguments, and the file or the connection that the weights come from."
        ) from error
    for layers in DENSE_LAYERS:
        if pooling != "backbone" and hasattr(backbone, layers):
            setattr(backbone, layers, nn.Identity())
    _check_weights(backbone, weights, unmatched)
    return backbone


def pool_width(backbone: nn.Module, pooling: str) -> int:
    """Length of the vector that comes out of `run_backbone`."""
    if pooling == "backbone":
        return backbone.head_hidden_size
    return backbone.num_features * POOLED_CELLS.get(pooling, 1)


def run_backbone(backbone: nn.Module, pooling: str, images: torch.Tensor) -> torch.Tensor:
    """(batch, channels, height, width) -> (batch, width).

    Raises:
        ValueError: for images that are too small, and for a pooling that needs a feature map where there is none.
    """
    try:
        features = backbone(images) if pooling == "backbone" else backbone.forward_features(images)
    except RuntimeError as error:
        if not any(words in str(error) for words in TOO_SMALL):
            raise
        height, width = images.shape[2:]
        raise ValueError(
            f"Images of {height} x {width} (height x width) are too small for the backbone ({error}). "
            "Give a larger `image_size`, longer clips or more rows."
        ) from error
    if pooling == "backbone":
        return features
    if features.ndim != 4:
        raise ValueError(
            f"`pooling` is `{pooling}`, which needs a feature map (batch, channels, height, width); "
            f"this backbone gives {tuple(features.shape)}. Use `pooling: backbone`."
        )
    return POOLINGS[pooling](features)


def data_config(backbone: nn.Module, channels: int) -> tuple[list[float], list[float]]:
    """Mean and deviation that the backbone was trained with, for `channels` channels."""
    config = backbone.pretrained_cfg
    mean, std = config.get("mean", (0.5,)), config.get("std", (0.5,))
    if len(mean) == channels:
        return list(mean), list(std)
    return [sum(mean) / len(mean)] * channels, [sum(std) / len(std)] * channels


def _weights_arguments(weights: str | None) -> dict[str, Any]:
    """Arguments of timm.create_model for one source of weights."""
    if weights is None:
        return {"pretrained": False}
    if weights == "timm":
        return {"pretrained": True}
    if os.path.isfile(weights):
        return {"pretrained": True, "pretrained_cfg_overlay": {"file": weights}}
    if (
        weights.count("/") == 1
        and not weights.startswith((".", "/"))
        and not weights.endswith((".safetensors", ".bin"))
    ):
        return {"pretrained": True, "pretrained_cfg_overlay": {"hf_hub_id": weights, "source": "hf-hub"}}
    raise ValueError(
        f"`backbone_weights` is `{weights}`: there is no such file. Give a file, a Hub id, `timm` or null."
    )


@contextmanager
def _noting_unmatched_weights() -> Iterator[dict[str, list[str]]]:
    """Names that timm finds missing or unexpected in a file of weights; it only logs them, the first unseen."""
    logger, found = logging.getLogger("timm.models._builder"), {"Missing": [], "Unexpected": []}
    level, shown = logger.level, logger.getEffectiveLevel()

    def note(record: logging.LogRecord) -> bool:
        kind, _, rest = record.getMessage().partition(" keys (")
        if kind in found:
            found[kind] += rest.partition(")")[0].split(", ")
        return record.levelno >= shown

    logger.addFilter(note)
    logger.setLevel(logging.INFO)
    try:
        yield found
    finally:
        logger.setLevel(level)
        logger.removeFilter(note)


def _check_weights(backbone: nn.Module, weights: str | None, unmatched: dict[str, list[str]]) -> None:
    """Raise ValueError if the backbone lacks a weight, which would stay as initialised, or the file is another's."""
    names = [name for name in backbone.state_dict() if not name.endswith("num_batches_tracked")]
    missing = [name for name in unmatched["Missing"] if name in names]
    unknown = [name for name in unmatched["Unexpected"] if not name.endswith("num_batches_tracked")]
    if not missing and unknown and weights != "timm":  # whose own are known to fit
        raise ValueError(
            f"`backbone_weights` {weights} holds {len(unknown)} weights that the backbone has no place for, "
            f"{_name_some(unknown)}. Give the weights of this backbone, or name the backbone that they are of."
        )
    if not missing:
        return
    others = f", and holds others, {_name_some(unmatched['Unexpected'])}" if unmatched["Unexpected"] else ""
    raise ValueError(
        f"`backbone_weights` {weights} lacks {len(missing)} of the backbone's {len(names)} weights, "
        f"{_name_some(missing)}{others}. Give the weights of this backbone, with its names."
    )


def _name_some(names: list[str]) -> str:
    """The first names of a list."""
    return ", ".join(f"`{name}`" for name in names[:3]) + (" ..." if len(names) > 3 else "")
