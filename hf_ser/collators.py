"""Features of single clips -> a padded batch, augmented where it is for training."""

import zlib
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from transformers import SequenceFeatureExtractor

from hf_ser.arguments import AugmentationArguments
from hf_ser.augmentation.image import mask_spectrogram, random_crop
from hf_ser.augmentation.mixing import mixup


class FeatureCollator:
    """Pads clips to the longest of the batch, with the mask that lets the model ignore the padding."""

    def __init__(self, feature_extractor: SequenceFeatureExtractor):
        self.feature_extractor = feature_extractor

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Rows with `input_features` (frames, rows) and `label` -> `input_features`, `attention_mask`, `labels`."""
        features = [np.asarray(row["input_features"], np.float32) for row in rows]
        batch = self.feature_extractor.pad({"input_features": features}, padding=True, return_tensors="pt")
        return {**batch, "labels": torch.tensor([int(row["label"]) for row in rows])}


class AugmentingCollator(FeatureCollator):
    """Crops, masks and mixes the clips first, the same way whenever a seed, an epoch and a clip come together again.

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
        batch = super().__call__([{**row, "input_features": self._augment(row)} for row in rows])
        if self.augmentation.mixup_alpha:
            soft = F.one_hot(batch["labels"], self.num_labels).float()
            generator = self._generator("".join(str(row["utterance"]) for row in rows))
            batch["input_features"], batch["labels"] = mixup(
                batch["input_features"], soft, self.augmentation.mixup_alpha, generator
            )
        return batch

    def _augment(self, row: dict[str, Any]) -> np.ndarray:
        options, generator = self.augmentation, self._generator(str(row["utterance"]))
        features = np.asarray(row["input_features"], np.float32)
        if options.crop_frames is not None:
            features = random_crop(features, options.crop_frames, generator)
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
