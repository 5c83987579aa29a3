"""Clips -> a padded batch, augmented where it is for training: of their features, or of their sound files."""

import zlib
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.nn import functional as F
from transformers import SequenceFeatureExtractor

from hf_ser.audio import read_audio
from hf_ser.augmentation.arguments import AugmentationArguments
from hf_ser.augmentation.image import flip, mask_spectrogram, random_crop, rotate, zoom
from hf_ser.augmentation.mixing import cutmix, mixup
from hf_ser.augmentation.waveform import add_noise, build_changes, pad_batch


class FeatureCollator:
    """Pads clips to the longest of the batch, with the mask that lets the model ignore the padding."""

    def __init__(self, feature_extractor: SequenceFeatureExtractor):
        self.feature_extractor = feature_extractor
        self.column = feature_extractor.model_input_names[0]  # `input_features`, or `input_values` of waveforms

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Rows with `input_features` (frames, rows) and `label` -> `input_features`, `attention_mask`, `labels`.

        Likewise `input_values` (samples,); `attention_mask` is there if the feature extractor makes one.
        """
        return {**self._pad(self._take_features(rows)), "labels": _take_labels(rows)}

    def _take_features(self, rows: list[dict[str, Any]]) -> list[np.ndarray]:
        return [np.asarray(row[self.column], np.float32) for row in rows]

    def _pad(self, features: list[np.ndarray]) -> dict[str, torch.Tensor]:
        return self.feature_extractor.pad({self.column: features}, padding=True, return_tensors="pt")


class AugmentingCollator(FeatureCollator):
    """Crops, turns, masks and mixes the clips, the same way whenever a seed, an epoch and a clip come together again.

    Args:
        feature_extractor: pads.
        augmentation: what to do.
        num_labels: emotions.
        seed: of the run.
    """

    def __init__(
        self,
        feature_extractor: SequenceFeatureExtractor,
        augmentation: AugmentationArguments,
        num_labels: int,
        seed: int,
    ):
        super().__init__(feature_extractor)
        self.augmentation = augmentation
        self.num_labels = num_labels
        self.seed = seed
        # In shared memory, for workers that live through all epochs hold a copy of the collator.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        """Epoch that the augmentation is drawn for; Trainer's callback sets it."""
        return int(self._epoch)

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch.fill_(value)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """An augmented batch; its labels are probabilities where clips are mixed."""
        return self._finish(self._take_features(rows), self._soften(_take_labels(rows)), _take_names(rows))

    def _finish(self, features: list[np.ndarray], labels: torch.Tensor, names: list[str]) -> dict[str, torch.Tensor]:
        """From the features of single clips to an augmented batch."""
        augmented = [self._augment(clip, name) for clip, name in zip(features, names, strict=True)]
        batch = {**self._pad(augmented), "labels": labels}
        options, generator = self.augmentation, self._generator("".join(names))
        for mix, alpha in ((mixup, options.mixup_alpha), (cutmix, options.cutmix_alpha)):
            if alpha:
                batch[self.column], batch["labels"] = mix(batch[self.column], labels, alpha, generator)
        return batch

    def _soften(self, labels: torch.Tensor) -> torch.Tensor:
        """(batch,) -> (batch, classes), where clips are mixed."""
        mixes = self.augmentation.mixup_alpha or self.augmentation.cutmix_alpha
        return F.one_hot(labels, self.num_labels).float() if mixes else labels

    def _augment(self, features: np.ndarray, name: str) -> np.ndarray:
        options, generator = self.augmentation, self._generator(name)
        if features.ndim == 1:  # a waveform, which is no image
            return features
        if options.crop_frames is not None:
            features = random_crop(features, options.crop_frames, generator)
        if options.flip:
            features = flip(features, generator)
        if options.rotate_degrees:
            features = rotate(features, options.rotate_degrees, generator)
        if options.zoom_range is not None:
            features = zoom(features, options.zoom_range, generator)
        return mask_spectrogram(
            features,
            options.time_masks,
            options.time_mask_frames,
            options.frequency_masks,
            options.frequency_mask_rows,
            generator,
        )

    def _generator(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.epoch, zlib.crc32(name.encode())])


class WaveformCollator(AugmentingCollator):
    """Computes the features batch by batch, from sound files whose waveforms can be augmented first.

    `collator(rows)` is `collator.compute(collator.read(rows), "cpu")`: workers can read while a GPU computes.

    Raises:
        RecipeError, AudioError: for a folder of noises or rooms that cannot be used.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.changes = build_changes(self.augmentation, self.feature_extractor.sampling_rate)
        # Libraries that are slow to load do so here, and not in each worker of each epoch.
        self.feature_extractor.extract([np.ones(self.feature_extractor.sampling_rate, np.float32)])

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Rows with `audio`, `label`, `utterance` and, of a noisy copy, `copy` -> an augmented batch of features."""
        return self.compute(self.read(rows), "cpu")

    def read(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Rows -> `waveforms`, a list of (samples,), with the `labels` and `names` of their clips."""
        waveforms = [self._read_clip(row) for row in rows]
        if self.augmentation.batch_padding is not None:
            waveforms = pad_batch(waveforms)
        return {"waveforms": waveforms, "labels": self._soften(_take_labels(rows)), "names": _take_names(rows)}

    def compute(self, batch: dict[str, Any], device: torch.device | str) -> dict[str, torch.Tensor]:
        """What `read` gave -> an augmented batch; the features are computed on `device`."""
        features = self.feature_extractor.extract(batch["waveforms"], device)
        return self._finish(features, batch["labels"], batch["names"])

    def _read_clip(self, row: dict[str, Any]) -> np.ndarray:
        waveform = read_audio(row["audio"], self.feature_extractor.sampling_rate)
        waveform = self.feature_extractor.trim(waveform)
        name = _take_name(row)
        if row.get("copy"):  # its noise belongs to it, whatever the epoch
            fixed = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
            waveform = add_noise(waveform, fixed, snr=self.augmentation.noise_snr)
        generator = self._generator(f"waveform of {name}")
        for change in self.changes:
            if generator.random() < self.augmentation.waveform_probability:
                waveform = change(waveform, generator)
        return self.feature_extractor.fit(waveform)


class NoisyCopies(torch.utils.data.Dataset):
    """Every clip as it is, then all of them again with the number of their `copy`, for WaveformCollator."""

    def __init__(self, dataset: Dataset, copies: int):
        self.dataset = dataset
        self.copies = copies

    def __len__(self) -> int:
        return len(self.dataset) * (1 + self.copies)

    def __getitem__(self, index: int) -> dict[str, Any]:
        copy, clip = divmod(range(len(self))[index], len(self.dataset))
        return {**self.dataset[clip], "copy": copy}


def _take_labels(rows: list[dict[str, Any]]) -> torch.Tensor:
    return torch.tensor([int(row["label"]) for row in rows])


def _take_names(rows: list[dict[str, Any]]) -> list[str]:
    return [_take_name(row) for row in rows]


def _take_name(row: dict[str, Any]) -> str:
    """The clip, and which of its copies or windows."""
    parts = [f" {part} {row[part]}" for part in ("copy", "window") if row.get(part)]
    return str(row["utterance"]) + "".join(parts)
