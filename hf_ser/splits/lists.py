"""Lists of utterances: the hash of a split, the file that saves it, and the split that is read from such a file."""

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict

from hf_ser.errors import SplitError
from hf_ser.splits.arguments import PARTS, SplitArguments

logger = logging.getLogger(__name__)

Lists = dict[str, list[str]]  # part -> utterances

LAYOUT = "Expected the lists `train`, `validation` and `test`, or `utterances` and `folds`."


def list_utterances(split: DatasetDict) -> Lists:
    """The utterances of each part."""
    return {part: split[part]["utterance"][:] for part in PARTS}


def hash_split(split: DatasetDict) -> str:
    """Digest of the utterances in each part, whatever their order: equal for equal splits."""
    return hash_lists(list_utterances(split))


def hash_lists(lists: Mapping[str, list[str]]) -> str:
    """`hash_split` of the lists of its utterances."""
    return _digest({part: sorted(lists[part]) for part in PARTS})


def hash_clips(split: DatasetDict) -> str:
    """Digest of what is learnt from: each clip's label, speaker and sound, in whatever part it is."""
    columns = ("utterance", "label", "speaker", "audio_hash")
    names = split["train"].features["label"].names
    clips = [
        clip
        for part in split.values()
        for clip in zip(*(part[column][:] for column in columns if column in part.column_names), strict=True)
    ]
    return _digest([names, sorted(clips, key=lambda clip: clip[0])])


def hash_folds(hashes: Iterable[str]) -> str:
    """Digest of the hashes of all folds, in their order."""
    return _digest(list(hashes))


def write_split(split: DatasetDict, arguments: SplitArguments, path: Path) -> None:
    """Save a split as JSON, by utterance, so that another person can repeat it."""
    hashes = {"hash": hash_split(split), "clips_hash": hash_clips(split)}
    content = {**hashes, "arguments": _describe(arguments), **list_utterances(split)}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def write_folds(folds: Iterable[Mapping[str, list[str]]], arguments: SplitArguments, path: Path) -> None:
    """Save the splits of all folds in one JSON file; a fold trains on the `utterances` that it does not list.

    Args:
        folds: of each, in order, what `list_utterances` or `read_split` gives.
        arguments: of the split, without a `fold`.
        path: of the file.

    Raises:
        SplitError: the folds are not of the same utterances.
    """
    utterances: list[str] = []
    blocks: list[dict[str, Any]] = []
    for lists in folds:
        members = sorted(chain.from_iterable(lists[part] for part in PARTS))
        if blocks and members != utterances:
            raise SplitError(
                f"Fold {len(blocks)} has other utterances than fold 0: {len(members)} beside {len(utterances)}. "
                "Make all folds from one dataset."
            )
        utterances = members
        blocks.append({"hash": hash_lists(lists), "validation": lists["validation"], "test": lists["test"]})
    digest = hash_folds(block["hash"] for block in blocks)
    content = {"hash": digest, "arguments": _describe(arguments), "utterances": utterances, "folds": blocks}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_split(path: str | Path, fold: int | None = None) -> Lists:
    """The utterances of each part, from a file of `write_split` or `write_folds`, or one written by hand.

    Args:
        path: JSON file; one written by hand needs the lists alone, without hash and arguments.
        fold: which one, for a file of folds.

    Raises:
        SplitError: there is no such file or fold, the lists are no lists of names or name one twice, or a hash does
            not fit them.
    """
    content = _read_content(path)
    n_folds = _count_folds(content, path)
    if n_folds is None and fold is not None:
        raise SplitError(f"`{path}` holds one split and no folds. Leave out `fold`.")
    if n_folds is not None and (fold is None or not 0 <= fold < n_folds):
        raise SplitError(f"`{path}` holds {n_folds} folds, 0 to {n_folds - 1}; `fold` is {fold}. Give one of them.")
    block = content if n_folds is None else content["folds"][fold]
    lists = _read_lists(block, content.get("utterances"), path)
    _check_once(lists, path)
    _check_hash(block.get("hash"), hash_lists(lists), path)
    return lists


def count_listed_folds(dataset: Dataset, arguments: SplitArguments) -> int | None:
    """Folds in the file of `split: fixed`, which test each clip equally often if all are run; None for one split."""
    path = _find_file(arguments)
    content = _read_content(path)
    n_folds = _count_folds(content, path)
    if n_folds is not None and arguments.fold is None:
        _check_tests(content["folds"], content.get("utterances"), path)
    return n_folds


def part_fixed(dataset: Dataset, arguments: SplitArguments) -> dict[str, np.ndarray]:
    """The parts as a file lists them; clips that it does not list are left out."""
    path = _find_file(arguments)
    lists = read_split(path, arguments.fold)
    rows = {utterance: row for row, utterance in enumerate(dataset["utterance"][:])}
    listed = list(chain.from_iterable(lists.values()))
    missing = [utterance for utterance in listed if utterance not in rows]
    if missing:
        raise SplitError(
            f"`{path}` is the split file of another corpus: {len(missing)} of its {len(listed)} utterances are not in "
            f"the dataset, the first is `{missing[0]}`; those of the dataset are like `{next(iter(rows), '')}`. Give "
            "the corpus that it was made for, whole."
        )
    unlisted = rows.keys() - set(listed)
    if unlisted:
        logger.warning("%d clips are not listed in `%s`, such as `%s`: left out.", len(unlisted), path, min(unlisted))
    return {part: np.array([rows[utterance] for utterance in lists[part]], dtype=np.int64) for part in PARTS}


def _describe(arguments: SplitArguments) -> dict[str, Any]:
    """The arguments, without the folders of this machine."""
    path = arguments.split_file
    return asdict(arguments) | {"split_file": path and Path(path).name}


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _find_file(arguments: SplitArguments) -> str:
    if not arguments.split_file:
        raise SplitError("`split: fixed` needs `split_file`, a JSON file with the utterances of each part.")
    return os.path.expanduser(arguments.split_file)


def _read_content(path: str | Path) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SplitError(f"`{path}` cannot be read ({error.strerror}). Give the `split.json` of a run.") from error
    except ValueError as error:
        raise SplitError(f"`{path}` is not valid JSON ({error}). {LAYOUT}") from error
    if not isinstance(content, dict):
        raise SplitError(f"`{path}` holds {type(content).__name__}. {LAYOUT}")
    return content


def _count_folds(content: dict[str, Any], path: str | Path) -> int | None:
    """Folds of a file, whose hash must fit theirs; None where it holds one split."""
    if "folds" not in content:
        return None
    folds = content["folds"]
    if not isinstance(folds, list) or len(folds) < 2 or not all(isinstance(block, dict) for block in folds):
        raise SplitError(f"`folds` of `{path}` is no list of two blocks or more. {LAYOUT}")
    _check_hash(content.get("hash"), hash_folds(block.get("hash", "") for block in folds), path)
    return len(folds)


def _check_tests(folds: list[dict[str, Any]], utterances: Any, path: str | Path) -> None:
    """Over all folds, each of the utterances is tested, and equally often."""
    if any("train" in block for block in folds):
        raise SplitError(
            f"A fold of `{path}` has `train`; it trains on the `utterances` that it does not list. {LAYOUT}"
        )
    tests = Counter(chain.from_iterable(_read_lists(block, utterances, path)["test"] for block in folds))
    untested = [name for name in utterances if not tests[name]]
    if untested or len(set(tests.values())) > 1:
        rarest = untested[0] if untested else min(tests, key=tests.get)
        (most, times), *_ = tests.most_common(1)
        raise SplitError(
            f"The folds of `{path}` test `{rarest}` {tests[rarest]} times and `{most}` {times} times; expected each "
            "of the `utterances` equally often. Complete the lists `test`, or give the folds as files of their own."
        )


def _read_lists(block: dict[str, Any], utterances: Any, path: str | Path) -> Lists:
    """The lists of a split, or of a fold, whose training part is what is left of the `utterances`."""
    named = block if "train" in block else {**block, "train": utterances}
    for part in PARTS:
        names = named.get(part)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SplitError(f"`{path}` has no list of utterances for `{part}`. {LAYOUT}")
    if named is block:
        return {part: block[part] for part in PARTS}
    held_out = {*block["validation"], *block["test"]}
    strangers = sorted(held_out - set(utterances))
    if strangers:
        raise SplitError(f"`utterances` of `{path}` lacks `{strangers[0]}`, which a fold lists. Add it.")
    train = [name for name in utterances if name not in held_out]
    return {"train": train, "validation": block["validation"], "test": block["test"]}


def _check_once(lists: Lists, path: str | Path) -> None:
    repeated = [name for name, count in Counter(chain.from_iterable(lists.values())).items() if count > 1]
    if repeated:
        raise SplitError(
            f"`{path}` lists {len(repeated)} utterances more than once, such as `{repeated[0]}`. List each once."
        )


def _check_hash(stored: str | None, digest: str, path: str | Path) -> None:
    """A file that was written by hand needs none."""
    if stored is not None and stored != digest:
        raise SplitError(
            f"`{path}` was changed after it was written: its hash is {stored}, that of its lists {digest}. Take "
            "the file as it was published, or remove `hash` from one of your own."
        )
