"""Configuration of the report's wav2vec2."""

from typing import Any

from transformers import PretrainedConfig


class ReportWav2Vec2Config(PretrainedConfig):
    """Configuration of `ReportWav2Vec2ForAudioClassification`.

    Args:
        wav2vec2: options of Wav2Vec2Config, for the network under the head.
        head_dropout: rate before the dense layer.
    """

    model_type = "ser_report_wav2vec2"

    def __init__(self, wav2vec2: dict[str, Any] | None = None, head_dropout: float = 0.5, **kwargs: Any):
        self.wav2vec2 = dict(wav2vec2 or {})
        self.head_dropout = head_dropout
        super().__init__(**kwargs)


ReportWav2Vec2Config.register_for_auto_class()
