"""What a call of `recipes/reproduce.py` asks for: rows of a table, protocols, seeds and overrides, as trainings."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_ser.arguments import Recipe, list_keys, parse_recipe, read_pairs
from hf_ser.errors import RecipeError, RunError, suggest
from hf_ser.reproduction.commands import as_words
from hf_ser.reproduction.tables import (
    BESIDE,
    PROTOCOLS,
    PUBLISHED,
    PaperTable,
    Row,
    find_paper,
    list_foreign_keys,
    name_run,
    read_table,
    reset_split,
)
from hf_ser.runs import check_folder, is_finished

logger = logging.getLogger(__name__)

# Keys that are this program's own; all others are the recipes'.
OWN_KEYS = ("rows", "protocols", "seeds", "output_dir")


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    table: PaperTable
    folder: Path  # of all runs
    rows: list[Row]
    protocols: list[str]
    seeds: list[int]  # none: each recipe's own
    overrides: dict[str, str]  # key -> word of the command line, for every recipe


@dataclass(frozen=True)
class Training:
    """One run of a row, its recipe parsed."""

    name: str
    row: Row
    words: list[str]  # what stands after `recipes/train.py`
    recipe: Recipe
    has_ended: bool


def parse_request(arguments: Sequence[str], recipes: Path) -> Request:
    """Read `PAPER [--rows A,E] [--protocols published] [--seeds 0,1,2] [--output_dir DIR] [--key value ...]`.

    Args:
        arguments: what stands on the command line.
        recipes: folder that holds the folders of the papers.

    Raises:
        RecipeError: for a paper, table, row, protocol or key that is not one.
        RunError: if `--output_dir` is a file.
    """
    is_named = bool(arguments) and not arguments[0].startswith("-")
    table = read_table(find_paper(arguments[0] if is_named else None, recipes))
    pairs = read_pairs(list(arguments[1:]))
    valid = [*OWN_KEYS, *list_keys()]
    for key in pairs:
        if key not in valid:
            raise RecipeError(f"Unknown key `{key}`. {suggest(key, valid)}")
    return Request(
        table=table,
        folder=_check_output_dir(Path(pairs.get("output_dir", f"runs/{table.folder.resolve().name}"))),
        rows=[table.rows[name] for name in _choose(pairs, "rows", list(table.rows))],
        protocols=_choose(pairs, "protocols", list(PROTOCOLS)),
        seeds=_read_seeds(pairs.get("seeds")),
        overrides={key: text for key, text in pairs.items() if key not in OWN_KEYS},
    )


def plan_trainings(request: Request) -> list[Training]:
    """Every training asked for, row by row; a mistake in any recipe is met before the first begins.

    Raises:
        RecipeError: for a recipe that does not hold together with its overrides, with its row.
        RunError: if a folder holds another recipe's run, or nothing is asked for.
    """
    trainings = [training for row in request.rows for training in _plan_row(request, row)]
    if not trainings:
        rows = ", ".join(f"`{row.name}`" for row in request.rows)
        raise RunError(f"Nothing to run: {rows} have no run `{BESIDE}` in `table.yaml`. Leave out `--protocols`.")
    return trainings


def _plan_row(request: Request, row: Row) -> list[Training]:
    """The trainings of a row: as published, with further seeds, and beside."""
    trainings = []
    if PUBLISHED in request.protocols:
        own = _plan(request, row, PUBLISHED)
        seed = own.recipe.training.seed
        trainings += [own] if not request.seeds or seed in request.seeds else []
        trainings += [_plan(request, row, PUBLISHED, other) for other in request.seeds if other != seed]
    if BESIDE in request.protocols and row.beside:
        trainings.append(_plan(request, row, BESIDE))
    return trainings


def _plan(request: Request, row: Row, protocol: str, seed: int | None = None) -> Training:
    """One training; what is special to it wins over what was given for all recipes."""
    name = name_run(row.name, protocol, seed)
    options = request.overrides if protocol == PUBLISHED else _put_beside(row, request.overrides)
    options = options | ({} if seed is None else {"seed": seed}) | {"output_dir": str(request.folder / name)}
    words = [str(row.recipe), *as_words(options)]
    try:
        recipe = parse_recipe(words)
    except RecipeError as error:
        raise RecipeError(f"Row `{row.name}` ({protocol}), `{row.recipe}`: {error}") from error
    has_ended = is_finished(recipe)
    if not has_ended:
        check_folder(recipe)
    return Training(name, row, words, recipe, has_ended)


def _put_beside(row: Row, overrides: dict[str, str]) -> dict[str, Any]:
    """Options of the second protocol, with the overrides that its split does not refuse."""
    foreign = list_foreign_keys(row)
    kept = {key: text for key, text in overrides.items() if key not in foreign}
    for key in [key for key in kept if key in row.beside]:
        logger.info("Row `%s`: `--%s` holds for the first run; the second has the table's own.", row.name, key)
    return reset_split(row) | kept | row.beside


def _choose(pairs: dict[str, str], key: str, valid: list[str]) -> list[str]:
    """The names given for a key, in the order of the valid ones; all where none are."""
    names = [name.strip() for name in pairs[key].split(",")] if key in pairs else valid
    for name in names:
        if name not in valid:
            raise RecipeError(f"`--{key}` has no `{name}`. {suggest(name, valid)}")
    return [name for name in valid if name in names]


def _read_seeds(text: str | None) -> list[int]:
    words = [] if text is None else [word.strip() for word in text.strip("[]").split(",")]
    if not all(word.isdecimal() for word in words):
        raise RecipeError(f"`--seeds` is {text!r}; expected whole numbers from 0 on, such as `--seeds 0,1,2`.")
    return list(dict.fromkeys(map(int, words)))


def _check_output_dir(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise RunError(f"`--output_dir {folder}` is a file. Give the name of a folder, which is made if need be.")
    return folder
