"""The command `hf-ser`: corpora, check, features, evaluate, predict.

A command imports what it needs, so that help is quick.
"""

import contextlib
import dataclasses
import json
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

import hf_ser
from hf_ser.errors import exit_in_one_line

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from hf_ser.feature_orders import OrderSearch
    from hf_ser.inspection import RecipeReport

app = typer.Typer(
    help="Recognise emotions in speech. Training is `accelerate launch recipes/train.py RECIPE.yaml`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
corpora = typer.Typer(help="List the corpora, or check the files of one.")
app.add_typer(corpora, name="corpora")
features = typer.Typer(help="Look at what a network gets to see of sound.", no_args_is_help=True)
app.add_typer(features, name="features")

# What `hf-ser check` finds, the serious first.
KINDS = {
    "stop": "what training will refuse",
    "leak": "leaks",
    "label": "labels that cannot be right",
    "balance": "imbalance",
    "quality": "sounds to listen to",
    "note": "to be read with the score",
}
NEXT_LIKELY = 2  # emotions beside the first in the table on a terminal
BEST_ORDERS = 10  # in the table on a terminal, beside the paper's


class TableFormat(StrEnum):
    """How predictions, or orders of features, are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class ResultFormat(StrEnum):
    """How scores are written."""

    TABLE = "table"
    JSON = "json"


BatchSize = Annotated[int, typer.Option(min=1, help="Files in memory at once; it does not change the scores.")]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        "--data_dir",
        help="Folder or archive of the corpus, or of several, by commas; else the recipe's own.",
    ),
]
Model = Annotated[str, typer.Argument(help="Run folder, or the id of a model on the Hub.", show_default=False)]


def main() -> None:
    """Run the program: a user's error is one line, a closed pipe is none, our own bugs keep their traceback."""
    with exit_in_one_line(), _end_with_the_pipe():
        app()


@app.callback(invoke_without_command=True)
def set_up(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """Before every command: results go to stdout, everything else to stderr."""
    if version:
        typer.echo(f"hf_ser {hf_ser.__version__}")
        raise typer.Exit
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


@corpora.callback(invoke_without_command=True)
def show_corpora(context: typer.Context) -> None:
    """List the corpora, or check the files of one."""
    if context.invoked_subcommand is None:
        list_corpora()


@corpora.command("list")
def list_corpora() -> None:
    """List the corpora and how to get them."""
    from hf_ser.corpora import CORPORA

    table = _make_table("name", "language", "speakers", "clips", "hours", "emotions")
    for name, builder in CORPORA.items():
        card, emotions = builder.card, ", ".join(builder.card.emotions) or "yours"
        numbers = (card.n_speakers or "yours", card.n_clips or "yours", card.hours or "")
        _add_row(table, name, card.language, *numbers, emotions)
    _print(table)
    for name, builder in CORPORA.items():
        card = builder.card
        licence = f"Licence: {card.licence or 'not stated.'}"
        typer.echo(f"\n{name}: {card.title}\n  {licence}\n  {card.download}")


@corpora.command("check")
def check_corpus(
    name: Annotated[str, typer.Argument(help="Name of the corpus, as `hf-ser corpora` lists it.")],
    data_dir: Annotated[
        str | None, typer.Argument(help="Folder or archive of its files, or your table.", show_default=False)
    ] = None,
) -> None:
    """Read every file of a corpus and say what differs from the published one; exit status 1 if something does."""
    from hf_ser.checks import check_corpus as check

    logging.getLogger("hf_ser").setLevel(logging.ERROR)  # the report says it all
    report = check(name, data_dir)
    counts = _make_table("emotion", "files", title=f"{report.name}: {sum(report.emotion_counts.values())} files")
    for emotion, count in report.emotion_counts.items():
        _add_row(counts, emotion, count)
    _print(counts)
    typer.echo("speakers: " + ", ".join(f"{name} {count}" for name, count in report.speaker_counts.items()))
    _list_findings("differences from the published corpus", report.differences)
    for what, files in {"bad files": report.bad_files, "bad files as published": report.known_bad_files}.items():
        _list_findings(what, [f"{bad['file']}: {bad['reason']}" for bad in files])
    _list_findings("sounds held more than once", [", ".join(group) for group in report.duplicates])
    _list_findings("recordings held more than once, changed", [", ".join(group) for group in report.near_duplicates])
    if report.differences or report.bad_files:
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def check(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="Recipe; `--key value` after it wins over its values.")],
    output_format: Annotated[ResultFormat, typer.Option("--format")] = ResultFormat.TABLE,
) -> None:
    """Say what a recipe would train and test on, before any training; exit status 1 for leaks and wrong labels."""
    _silence_libraries()
    from hf_ser.arguments import parse_recipe
    from hf_ser.inspection import inspect_recipe

    report = inspect_recipe(parse_recipe([recipe, *context.args]))
    if output_format is ResultFormat.JSON:
        typer.echo(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        _show_report(report)
    if any(finding.is_serious for finding in report.findings):
        raise typer.Exit(1)


def _show_report(report: "RecipeReport") -> None:
    """The parts as a table, then what was found, the serious first."""
    fold = f", fold 0 of {report.n_folds}" if report.n_folds > 1 else ""
    table = _make_table("", *report.parts, title=f"{report.title}{fold}")
    rows = dict.fromkeys(key for counts in report.parts.values() for key in counts)
    for row in rows:
        _add_row(table, row, *(counts.get(row, 0) for counts in report.parts.values()))
    _print(table)
    for kind in KINDS:
        _list_findings(KINDS[kind], [finding.text for finding in report.findings if finding.kind == kind])


@features.command("order", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def order_features(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="Recipe of `kind: composite`; `--key value` wins over its values.")],
    output_format: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
) -> None:
    """Score every order of the blocks of composite features, on the training part, by a logistic regression.

    A split in folds gives the training part of `--fold`, or of fold 0. An interrupted search goes on where it was.
    """
    _silence_libraries()
    from hf_ser.arguments import parse_recipe
    from hf_ser.feature_orders import describe_search, search_recipe

    search = search_recipe(parse_recipe([recipe, *context.args]))
    for_people = output_format is TableFormat.TABLE
    if for_people:
        _print(_tabulate_orders(search))
    else:
        _echo_table(search.table, output_format)
        typer.echo(search.title, err=True)
    best = ["--blocks", search.table["blocks"].iloc[0], "--output_dir", "FOLDER"]
    command = shlex.join(["accelerate", "launch", "recipes/train.py", recipe, *context.args, *best])
    for sentence in (*describe_search(search.table), f"To fine-tune with the first order: {command}"):
        typer.echo(sentence, err=not for_people)


def _tabulate_orders(search: "OrderSearch") -> "Table":
    """The best orders, and the paper's."""
    table = _make_table("", "UAR", "accuracy", "tied", "blocks", title=search.title)
    for row in search.table.itertuples():
        is_paper = row.blocks == search.paper
        if row.Index < BEST_ORDERS or is_paper:
            scores = (f"{100 * row.uar:.1f} %", f"{100 * row.accuracy:.1f} %", row.tied)
            _add_row(table, row.Index + 1, *scores, row.blocks.replace(",", ", ") + " (the paper's)" * is_paper)
    return table


@app.command()
def evaluate(
    model: Model,
    corpus: Annotated[str | None, typer.Option(help="Score on all of another corpus, not on the test part.")] = None,
    data_dir: DataDir = None,
    output_format: Annotated[ResultFormat, typer.Option("--format")] = ResultFormat.TABLE,
    batch_size: BatchSize = 8,
) -> None:
    """Score a run again on its test part, from the sound files, or on the whole of another corpus."""
    _silence_libraries()
    from hf_ser.rescoring import evaluate_model, summarize_evaluation

    results = evaluate_model(model, corpus, _read_folders(data_dir), batch_size)
    if output_format is ResultFormat.JSON:
        typer.echo(json.dumps(results, indent=2))
    else:
        _print(summarize_evaluation(results))


@app.command()
def predict(
    model: Model,
    files: Annotated[list[str], typer.Argument(help="Sound files, folders of them, or globs.", show_default=False)],
    output_format: Annotated[TableFormat, typer.Option("--format")] = TableFormat.TABLE,
    batch_size: BatchSize = 8,
) -> None:
    """Tell the emotion of sound files; exit status 1 if one could not be read, the others are told all the same."""
    _silence_libraries()
    from hf_ser.inference import find_files, predict

    table = predict(model, find_files(files), batch_size, on_bad_audio="skip")
    if output_format is TableFormat.TABLE:
        _print(_tabulate_predictions(table))
    else:
        _echo_table(table, output_format)
    bad = int((table["error"] != "").sum())
    if bad:
        typer.echo(f"{bad} of {len(table)} files could not be read; `error` says why.", err=True)
        raise typer.Exit(1)


@features.command("plot")
def plot_features(
    files: Annotated[list[str], typer.Argument(help="Sound files, folders of them, or globs.", show_default=False)],
    recipe: Annotated[
        str | None, typer.Option(help="Recipe whose features and augmentation are drawn; else all kinds of features.")
    ] = None,
    output_dir: Annotated[str, typer.Option("--output-dir", "--output_dir", help="Folder of the pictures.")] = ".",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the augmentation; else the recipe's, or 0.", show_default=False)
    ] = None,
) -> None:
    """Draw waveform and features of each file, before and after augmentation, as PNG; two files are mixed (CutMix)."""
    _silence_libraries()
    from hf_ser.arguments import parse_recipe
    from hf_ser.feature_plots import plot_features
    from hf_ser.inference import find_files

    read_recipe = parse_recipe([recipe]) if recipe is not None else None
    bad = 0
    for drawing in plot_features(find_files(files), output_dir, read_recipe, seed):
        if drawing.error is None:
            typer.echo(f"{drawing.file}: {drawing.picture}")
        else:
            typer.echo(f"{type(drawing.error).__name__}: {drawing.error}", err=True)
            bad += 1
    if bad:
        raise typer.Exit(1)


def _echo_table(table: "pd.DataFrame", output_format: TableFormat) -> None:
    """All rows, for programs."""
    if output_format is TableFormat.CSV:
        typer.echo(table.to_csv(index=False), nl=False)
    else:
        typer.echo(table.to_json(orient="records", indent=2, force_ascii=False))


def _read_folders(text: str | None) -> str | list[str] | None:
    """One folder, or one for each corpus of a pool."""
    return text.split(",") if text and "," in text and not os.path.exists(text) else text


def _tabulate_predictions(predictions: "pd.DataFrame") -> "Table":
    """File, emotion, score and the next likely emotions; a column of errors where there are some."""
    has_errors = (predictions["error"] != "").any()
    table = _make_table("file", "label", "score", "then", *(["error"] if has_errors else []))
    for row in predictions.to_dict("records"):
        file, label, score, error = (row.pop(name) for name in ("file", "label", "score", "error"))
        ranked = sorted(row, key=row.get, reverse=True)[1 : 1 + NEXT_LIKELY]
        cells = ("", "") if error else (f"{score:.2f}", ", ".join(f"{name} {row[name]:.2f}" for name in ranked))
        _add_row(table, file, label, *cells, *([error] if has_errors else []))
    return table


def _make_table(*columns: str, title: str | None = None) -> "Table":
    """A table whose cells wrap; nothing is cut off."""
    from rich.table import Table

    table = Table(title=title)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add_row(table: "Table", *cells: object) -> None:
    """Cells as they are: brackets in a file name are no markup."""
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))


def _print(table: "Table") -> None:
    from rich.console import Console

    Console().print(table)


def _list_findings(what: str, findings: list[str]) -> None:
    typer.echo(f"{what}: {len(findings) or 'none'}")
    for finding in findings:
        typer.echo(f"  {finding}")


def _silence_libraries() -> None:
    """No warnings and no loading bars of other libraries: what matters of them, hf_ser raises as an error."""
    import datasets
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()


@contextlib.contextmanager
def _end_with_the_pipe() -> Iterator[None]:
    """Stop without a word, and with status 1, when the reader of stdout has gone (`hf-ser ... | head`)."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it ends, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
