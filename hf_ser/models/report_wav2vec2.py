"""The report's wav2vec2: the network of transformers, its mean over time, dropout and one dense layer."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from .report_configuration import ReportWav2Vec2Config


class ReportWav2Vec2ForAudioClassification(PreTrainedModel):
    """Wav2Vec2Model under the report's head: 768 x 7 + 7 = 5,383 weights at base size and seven emotions.

    The head of transformers' own Wav2Vec2ForSequenceClassification has a dense layer of 256 units before the mean
    besides, and no dropout.
    """

    config_class = ReportWav2Vec2Config
    base_model_prefix = "wav2vec2"
    main_input_name = "input_values"
    input_modalities = ("audio",)
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False

    def __init__(self, config: ReportWav2Vec2Config, wav2vec2: PreTrainedModel | None = None):
        """Build the network; a pretrained `wav2vec2` is for a new model only, a saved one brings its own weights."""
        super().__init__(config)
        # Here, for this module is imported while transformers itself still is.
        from transformers import Wav2Vec2Config, Wav2Vec2Model

        self.wav2vec2 = wav2vec2 or Wav2Vec2Model(Wav2Vec2Config(**config.wav2vec2))
        self.dropout = nn.Dropout(config.head_dropout)
        self.classifier = nn.Linear(self.wav2vec2.config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_values: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Scores of each clip.

        Args:
            input_values: (batch, samples).
            attention_mask: (batch, samples), 1 for the clip's own samples, which come first; None where the
                checkpoint was trained without, as wav2vec2-base was: zeros behind a clip are then part of it.
            labels: (batch,) class indices or (batch, classes) probabilities, for the cross-entropy loss.
        """
        states = self.wav2vec2(input_values, attention_mask=attention_mask).last_hidden_state
        logits = self.classifier(self.dropout(self._average(states, attention_mask)))
        loss = None if labels is None else F.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def freeze_feature_encoder(self) -> None:
        """Let the convolutions keep their weights."""
        self.wav2vec2.freeze_feature_encoder()

    def _average(self, states: torch.Tensor, attention_mask: torch.Tensor | None) -> torch.Tensor:
        """Mean over a clip's own frames: (batch, frames, width) -> (batch, width)."""
        if attention_mask is None:
            return states.mean(dim=1)
        mask = self.wav2vec2._get_feature_vector_attention_mask(states.shape[1], attention_mask)
        return (states * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise the head as transformers does; the network under it does so itself."""
        if module is self.classifier:
            nn.init.normal_(module.weight, std=self.wav2vec2.config.initializer_range)
            nn.init.zeros_(module.bias)


ReportWav2Vec2ForAudioClassification.register_for_auto_class("AutoModelForAudioClassification")
