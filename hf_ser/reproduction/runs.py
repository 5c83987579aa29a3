"""The finished runs of a paper's table, and what was changed in each from the recipe of its row."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm

from hf_ser.arguments import TrainingArguments, read_recipe
from hf_ser.inference import read_json
from hf_ser.model_card import NEEDED
from hf_ser.reproduction.tables import BESIDE, PROTOCOLS, PUBLISHED, PaperTable, Row, name_run, reset_split
from hf_ser.runs import RESULTS
from hf_ser.templates import describe_setting

# Where things lie is no change of what is done.
PLACES = {"output_dir", "data_dir"}
ABSENT = object()  # a key that a recipe does not have


@dataclass(frozen=True)
class FinishedRun:
    """One run of a row that has ended."""

    name: str
    row: Row
    protocol: str
    results: dict[str, Any]

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return self.results["recipe"].get("seed", TrainingArguments.seed)

    @property
    def is_of_further_seed(self) -> bool:
        """Whether it is a row's run again, with another seed than the recipe's."""
        return self.protocol == PUBLISHED and self.name != self.row.name

    @functools.cached_property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Keys of the recipe that were changed, with the row's value and that of the run; ABSENT where one has none.

        The options of the second protocol and the seed of a run over seeds are what they are for, and no changes.
        """
        before, after = read_recipe(self.row.recipe), self.results["recipe"]
        if self.protocol == BESIDE:
            before = before | reset_split(self.row) | self.row.beside
        ignored = PLACES | {"seed"} if self.is_of_further_seed else PLACES
        pairs = {key: (before.get(key, ABSENT), after.get(key, ABSENT)) for key in [*before, *(after.keys() - before)]}
        return {
            key: pair for key, pair in sorted(pairs.items()) if key not in ignored and not _is_same(key, *pair, after)
        }


def collect_runs(table: PaperTable, folder: Path) -> list[FinishedRun]:
    """The finished runs in a folder, in the order of the table; of a row, those of further seeds after its own."""
    return [
        FinishedRun(name, row, protocol, read_json(folder / name / RESULTS, *sorted(NEEDED)))
        for row in table.rows.values()
        for protocol in PROTOCOLS
        for name in _list_names(row.name, protocol, folder)
        if (folder / name / RESULTS).is_file()
    ]


def _list_names(row: str, protocol: str, folder: Path) -> list[str]:
    """Names that the runs of a row may have, those of further seeds as they are found."""
    seeds = []
    if protocol == PUBLISHED:
        matches = (re.fullmatch(rf"{re.escape(row)}-seed(\d+)", path.name) for path in folder.glob(f"{row}-seed*"))
        seeds = sorted(int(match[1]) for match in matches if match)
    return [name_run(row, protocol), *(name_run(row, protocol, seed) for seed in seeds)]


def _is_same(key: str, before: Any, after: Any, recipe: dict[str, Any]) -> bool:
    """Whether two values are one, though results.json tells files without folders and `timm` by its Hub id."""
    if before is ABSENT or after is ABSENT:
        return before is after
    if key == "backbone_weights" and before == "timm" and recipe.get("backbone"):
        return after in ("timm", getattr(timm.models.get_pretrained_cfg(recipe["backbone"]), "hf_hub_id", None))
    return describe_setting(key, before) == describe_setting(key, after)


def describe_changes(run: FinishedRun) -> list[str]:
    """Changes in words, such as `backbone: vgg16_bn -> mobilenetv2_100`."""
    return [
        f"{key}: {_describe(key, before)} -> {_describe(key, after)}" for key, (before, after) in run.changes.items()
    ]


def _describe(key: str, value: Any) -> str:
    return "default" if value is ABSENT else str(describe_setting(key, value))
