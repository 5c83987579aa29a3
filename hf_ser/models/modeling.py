"""Spectrogram model: features to images, a timm backbone, a head, and the mean over a clip's windows."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from .backbones import build_backbone, data_config, pool_width, run_backbone
from .configuration import SpectrogramConfig
from .freezing import freeze_backbone, hold_frozen_statistics
from .images import render_images
from .recomputation import hold_statistics_while_recomputing
from .windows import average_windows, cut_windows, group_by_length

# Images that run through the backbone at once when nothing is trained: bounds the memory of long recordings.
INFERENCE_BATCH = 64


class SpectrogramForAudioClassification(PreTrainedModel):
    """An image network that reads time-frequency features, ready for Trainer and for the audio pipeline."""

    config_class = SpectrogramConfig
    base_model_prefix = "backbone"
    main_input_name = "input_features"
    input_modalities = ("audio",)
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False

    def __init__(self, config: SpectrogramConfig, backbone_weights: str | None = None):
        """Build the network; `backbone_weights` are for a new model only, a saved one brings its own."""
        super().__init__(config)
        self.backbone = build_backbone(config.backbone, config.pooling, backbone_weights, **config.backbone_kwargs)
        mean, std = data_config(self.backbone, config.num_channels)
        config.image_mean = config.image_mean or mean
        config.image_std = config.image_std or std
        self.head = _build_head(pool_width(self.backbone, config.pooling), config)
        if config.freeze == "all":
            freeze_backbone(
                self.backbone, config.unfreeze_last_blocks, config.unfreeze_last_layers, config.unfreeze_from
            )
        self.post_init()

    def forward(
        self,
        input_features: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Scores of each clip; what lies behind a clip's own frames does not change them.

        Args:
            input_features: (batch, frames, rows).
            attention_mask: (batch, frames), 1 for the clip's own frames, which come first.
            labels: (batch,) class indices or (batch, classes) probabilities, for the cross-entropy loss.
        """
        lengths = _clip_lengths(input_features, attention_mask)
        clips = [features[:length] for features, length in zip(input_features, lengths, strict=True)]
        if self.config.window_frames is None:
            logits = self._score(clips)
        else:
            windows, counts = cut_windows(clips, self.config.window_frames, self.config.window_hop)
            logits = average_windows(self._score(windows), counts)
        loss = None if labels is None else F.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def _score(self, clips: list[torch.Tensor]) -> torch.Tensor:
        """Logits of clips of any lengths: images of equal size run together."""
        groups = group_by_length(clips)
        images = [render_images(torch.stack([clips[index] for index in group]), self.config) for group in groups]
        if self.config.image_size is not None:
            groups, images = [sum(groups, [])], [torch.cat(images)]
        logits = torch.cat([self._classify(batch.to(self.dtype)) for batch in images])
        order = torch.tensor(sum(groups, []), device=logits.device)
        return torch.empty_like(logits).index_copy(0, order, logits)

    def _classify(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) -> (batch, classes)."""
        step = len(images) if torch.is_grad_enabled() else INFERENCE_BATCH
        if images.device.type == "cpu":  # trains MobileNetV2 1.6 times as fast there, and the small networks too
            images = images.contiguous(memory_format=torch.channels_last)
        return torch.cat(
            [self.head(run_backbone(self.backbone, self.config.pooling, batch)) for batch in images.split(step)]
        )

    def train(self, mode: bool = True) -> "SpectrogramForAudioClassification":
        """Set the mode; a frozen batch norm stands still in both."""
        super().train(mode)
        hold_frozen_statistics(self.backbone)
        return self

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """Load a saved model as transformers does, with its weights where torch itself would lay them.

        Weights that lie in a mapped file start anywhere, and some kernels round otherwise for unaligned memory: the
        logits would be those of the model that was saved only to the last digit but one.

        Raises:
            ValueError: when the saved weights have other shapes than the configuration, as for other emotions.
        """
        try:
            loaded = super().from_pretrained(*args, **kwargs)
        except RuntimeError as error:
            if "ignore_mismatched_sizes" not in str(error):
                raise
            raise ValueError(
                "The checkpoint has weights of other shapes than its configuration and the options given, such as a "
                "head for another number of emotions. Load it with its own emotions (without `id2label` and "
                "`num_labels`), or start a new head with `ignore_mismatched_sizes=True`."
            ) from error
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data = tensor.data.clone()
        return loaded

    def _set_gradient_checkpointing(self, enable: bool = True, *args: Any, **kwargs: Any) -> None:
        """Recompute the backbone's activations in the backward pass (Trainer's `activation_checkpointing`)."""
        try:
            self.backbone.set_grad_checkpointing(enable)
        except (AssertionError, AttributeError) as error:
            raise ValueError(f"Backbone `{self.config.backbone}` cannot recompute its activations.") from error
        if enable:
            hold_statistics_while_recomputing(self)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise the head; the backbone keeps timm's own initialisation or its weights."""
        if hasattr(module, "init_non_persistent_buffers"):
            module.init_non_persistent_buffers()
        if module in list(self.head.modules()) and isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
            nn.init.zeros_(module.bias)


def _build_head(width: int, config: SpectrogramConfig) -> nn.Sequential:
    """Dropout and a dense layer for each width, with ReLU between them."""
    layers: list[nn.Module] = []
    for hidden, dropout in zip(config.hidden_sizes, config.dropouts[:-1], strict=True):
        layers += [nn.Dropout(dropout), nn.Linear(width, hidden), nn.ReLU()]
        width = hidden
    return nn.Sequential(*layers, nn.Dropout(config.dropouts[-1]), nn.Linear(width, config.num_labels))


def _clip_lengths(input_features: torch.Tensor, attention_mask: torch.Tensor | None) -> list[int]:
    """Frames of each clip."""
    if input_features.ndim != 3:
        raise ValueError(f"`input_features` must be (batch, frames, rows); got {tuple(input_features.shape)}.")
    if attention_mask is None:
        return [input_features.shape[1]] * len(input_features)
    lengths = attention_mask.long().sum(dim=1).tolist()
    if not all(lengths):
        raise ValueError("A clip of the batch has no frames: its `attention_mask` is all zero.")
    return lengths


SpectrogramForAudioClassification.register_for_auto_class("AutoModelForAudioClassification")
