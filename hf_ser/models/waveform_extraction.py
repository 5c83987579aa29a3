"""Feature extractor: raw waveforms for wav2vec2 and its kin, cut and brought to a length first."""

import numpy as np
from transformers import Wav2Vec2FeatureExtractor

from .excerpts import StockExcerptMixin


class WaveformFeatureExtractor(StockExcerptMixin, Wav2Vec2FeatureExtractor):
    """Wav2Vec2FeatureExtractor of what is heard of a clip: waveforms to `input_values` (batch, samples).

    Its options are those of StockExcerptMixin and of Wav2Vec2FeatureExtractor: `sampling_rate`, `do_normalize` (zero
    mean and unit variance, clip by clip) and `return_attention_mask`, as the checkpoint wants them.

    Raises:
        ValueError: for an option that is not valid, and for audio that is empty, not one-dimensional, not finite or
            at another rate.
    """

    stock = Wav2Vec2FeatureExtractor

    def extract(self, waveforms: list[np.ndarray], device: str = "cpu") -> list[np.ndarray]:
        """`input_values` of trimmed waveforms, each brought to its length: (samples,) in float32, on any device."""
        fitted = [self.fit(waveform) for waveform in waveforms]
        return self.stock.__call__(self, fitted, sampling_rate=self.sampling_rate)["input_values"]


WaveformFeatureExtractor.register_for_auto_class()
