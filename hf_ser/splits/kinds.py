"""The kinds of split: which clips go where. A new kind is one function and one line in SPLITS."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
from datasets import Dataset
from sklearn.model_selection import StratifiedKFold

from hf_ser.errors import SplitError, suggest
from hf_ser.splits.arguments import SplitArguments
from hf_ser.splits.groups import (
    Groups,
    count_clips,
    cut_clips,
    cut_counts,
    cut_groups,
    read_groups,
    read_strata,
    show_counts,
)
from hf_ser.splits.lists import count_listed_folds, part_fixed

Parts = dict[str, np.ndarray]  # part -> indices of its clips

STRATA = ("label", "sex", "corpus", "speaker")


def part_stratified(dataset: Dataset, arguments: SplitArguments) -> Parts:
    """Random clips, every stratum in proportion, or so many of each emotion in test."""
    strata = _read_strata(dataset, arguments)
    if arguments.test_counts is None:
        rest, test = cut_clips(np.arange(len(dataset)), strata, "test", arguments, len(dataset))
    else:
        rest, test = cut_counts(read_groups(dataset, "label"), arguments)
    train, validation = cut_clips(rest, strata, "validation", arguments, len(dataset))
    return {"train": train, "validation": validation, "test": test}


def part_k_fold(dataset: Dataset, arguments: SplitArguments) -> Parts:
    """Every stratum dealt out evenly to the folds; each repeat shuffles anew."""
    strata = _read_strata(dataset, arguments)
    repeat, fold = divmod(arguments.fold, arguments.folds)
    folds = StratifiedKFold(arguments.folds, shuffle=True, random_state=arguments.split_seed + repeat)
    rest, test = next(islice(folds.split(strata.codes, strata.codes), fold, None))
    train, validation = cut_clips(rest, strata, "validation", arguments, len(dataset))
    return {"train": train, "validation": validation, "test": test}


def count_k_folds(dataset: Dataset, arguments: SplitArguments) -> int:
    """Folds of all repeats."""
    _check_least("folds", arguments.folds, 2)
    _check_least("repeats", arguments.repeats, 1)
    strata = _read_strata(dataset, arguments)
    counts = count_clips(strata, np.arange(len(dataset)))
    if arguments.folds > min(counts.values(), default=0):
        raise SplitError(
            f"`folds` is {arguments.folds}, and each fold tests a clip of each of the {len(counts)} {strata.noun} "
            f"({show_counts(counts)}). Use fewer folds, or fewer columns in `stratify_by`."
        )
    return arguments.folds * arguments.repeats


def part_held_out_speakers(dataset: Dataset, arguments: SplitArguments) -> Parts:
    """Test speakers as named."""
    speakers = _read_whole(dataset, "speaker", arguments)
    return _part_whole(speakers, _find_values(speakers, "test_speakers", arguments), arguments)


def part_leave_one_out(dataset: Dataset, arguments: SplitArguments, column: str) -> Parts:
    """One speaker or sentence in test."""
    return _part_whole(_read_whole(dataset, column, arguments), [arguments.fold], arguments)


def count_values(dataset: Dataset, arguments: SplitArguments, column: str) -> int:
    """Speakers or sentences, each of them a fold."""
    return len(_read_whole(dataset, column, arguments).values)


def part_speaker_folds(dataset: Dataset, arguments: SplitArguments) -> Parts:
    """Speakers that follow each other by name in test."""
    speakers = _read_whole(dataset, "speaker", arguments)
    folds = np.array_split(np.arange(len(speakers.values)), arguments.folds)
    return _part_whole(speakers, folds[arguments.fold], arguments)


def count_speaker_folds(dataset: Dataset, arguments: SplitArguments) -> int:
    """Folds as asked for, each of one speaker at least."""
    _check_least("folds", arguments.folds, 2)
    n_speakers = len(_read_whole(dataset, "speaker", arguments).values)
    if arguments.folds > n_speakers:
        raise SplitError(f"`folds` is {arguments.folds}, and there are {n_speakers} speakers. Use fewer folds.")
    return arguments.folds


def part_cross_corpus(dataset: Dataset, arguments: SplitArguments) -> Parts:
    """Test corpora as named; the validation part comes from the others, in whole speakers where all are named."""
    corpora = read_groups(dataset, "corpus")
    is_test = np.isin(corpora.codes, _find_values(corpora, "test_corpora", arguments))
    rest = np.flatnonzero(~is_test)
    if not len(rest):
        raise SplitError(
            f"`test_corpora` names all of {corpora.values}, which leaves none to train on. Load more with `corpus`."
        )
    others, positions = dataset.select(rest), np.arange(len(rest))
    if all(others["speaker"][:]):
        speakers = read_groups(others, "speaker")
        train, validation = cut_groups(positions, speakers, arguments, len(speakers.values))
    else:
        strata = _read_strata(others, arguments)
        train, validation = cut_clips(positions, strata, "validation", arguments, len(rest))
    return {"train": rest[train], "validation": rest[validation], "test": np.flatnonzero(is_test)}


@dataclass(frozen=True)
class SplitKind:
    """One way to part the clips."""

    part: Callable[[Dataset, SplitArguments], Parts]
    options: tuple[str, ...]  # fields of SplitArguments that belong to it, beside those of every kind
    count_folds: Callable[[Dataset, SplitArguments], int | None] = lambda dataset, arguments: None  # None: no folds


SPLITS = {
    "stratified": SplitKind(part_stratified, ("test", "test_counts", "stratify_by")),
    "held-out-speakers": SplitKind(part_held_out_speakers, ("test_speakers",)),
    "leave-one-speaker-out": SplitKind(
        partial(part_leave_one_out, column="speaker"), ("fold",), partial(count_values, column="speaker")
    ),
    "leave-one-sentence-out": SplitKind(
        partial(part_leave_one_out, column="sentence"), ("fold",), partial(count_values, column="sentence")
    ),
    "speaker-folds": SplitKind(part_speaker_folds, ("folds", "fold"), count_speaker_folds),
    "k-fold": SplitKind(part_k_fold, ("folds", "repeats", "fold", "stratify_by"), count_k_folds),
    "cross-corpus": SplitKind(part_cross_corpus, ("test_corpora", "stratify_by")),
    "fixed": SplitKind(part_fixed, ("split_file", "fold"), count_listed_folds),
}


def _part_whole(groups: Groups, test: np.ndarray | list[int], arguments: SplitArguments) -> Parts:
    """Groups of these codes in test; whole others, drawn by the seed, in validation."""
    is_test = np.isin(groups.codes, test)
    train, validation = cut_groups(np.flatnonzero(~is_test), groups, arguments, len(groups.values))
    return {"train": train, "validation": validation, "test": np.flatnonzero(is_test)}


def _read_whole(dataset: Dataset, column: str, arguments: SplitArguments) -> Groups:
    """Groups of which some are tested and others are not."""
    groups = read_groups(dataset, column)
    if len(groups.values) < 2:
        raise SplitError(
            f"The column `{column}` has one value, {groups.values}; `split: {arguments.split}` needs two or more. Use "
            "`split: stratified` or `split: k-fold`."
        )
    return groups


def _read_strata(dataset: Dataset, arguments: SplitArguments) -> Groups:
    columns = arguments.stratify_by
    if not columns or isinstance(columns, str):
        raise SplitError(f"`stratify_by` is {columns!r}; it is a list of columns, such as ['label', 'sex'].")
    unknown = sorted(set(columns) - set(STRATA))
    if unknown:
        raise SplitError(f"`stratify_by` names `{unknown[0]}`. {suggest(unknown[0], STRATA)}")
    return read_strata(dataset, columns)


def _find_values(groups: Groups, option: str, arguments: SplitArguments) -> list[int]:
    """Codes of the groups that an option names."""
    names = getattr(arguments, option)
    if not names or isinstance(names, str):
        raise SplitError(f"`split: {arguments.split}` needs `{option}`, a list of names; got {names!r}.")
    unknown = sorted(set(names) - set(groups.values))
    if unknown:
        raise SplitError(f'`{option}` names {unknown}; the corpus has {groups.values}. Quote numbers in YAML: "03".')
    return [groups.values.index(name) for name in names]


def _check_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise SplitError(f"`{option}` is {value}; it must be at least {least}.")
