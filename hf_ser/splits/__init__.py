"""Splits into train, validation and test: deterministic, hashed, saved by utterance, and checked for overlap."""

import logging
from collections import Counter
from dataclasses import fields

import numpy as np
from datasets import Dataset, DatasetDict

from hf_ser.errors import SplitError, suggest
from hf_ser.splits.arguments import PARTS, SplitArguments
from hf_ser.splits.kinds import SPLITS
from hf_ser.splits.protocol import check_speaker_independent, shared_audio

logger = logging.getLogger(__name__)

NAMED = 5  # recordings that are warned of by name
OF_EVERY_KIND = ("split", "split_seed", "validation", "speaker_independent")


def make_split(dataset: Dataset, kind: str = "stratified", seed: int = 0, **options: object) -> DatasetDict:
    """Part a corpus into train, validation and test; the same arguments give the same parts everywhere.

    Args:
        dataset: with the columns of `load_corpus`.
        kind: which clips are tested:
            `stratified`: random ones, a share of `test`, each stratum (`stratify_by`: the emotion, or emotion and sex)
            within one clip of its share, or as many of each emotion as `test_counts` says;
            `held-out-speakers`: those of `test_speakers`;
            `leave-one-speaker-out`, `leave-one-sentence-out`: those of speaker or sentence number `fold`, by name;
            `speaker-folds`: those of group `fold`, of `folds` even groups of speakers that follow each other by name;
            `k-fold`: fold `fold` of `folds` stratified ones, shuffled anew in each of the `repeats`;
            `cross-corpus`: those of `test_corpora`;
            `fixed`: as `split_file` lists them.
        seed: of the random choices.
        options: the other fields of SplitArguments. `validation` is a share of all clips, rounded up; where whole
            speakers or sentences are tested it is a share of those, and whole ones are drawn; with `cross-corpus` it
            is a share of the training corpora's speakers, or of their clips where these do not all name a speaker.

    Raises:
        SplitError: when a part or an emotion's training clips would be empty, there are too few clips, speakers or
            sentences, names are unknown, an option belongs to another kind, a file does not fit the dataset, or a
            claim of speaker independence does not hold.
    """
    known = {entry.name for entry in fields(SplitArguments)} - {"split", "split_seed"}  # `kind` and `seed` here
    unknown = sorted(set(options) - known)
    if unknown:
        raise SplitError(f"`make_split` has no option `{unknown[0]}`. {suggest(unknown[0], known)}")
    arguments = SplitArguments(split=kind, split_seed=seed, **options)
    _check_arguments(arguments)
    _check_utterances(dataset)
    # By name, for the order of the rows depends on the folders in which the files lie.
    dataset = dataset.select(np.argsort(np.array(dataset["utterance"][:], dtype=str), kind="stable"))
    _check_fold(arguments, SPLITS[kind].count_folds(dataset, arguments))
    parts = SPLITS[kind].part(dataset, arguments)
    split = DatasetDict({name: dataset.select(np.sort(parts[name])) for name in PARTS})
    _check_parts(split)
    shared = shared_audio(split)
    for group in shared[:NAMED]:
        logger.warning("One recording is in training and in test: %s", " = ".join(group))
    if len(shared) > NAMED:
        logger.warning("So are %d more.", len(shared) - NAMED)
    if arguments.speaker_independent:
        check_speaker_independent(split)
    return split


def count_folds(dataset: Dataset, arguments: SplitArguments) -> int:
    """How many folds a run has: 1 where `fold` names one or the kind of split has none.

    Raises:
        SplitError: as `make_split` does, where the number of folds cannot be.
    """
    _check_arguments(arguments)
    n_folds = SPLITS[arguments.split].count_folds(dataset, arguments)
    return 1 if n_folds is None or arguments.fold is not None else n_folds


def _check_arguments(arguments: SplitArguments) -> None:
    """What can be told without the dataset; an option of another kind would be ignored without a word."""
    if arguments.split not in SPLITS:
        raise SplitError(f"Unknown split `{arguments.split}`. {suggest(arguments.split, SPLITS)}")
    for name in ("test", "validation"):
        if not 0 <= getattr(arguments, name) < 1:
            raise SplitError(f"`{name}` is {getattr(arguments, name)}; it is a share, from 0 up to but not with 1.")
    by_share = arguments.split == "stratified" and arguments.test_counts is None
    if by_share and arguments.test + arguments.validation >= 1:
        raise SplitError(
            f"`test: {arguments.test}` and `validation: {arguments.validation}` leave no clip to train on. "
            "Give shares that add up to less than 1."
        )
    defaults, own = SplitArguments(), (*OF_EVERY_KIND, *SPLITS[arguments.split].options)
    for entry in fields(SplitArguments):
        if entry.name not in own and getattr(arguments, entry.name) != getattr(defaults, entry.name):
            kinds = " or ".join(f"`split: {name}`" for name, kind in SPLITS.items() if entry.name in kind.options)
            raise SplitError(f"`{entry.name}` belongs to {kinds}; this split is `{arguments.split}`.")
    if arguments.test_counts is not None and arguments.test != defaults.test:
        raise SplitError(f"`test: {arguments.test}` and `test_counts` both set the test part. Leave one of them out.")


def _check_fold(arguments: SplitArguments, n_folds: int | None) -> None:
    if n_folds is None:
        return
    if arguments.fold is None:
        raise SplitError(
            f"`split: {arguments.split}` needs `fold`, 0 to {n_folds - 1}. `recipes/train.py` runs all folds when it "
            "is left out."
        )
    if not 0 <= arguments.fold < n_folds:
        raise SplitError(f"`fold` is {arguments.fold}, but there are {n_folds} folds, 0 to {n_folds - 1}.")


def _check_utterances(dataset: Dataset) -> None:
    repeated = [name for name, count in Counter(dataset["utterance"][:]).items() if count > 1]
    if repeated:
        raise SplitError(
            f"{len(repeated)} utterance ids occur more than once, such as `{repeated[0]}`; they must not."
        )


def _check_parts(split: DatasetDict) -> None:
    """Every part that was asked for has clips, and every emotion has some to learn from."""
    if not len(split["test"]):
        raise SplitError("The test part is empty. Give `test` a share above 0, or list test clips in `split_file`.")
    names = split["train"].features["label"].names
    counts = {part: np.bincount(split[part]["label"][:], minlength=len(names)).tolist() for part in PARTS}
    absent = [name for name, count in zip(names, counts["train"], strict=True) if not count]
    if absent:
        raise SplitError(
            f"No training clip has the emotion {absent}. Use another split or seed, or drop these emotions."
        )
    for part in PARTS:
        present = {name: count for name, count in zip(names, counts[part], strict=True) if count}
        logger.info("%s: %d clips %s", part, len(split[part]), dict(sorted(present.items())))
