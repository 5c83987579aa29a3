"""Feature extractor: waveforms to one-channel time-frequency images, the same for map, collator, GPU and pipeline."""

import inspect
from typing import Any

import numpy as np
import torch
from transformers import BatchFeature, SequenceFeatureExtractor

from .cepstral import deltas, mfcc
from .choices import check_choice, check_positive
from .composite import Composite
from .excerpts import ExcerptMixin, list_waveforms
from .kinds import DEFAULTS, SOMETIMES_UNUSED, check_rows, check_scale, check_used, choose_options, count_features
from .spectral import analysis_window, count_frames, filter_power, mel_bands, power_spectrogram, power_to_db
from .threads import map_clips
from .transforms import frame_mask, logarithm

# What a saved file holds beside the options.
SAVED_BESIDES = {
    *("feature_size", "padding_value", "padding_side", "return_attention_mask"),
    *("feature_extractor_type", "processor_class", "auto_map", "_name_or_path"),
}
# The windows of scipy.signal.get_window that need no parameter.
WINDOWS = (
    *("hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "bartlett", "barthann", "bohman"),
    *("boxcar", "cosine", "parzen", "triang", "tukey", "lanczos"),
)
STORAGE = {"float16": torch.float16, "float32": torch.float32}


class SpectrogramFeatureExtractor(ExcerptMixin, SequenceFeatureExtractor):
    """Waveforms to `input_features` (batch, frames, rows) and `attention_mask` (batch, frames).

    Row 0 is the lowest frequency. The values of a clip do not depend on the batch it comes in.

    Args:
        kind: `spectrogram`, `mel`, `mfcc` or `composite`. What is None below is the kind's own (`kinds.DEFAULTS`).
        sampling_rate: of the waveforms (Hz).
        n_fft: points of the transform.
        win_length: samples of the window; None is `n_fft`.
        hop_length: samples from one frame to the next; an overlap of a half is a hop of half the window.
        window_name: any of scipy's that need no parameter, `hann` and `hamming` among them.
        n_mels: mel filters.
        fmin, fmax: range of the filters (Hz); `fmax` None is half the rate.
        n_mfcc: cepstral coefficients, of `mfcc` and of the block of that name.
        n_split_mels: mel filters of the block `harmonic_percussive`.
        blocks: what `composite` stacks, in this order: `mfcc`, `mel`, `chroma`, `contrast`, `tonnetz` and
            `harmonic_percussive` (230 rows), or some of them. Each row is divided by its largest absolute value.
        scale: of `spectrogram` and `mel`: `power`; `db`, 0 at the clip's maximum and cut at `-top_db`; or `log`,
            ln(power + log_offset).
        db_reference: power of 0 dB; None is the clip's own maximum.
        top_db: dB that are kept below the clip's maximum; None keeps all.
        log_offset: what is added before the logarithm.
        deltas: 1 adds the slope of each row over time behind the rows, 2 the slope and the curvature.
        silence_threshold, offset, min_duration, max_duration, padding: see ExcerptMixin.
        storage: `float16` rounds the values here, so that cached features and fresh ones are equal; `float32` does
            not. Power overflows float16 and is always float32.

    Raises:
        ValueError: for an option that is not valid, and for audio that is empty, not one-dimensional, not finite or
            at another rate.
    """

    model_input_names = ["input_features", "attention_mask"]

    def __init__(
        self,
        kind: str = "mel",
        sampling_rate: int | None = None,
        n_fft: int | None = None,
        win_length: int | None = None,
        hop_length: int | None = None,
        window_name: str = "hann",
        n_mels: int = 128,
        fmin: float = 0.0,
        fmax: float | None = None,
        n_mfcc: int | None = None,
        n_split_mels: int = 64,
        blocks: list[str] | None = None,
        scale: str | None = None,
        db_reference: float | None = None,
        top_db: float | None = 80.0,
        log_offset: float = 1e-3,
        deltas: int = 0,
        silence_threshold: float | None = None,
        offset: float = 0.0,
        min_duration: float | None = None,
        max_duration: float | None = None,
        padding: str = "zero",
        storage: str = "float16",
        **kwargs: Any,
    ):
        for name in kwargs.keys() - SAVED_BESIDES:
            options = inspect.signature(SpectrogramFeatureExtractor.__init__).parameters.keys() - {"self", "kwargs"}
            check_choice("feature option", name, options)
        for name in ("feature_size", "padding_value"):  # they follow from the others
            kwargs.pop(name, None)
        check_choice("kind", kind, DEFAULTS)
        own = {"sampling_rate": sampling_rate, "n_fft": n_fft, "hop_length": hop_length}
        own = choose_options(kind, {**own, "n_mfcc": n_mfcc, "blocks": blocks, "scale": scale})
        super().__init__(feature_size=1, sampling_rate=own["sampling_rate"], padding_value=0.0, **kwargs)
        self.kind = kind
        self.n_fft = own["n_fft"]
        self.win_length = win_length
        self.hop_length = own["hop_length"]
        self.window_name = window_name
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.n_mfcc = own["n_mfcc"]
        self.n_split_mels = n_split_mels
        self.blocks = own["blocks"]
        self.scale = own["scale"]
        self.db_reference = db_reference
        self.top_db = top_db
        self.log_offset = log_offset
        self.deltas = deltas
        self.silence_threshold = silence_threshold
        self.offset = offset
        self.min_duration = min_duration
        self.max_duration = max_duration
        self.padding = padding
        self.storage = storage
        self._check()
        self.feature_size = count_features(kind, vars(self))

    def __call__(
        self,
        raw_speech: np.ndarray | list[float] | list[np.ndarray],
        sampling_rate: int | None = None,
        return_tensors: str | None = None,
        device: str = "cpu",
        **kwargs: Any,
    ) -> BatchFeature:
        """Features of one waveform or of a list of them.

        Args:
            raw_speech: (samples,) or a list of such, mono, floating point.
            sampling_rate: rate of the waveforms, to be checked against the extractor's.
            return_tensors: as everywhere in transformers: `pt`, `np`, or None for lists of arrays.
            device: where the features are computed.
        """
        if sampling_rate is not None and sampling_rate != self.sampling_rate:
            raise ValueError(
                f"The audio is at {sampling_rate} Hz and this feature extractor works at {self.sampling_rate} Hz. "
                "Resample it first; `hf_ser.read_audio` does."
            )
        features = self.extract([self.trim(waveform) for waveform in list_waveforms(raw_speech)], device)
        batch = BatchFeature({"input_features": features})
        if return_tensors is None and kwargs.get("padding") is None:
            return batch
        return self.pad(batch, padding=True, return_tensors=return_tensors)

    def extract(self, waveforms: list[np.ndarray], device: str = "cpu") -> list[np.ndarray]:
        """Features of trimmed waveforms, each brought to its length: (frames, rows) in float32.

        Clip by clip on a CPU, where that is fastest; at once on a GPU.
        """
        waveforms, device = [self.fit(waveform) for waveform in waveforms], torch.device(device)
        if device.type == "cpu":
            clips = map_clips(
                lambda waveform: self._extract_batch([waveform], device), waveforms, self.kind == "composite"
            )
            return [clip for [clip] in clips]
        return self._extract_batch(waveforms, device)

    def count_frames(self, seconds: float) -> int:
        """Frames of a clip of `seconds` of sound, padding and cut included."""
        seconds = min(max(seconds, self.min_duration or 0.0), self.max_duration or float("inf"))
        return count_frames(self._count_samples(seconds), self.hop_length)

    def _extract_batch(self, waveforms: list[np.ndarray], device: torch.device) -> list[np.ndarray]:
        lengths = [len(waveform) for waveform in waveforms]
        batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(w) for w in waveforms], batch_first=True)
        rows = self.compute(batch.to(device), torch.tensor(lengths, device=device)).cpu().numpy()
        return [clip[: count_frames(n, self.hop_length)] for clip, n in zip(rows, lengths, strict=True)]

    @torch.no_grad()
    def compute(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Features of a zero-padded batch.

        Args:
            waveforms: (batch, samples), on any device.
            lengths: (batch,), how many samples of each clip are its own.

        Returns:
            (batch, frames, rows) in float32; rows behind a clip's own frames are not defined.
        """
        values = self._stack(waveforms, lengths) if self.kind == "composite" else self._transform(waveforms, lengths)
        if self.deltas:
            frames = 1 + lengths // self.hop_length
            changes = [deltas(values, frames, order) for order in range(1, 1 + self.deltas)]
            values = torch.cat([values, *changes], dim=2)
        return values if self.scale == "power" else values.to(STORAGE[self.storage]).float()

    def _stack(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        names = ("sampling_rate", "window_name", "n_fft", "hop_length", "n_mels", "n_mfcc", "n_split_mels", "fmin")
        options = {name: getattr(self, name) for name in names}
        composite = Composite(waveforms, lengths, win_length=self._win_length, fmax=self._fmax, **options)
        return composite.stack(self.blocks)

    def _transform(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        window = analysis_window(self.window_name, self._win_length, self.n_fft).to(waveforms.device)
        power = power_spectrogram(waveforms, window, self.hop_length)  # (batch, samples) -> (batch, frames, bins)
        if self.kind != "spectrogram":
            power = filter_power(power, mel_bands(self.sampling_rate, self.n_fft, self.n_mels, self.fmin, self._fmax))
        mask = frame_mask(lengths, power.shape[1], self.hop_length)
        return mfcc(power, mask, self.n_mfcc, self.top_db) if self.kind == "mfcc" else self._rescale(power, mask)

    def _rescale(self, power: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.scale == "power":
            return power
        if self.scale == "log":
            return logarithm(power + self.log_offset)
        return power_to_db(power, mask, self.db_reference, self.top_db)

    @property
    def _win_length(self) -> int:
        return self.win_length or self.n_fft

    @property
    def _fmax(self) -> float:
        return self.sampling_rate / 2 if self.fmax is None else self.fmax

    @property
    def storage_dtype(self) -> str:
        """Type in which a cache keeps the features without loss."""
        return "float32" if self.scale == "power" else self.storage

    def _check(self) -> None:
        for name in ("sampling_rate", "n_fft", "win_length", "hop_length", "n_mels", "n_mfcc", "n_split_mels"):
            if isinstance(getattr(self, name), float):
                raise ValueError(f"`{name}` is {getattr(self, name)}; it must be a whole number.")
        self.check_excerpt()
        check_choice("storage", self.storage, STORAGE)
        check_positive(
            sampling_rate=self.sampling_rate,
            n_fft=self.n_fft,
            win_length=self.win_length,
            hop_length=self.hop_length,
            n_mels=self.n_mels,
            n_mfcc=self.n_mfcc,
            n_split_mels=self.n_split_mels,
            db_reference=self.db_reference,
            top_db=self.top_db,
            log_offset=self.log_offset,
        )
        check_scale(self.kind, self.scale)
        parameters = inspect.signature(SpectrogramFeatureExtractor.__init__).parameters
        options = {name: getattr(self, name) for name in SOMETIMES_UNUSED}
        changed = {name: value for name, value in options.items() if value != parameters[name].default}
        check_used(self.kind, self.scale, changed)
        check_rows(self.kind, vars(self), self._win_length)
        self._check_window()
        self._check_range()

    def _check_window(self) -> None:
        if self.n_fft % 2:
            raise ValueError(f"`n_fft` is {self.n_fft}; it must be even, for a frame to be centred.")
        if self.win_length is not None and self.win_length > self.n_fft:
            raise ValueError(f"`win_length` {self.win_length} is longer than `n_fft` {self.n_fft}.")
        check_choice("window_name", self.window_name, WINDOWS)

    def _check_range(self) -> None:
        nyquist = self.sampling_rate / 2
        if not 0 <= self.fmin < self._fmax <= nyquist:
            raise ValueError(
                f"The mel range is {self.fmin} to {self._fmax} Hz; it must rise and lie within 0 to {nyquist:.0f} Hz, "
                f"half of the {self.sampling_rate} Hz rate."
            )


SpectrogramFeatureExtractor.register_for_auto_class()
