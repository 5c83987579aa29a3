"""What is heard of a recording: the same for every feature extractor."""

from typing import Any

import numpy as np
import torch
from transformers import BatchFeature

from .choices import check_choice, check_positive
from .padding import PADDINGS, fit_length
from .silence import cut_silence

# The options of an excerpt, and the values at which all of every clip is heard.
WHOLE = {"silence_threshold": None, "offset": 0.0, "min_duration": None, "max_duration": None, "padding": "zero"}


class ExcerptMixin:
    """Cuts a waveform and brings it to its length, by these attributes of a feature extractor.

    Attributes:
        sampling_rate: of the waveforms (Hz).
        silence_threshold: sound whose mean |x| over a tenth of a second is at most this is cut out; None keeps all.
        offset: seconds left out at the beginning.
        min_duration, max_duration: seconds; a shorter clip is padded, a longer one cut. None leaves it as it is.
        padding: `zero`, `repeat` or `reflect`, how a short clip is padded.
    """

    def trim(self, waveform: Any) -> np.ndarray:
        """What is heard of a clip, (samples,): behind `offset`, without silence, at most `max_duration` of it.

        Augmentation has its place between this and `extract`.

        Raises:
            ValueError: for audio that is not valid, or over before `offset`.
        """
        waveform = np.asarray(waveform, dtype=np.float32)
        if waveform.ndim != 1 or not len(waveform):
            raise ValueError(f"Expected mono audio of shape (samples,) with samples in it; got {waveform.shape}.")
        if not np.isfinite(waveform).all():
            raise ValueError("The audio holds NaN or infinite samples. Repair or leave out this clip.")
        if len(waveform) <= self._count_samples(self.offset):
            seconds = len(waveform) / self.sampling_rate
            raise ValueError(
                f"The clip lasts {seconds:.3f} s, which is over at `offset` {self.offset} s. Give a smaller one, "
                "or leave the clip out of the corpus."
            )
        waveform = waveform[self._count_samples(self.offset) :]
        if self.silence_threshold is not None:
            waveform = cut_silence(waveform, self.sampling_rate, self.silence_threshold)
        return waveform[: self._count_samples(self.max_duration)]

    def fit(self, waveform: np.ndarray) -> np.ndarray:
        """The waveform cut to `max_duration` and padded to `min_duration`."""
        shortest, longest = self._count_samples(self.min_duration), self._count_samples(self.max_duration)
        return fit_length(waveform, shortest, longest, self.padding)

    def check_excerpt(self) -> None:
        """Raise ValueError for attributes that are not valid or contradict each other."""
        check_choice("padding", self.padding, PADDINGS)
        check_positive(
            silence_threshold=self.silence_threshold, min_duration=self.min_duration, max_duration=self.max_duration
        )
        if self.silence_threshold is not None and self.silence_threshold >= 1:
            raise ValueError(
                f"`silence_threshold` is {self.silence_threshold}; it must be below 1, which is full scale."
            )
        if not self.offset >= 0:
            raise ValueError(f"`offset` is {self.offset}; it must be a number of seconds, 0 or more.")
        shortest, longest = self.min_duration, self.max_duration
        if shortest is not None and longest is not None and shortest > longest:
            raise ValueError(f"`min_duration` {shortest} s is longer than `max_duration` {longest} s.")
        if shortest is None and self.padding != "zero":
            raise ValueError(f"`padding: {self.padding}` pads to `min_duration`, and none is given. Give both.")

    def _count_samples(self, seconds: float | None) -> int | None:
        return None if seconds is None else round(seconds * self.sampling_rate)


class StockExcerptMixin(ExcerptMixin):
    """ExcerptMixin in front of a feature extractor of transformers, which works on what is heard of a clip.

    Where all of every clip is heard it is saved as that feature extractor, which then gives the same.

    Args:
        silence_threshold, offset, min_duration, max_duration, padding: see ExcerptMixin.
        kwargs: of the feature extractor of transformers.

    Attributes:
        stock: its class.
    """

    stock: type

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
        """What the network reads of one waveform or of a list of them; the other arguments are transformers'."""
        waveforms = [self.fit(self.trim(waveform)) for waveform in list_waveforms(raw_speech)]
        return super().__call__(waveforms, *args, **kwargs)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """Save the options, and the Python files that load them where transformers' own class would not do."""
        options = self.to_dict()
        if any(options[name] != value for name, value in WHOLE.items()):
            return super().save_pretrained(*args, **kwargs)
        stock = {name: value for name, value in options.items() if name not in (*WHOLE, "feature_extractor_type")}
        return self.stock(**stock).save_pretrained(*args, **kwargs)


def list_waveforms(raw_speech: Any) -> list:
    """One waveform as a list of one, a list or a batch of them as a list."""
    if isinstance(raw_speech, np.ndarray | torch.Tensor):
        return [raw_speech] if raw_speech.ndim == 1 else list(raw_speech)
    if len(raw_speech) and np.ndim(raw_speech[0]) == 0:
        return [np.asarray(raw_speech)]
    return list(raw_speech)
