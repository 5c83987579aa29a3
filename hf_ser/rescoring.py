"""A saved model scored again from sound files: on the test part of its own run, or on the whole of another corpus."""

import dataclasses
import logging
import os
from pathlib import Path
from typing import Any

import datasets
from rich.table import Table

from hf_ser.arguments import CorpusArguments, read_recipe
from hf_ser.checks import drop_bad_audio
from hf_ser.corpora import CORPORA, Folders, Names, describe_corpora, list_sources, load_corpus
from hf_ser.errors import RunError
from hf_ser.evaluation import score, summarize, tabulate_predictions
from hf_ser.inference import check_one_model, classify, list_emotions, load_classifier, read_json
from hf_ser.runs import RECIPE, RESULTS, SPLIT
from hf_ser.wording import corpus_title, percent

logger = logging.getLogger(__name__)

COLUMNS = ["audio", "label", "speaker", "sex", "sentence", "utterance"]
OTHER_CORPUS = "another corpus, whole"


def evaluate_model(
    model: str | Path, corpus: str | None = None, data_dir: str | Path | None = None, batch_size: int = 8
) -> dict[str, Any]:
    """Score a saved model from the sound files, through the same pipeline as `predict`.

    Args:
        model: Run folder; with `corpus` a Hub id serves too.
        corpus: None scores the test part of the run and compares with its results.json; a name of CORPORA scores all
            clips of that corpus.
        data_dir: Where the corpus is; None takes the recipe's folder for the run's own corpus.
        batch_size: Files in memory at once.

    Returns:
        The scores of results.json with `corpus`, `protocol` and `model`; for the run's own test part also
        `saved_metrics`, those of results.json, and `agrees`, whether they are the same.

    Raises:
        RunError: The folder lacks a file, the corpus has not the utterances of the split, or emotions that the model
            does not know.
        AudioError: A sound file cannot be read.
    """
    folder = Path(os.path.expanduser(model))
    if corpus is None:
        return _evaluate_test_part(folder, data_dir, batch_size)
    trained_on = _find_training_corpora(folder)
    name = _name_corpora(corpus, data_dir)[0]
    if name in trained_on:
        raise RunError(
            f"`{model}` was trained on `{name}`: a score on all of it would count the clips it learnt from. "
            "Leave out `--corpus` to score its test part."
        )
    dataset, skipped = drop_bad_audio(load_corpus(corpus, data_dir))
    return _score(model, dataset, batch_size) | {
        "corpus": describe_corpora(corpus, data_dir, None, dataset),
        "protocol": {
            "split": OTHER_CORPUS,
            "n_test": len(dataset),
            "trained_on": "+".join(trained_on) or None,
            "shared_speakers": [],
            "test_speakers": sorted(set(dataset["speaker"][:])),
        },
        "skipped_audio": skipped,
    }


def summarize_evaluation(results: dict[str, Any]) -> Table:
    """The scores as a table for a terminal, which tells what results.json says, or that the corpus is another one."""
    table = summarize(results)
    protocol, saved = results["protocol"], results.get("saved_metrics")
    if saved is None:
        trained_on = protocol["trained_on"]
        source = f"a model trained on `{trained_on}`" if trained_on else "a model whose training corpus is not known"
        corpus = corpus_title(results["corpus"])
        table.title = f"Cross-corpus: {corpus}, all clips, n = {protocol['n_test']}, scored by {source}"
    else:
        scores = ", ".join(f"{name} {percent(saved[name])}" for name in results["metrics"])
        says = "the same scores" if results["agrees"] else scores
        table.caption = f"{table.caption}; {RESULTS} has {says}"
    return table


def _evaluate_test_part(folder: Path, data_dir: str | Path | None, batch_size: int) -> dict[str, Any]:
    check_one_model(folder)
    missing = [name for name in (RECIPE, SPLIT, RESULTS) if not (folder / name).is_file()]
    if missing:
        raise RunError(
            f"`{folder}` lacks {', '.join(f'`{name}`' for name in missing)}, by which its test part is known. Pass "
            "the whole run folder, or `--corpus NAME --data-dir DIR` to score the model on another corpus."
        )
    split, saved = read_json(folder / SPLIT, "test"), read_json(folder / RESULTS, "metrics", "corpus", "protocol")
    if read_recipe(folder / RECIPE).get("split_windows"):
        raise RunError(
            f"`{folder}` was tested on single windows (`split_windows`), of clips that it learnt other windows of. "
            "Only clips can be scored again: pass a run without `split_windows`."
        )
    arguments = _read_corpus_arguments(folder)
    arguments.data_dir = data_dir or arguments.data_dir
    dataset = load_corpus(**arguments.as_options())
    test = _select_utterances(dataset, split["test"], folder)
    results = _score(folder, test, batch_size)
    agrees = results["metrics"] == saved["metrics"]
    if not agrees:
        logger.warning("The scores are not those of `%s`: other files, packages or hardware.", folder / RESULTS)
    kept = {name: saved[name] for name in ("corpus", "protocol")}
    return results | kept | {"saved_metrics": saved["metrics"], "agrees": agrees}


def _score(model: str | Path, dataset: datasets.Dataset, batch_size: int) -> dict[str, Any]:
    """Every score of a model on all clips of a dataset."""
    classifier = load_classifier(model)
    emotions = [emotion.lower() for emotion in list_emotions(classifier)]
    dataset = _relabel(dataset.select_columns(COLUMNS), emotions, str(model))
    probabilities, _ = classify(classifier, dataset["audio"], batch_size)
    return {"model": str(model), **score(tabulate_predictions(probabilities, dataset), emotions)}


def _relabel(dataset: datasets.Dataset, emotions: list[str], model: str) -> datasets.Dataset:
    """The dataset with the model's label ids, matched by name."""
    names = dataset.features["label"].names
    unknown = sorted(set(names) - set(emotions))
    if unknown:
        extra = sorted(set(emotions) - set(names))
        raise RunError(
            f"`{model}` does not know {unknown}, which the corpus has. It knows {sorted(emotions)}"
            + (f", of which the corpus lacks {extra}" if extra else "")
            + ". Use a model that was trained on these emotions, or a corpus of the model's own."
        )
    labels = [emotions.index(names[label]) for label in dataset["label"][:]]
    return dataset.remove_columns("label").add_column("label", labels, feature=datasets.ClassLabel(names=emotions))


def _select_utterances(dataset: datasets.Dataset, utterances: list[str], folder: Path) -> datasets.Dataset:
    """The clips of the test part, in its order."""
    rows = {utterance: row for row, utterance in enumerate(dataset["utterance"][:])}
    missing = [utterance for utterance in utterances if utterance not in rows]
    if missing:
        raise RunError(
            f"{len(missing)} of the {len(utterances)} utterances in the test part of `{folder / SPLIT}` are not in "
            f"the corpus, the first is `{missing[0]}`. Pass the corpus as it was in training: `--data-dir DIR`."
        )
    return dataset.select([rows[utterance] for utterance in utterances])


def _find_training_corpora(folder: Path) -> list[str]:
    """Names of the corpora that a run was trained on; none for a model without a recipe."""
    if not (folder / RECIPE).is_file():
        return []
    if (folder / RESULTS).is_file() and (
        named := read_json(folder / RESULTS, "protocol")["protocol"].get("train_corpora")
    ):
        return named
    arguments = _read_corpus_arguments(folder)
    return _name_corpora(arguments.corpus, arguments.data_dir)


def _name_corpora(corpus: Names, data_dir: Folders) -> list[str]:
    """Names as the cards have them: two tables of one's own are two corpora."""
    return [CORPORA[source].find_card(place).name for source, place in list_sources(corpus, data_dir)]


def _read_corpus_arguments(folder: Path) -> CorpusArguments:
    options = read_recipe(folder / RECIPE)
    names = [field.name for field in dataclasses.fields(CorpusArguments)]
    return CorpusArguments(**{name: options[name] for name in names if name in options})
