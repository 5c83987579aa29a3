"""Feature extractor: log-mel spectrograms for Whisper, of waveforms that are cut and brought to a length first."""

import numpy as np
import torch
from transformers import WhisperFeatureExtractor

from .excerpts import StockExcerptMixin


class WhisperExcerptFeatureExtractor(StockExcerptMixin, WhisperFeatureExtractor):
    """WhisperFeatureExtractor of what is heard of a clip: waveforms to `input_features` (batch, mels, frames).

    Whatever the clip's length, Whisper hears `chunk_length` seconds, 30 in the published networks: zeros behind a
    shorter clip, the beginning of a longer one. It needs no mask, for it was trained so.

    Its options are those of StockExcerptMixin and of WhisperFeatureExtractor: `feature_size` (mels), `sampling_rate`,
    `chunk_length` and others, as the checkpoint wants them.

    Raises:
        ValueError: for an option that is not valid, and for audio that is empty, not one-dimensional, not finite or
            at another rate.
    """

    stock = WhisperFeatureExtractor

    def extract(self, waveforms: list[np.ndarray], device: torch.device | str = "cpu") -> list[np.ndarray]:
        """`input_features` of trimmed waveforms, each brought to its length: (mels, frames) in float32."""
        fitted = [self.fit(waveform) for waveform in waveforms]
        return list(
            self.stock.__call__(self, fitted, sampling_rate=self.sampling_rate, device=str(device))["input_features"]
        )

    def check_excerpt(self) -> None:
        """Raise ValueError for attributes that are not valid, contradict each other or ask for what is not heard."""
        super().check_excerpt()
        for name in ("min_duration", "max_duration"):
            seconds = getattr(self, name)
            if seconds is not None and seconds > self.chunk_length:
                raise ValueError(
                    f"`{name}` is {seconds} s, and this checkpoint hears {self.chunk_length} s of a clip. "
                    "Give at most that, or leave it out."
                )


WhisperExcerptFeatureExtractor.register_for_auto_class()
