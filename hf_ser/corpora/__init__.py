"""Corpora by name: `load_corpus("emodb", data_dir)`; a new corpus is one file and one line here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import datasets

from hf_ser.corpora.base import CorpusBuilder
from hf_ser.corpora.cremad import CremaD
from hf_ser.corpora.demo import Demo
from hf_ser.corpora.demos import Demos
from hf_ser.corpora.emodb import EmoDB
from hf_ser.corpora.emovo import Emovo
from hf_ser.corpora.fingerprints import check_fingerprint, count_emotions, count_emotions_by_corpus
from hf_ser.corpora.iemocap import Iemocap
from hf_ser.corpora.nemo import Nemo
from hf_ser.corpora.own import AudioFolder, Csv, Hub, Parquet
from hf_ser.corpora.pooling import (
    check_common_words,
    check_mapping,
    check_several_emotions,
    find_pool,
    pool_corpora,
    rename_emotions,
    select_intensities,
)
from hf_ser.corpora.ravdess import Ravdess
from hf_ser.corpora.savee import Savee
from hf_ser.corpora.tess import Tess
from hf_ser.errors import CorpusError, RecipeError, suggest

CORPORA: dict[str, type[CorpusBuilder]] = {
    "cremad": CremaD,
    "demo": Demo,
    "demos": Demos,
    "emodb": EmoDB,
    "emovo": Emovo,
    "iemocap": Iemocap,
    "nemo": Nemo,
    "ravdess": Ravdess,
    "savee": Savee,
    "tess": Tess,
    "audiofolder": AudioFolder,
    "csv": Csv,
    "parquet": Parquet,
    "hub": Hub,
}

Names = str | Sequence[str]
Folders = str | Path | Sequence[str | Path | None] | None


def load_corpus(
    name: Names,
    data_dir: Folders = None,
    *,
    pool: str | None = None,
    map_emotions: Mapping[str, str] | None = None,
    intensities: Sequence[str] | None = None,
) -> datasets.Dataset:
    """Utterances of a corpus, one row each: audio (undecoded), label, speaker, sex, sentence, ..., duration.

    Args:
        name: Key of CORPORA, or a list of them, which are pooled; speakers and sentences then carry their corpus.
        data_dir: Folder of the published files, or their archive; your own folder, table or dataset id for
            `audiofolder`, `csv`, `parquet` and `hub`; for several corpora a list, in their order.
        pool: Key of POOLS, a paper's reading of the emotions of several corpora.
        map_emotions: Emotion -> another word, or `drop` to leave its clips out.
        intensities: Values of the column `intensity` to keep; all by default.

    Raises:
        CorpusError: A name is unknown, files are missing, a file name cannot be read, or the emotions of several
            corpora clash.
        RecipeError: The options do not fit each other.
    """
    sources = list_sources(name, data_dir)
    reading = find_pool(pool, [source for source, _ in sources], map_emotions) if pool else None
    mapping = reading.emotions if reading else dict(map_emotions or {})
    parts: dict[str, datasets.Dataset] = {}
    for source, folder in sources:
        builder = CORPORA[source](data_dir=folder)
        if builder.card.name in parts:
            raise CorpusError(
                f"Two of the corpora are called `{builder.card.name}`. Give each once, or rename a file."
            )
        dataset = builder.load()
        check_fingerprint(dataset, builder.card)
        parts[builder.card.name] = dataset
    if map_emotions:
        check_mapping(parts, map_emotions)
    if intensities is not None:
        parts = select_intensities(parts, intensities)
    parts = {part: rename_emotions(dataset, mapping, part) for part, dataset in parts.items()}
    if len(parts) == 1 and reading is None:
        return check_several_emotions(next(iter(parts.values())))
    check_common_words(parts, mapping)
    return check_several_emotions(pool_corpora(parts, reading))


def list_sources(name: Names, data_dir: Folders = None) -> list[tuple[str, str | Path | None]]:
    """Each corpus with its folder.

    Raises:
        CorpusError: There is no such corpus.
        RecipeError: There are more or fewer folders than corpora.
    """
    names = list(name) if isinstance(name, list | tuple) else [name]
    folders = list(data_dir) if isinstance(data_dir, list | tuple) else [data_dir]
    unknown = [name for name in names if name not in CORPORA]
    if unknown or not names:
        raise CorpusError(
            f"Unknown corpus `{unknown[0]}`. {suggest(str(unknown[0]), CORPORA)}" if unknown else "No corpus is named."
        )
    if len(names) != len(folders):
        raise RecipeError(
            f"There are {len(names)} corpora, {', '.join(names)}, and {len(folders)} in `data_dir`. Give one folder "
            "or archive for each, in the same order; null for a corpus that needs none."
        )
    return list(zip(names, folders, strict=True))


def describe_corpora(name: Names, data_dir: Folders, pool: str | None, dataset: datasets.Dataset) -> dict[str, object]:
    """The block `corpus` of results.json: what is published of the corpora, and the clips used.

    Several corpora are described as one, in the same keys, and each by itself in `parts`.
    """
    cards = [CORPORA[source].find_card(folder) for source, folder in list_sources(name, data_dir)]
    counts = count_emotions(dataset)
    if len(cards) == 1 and pool is None:
        return {**cards[0].describe(), "counts": counts}
    described = {key: _join(key, [card.describe()[key] for card in cards]) for key in cards[0].describe()}
    if pool is not None:
        described["title"] += f" ({find_pool(pool, [card.name for card in cards], None).title})"
    by_corpus = count_emotions_by_corpus(dataset)
    parts = [{**card.describe(), "counts": by_corpus.get(card.name, {})} for card in cards]
    return {**described, "counts": counts, "parts": parts}


def _join(key: str, values: list) -> object:
    """One value for several corpora."""
    if key == "synthetic":
        return all(values)
    separator = {"name": "+", "title": " + ", "language": ", ", "home_page": " "}.get(key, "; ")
    return separator.join(dict.fromkeys(value for value in values if value))
