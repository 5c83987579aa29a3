"""The order of the blocks of composite features, searched as Ragheb et al. do (section 3.1).

Every order of the blocks is scored by a logistic regression on vectors, the mean of each row over time. What such a
search can tell is little: a regression with an L2 penalty, started at zero, has the same optimum whatever the order of
its inputs, so that all orders score alike up to the rounding of the solver, as "only a few candidates with the same
accuracy" of the paper suggests. The order matters to a network that sees the rows as an image; the paper therefore
fine-tunes with the orders of its short list.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import sklearn
from datasets import Dataset
from datasets.fingerprint import Hasher
from tqdm.auto import tqdm

from hf_ser import order_scores
from hf_ser.arguments import Recipe
from hf_ser.checks import drop_bad_audio
from hf_ser.corpora import load_corpus
from hf_ser.errors import CorpusError, RecipeError, writing
from hf_ser.features import extract_features
from hf_ser.models.composite import BLOCKS, count_rows
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.order_scores import Fold, Order, list_orders, make_folds, score_orders
from hf_ser.splits import count_folds, make_split
from hf_ser.splits.arguments import SplitArguments
from hf_ser.training import build_feature_extractor
from hf_ser.wording import percent
from hf_ser.workers import count_cores

logger = logging.getLogger(__name__)

SCORES = ("uar", "accuracy", "log_loss")


@dataclass(frozen=True)
class OrderSearch:
    """What `hf-ser features order RECIPE` tells."""

    title: str  # which clips, and how they are tested
    paper: str  # the paper's order of these blocks
    table: pd.DataFrame  # as `search_orders` gives it


def search_recipe(recipe: Recipe) -> OrderSearch:
    """Search the orders of a recipe's blocks on its training part; of a split in folds, that of `fold`, or of fold 0.

    Raises:
        RecipeError: for features that are not composite, or of one block.
    """
    dataset, _ = drop_bad_audio(load_corpus(**recipe.corpus.as_options()), recipe.corpus.on_bad_audio)
    extractor = build_feature_extractor(recipe, dataset)
    _check_blocks(extractor)
    n_folds = count_folds(dataset, recipe.split)
    arguments = replace(recipe.split, fold=0) if n_folds > 1 else recipe.split
    # Before the split, as in a training, which then finds them in the cache.
    dataset = extract_features(dataset, extractor, num_proc=recipe.corpus.num_proc)
    train = make_split(dataset, **arguments.as_options())["train"]
    table = search_orders(train, extractor, seed=arguments.split_seed, num_proc=recipe.corpus.num_proc)
    return OrderSearch(_describe_part(train, arguments), _join(_order_as_paper(extractor.blocks)), table)


def search_orders(
    dataset: Dataset, extractor: SpectrogramFeatureExtractor, *, seed: int = 0, num_proc: int | None = None
) -> pd.DataFrame:
    """Score every order of the blocks by five-fold cross-validation; an interrupted call goes on where it was.

    Speakers are kept apart where all are known. Every order has the same folds.

    Args:
        dataset: the training part, with `input_features` as `extract_features` gives them.
        extractor: of these features, `kind: composite`.
        seed: of the folds.
        num_proc: worker processes; None takes all cores.

    Returns:
        a row for each order: `blocks`, joined by commas as a recipe takes them; `uar`, `accuracy` and `log_loss` of
        the pooled predictions; `tied`, how many orders have the same UAR and accuracy, itself among them. The best
        UAR first, then the best accuracy; ties are in the sequence of `itertools.permutations` of the paper's order,
        which comes first.

    Raises:
        RecipeError: for features that are not composite, or of one block.
        CorpusError: for a dataset without these features.
        SplitError: when there are too few clips of an emotion, or too few speakers.
        StorageError: when the disk is full.
    """
    _check_blocks(extractor)
    vectors = average_blocks(dataset, extractor)
    labels = np.asarray(dataset["label"][:])
    folds = make_folds(labels, dataset["speaker"][:], dataset.features["label"].names, seed)
    orders = list_orders(vectors)
    path = _records_path(vectors, labels, folds)
    with writing(path, "Free some space, or set `HF_DATASETS_CACHE` to another disk; finished orders are kept."):
        path.parent.mkdir(parents=True, exist_ok=True)
        records = _complete_records(path, orders, vectors, labels, folds, num_proc or count_cores())
    return _tabulate(orders, records)


def average_blocks(dataset: Dataset, extractor: SpectrogramFeatureExtractor) -> dict[str, np.ndarray]:
    """The mean of each row over the frames of the clip, (clips, rows) for each block, in the paper's order."""
    if "input_features" not in dataset.column_names or not len(dataset):
        raise CorpusError(
            f"The dataset has {len(dataset)} clips and the columns {dataset.column_names}; expected at least one clip "
            "and `input_features`, as `extract_features` gives them."
        )
    clips = dataset.select_columns("input_features").with_format("numpy")
    means = np.stack([clip.mean(axis=0, dtype=np.float64) for clip in _iterate(clips)])
    if means.shape[1] != extractor.feature_size:
        raise CorpusError(
            f"The features have {means.shape[1]} rows, and this feature extractor gives {extractor.feature_size}. "
            "Pass the one with which they were extracted."
        )
    sizes = (extractor.n_mels, extractor.n_mfcc, extractor.n_split_mels)
    ends = np.cumsum([count_rows([block], *sizes) for block in extractor.blocks])
    parts = dict(zip(extractor.blocks, np.split(means, ends[:-1], axis=1), strict=True))
    return {block: parts[block] for block in _order_as_paper(extractor.blocks)}


def describe_search(table: pd.DataFrame) -> list[str]:
    """What the table means, a sentence a line."""
    ranges = " and ".join(f"{_range(table[name])} {word}" for name, word in (("uar", "UAR"), ("accuracy", "accuracy")))
    spread = table["log_loss"].max() - table["log_loss"].min()
    return [
        f"{len(table)} orders: {ranges}; {table['tied'].iloc[0]} tie for the best. "
        f"Their log losses lie within {spread:.0e} of each other.",
        "A logistic regression cannot tell the orders apart: its optimum does not depend on the order of its inputs, "
        "and what differs is rounding.",
        "The order can matter to a network that sees the rows as an image: fine-tune with each order of a short list, "
        "as Ragheb et al. do, and choose on the validation part.",
    ]


def _describe_part(train: Dataset, arguments: SplitArguments) -> str:
    fold = "" if arguments.fold is None else f", fold {arguments.fold}"
    speakers = set(train["speaker"][:])
    apart = (
        f"speakers ({len(speakers)}) kept apart" if all(speakers) else "folds of random clips, as speakers are unknown"
    )
    return f"{len(train)} training clips of `split: {arguments.split}`{fold}; {apart}"


def _check_blocks(extractor: SpectrogramFeatureExtractor) -> None:
    if extractor.kind != "composite":
        raise RecipeError(
            f"`kind` is `{extractor.kind}`, which has no blocks to order. Give a recipe of `kind: composite`."
        )
    if len(extractor.blocks) < 2:
        raise RecipeError(
            f"`blocks` is {extractor.blocks}, which has one order. Name two or more, or leave it out for all "
            f"{len(BLOCKS)}."
        )


def _iterate(clips: Dataset) -> Iterable[np.ndarray]:
    """The features of each clip, (frames, rows), read in batches."""
    return (clip for batch in clips.iter(batch_size=64) for clip in batch["input_features"])


def _complete_records(
    path: Path,
    orders: Sequence[Order],
    vectors: dict[str, np.ndarray],
    labels: np.ndarray,
    folds: Sequence[Fold],
    num_proc: int,
) -> dict[str, dict]:
    """The scores of every order: those of earlier calls, and the missing ones, each kept as soon as it is there."""
    records = _read_records(path)
    missing = [order for order in orders if _join(order) not in records]
    logger.info("Orders: %d of %d are finished.", len(orders) - len(missing), len(orders))
    progress = tqdm(total=len(orders), initial=len(orders) - len(missing), desc="Scoring orders", unit="order")
    with progress, path.open("a", encoding="utf-8") as file:
        for order, scores in score_orders(missing, vectors, labels, folds, min(num_proc, max(1, len(missing)))):
            records[_join(order)] = {"blocks": _join(order), **scores}
            # The line's end goes first, so that a line which a crash has cut off spoils no other.
            file.write("\n" + json.dumps(records[_join(order)]))
            file.flush()
            progress.update()
    return records


def _read_records(path: Path) -> dict[str, dict]:
    """Finished orders; a line that was cut off is passed over."""
    if not path.is_file():
        return {}
    records = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        records[record["blocks"]] = record
    return records


def _records_path(vectors: dict[str, np.ndarray], labels: np.ndarray, folds: Sequence[Fold]) -> Path:
    """File of the finished orders under the cache of `datasets`, keyed by all that decides their scores."""
    code = Path(order_scores.__file__).read_bytes()
    key = Hasher.hash((vectors, labels, folds, code, sklearn.__version__))
    return Path(datasets.config.HF_DATASETS_CACHE) / "hf_ser" / "feature_orders" / f"{key}.jsonl"


def _tabulate(orders: Sequence[Order], records: dict[str, dict]) -> pd.DataFrame:
    table = pd.DataFrame([records[_join(order)] for order in orders], columns=["blocks", *SCORES])
    table["tied"] = table.groupby(["uar", "accuracy"])["blocks"].transform("size")
    return table.sort_values(["uar", "accuracy"], ascending=False, kind="stable", ignore_index=True)


def _order_as_paper(blocks: Sequence[str]) -> list[str]:
    return [block for block in BLOCKS if block in blocks]


def _join(order: Iterable[str]) -> str:
    return ",".join(order)


def _range(scores: pd.Series) -> str:
    """Lowest and highest score, as `74.0 to 75.1 %`."""
    return f"{100 * scores.min():.1f} to {percent(scores.max())}"
