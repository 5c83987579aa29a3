"""Features of a whole dataset: a cached, batched map through one feature extractor, shard by shard."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import torch
from datasets import Array2D, Array3D, Audio, Dataset, DatasetDict, Features, List, Value, concatenate_datasets
from datasets.fingerprint import Hasher
from tqdm.auto import tqdm
from transformers import SequenceFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor

from hf_ser import audio, containers
from hf_ser.audio import NAMELESS, read_audio
from hf_ser.caching import hash_inputs
from hf_ser.errors import AudioError, CorpusError, RecipeError, writing
from hf_ser.models import (
    cepstral,
    chroma,
    colormaps,
    composite,
    constant_q,
    contrast,
    excerpts,
    feature_extraction,
    images,
    kinds,
    medians,
    padding,
    pitch_tuning,
    separation,
    silence,
    spectral,
    tonnetz,
    transforms,
    waveform_extraction,
    whisper_extraction,
)
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.images import render_images
from hf_ser.workers import count_workers, run_in_workers

logger = logging.getLogger(__name__)

# A shard is the unit of work and of resuming: a few seconds of a core.
SHARD_SIZE = 256
# Packages that compute part of the features, or resample: another version of one makes another cache.
PACKAGES = ("librosa", "numba", "numpy", "scipy", "soxr", "torch", "torchaudio", "transformers")
# Modules whose code decides what the features are: a change in one makes another cache.
CODE = (
    *(audio, containers, colormaps, images, padding, feature_extraction, kinds),
    *(composite, cepstral, chroma, constant_q, contrast, excerpts, waveform_extraction, whisper_extraction),
    *(medians, pitch_tuning, separation, silence, spectral, tonnetz, transforms),
)
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@dataclass(frozen=True)
class Extraction:
    """What is done to each clip; it is sent to the workers whole."""

    extractor: SequenceFeatureExtractor
    images: SpectrogramConfig | None = None  # how features become `pixel_values`; None keeps the features

    @property
    def features(self) -> Features:
        """Column that comes out, with its type."""
        if isinstance(self.extractor, Wav2Vec2FeatureExtractor):
            return Features({"input_values": List(Value(self.dtype))})
        if isinstance(self.extractor, WhisperFeatureExtractor):
            shape = (self.extractor.feature_size, self.extractor.nb_max_frames)
            return Features({"input_features": Array2D(shape, self.dtype)})
        if self.images is not None:
            shape = (self.images.num_channels, *self.images.image_size)
            return Features({"pixel_values": Array3D(shape, self.dtype)})
        return Features({"input_features": Array2D((None, self.extractor.feature_size), self.dtype)})

    @property
    def dtype(self) -> str:
        """Type of the numbers in the cache."""
        if self.images is not None:
            return "float16"
        return getattr(self.extractor, "storage_dtype", "float32")

    def __call__(self, batch: dict[str, list]) -> dict[str, list[np.ndarray]]:
        """Read the clips of a batch and extract their features."""
        sampling_rate = self.extractor.sampling_rate
        waveforms = [read_audio(sound, sampling_rate) for sound in batch["audio"]]
        try:
            values = self._extract(waveforms)
        except ValueError:
            self._name_fault(batch["audio"], waveforms)
            raise
        if self.images is not None:
            values = [render_images(torch.from_numpy(clip)[None], self.images)[0] for clip in values]
        column, dtype = next(iter(self.features)), self.dtype
        return {column: [np.asarray(clip, dtype) for clip in values]}

    def _extract(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
        return self.extractor(waveforms, sampling_rate=self.extractor.sampling_rate)[
            self.extractor.model_input_names[0]
        ]

    def _name_fault(self, sounds: list[dict], waveforms: list[np.ndarray]) -> None:
        """Raise AudioError for the first clip that the extractor does not take."""
        for sound, waveform in zip(sounds, waveforms, strict=True):
            try:
                self._extract([waveform])
            except ValueError as error:
                raise AudioError(f"`{sound['path'] or NAMELESS}`: {error}") from error


def extract_features(
    dataset: Dataset | DatasetDict,
    extractor: SequenceFeatureExtractor,
    *,
    as_images: bool = False,
    image_config: SpectrogramConfig | None = None,
    num_proc: int | None = None,
) -> Dataset | DatasetDict:
    """Add the features of every clip to a dataset, cached on disk.

    An interrupted call goes on from the shards that were finished. The cache is keyed by the sound files and by
    every option of the extractor, whatever the other columns hold.

    Args:
        dataset: with an `audio` column, as `load_corpus` gives it, or a DatasetDict of such parts.
        extractor: a SpectrogramFeatureExtractor, for `input_features` (frames, rows), a WhisperFeatureExtractor, for
            `input_features` (mels, frames), or a Wav2Vec2FeatureExtractor, for `input_values`, the raw waveform.
        as_images: give `pixel_values` (3, height, width), for any image model of timm or transformers.
        image_config: colours, size and normalisation of the images; by default magma over the extractor's range of
            dB, 224 x 224, with ImageNet's mean and deviation.
        num_proc: worker processes; None takes all cores for a large dataset and none for a small one.

    Returns:
        the dataset with one column more; a column of that name is replaced.

    Raises:
        AudioError: for a clip that cannot be read.
        CorpusError: for a dataset without clips or without an `audio` column.
        RecipeError: for another kind of extractor, and for images that need an `image_config`.
        StorageError: when the disk is full.
    """
    if isinstance(dataset, DatasetDict):
        options = {"as_images": as_images, "image_config": image_config, "num_proc": num_proc}
        return DatasetDict({name: extract_features(part, extractor, **options) for name, part in dataset.items()})
    _check_arguments(dataset, extractor)
    num_proc = count_workers(len(dataset), num_proc)
    extraction = Extraction(extractor, _image_config(extractor, image_config) if as_images else None)
    clips = dataset.select_columns("audio").cast_column("audio", Audio(decode=False))
    clips = clips.flatten_indices() if clips._indices else clips
    folder = _cache_folder(clips, extraction)
    shards = [
        (clips.select(range(start, min(start + SHARD_SIZE, len(clips)))), folder / f"shard-{start:08d}.arrow")
        for start in range(0, len(clips), SHARD_SIZE)
    ]
    with writing(folder, "Free some space, or set `HF_DATASETS_CACHE` to another disk; finished shards are kept."):
        folder.mkdir(parents=True, exist_ok=True)
        _extract_missing(extraction, shards, num_proc)
    columns = concatenate_datasets([Dataset.from_file(str(path)) for _, path in shards])
    kept = [name for name in dataset.column_names if name not in columns.column_names]
    return concatenate_datasets([dataset.select_columns(kept), columns], axis=1)


def _check_arguments(dataset: Dataset, extractor: SequenceFeatureExtractor) -> None:
    kinds = (SpectrogramFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor)
    if not isinstance(extractor, kinds):
        names = ", ".join(kind.__name__ for kind in kinds)
        raise RecipeError(f"`extract_features` works with {names}, and not with {type(extractor).__name__}.")
    if "audio" not in dataset.column_names or not len(dataset):
        raise CorpusError(
            f"The dataset has {len(dataset)} clips and the columns {dataset.column_names}; expected at least one clip "
            "and an `audio` column, as `load_corpus` gives it."
        )


def _extract_missing(extraction: Extraction, shards: list[tuple[Dataset, Path]], num_proc: int) -> None:
    """Extract the shards that no earlier call has finished."""
    missing = [(clips, path) for clips, path in shards if not _is_whole(path)]
    logger.info("Features: %d of %d shards are cached.", len(shards) - len(missing), len(shards))
    if not missing:
        return
    total = sum(len(clips) for clips, _ in missing)
    with tqdm(total=total, desc="Extracting features", unit="clip") as progress:
        for done in _run_shards(extraction, missing, min(num_proc, len(missing))):
            progress.update(done)


def _is_whole(path: Path) -> bool:
    """Whether a shard is there and can be read; one that a failing disk has damaged is made anew."""
    if not path.exists():
        return False
    try:
        Dataset.from_file(str(path))
    except (OSError, pa.ArrowInvalid) as error:
        logger.warning("`%s` is damaged (%s) and is made anew.", path, error)
        path.unlink()
        return False
    return True


def _run_shards(extraction: Extraction, shards: list[tuple[Dataset, Path]], num_proc: int) -> Iterator[int]:
    """Extract shards here or in workers; yields the clips of each finished one."""
    with _no_progress_bars():
        work = _extract_shard if num_proc == 1 else _extract_on_one_thread
        tasks = [(extraction, *shard) for shard in shards]
        yield from run_in_workers(work, tasks, num_proc, "extracting features")


def _extract_on_one_thread(extraction: Extraction, clips: Dataset, path: Path) -> int:
    """What a worker does: it has a core of its own, and no more."""
    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    return _extract_shard(extraction, clips, path)


def _extract_shard(extraction: Extraction, clips: Dataset, path: Path) -> int:
    """Map one shard into its cache file, which appears only when it is whole."""
    clips.map(
        extraction,
        batched=True,
        batch_size=32,
        remove_columns=clips.column_names,
        features=extraction.features,
        cache_file_name=str(path),
        load_from_cache_file=False,
        new_fingerprint=path.stem,
    )
    return len(clips)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Silence the bars of the single shards; the bar of the whole dataset stays."""
    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def _cache_folder(clips: Dataset, extraction: Extraction) -> Path:
    """Folder of these clips' features under the cache of `datasets`, keyed by files, options and our own code."""
    image_options = extraction.images.to_json_string() if extraction.images else ""
    inputs = hash_inputs(clips, *CODE)
    versions = [version(package) for package in PACKAGES]
    key = Hasher.hash((inputs, extraction.extractor.to_json_string(), image_options, versions, SHARD_SIZE))
    return Path(datasets.config.HF_DATASETS_CACHE) / "hf_ser" / "features" / key


def _image_config(extractor: SequenceFeatureExtractor, config: SpectrogramConfig | None) -> SpectrogramConfig:
    """Image options with the defaults filled in."""
    if not isinstance(extractor, SpectrogramFeatureExtractor):
        kind = type(extractor).__name__
        raise RecipeError(f"`as_images=True` needs a SpectrogramFeatureExtractor; what {kind} gives is no image.")
    if config is not None and config.image_size and config.image_mean and config.image_std:
        return config
    if config is not None:
        raise RecipeError("An `image_config` needs `image_size`, `image_mean` and `image_std`.")
    if extractor.scale != "db" or extractor.top_db is None or extractor.db_reference is not None or extractor.deltas:
        raise RecipeError("Images of features that are not dB below the maximum alone need an `image_config`.")
    return SpectrogramConfig(
        value_range=[-extractor.top_db, 0.0],
        colormap="magma",
        image_size=[224, 224],
        image_mean=IMAGENET_MEAN,
        image_std=IMAGENET_STD,
    )
