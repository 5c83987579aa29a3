"""One Dataset of several corpora, with one list of emotions: which words are one, kept, or left out."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datasets import ClassLabel, Dataset, Value, concatenate_datasets

from hf_ser.corpora.labels import COMMON_EMOTIONS, read_emotion
from hf_ser.errors import CorpusError, RecipeError, suggest

logger = logging.getLogger(__name__)

DROP = "drop"  # in place of an emotion: its clips are left out


@dataclass(frozen=True)
class Pool:
    """A reading of several corpora that a paper gives or should have given."""

    title: str
    corpora: tuple[str, ...]
    emotions: dict[str, str]
    whole_corpora: dict[str, str] = field(default_factory=dict)  # corpora all of whose clips got one emotion


_REPORT = ("ravdess", "savee", "tess", "cremad")
_REPORT_EMOTIONS = {"calm": "neutral", "pleasant surprise": "surprise"}
# PAPERS: the class counts of the report on four corpora show that its SAVEE files were all labelled "surprise".
POOLS = {
    "corrected": Pool("seven emotions, calm as neutral", _REPORT, _REPORT_EMOTIONS),
    "paper": Pool(
        "labelled as in the report: every SAVEE clip is called surprise",
        _REPORT,
        _REPORT_EMOTIONS,
        {"savee": "surprise"},
    ),
}


def find_pool(name: str, corpora: Sequence[str], map_emotions: Mapping[str, str] | None) -> Pool:
    """The pool of that name.

    Raises:
        RecipeError: There is none, it is for other corpora, or `map_emotions` is given beside it.
    """
    if name not in POOLS:
        raise RecipeError(f"Unknown pool `{name}`. {suggest(str(name), POOLS)}")
    others = sorted(set(corpora) - set(POOLS[name].corpora))
    if others:
        raise RecipeError(
            f"`pool: {name}` is for {', '.join(POOLS[name].corpora)}, and not for {', '.join(others)}. "
            "Give `map_emotions` in its place."
        )
    if map_emotions:
        raise RecipeError(f"`pool: {name}` says how emotions are mapped; leave out `map_emotions`, or the pool.")
    return POOLS[name]


def read_mapping(mapping: Mapping[str, str]) -> dict[str, str | None]:
    """A mapping in the shared words; None stands for `drop`.

    Raises:
        RecipeError: An emotion becomes nothing, or two different things.
    """
    read: dict[str, str | None] = {}
    for old, new in mapping.items():
        emotion, target = read_emotion(old), None if new == DROP else read_emotion(new)
        if target == "" or read.setdefault(emotion, target) != target:
            raise RecipeError(
                f"`map_emotions` makes `{new}` of `{old}`"
                + ("" if target == "" else f", and `{read[emotion] or DROP}` of the same emotion in other words")
                + f". Give one emotion, or `{DROP}`."
            )
    return read


def rename_emotions(dataset: Dataset, mapping: Mapping[str, str], name: str) -> Dataset:
    """The dataset with its emotions renamed, merged where two get one name, and left out where they are `drop`.

    Args:
        dataset: with the columns of `load_corpus`.
        mapping: emotion -> emotion or `drop`, in any words that `labels` knows; those it does not name are kept.
        name: of the corpus, for messages.

    Raises:
        CorpusError: No clip is left.
    """
    names = dataset.features["label"].names
    renamed = read_mapping(mapping)
    targets = [renamed.get(emotion, emotion) for emotion in names]
    if targets == names:
        return dataset
    emotions = sorted(set(targets) - {None})
    labels = dataset["label"][:]
    kept = [index for index, label in enumerate(labels) if targets[label] is not None]
    if not kept:
        raise CorpusError(f"`map_emotions` leaves no clip of `{name}`, which has {names}.")
    if len(kept) < len(dataset):
        dropped = Counter(names[label] for label in labels if targets[label] is None)
        logger.info("%s: left out by `map_emotions`: %s", name, dict(sorted(dropped.items())))
        dataset = dataset.select(kept)
    return _replace_labels(dataset, [emotions.index(targets[labels[index]]) for index in kept], emotions)


def select_intensities(parts: Mapping[str, Dataset], intensities: Sequence[str]) -> dict[str, Dataset]:
    """Of each corpus the clips of these values of `intensity`; emotions of which none is left are no labels.

    Raises:
        CorpusError: No corpus has such a value, or a corpus has no clip of any.
    """
    columns = {name: part["intensity"][:] for name, part in parts.items()}
    present = {value for column in columns.values() for value in column}
    unknown = sorted(set(intensities) - present)
    if unknown:
        raise CorpusError(f"No clip of {', '.join(parts)} has the intensity {unknown}; valid: {sorted(present)}.")
    return {name: _select_some(part, columns[name], set(intensities), name) for name, part in parts.items()}


def _select_some(part: Dataset, column: list[str], intensities: set[str], name: str) -> Dataset:
    kept = [index for index, value in enumerate(column) if value in intensities]
    if not kept:
        raise CorpusError(
            f"No clip of `{name}` has the intensity {sorted(intensities)}; it has {sorted(set(column))}."
        )
    part = part.select(kept)
    names, labels = part.features["label"].names, part["label"][:]
    emotions = [emotion for index, emotion in enumerate(names) if index in set(labels)]
    logger.info("%s: %d clips of intensity %s, with %s", name, len(part), sorted(intensities), emotions)
    return _replace_labels(part, [emotions.index(names[label]) for label in labels], emotions)


def pool_corpora(parts: Mapping[str, Dataset], pool: Pool | None = None) -> Dataset:
    """One dataset of several corpora; speakers and sentences get the name of their corpus before their own.

    Args:
        parts: name -> dataset with the columns of `load_corpus`, its emotions already mapped.
        pool: whose `whole_corpora` are relabelled.
    """
    emotions = sorted({emotion for part in parts.values() for emotion in part.features["label"].names})
    aligned = [_align(name, part, emotions, pool) for name, part in parts.items()]
    return concatenate_datasets(aligned)


def check_mapping(parts: Mapping[str, Dataset], mapping: Mapping[str, str]) -> None:
    """Raise RecipeError for an emotion in `mapping` that no corpus has."""
    known = {emotion for part in parts.values() for emotion in part.features["label"].names}
    unknown = sorted({read_emotion(word) for word in mapping} - known)
    if unknown:
        raise RecipeError(
            f"`map_emotions` names `{unknown[0]}`, which no clip of {', '.join(parts)} has. "
            + suggest(unknown[0], known)
        )


def check_several_emotions(dataset: Dataset) -> Dataset:
    """The dataset; raises CorpusError where all its clips have one emotion."""
    names = dataset.features["label"].names
    if len(names) < 2:
        raise CorpusError(f"Only `{names[0]}` is left of the emotions; there is nothing to tell apart. Keep another.")
    return dataset


def check_common_words(parts: Mapping[str, Dataset], mapping: Mapping[str, str]) -> None:
    """Raise CorpusError for an emotion that only some corpora have, unless it is common or in `mapping`."""
    decided = {read_emotion(word) for pair in mapping.items() for word in pair}
    owners: dict[str, list[str]] = {}
    for name, part in parts.items():
        for emotion in part.features["label"].names:
            owners.setdefault(emotion, []).append(name)
    clashes = {
        emotion: names
        for emotion, names in sorted(owners.items())
        if len(names) < len(parts) and emotion not in COMMON_EMOTIONS and emotion not in decided
    }
    if clashes:
        listed = "; ".join(f"`{emotion}` is only in {', '.join(names)}" for emotion, names in clashes.items())
        first = next(iter(clashes))
        raise CorpusError(
            f"The corpora do not have the same emotions: {listed}. Say what becomes of each with `map_emotions`: "
            f"another word ({{{first}: neutral}}), itself to keep it ({{{first}: {first}}}), or `{DROP}` to leave its "
            "clips out."
        )


def _align(name: str, part: Dataset, emotions: list[str], pool: Pool | None) -> Dataset:
    """A corpus with the labels of all, and its name before its speakers and sentences."""
    names, labels = part.features["label"].names, part["label"][:]
    one = pool.whole_corpora.get(name) if pool else None
    part = _replace_labels(part, [emotions.index(one or names[label]) for label in labels], emotions)
    for column in ("speaker", "sentence"):
        values = [value and f"{name}-{value}" for value in part[column][:]]
        part = _replace_column(part, column, values, Value("string"))
    return part


def _replace_labels(dataset: Dataset, labels: list[int], emotions: list[str]) -> Dataset:
    return _replace_column(dataset, "label", labels, ClassLabel(names=emotions))


def _replace_column(dataset: Dataset, column: str, values: list, feature: object) -> Dataset:
    """The dataset with other values in a column, at its old place."""
    order = dataset.column_names
    return dataset.remove_columns(column).add_column(column, values, feature=feature).select_columns(order)
