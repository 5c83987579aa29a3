"""Whether a corpus is the published one: its counts per emotion and per speaker against its card."""

import logging
from collections import Counter
from collections.abc import Mapping

import datasets

from hf_ser.corpora.base import CorpusCard

logger = logging.getLogger(__name__)


def count_emotions(dataset: datasets.Dataset) -> dict[str, int]:
    """Utterances per emotion in label order; an emotion without any counts 0."""
    names, counts = dataset.features["label"].names, Counter(dataset["label"][:])
    return {name: counts[index] for index, name in enumerate(names)}


def count_emotions_by_corpus(dataset: datasets.Dataset) -> dict[str, dict[str, int]]:
    """Utterances per corpus and emotion; only the emotions that a corpus has."""
    names = dataset.features["label"].names
    counts = Counter(zip(dataset["corpus"][:], dataset["label"][:], strict=True))
    by_corpus: dict[str, dict[str, int]] = {}
    for (corpus, label), count in sorted(counts.items()):
        by_corpus.setdefault(corpus, {})[names[label]] = count
    return by_corpus


def count_speakers(dataset: datasets.Dataset) -> dict[str, int]:
    """Utterances per speaker, by name."""
    return dict(sorted(Counter(dataset["speaker"][:]).items()))


def fingerprint_differences(dataset: datasets.Dataset, card: CorpusCard) -> list[str]:
    """One sentence for each count that is not the published one; none for the corpus as published."""
    speakers = count_speakers(dataset)
    return [
        *_differences("files", {"in all": len(dataset)}, {"in all": card.n_clips}),
        *_differences("emotion", count_emotions(dataset), card.emotion_counts),
        *_differences("speakers", {"in all": len(speakers)}, {"in all": card.n_speakers}),
        *(_differences("speaker", speakers, card.speaker_counts) if card.speaker_counts else []),
    ]


def check_fingerprint(dataset: datasets.Dataset, card: CorpusCard) -> None:
    """Log the counts, and a warning for each that is not the published one."""
    logger.info("%s: %d files, %s", card.name, len(dataset), _listed(count_emotions(dataset)))
    logger.info("%s: files per speaker: %s", card.name, _listed(count_speakers(dataset)))
    for difference in fingerprint_differences(dataset, card):
        logger.warning("%s differs from the published corpus: %s", card.name, difference)


def _differences(kind: str, counts: Mapping[str, int], published: Mapping[str, int]) -> list[str]:
    return [
        f"{kind} {name}: {counts.get(name, 0)} found, {published.get(name, 0)} published"
        for name in sorted({*counts, *published})
        if counts.get(name, 0) != published.get(name, 0)
    ]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
