"""Image backbones: any network of timm, ours entered beside them, with weights from timm, the Hub or a file."""

import os
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from torch import nn

from .choices import check_choice
from .small_cnn import ser_small_cnn

# Importing them enters them into timm's registry.
OUR_BACKBONES = (ser_small_cnn,)

# How a feature map (batch, channels, height, width) becomes a vector; `backbone` leaves it to the network itself.
POOLINGS = {
    "avg": lambda features: features.mean(dim=(2, 3)),
    "max": lambda features: features.amax(dim=(2, 3)),
}


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
        backbone = timm.create_model(name, num_classes=0, **_weights_arguments(weights), **kwargs)
    except (RuntimeError, TypeError, OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"Backbone `{name}` with {kwargs} and weights `{weights}` cannot be built: {reason} "
            "Check the arguments, and the file or the connection that the weights come from."
        ) from error
    if pooling != "backbone" and hasattr(backbone, "pre_logits"):
        backbone.pre_logits = nn.Identity()  # VGG's dense layers: 119.5 M weights that the pooling passes by
    return backbone


def pool_width(backbone: nn.Module, pooling: str) -> int:
    """Length of the vector that comes out of `run_backbone`."""
    return backbone.head_hidden_size if pooling == "backbone" else backbone.num_features


def run_backbone(backbone: nn.Module, pooling: str, images: torch.Tensor) -> torch.Tensor:
    """(batch, channels, height, width) -> (batch, width)."""
    if pooling == "backbone":
        return backbone(images)
    features = backbone.forward_features(images)
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
