"""`recipes/<paper>/table.yaml`: the recipe of each row of a paper's table, and the number published for it."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hf_ser.arguments import read_recipe
from hf_ser.errors import RecipeError, suggest
from hf_ser.metrics import METRICS
from hf_ser.splits import OF_EVERY_KIND, SplitArguments
from hf_ser.splits.kinds import SPLITS

TABLE = "table.yaml"
PUBLISHED, BESIDE = "published", "beside"  # the two protocols under which a row can be run
PROTOCOLS = (PUBLISHED, BESIDE)
KEYS, OPTIONAL_KEYS = ("title", "metric", "protocol", "rows"), ("beside",)
ROW_KEYS, OPTIONAL_ROW_KEYS = ("recipe", "published"), ("note", "metric", "protocol", "beside")
# A row gives its name to folders, beside `plots` and those that end in a protocol or a seed.
ROW_NAME = re.compile(r"(?!plots$)(?!.*-(?:beside|seed\d+)$)\w[\w-]*")


@dataclass(frozen=True)
class Row:
    """A row of the paper's table."""

    name: str
    recipe: Path
    metric: str  # in which it is compared
    published: dict[str, float | None]  # metric -> share of 0..1; None where the paper gives none
    protocol: str  # of its published numbers, in words; "" for the table's
    note: str
    beside: dict[str, Any] | None  # options of its second run; None for no second run


@dataclass(frozen=True)
class PaperTable:
    """A paper's table."""

    folder: Path
    title: str
    protocol: str  # of the published numbers, in words
    rows: dict[str, Row]


def find_paper(name: str | None, recipes: Path) -> Path:
    """The folder of a paper: of that name in the folder of recipes, or of that path.

    Raises:
        RecipeError: if none is named or it holds no table, with the papers there are.
    """
    papers = sorted(path.parent.name for path in recipes.glob(f"*/{TABLE}"))
    listing = "Papers: " + (", ".join(f"`{paper}`" for paper in papers) or "none yet") + "."
    if name is None:
        raise RecipeError(f"Give a paper first: `python recipes/reproduce.py PAPER [--key value ...]`. {listing}")
    if name in papers:
        return recipes / name
    if (Path(name) / TABLE).is_file():
        return Path(name)
    if Path(name).is_dir():
        raise RecipeError(f"`{name}` holds no `{TABLE}`. {listing}")
    raise RecipeError(f"There is no paper `{name}`. {suggest(name, papers) if papers else listing}")


def read_table(folder: Path) -> PaperTable:
    """Read and check `table.yaml` of a paper's folder.

    Raises:
        RecipeError: for a key that is missing or unknown, and for a value that cannot be, with its row.
    """
    path = folder / TABLE
    content = read_recipe(path)
    _check_keys(content, KEYS, OPTIONAL_KEYS, f"`{path}`")
    for key in ("title", "protocol"):
        _check_text(content[key], f"`{key}` of `{path}`")
    _check_metric(content["metric"], f"`{path}`")
    _check_options(content.get("beside"), f"`{path}`")
    if not isinstance(content["rows"], dict) or not content["rows"]:
        raise RecipeError(f"`rows` of `{path}` must be a mapping, a row's name: its recipe and published number.")
    rows = {row.name: row for row in (_read_row(*item, content, path) for item in content["rows"].items())}
    if len(rows) < len(content["rows"]):
        raise RecipeError(f"`rows` of `{path}` names a row twice, as a number and in quotes. Rename one of them.")
    return PaperTable(folder, content["title"], content["protocol"], rows)


def name_run(row: str, protocol: str, seed: int | None = None) -> str:
    """Folder of a row's run: `A`, `A-beside`, or `A-seed1` for another seed than the recipe's."""
    if protocol == BESIDE:
        return f"{row}-{BESIDE}"
    return row if seed is None else f"{row}-seed{seed}"


def reset_split(row: Row) -> dict[str, Any]:
    """Keys of the recipe's own split with their defaults, for a second protocol that names its own."""
    if "split" not in (row.beside or {}):
        return {}
    keys = read_recipe(row.recipe).keys()
    return {key: value for key, value in _split_defaults().items() if key in keys}


def list_foreign_keys(row: Row) -> set[str]:
    """Keys of other splits than the one that the second protocol names."""
    split = (row.beside or {}).get("split")
    return _split_defaults().keys() - SPLITS[split].options if split else set()


def _split_defaults() -> dict[str, Any]:
    """Keys that belong to some kinds of split, with their defaults."""
    return {key: value for key, value in asdict(SplitArguments()).items() if key not in OF_EVERY_KIND}


def _read_row(name: object, entry: object, table: dict[str, Any], path: Path) -> Row:
    """A row, with what it does not say taken from the table."""
    where = f"row `{name}` of `{path}`"
    if name is None or isinstance(name, bool) or not ROW_NAME.fullmatch(str(name)):
        raise RecipeError(
            f"The name of {where} is that of folders too: use letters, digits, `-` and `_`, in quotes where YAML "
            "reads true, false or null, and neither `plots` nor an end in `-beside` or `-seed0`."
        )
    if not isinstance(entry, dict):
        raise RecipeError(f"The {where} must be a mapping, `{{recipe: a.yaml, published: 0.8773}}`; it is {entry!r}.")
    _check_keys(entry, ROW_KEYS, OPTIONAL_ROW_KEYS, f"The {where}")
    for key in {"recipe", "note", "protocol"} & entry.keys():
        _check_text(entry[key], f"`{key}` of {where}")
    recipe = path.parent / entry["recipe"]
    if not recipe.is_file():
        raise RecipeError(f"The {where} names the recipe `{entry['recipe']}`, and there is no `{recipe}`.")
    metric = entry.get("metric", table["metric"])
    _check_metric(metric, where)
    beside = entry["beside"] if "beside" in entry else table.get("beside")
    _check_options(beside, where)
    texts = {"protocol": entry.get("protocol", ""), "note": entry.get("note", "")}
    published = _read_published(entry["published"], metric, where)
    return Row(name=str(name), recipe=recipe, metric=metric, published=published, beside=beside or None, **texts)


def _read_published(value: object, metric: str, where: str) -> dict[str, float | None]:
    """Published numbers by metric, that of the comparison first."""
    numbers = value if isinstance(value, dict) else {metric: value}
    for name, number in numbers.items():
        _check_metric(name, f"`published` of {where}")
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if number is not None and not (is_number and 0 <= number <= 1):
            raise RecipeError(
                f"`published` of {where} is {number!r}; expected a share from 0 to 1, 0.8773 for 87.73 %, or null "
                "where the paper gives none."
            )
    return {metric: numbers.get(metric)} | numbers


def _check_keys(content: dict, needed: Iterable[str], optional: Iterable[str], what: str) -> None:
    valid = [*needed, *optional]
    for key in content:
        if key not in valid:
            raise RecipeError(f"{what} has an unknown key `{key}`. {suggest(str(key), valid)}")
    missing = [f"`{key}`" for key in needed if key not in content]
    if missing:
        raise RecipeError(f"{what} lacks {', '.join(missing)}.")


def _check_text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise RecipeError(f"{what} is {value!r}; expected text. Put quotes around it.")


def _check_metric(metric: object, where: str) -> None:
    if str(metric) not in METRICS:
        raise RecipeError(f"`{metric}` in {where} is no metric of results.json. {suggest(str(metric), METRICS)}")


def _check_options(beside: object, where: str) -> None:
    if beside is not None and not (isinstance(beside, dict) and all(isinstance(key, str) for key in beside)):
        raise RecipeError(
            f"`beside` in {where} is {beside!r}; expected keys of a recipe, "
            "`{split: leave-one-speaker-out, speaker_independent: true}`, or null for no second run."
        )
    split = (beside or {}).get("split")
    if split is not None and str(split) not in SPLITS:
        raise RecipeError(f"`beside` in {where} has an unknown split `{split}`. {suggest(str(split), SPLITS)}")
