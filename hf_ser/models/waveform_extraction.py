"""Feature extractor: raw waveforms for wav2vec2 and its kin, cut and brought to a length first."""

from typing import Any

import numpy as np
from transformers import BatchFeature, Wav2Vec2FeatureExtractor

from .excerpts import ExcerptMixin, list_waveforms

# Options that Wav2Vec2FeatureExtractor does not have, and the values at which they change nothing.
OWN = {"silence_threshold": None, "offset": 0.0, "min_duration": None, "max_duration": None, "padding": "zero"}


class WaveformFeatureExtractor(ExcerptMixin, Wav2Vec2FeatureExtractor):
    """Wav2Vec2FeatureExtractor of what is heard of a clip: waveforms to `input_values` (batch, samples).

    Where all of every clip is heard it is saved as Wav2Vec2FeatureExtractor, which then gives the same.

    Args:
        silence_threshold, offset, min_duration, max_duration, padding: see ExcerptMixin.
        kwargs: of Wav2Vec2FeatureExtractor: `sampling_rate`, `do_normalize` (zero mean and unit variance, clip by
            clip) and `return_attention_mask`, as the checkpoint wants them.

    Raises:
        ValueError: for an option that is not valid, and for audio that is empty, not one-dimensional, not finite or
            at another rate.
    """

    def __init__(
        self,
        silence_threshold: float | None = None,
        offset: float = 0.0,
        min_duration: float | None = None,
        max_duration: float | None = None,
        padding: str = "zero",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.silence_threshold = silence_threshold
        self.offset = offset
        self.min_duration = min_duration
        self.max_duration = max_duration
        self.padding = padding
        self.check_excerpt()

    def __call__(
        self, raw_speech: np.ndarray | list[float] | list[np.ndarray], *args: Any, **kwargs: Any
    ) -> BatchFeature:
        """`input_values` of one waveform or of a list of them; the arguments are Wav2Vec2FeatureExtractor's."""
        waveforms = [self.fit(self.trim(waveform)) for waveform in list_waveforms(raw_speech)]
        return super().__call__(waveforms, *args, **kwargs)

    def extract(self, waveforms: list[np.ndarray], device: str = "cpu") -> list[np.ndarray]:
        """`input_values` of trimmed waveforms, each brought to its length: (samples,) in float32, on any device."""
        fitted = [self.fit(waveform) for waveform in waveforms]
        return super().__call__(fitted, sampling_rate=self.sampling_rate)["input_values"]

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """Save the options, and the Python files that load them where transformers' own class would not do."""
        options = self.to_dict()
        if any(options[name] != value for name, value in OWN.items()):
            return super().save_pretrained(*args, **kwargs)
        stock = {name: value for name, value in options.items() if name not in (*OWN, "feature_extractor_type")}
        return Wav2Vec2FeatureExtractor(**stock).save_pretrained(*args, **kwargs)


WaveformFeatureExtractor.register_for_auto_class()
