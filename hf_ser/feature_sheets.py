"""What a network gets to see of sound files, before and after augmentation: by example, or as a recipe trains it."""

import dataclasses
import functools
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hf_ser.arguments import AugmentationArguments, Recipe
from hf_ser.augmentation.arguments import CHANGE_KEYS
from hf_ser.augmentation.mixing import cutmix
from hf_ser.augmentation.waveform import add_noise
from hf_ser.collators import AugmentingCollator, WaveformCollator
from hf_ser.errors import AudioError, RecipeError
from hf_ser.feature_views import (
    Clip,
    FeatureView,
    Sheet,
    describe_mix,
    describe_noise,
    extract,
    find_box,
    read_clip,
)
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.kinds import DEFAULTS
from hf_ser.models.padding import fit_length
from hf_ser.training import build_feature_extractor
from hf_ser.training_checks import check_mixing

logger = logging.getLogger(__name__)

BATCH = 8  # files that are mixed among each other without a recipe
NOISE_SNR = (15.0, 30.0)  # dB; the report on four corpora
CUTMIX_ALPHA = 0.4  # Ragheb et al., their published notebook
# An example shows a box of this share of the image; half of the boxes that alpha 0.4 gives are next to nothing or all.
BOX = (0.1, 0.6)
TRIES = 100  # boxes that are drawn for it; an image of one frame has no room for any
# What says nothing of an augmentation by itself.
SILENT_KEYS = ("features", "waveform_probability")


def make_sheets(
    files: Sequence[Path], recipe: Recipe | None = None, seed: int | None = None
) -> Iterator[tuple[Path, Sheet | AudioError]]:
    """A sheet for each file, or why there is none, in the order given.

    Args:
        files: sound files.
        recipe: its features, and its augmentation as training applies it, in batches of these files. Without one, all
            kinds of features, in white noise; the composite with a box of the next file (CutMix) where there is one.
        seed: of the augmentation; None takes the recipe's, or 0.

    Raises:
        RecipeError: for features or mixing that cannot be, and for a network that reads waveforms.
        AudioError: for a folder of noises or rooms that cannot be used.
    """
    if recipe is None:
        extractors = [SpectrogramFeatureExtractor(kind=kind) for kind in DEFAULTS]
        augment, size = functools.partial(_illustrate, extractors=extractors, seed=seed or 0), BATCH
    else:
        size = recipe.training.per_device_train_batch_size
        _check_draws_images(recipe)
        extractors = [build_feature_extractor(recipe)]
        check_mixing(recipe.augmentation, extractors[0])
        collator = _build_collator(recipe, extractors[0], size, seed)
        augment = functools.partial(_train, recipe=recipe, collator=collator)
    mixing = "CutMix" if recipe is None else _mixing(recipe.augmentation)
    for batch in _split(files, size):
        read = [read_clip(file, extractors) for file in batch]
        clips = [clip for clip in read if isinstance(clip, Clip)]
        if len(clips) == 1 and mixing:
            logger.warning(
                "`%s` has no other file to be mixed with. Name a second one to see %s.", clips[0].file, mixing
            )
        sheets = augment(clips)
        for file, clip in zip(batch, read, strict=True):
            yield file, next(sheets) if isinstance(clip, Clip) else clip


def _split(files: Sequence[Path], size: int) -> Iterable[list[Path]]:
    """Batches of `size` at most, and none much smaller than the others."""
    parts = np.array_split(np.arange(len(files)), -(-len(files) // size))
    return [[files[index] for index in part] for part in parts]


def _illustrate(clips: list[Clip], extractors: list[SpectrogramFeatureExtractor], seed: int) -> Iterator[Sheet]:
    """Every kind of features in white noise; the composite with a box of the next clip."""
    for index, clip in enumerate(clips):
        generator = np.random.default_rng([seed, zlib.crc32(clip.name.encode())])
        snr = generator.uniform(*NOISE_SNR)
        rates = dict.fromkeys(extractor.sampling_rate for extractor in extractors)
        before = {rate: clip.at(rate) for rate in rates}
        after = {rate: add_noise(wave, generator, snr=[snr, snr]) for rate, wave in before.items()}
        views = []
        for extractor, features in zip(extractors, clip.features, strict=True):
            rate = extractor.sampling_rate
            if extractor.kind == "composite" and len(clips) > 1:
                views.append(_mix(features, clips[(index + 1) % len(clips)], len(before[rate]), extractor, generator))
            else:
                change = describe_noise(before[rate], after[rate])
                views.append(FeatureView(extractor, features, extract(after[rate], extractor), change))
        facts = f"{clip.length}; examples of augmentation, seed {seed}"
        rate, before, after = next(zip(rates, before.values(), after.values(), strict=True))
        yield Sheet(clip.name, facts, rate, before, after, describe_noise(before, after), views)


def _mix(
    features: np.ndarray,
    partner: Clip,
    samples: int,
    extractor: SpectrogramFeatureExtractor,
    generator: np.random.Generator,
) -> FeatureView:
    """Features before and after CutMix with a clip that is cut, or mirrored at its ends, to `samples`."""
    other = fit_length(partner.at(extractor.sampling_rate), samples, samples, "reflect")
    owners = torch.tensor([0, 1])[:, None, None].expand(2, *features.shape)
    for _ in range(TRIES):
        mixed, shares = cutmix(owners, torch.eye(2), CUTMIX_ALPHA, generator)
        if BOX[0] <= shares[0, 1] <= BOX[1]:
            break
    inside = mixed[0].numpy() == 1
    change = describe_mix("CutMix", float(shares[0, 0]), partner.name)
    after = np.where(inside, extract(other, extractor), features)
    return FeatureView(extractor, features, after, change, find_box(inside))


def _check_draws_images(recipe: Recipe) -> None:
    if recipe.waveform.checkpoint is not None:
        raise RecipeError(
            f"`checkpoint: {recipe.waveform.checkpoint}` reads waveforms, and pictures are drawn of the features of "
            "image networks. Leave the recipe out, or give one with a `kind` of features."
        )


def _build_collator(
    recipe: Recipe, extractor: SpectrogramFeatureExtractor, size: int, seed: int | None
) -> AugmentingCollator:
    """Training's collator. Each clip of a batch counts as an emotion, so that the labels tell what was mixed."""
    kind = AugmentingCollator if recipe.augmentation.features == "map" else WaveformCollator
    return kind(extractor, recipe.augmentation, size, recipe.training.seed if seed is None else seed)


def _train(clips: list[Clip], recipe: Recipe, collator: AugmentingCollator) -> Iterator[Sheet]:
    """What training sees of a batch of clips."""
    if not clips:
        return
    options, extractor = recipe.augmentation, collator.feature_extractor
    rows = _make_rows(clips, options)
    heard = [extractor.fit(extractor.trim(clip.at(extractor.sampling_rate))) for clip in clips]
    if isinstance(collator, WaveformCollator):
        read = collator.read(rows)
        waveforms, batch = read["waveforms"], collator.compute(read, "cpu")
    else:
        waveforms, batch = heard, collator(rows)
    frames = batch["attention_mask"].sum(dim=1).tolist()
    images = [image[:count].numpy() for image, count in zip(batch["input_features"], frames, strict=True)]
    boxes = _find_boxes(rows, images, collator)
    colours = {name: recipe.model.get(name) for name in ("colormap", "value_range")}
    asked = _list_options(options)
    augmentation = f"augmentation, seed {collator.seed}: {', '.join(asked)}" if asked else "no augmentation"
    for index, clip in enumerate(clips):
        change = _describe_features(clips, index, images[index], batch["labels"][index], _mixing(options))
        view = FeatureView(extractor, clip.features[0], images[index], change, boxes[index], **colours)
        before, after = heard[index], waveforms[index]
        change, facts = _describe_waveform(options, before, after), f"{clip.length}; {augmentation}"
        yield Sheet(clip.name, facts, extractor.sampling_rate, before, after, change, [view], bool(asked))


def _make_rows(clips: list[Clip], options: AugmentationArguments) -> list[dict[str, Any]]:
    """The clips as a collator takes them; where training adds noisy copies, the first such copy of each."""
    copy = {"copy": 1} if options.noise_copies else {}
    return [
        {
            "audio": {"path": str(clip.file), "array": clip.recording, "sampling_rate": clip.native_rate},
            "input_features": clip.features[0],
            "label": index,
            "utterance": clip.name,
            **copy,
        }
        for index, clip in enumerate(clips)
    ]


def _find_boxes(
    rows: list[dict[str, Any]], images: list[np.ndarray], collator: AugmentingCollator
) -> list[tuple[int, int, int, int] | None]:
    """What CutMix took of each image: the same augmentation of images of one number each, that of their clip."""
    options = collator.augmentation
    if not options.cutmix_alpha:
        return [None] * len(rows)
    numbers = [np.full_like(image, index) for index, image in enumerate(images)]
    owners = [{**row, "input_features": number} for row, number in zip(rows, numbers, strict=True)]
    repeat = AugmentingCollator(collator.feature_extractor, options, collator.num_labels, collator.seed)
    mixed = repeat(owners)["input_features"].round().numpy()
    return [find_box(mixed[index, : len(image)] != index) for index, image in enumerate(images)]


def _mixing(options: AugmentationArguments) -> str:
    """How clips are mixed; "" where they are not."""
    return "mixup" if options.mixup_alpha else "CutMix" if options.cutmix_alpha else ""


def _list_options(options: AugmentationArguments) -> list[str]:
    """The augmentation that a recipe asks for, in its own words."""
    fields = [field for field in dataclasses.fields(options) if field.name not in SILENT_KEYS]
    defaults = AugmentationArguments()
    given = {field.name: getattr(options, field.name) for field in fields}
    asked = [f"{name}: {value}" for name, value in given.items() if value != getattr(defaults, name)]
    return [text.replace(" ", "\u00a0") for text in asked]  # lines break between two of them


def _describe_features(clips: list[Clip], index: int, image: np.ndarray, shares: torch.Tensor, how: str) -> str:
    """What was done to the features: the numbers of a mix, which the labels hold, or that something was."""
    if not how:
        return "Unchanged" if np.array_equal(clips[index].features[0], image) else "Augmented"
    partners = [clip.name for other, clip in enumerate(clips) if other != index and shares[other]]
    return describe_mix(how, float(shares[index]), *partners)


def _describe_waveform(options: AugmentationArguments, before: np.ndarray, after: np.ndarray) -> str:
    """What was done to the waveform: the level of the noise where it has noise alone, or that something was."""
    asked = {key for key in (*CHANGE_KEYS, "batch_padding") if getattr(options, key) is not None}
    if asked == {"noise_snr"}:
        return describe_noise(before, after)
    return "Unchanged" if np.array_equal(before, after) else "Augmented"
