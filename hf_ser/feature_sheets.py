"""What a network gets to see of sound files: waveforms and features, as they are and augmented."""

import dataclasses
import functools
import logging
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hf_ser.arguments import AugmentationArguments, Recipe
from hf_ser.audio import decode_audio, resample
from hf_ser.augmentation.arguments import WAVEFORM_KEYS
from hf_ser.augmentation.mixing import cutmix
from hf_ser.augmentation.waveform import add_noise
from hf_ser.collators import AugmentingCollator, WaveformCollator
from hf_ser.errors import AudioError
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.kinds import DEFAULTS
from hf_ser.models.padding import fit_length
from hf_ser.training import build_feature_extractor

logger = logging.getLogger(__name__)

LONGEST = 60.0  # seconds of a recording that are looked at
BATCH = 8  # files that are mixed among each other without a recipe
NOISE_SNR = (15.0, 30.0)  # dB; the report on four corpora, section 5
CUTMIX_ALPHA = 0.4  # Ragheb et al., their published notebook
# An example shows a box of this share of the image; half of the boxes that alpha 0.4 gives are next to nothing or all.
BOX = (0.1, 0.6)
TRIES = 100  # boxes that are drawn for it; an image of one frame has no room for any
# What says nothing of an augmentation by itself.
SILENT_KEYS = ("features", "waveform_probability")


@dataclass(frozen=True)
class FeatureView:
    """One kind of features of a clip."""

    extractor: SpectrogramFeatureExtractor
    before: np.ndarray  # (frames, rows)
    after: np.ndarray  # (frames, rows), augmented
    change: str  # what was done to it, with its numbers
    box: tuple[int, int, int, int] | None = None  # first frame, the one past the last, likewise rows: what CutMix took
    colormap: str | None = None  # of the network's images; None leaves it to the kind
    value_range: Sequence[float] | None = None  # likewise


@dataclass(frozen=True)
class Sheet:
    """All that is drawn of one sound file."""

    name: str
    facts: str  # how long it is, and what augments it
    sampling_rate: int  # of the waveforms
    before: np.ndarray  # (samples,)
    after: np.ndarray  # (samples,), augmented
    change: str  # what was done to it, with its numbers
    views: list[FeatureView]
    is_augmented: bool = True


@dataclass(frozen=True)
class Clip:
    """A sound file that was read, and its features by each extractor."""

    file: Path
    recording: np.ndarray  # (samples,), at most LONGEST
    native_rate: int
    seconds: float  # of the whole file
    features: list[np.ndarray]  # (frames, rows) each

    def at(self, sampling_rate: int) -> np.ndarray:
        """The waveform at a rate."""
        return resample(self.recording, self.native_rate, sampling_rate)

    @property
    def name(self) -> str:
        """Of the file, in letters that can be drawn and printed."""
        return os.fsencode(self.file.name).decode(errors="replace")

    @property
    def length(self) -> str:
        """How long the file is, and how much of it is looked at."""
        seen = len(self.recording) / self.native_rate
        return f"{self.seconds:.2f} s" if seen == self.seconds else f"the first {seen:.0f} s of {self.seconds:.0f} s"


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
        RecipeError: for features that cannot be.
        AudioError: for a folder of noises or rooms that cannot be used.
    """
    if recipe is None:
        extractors = [SpectrogramFeatureExtractor(kind=kind) for kind in DEFAULTS]
        augment, size = functools.partial(_illustrate, extractors=extractors, seed=seed or 0), BATCH
    else:
        size = recipe.training.per_device_train_batch_size
        extractors = [build_feature_extractor(recipe)]
        augment = functools.partial(
            _train, recipe=recipe, collators=_build_collators(recipe, extractors[0], size, seed)
        )
    if len(files) == 1 and (recipe is None or _mixing(recipe.augmentation)):
        logger.warning("One file alone has no other to be mixed with: name a second one to see both mixed.")
    for batch in _split(files, size):
        read = [_read(file, extractors) for file in batch]
        sheets = augment([clip for clip in read if isinstance(clip, Clip)])
        for file, clip in zip(batch, read, strict=True):
            yield file, next(sheets) if isinstance(clip, Clip) else clip


def _split(files: Sequence[Path], size: int) -> Iterable[list[Path]]:
    """Batches of `size` at most, and none much smaller than the others."""
    parts = np.array_split(np.arange(len(files)), -(-len(files) // size))
    return [[files[index] for index in part] for part in parts]


def _read(file: Path, extractors: list[SpectrogramFeatureExtractor]) -> Clip | AudioError:
    """A clip, or what is wrong with it."""
    try:
        recording, native_rate = decode_audio(file)
        seconds, recording = len(recording) / native_rate, recording[: int(LONGEST * native_rate)]
        waveforms = [resample(recording, native_rate, extractor.sampling_rate) for extractor in extractors]
        features = [_extract(*pair) for pair in zip(waveforms, extractors, strict=True)]
    except AudioError as error:
        return error
    except ValueError as error:  # such as a clip that is too short for these features
        return AudioError(f"`{file}`: {error}")
    return Clip(file, recording, native_rate, seconds, features)


def _extract(waveform: np.ndarray, extractor: SpectrogramFeatureExtractor) -> np.ndarray:
    return extractor(waveform, sampling_rate=extractor.sampling_rate)["input_features"][0]


def _illustrate(clips: list[Clip], extractors: list[SpectrogramFeatureExtractor], seed: int) -> Iterator[Sheet]:
    """Every kind of features in white noise; the composite with a box of the next clip."""
    for index, clip in enumerate(clips):
        generator = np.random.default_rng([seed, zlib.crc32(clip.name.encode())])
        snr = generator.uniform(*NOISE_SNR)
        before = {rate: clip.at(rate) for rate in {extractor.sampling_rate for extractor in extractors}}
        after = {rate: add_noise(wave, generator, snr=[snr, snr]) for rate, wave in sorted(before.items())}
        views = []
        for extractor, features in zip(extractors, clip.features, strict=True):
            rate = extractor.sampling_rate
            if extractor.kind == "composite" and len(clips) > 1:
                views.append(_mix(features, clips[(index + 1) % len(clips)], len(before[rate]), extractor, generator))
            else:
                change = _describe_noise(before[rate], after[rate])
                views.append(FeatureView(extractor, features, _extract(after[rate], extractor), change))
        rate = extractors[0].sampling_rate
        facts = f"{clip.length}, examples of augmentation drawn with seed {seed}"
        yield Sheet(
            clip.name, facts, rate, before[rate], after[rate], _describe_noise(before[rate], after[rate]), views
        )


def _mix(
    features: np.ndarray,
    partner: Clip,
    samples: int,
    extractor: SpectrogramFeatureExtractor,
    generator: np.random.Generator,
) -> FeatureView:
    """Features before and after CutMix with a clip that is cut, or mirrored at its ends, to `samples`."""
    other = fit_length(partner.at(extractor.sampling_rate), samples, samples, "reflect")
    pair = torch.from_numpy(np.stack([features, _extract(other, extractor)]))
    for _ in range(TRIES):
        mixed, shares = cutmix(pair, torch.eye(2), CUTMIX_ALPHA, generator)
        if BOX[0] <= shares[0, 1] <= BOX[1]:
            break
    change = _describe_mix("CutMix", float(shares[0, 0]), partner.name)
    return FeatureView(extractor, features, mixed[0].numpy(), change, _find_box(features, mixed[0].numpy()))


def _find_box(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int] | None:
    """Where two images (frames, rows) differ; None where they do not."""
    frames, rows = np.nonzero(before != after)
    return (frames.min(), frames.max() + 1, rows.min(), rows.max() + 1) if len(frames) else None


def _build_collators(
    recipe: Recipe, extractor: SpectrogramFeatureExtractor, size: int, seed: int | None
) -> list[AugmentingCollator]:
    """Training's collator, and where it pastes boxes the same without, so that the box can be found.

    Each clip of a batch counts as an emotion, so that the labels tell what was mixed.
    """
    options, seed = recipe.augmentation, recipe.training.seed if seed is None else seed
    kind = AugmentingCollator if options.features == "map" else WaveformCollator
    every = [options, dataclasses.replace(options, cutmix_alpha=0.0)] if options.cutmix_alpha else [options]
    return [kind(extractor, choice, size, seed) for choice in every]


def _train(clips: list[Clip], recipe: Recipe, collators: list[AugmentingCollator]) -> Iterator[Sheet]:
    """What training sees of a batch of clips."""
    if not clips:
        return
    options, extractor, seed = recipe.augmentation, collators[0].feature_extractor, collators[0].seed
    waveforms, batches = _collate(clips, collators)
    batch, unmixed = batches[0], batches[-1]
    colours = {name: recipe.model.get(name) for name in ("colormap", "value_range")}
    asked = _list_options(options)
    augmentation = f"augmentation, seed {seed}: {', '.join(asked)}" if asked else "the recipe has no augmentation"
    for index, clip in enumerate(clips):
        frames = int(batch["attention_mask"][index].sum())
        after = batch["input_features"][index][:frames].numpy()
        box = _find_box(unmixed["input_features"][index][:frames].numpy(), after)
        view = FeatureView(extractor, clip.features[0], after, "", box, **colours)
        change = _describe_features(view, index, batch["labels"][index], clips, _mixing(options))
        before, changed = clip.at(extractor.sampling_rate), waveforms[index]
        facts = f"{clip.length}; {augmentation}"
        yield Sheet(
            clip.name,
            facts,
            extractor.sampling_rate,
            before,
            changed,
            _describe_waveform(options, before, changed),
            [dataclasses.replace(view, change=change)],
            bool(asked),
        )


def _collate(
    clips: list[Clip], collators: list[AugmentingCollator]
) -> tuple[list[np.ndarray], list[dict[str, torch.Tensor]]]:
    """Augmented waveforms, and the batch that each collator makes of them."""
    collator = collators[0]
    copy = {"copy": 1} if collator.augmentation.noise_copies else {}
    rows: list[dict[str, Any]] = [
        {
            "audio": {"path": str(clip.file), "array": clip.recording, "sampling_rate": clip.native_rate},
            "input_features": clip.features[0],
            "label": index,
            "utterance": clip.name,
            **copy,
        }
        for index, clip in enumerate(clips)
    ]
    if not isinstance(collator, WaveformCollator):
        waveforms = [clip.at(collator.feature_extractor.sampling_rate) for clip in clips]
        return waveforms, [each(rows) for each in collators]
    read = collator.read(rows)
    return read["waveforms"], [each.compute(read, "cpu") for each in collators]


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


def _describe_features(view: FeatureView, index: int, shares: torch.Tensor, clips: list[Clip], how: str) -> str:
    """What was done to the features: the numbers of a mix, which the labels hold, or that something was."""
    if np.array_equal(view.before, view.after):
        return "Unchanged"
    if not how:
        return "Augmented"
    partners = [clip.name for other, clip in enumerate(clips) if other != index and shares[other]]
    return _describe_mix(how, float(shares[index]), *partners)


def _describe_waveform(options: AugmentationArguments, before: np.ndarray, after: np.ndarray) -> str:
    """What was done to the waveform: the level of the noise where it has noise alone, or that something was."""
    asked = {key for key in WAVEFORM_KEYS if getattr(options, key) is not None}
    if asked == {"noise_snr"}:
        return _describe_noise(before, after)
    return "Unchanged" if np.array_equal(before, after) else "Augmented"


def _describe_noise(before: np.ndarray, after: np.ndarray) -> str:
    """The signal-to-noise ratio that was reached."""
    signal, noise = (float(np.square(wave, dtype=np.float64).mean()) for wave in (before, after - before))
    return f"White noise, SNR {10 * np.log10(signal / noise):.1f} dB" if signal and noise else "Unchanged"


def _describe_mix(how: str, share: float, *partners: str) -> str:
    """The share of the clip that is left (lambda), and whose the rest is; a clip can be drawn to be its own partner."""
    return ", with ".join([f"{how}, λ = {share:.2f}", *partners])
