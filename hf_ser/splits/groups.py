"""Clips by the values of their columns, and the ways to cut a part off: in proportion, by counts, or whole groups."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from sklearn.model_selection import train_test_split

from hf_ser.errors import SplitError, suggest
from hf_ser.splits.arguments import SplitArguments

SHOWN = 8  # strata that an error lists, the smallest first


@dataclass(frozen=True)
class Groups:
    """The clips by the value of a column, or by the values of several together."""

    noun: str  # `speakers`, `strata by label and sex`
    values: list[str]  # sorted; emotions in the order of the label column
    codes: np.ndarray  # (clips,), the place in `values` of each clip's own


def read_groups(dataset: Dataset, column: str) -> Groups:
    """The clips by one column; raises SplitError where a clip has no value."""
    if column == "label":
        return Groups("emotions", dataset.features["label"].names, np.asarray(dataset["label"][:]))
    values, codes = np.unique([value or "" for value in dataset[column][:]], return_inverse=True)
    if len(values) and not values[0]:
        raise SplitError(
            f"{np.sum(codes == 0)} clips do not name their {column}. Use `split: stratified` by label alone, or name "
            "them."
        )
    return Groups("corpora" if column == "corpus" else f"{column}s", values.tolist(), codes)


def read_strata(dataset: Dataset, columns: Sequence[str]) -> Groups:
    """The clips by several columns together; only combinations that occur count."""
    parts = [read_groups(dataset, column) for column in columns]
    shape = [len(part.values) for part in parts]
    joint, codes = np.unique(np.ravel_multi_index([part.codes for part in parts], shape), return_inverse=True)
    places = zip(*np.unravel_index(joint, shape), strict=True)
    values = [" + ".join(part.values[place] for part, place in zip(parts, row, strict=True)) for row in places]
    return Groups(f"strata by {' and '.join(columns)}", values, codes)


def count_clips(groups: Groups, clips: np.ndarray) -> dict[str, int]:
    """Clips in each group that has some, the smallest first."""
    counts = np.bincount(groups.codes[clips], minlength=len(groups.values))
    return {groups.values[code]: counts[code].item() for code in np.argsort(counts, kind="stable") if counts[code]}


def show_counts(counts: dict[str, int]) -> str:
    """The smallest groups with their clips."""
    shown = ", ".join(f"{name}: {count}" for name, count in list(counts.items())[:SHOWN])
    return shown + (", ..." if len(counts) > SHOWN else "")


def cut_clips(
    clips: np.ndarray, strata: Groups, part: str, arguments: SplitArguments, n_clips: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut random clips off, each stratum within one clip of its share of `clips`; a share of 0 cuts nothing.

    Args:
        clips: indices of those to cut from.
        strata: of the whole dataset.
        part: `test` or `validation`, the field that holds the share.
        arguments: with the share and the seed.
        n_clips: of which it is the share; rounded up, as scikit-learn does.

    Returns:
        the clips that are left, and those cut off.
    """
    share = getattr(arguments, part)
    if share == 0:
        return clips, clips[:0]
    size = math.ceil(share * n_clips)
    try:
        return tuple(
            train_test_split(clips, test_size=size, stratify=strata.codes[clips], random_state=arguments.split_seed)
        )
    except ValueError as error:
        counts = count_clips(strata, clips)
        raise SplitError(
            f"`{part}: {share}` is {size} of {len(clips)} clips, and both sides need one of each of the {len(counts)} "
            f"{strata.noun} ({show_counts(counts)}). Use another share, merge or drop what has a single clip, or give "
            "fewer columns in `stratify_by`."
        ) from error


def cut_counts(emotions: Groups, arguments: SplitArguments) -> tuple[np.ndarray, np.ndarray]:
    """Cut the test part off: of each emotion as many clips as `test_counts` says, drawn by the seed.

    Returns:
        the clips that are left, and those cut off, of the whole dataset.
    """
    counts, generator = arguments.test_counts, np.random.default_rng(arguments.split_seed)
    _check_counts(counts, emotions)
    drawn = [
        generator.permutation(np.flatnonzero(emotions.codes == code))[: counts[emotion]]
        for code, emotion in enumerate(emotions.values)
    ]
    is_drawn = np.isin(np.arange(len(emotions.codes)), np.concatenate(drawn))
    return np.flatnonzero(~is_drawn), np.flatnonzero(is_drawn)


def cut_groups(
    clips: np.ndarray, groups: Groups, arguments: SplitArguments, n_groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the validation part off in whole groups, drawn by the seed; a share of `n_groups`, rounded up.

    Returns:
        the clips that are left, and those cut off.
    """
    present = np.unique(groups.codes[clips])
    size = math.ceil(arguments.validation * n_groups)
    if len(present) <= size:
        raise SplitError(
            f"{len(present)} {groups.noun} beside the test part are too few: {size} in validation leave none to train "
            "on. Keep more of them out of test, or use `validation: 0` or `split: stratified`."
        )
    drawn = np.random.default_rng(arguments.split_seed).permutation(present)[:size]
    is_drawn = np.isin(groups.codes[clips], drawn)
    return clips[~is_drawn], clips[is_drawn]


def _check_counts(counts: dict[str, int], emotions: Groups) -> None:
    """Raise SplitError unless every emotion, and no other, has a count that leaves some of its clips."""
    unknown = sorted(set(counts) - set(emotions.values))
    if unknown:
        raise SplitError(f"`test_counts` names `{unknown[0]}`. {suggest(unknown[0], emotions.values)}")
    missing = [emotion for emotion in emotions.values if emotion not in counts]
    if missing:
        raise SplitError(
            f"`test_counts` does not say how many clips of {missing} to test. Give each emotion a count, 0 for none."
        )
    for emotion, there in zip(emotions.values, np.bincount(emotions.codes, minlength=len(counts)), strict=True):
        if not 0 <= counts[emotion] < there:
            raise SplitError(
                f"`test_counts` asks for {counts[emotion]} clips of `{emotion}`, and the corpus has {there}. Give 0 "
                f"to {max(there - 1, 0)}, so that one is left to train on."
            )
