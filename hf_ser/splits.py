"""Splits into train, validation and test: deterministic, hashed, saved by utterance, and checked for overlap."""

import hashlib
import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.model_selection import train_test_split

from hf_ser.errors import SplitError, suggest

logger = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")


@dataclass
class SplitArguments:
    """How the clips are parted."""

    split: str = field(default="stratified", metadata={"help": "stratified, held-out-speakers, leave-one-speaker-out"})
    split_seed: int = field(default=0, metadata={"help": "seed of the split, apart from the training's"})
    test: float = field(default=0.2, metadata={"help": "share of the clips in test (stratified)"})
    validation: float = field(default=0.1, metadata={"help": "share of the rest that chooses the checkpoint"})
    test_speakers: list[str] | None = field(default=None, metadata={"help": "speakers in test (held-out-speakers)"})
    fold: int | None = field(default=None, metadata={"help": "speaker left out, from 0 (leave-one-speaker-out)"})
    speaker_independent: bool = field(default=False, metadata={"help": "claim that no speaker is shared; checked"})

    def as_options(self) -> dict[str, object]:
        """Arguments of `make_split`."""
        options = asdict(self)
        return {"kind": options.pop("split"), "seed": options.pop("split_seed"), **options}


def make_split(dataset: Dataset, kind: str = "stratified", seed: int = 0, **options: object) -> DatasetDict:
    """Part a corpus into train, validation and test; the same arguments give the same parts everywhere.

    Args:
        dataset: with the columns of `load_corpus`.
        kind: `stratified` (random, each emotion in proportion), `held-out-speakers` (those in `test_speakers`) or
            `leave-one-speaker-out` (speaker number `fold`). The last two keep the validation part's speakers apart
            too; it is cut from the training speakers.
        seed: of the random choices.
        options: the other fields of SplitArguments.

    Raises:
        SplitError: when a part or an emotion's training clips would be empty, speakers are unknown or too few, or a
            claim of speaker independence does not hold.
    """
    known = {entry.name for entry in fields(SplitArguments)} - {"split", "split_seed"}  # `kind` and `seed` here
    unknown = sorted(set(options) - known)
    if unknown:
        raise SplitError(f"`make_split` has no option `{unknown[0]}`. {suggest(unknown[0], known)}")
    arguments = SplitArguments(split=kind, split_seed=seed, **options)
    if kind not in SPLITS:
        raise SplitError(f"Unknown split `{kind}`. {suggest(kind, SPLITS)}")
    for name in ("test", "validation"):
        if not 0 <= getattr(arguments, name) < 1:
            raise SplitError(f"`{name}` is {getattr(arguments, name)}; it is a share, from 0 up to but not with 1.")
    _check_options(arguments)
    _check_utterances(dataset)
    parts = SPLITS[kind](dataset, arguments)
    split = DatasetDict({name: dataset.select(np.sort(parts[name])) for name in PARTS})
    _check_parts(split)
    if arguments.speaker_independent:
        check_speaker_independent(split)
    return split


def _split_stratified(dataset: Dataset, arguments: SplitArguments) -> dict[str, np.ndarray]:
    labels = np.asarray(dataset["label"][:])
    names = dataset.features["label"].names
    rest, test = _cut(np.arange(len(dataset)), labels, names, "test", arguments)
    train, validation = _cut(rest, labels, names, "validation", arguments)
    return {"train": train, "validation": validation, "test": test}


def _cut(
    indices: np.ndarray, labels: np.ndarray, names: list[str], part: str, arguments: SplitArguments
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a stratified share off; a share of 0 cuts nothing."""
    share = getattr(arguments, part)
    if share == 0:
        return indices, indices[:0]
    try:
        return tuple(
            train_test_split(indices, test_size=share, stratify=labels[indices], random_state=arguments.split_seed)
        )
    except ValueError as error:
        counts = {names[label]: count for label, count in sorted(Counter(labels[indices].tolist()).items())}
        raise SplitError(
            f"`{part}: {share}` of {len(indices)} clips cannot be cut off with every emotion on both sides: {counts}. "
            "Use a larger share, and merge or drop an emotion of a single clip."
        ) from error


def _split_held_out(dataset: Dataset, arguments: SplitArguments) -> dict[str, np.ndarray]:
    if not arguments.test_speakers or isinstance(arguments.test_speakers, str):
        raise SplitError(
            f"`split: held-out-speakers` needs `test_speakers`, a list of names; got {arguments.test_speakers!r}."
        )
    return _split_by_speaker(dataset, list(arguments.test_speakers), arguments)


def _split_leave_one_out(dataset: Dataset, arguments: SplitArguments) -> dict[str, np.ndarray]:
    speakers = _list_speakers(dataset)
    if arguments.fold is None or not 0 <= arguments.fold < len(speakers):
        raise SplitError(
            f"`fold` is {arguments.fold}, but there are {len(speakers)} speakers, so folds 0 to {len(speakers) - 1}."
        )
    return _split_by_speaker(dataset, [speakers[arguments.fold]], arguments)


def _split_by_speaker(dataset: Dataset, test: list[str], arguments: SplitArguments) -> dict[str, np.ndarray]:
    """Test speakers as named; validation speakers drawn from the others."""
    column = np.asarray(dataset["speaker"][:])
    speakers = _list_speakers(dataset)
    unknown = sorted(set(test) - set(speakers))
    if unknown:
        raise SplitError(f'`test_speakers` names {unknown}; the corpus has {speakers}. Quote numbers in YAML: "03".')
    rest = [speaker for speaker in speakers if speaker not in test]
    n_validation = max(1, round(arguments.validation * len(rest))) if arguments.validation else 0
    if len(rest) <= n_validation:
        raise SplitError(
            f"{len(speakers)} speakers are too few: {len(test)} in test and {n_validation} in validation leave none "
            "to train on. Use `split: stratified`, or `validation: 0`."
        )
    validation = np.random.default_rng(arguments.split_seed).permutation(rest)[:n_validation].tolist()
    members = {"test": test, "validation": validation, "train": [name for name in rest if name not in validation]}
    return {part: np.flatnonzero(np.isin(column, names)) for part, names in members.items()}


def _list_speakers(dataset: Dataset) -> list[str]:
    nameless = sum(not name for name in dataset["speaker"][:])
    if nameless:
        raise SplitError(f"{nameless} clips do not name their speaker. Use `split: stratified`, or name them.")
    return sorted(set(dataset["speaker"][:]))


SPLITS = {
    "stratified": _split_stratified,
    "held-out-speakers": _split_held_out,
    "leave-one-speaker-out": _split_leave_one_out,
}


def check_speaker_independent(split: DatasetDict) -> None:
    """Raise SplitError when a claim of speaker independence does not hold, or cannot be checked."""
    nameless = sum(not name for part in PARTS for name in split[part]["speaker"][:])
    if nameless:
        raise SplitError(
            f"The recipe says `speaker_independent: true`, but {nameless} clips do not name their speaker. "
            "Name them, or drop the claim."
        )
    shared = shared_values(split, "speaker")
    if shared:
        raise SplitError(
            f"The recipe says `speaker_independent: true`, but speakers {shared} are in both train and test. "
            "Use `split: leave-one-speaker-out`, or drop the claim: the overlap is then reported with the score."
        )


def shared_values(split: DatasetDict, column: str) -> list[str]:
    """Values of a column that the test part shares with what the model has seen: train and validation."""
    seen = set(split["train"][column][:]) | set(split["validation"][column][:])
    return sorted((seen & set(split["test"][column][:])) - {"", None})


def shared_audio(split: DatasetDict) -> list[list[str]]:
    """Groups of utterances with the same audio, of which one is in test and another is not."""
    if "audio_hash" not in split["test"].column_names:
        return []
    groups: dict[str, dict[str, str]] = {}
    for part in PARTS:
        for utterance, digest in zip(split[part]["utterance"][:], split[part]["audio_hash"][:], strict=True):
            groups.setdefault(digest, {})[utterance] = "test" if part == "test" else "seen"
    return [sorted(group) for group in groups.values() if len(set(group.values())) == 2]


def describe_split(split: DatasetDict, arguments: SplitArguments, selected_on: str) -> dict[str, object]:
    """The protocol block of results.json: what was parted how, and what the parts share."""
    return {
        "split": arguments.split,
        "seed": arguments.split_seed,
        "split_hash": hash_split(split),
        **{f"n_{part}": len(split[part]) for part in PARTS},
        "shared_speakers": shared_values(split, "speaker"),
        "shared_sentences": shared_values(split, "sentence"),
        "shared_audio": shared_audio(split),
        "test_speakers": _known_speakers(split["test"]),
        "validation_speakers": _known_speakers(split["validation"]),
        "selected_on": selected_on,
    }


def _known_speakers(part: Dataset) -> list[str]:
    """Speakers of a part; none where a clip does not name its own, so that no claim is made about them."""
    speakers = set(part["speaker"][:])
    return sorted(speakers) if all(speakers) else []


def hash_split(split: DatasetDict) -> str:
    """Digest of the utterances in each part, whatever their order: equal for equal splits."""
    lists = {part: sorted(split[part]["utterance"][:]) for part in PARTS}
    return hashlib.sha256(json.dumps(lists, sort_keys=True).encode()).hexdigest()[:16]


def write_split(split: DatasetDict, arguments: SplitArguments, path: Path) -> None:
    """Save a split as JSON, by utterance, so that another person can repeat it."""
    lists = {part: split[part]["utterance"][:] for part in PARTS}
    content = {"hash": hash_split(split), "arguments": asdict(arguments), **lists}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _check_options(arguments: SplitArguments) -> None:
    """An option of another kind of split would be ignored without a word."""
    for option, kind in (("test_speakers", "held-out-speakers"), ("fold", "leave-one-speaker-out")):
        if getattr(arguments, option) is not None and arguments.split != kind:
            raise SplitError(f"`{option}` belongs to `split: {kind}`; this split is `{arguments.split}`.")


def _check_utterances(dataset: Dataset) -> None:
    repeated = [name for name, count in Counter(dataset["utterance"][:]).items() if count > 1]
    if repeated:
        raise SplitError(
            f"{len(repeated)} utterance ids occur more than once, such as `{repeated[0]}`; they must not."
        )


def _check_parts(split: DatasetDict) -> None:
    """Every part that was asked for has clips, and every emotion has some to learn from."""
    if not len(split["test"]):
        raise SplitError("The test part is empty. Give `test` a share above 0, or name other `test_speakers`.")
    names = split["train"].features["label"].names
    present = set(split["train"]["label"][:])
    absent = [name for index, name in enumerate(names) if index not in present]
    if absent:
        raise SplitError(
            f"No training clip has the emotion {absent}. Use another split or seed, or drop these emotions."
        )
    for part in PARTS:
        counts = Counter(names[label] for label in split[part]["label"][:])
        logger.info("%s: %d clips %s", part, len(split[part]), dict(sorted(counts.items())))
