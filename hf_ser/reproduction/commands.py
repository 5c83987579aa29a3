"""The commands that make finished runs again, with words in capitals where one machine has its folders."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hf_ser.model_card_data import is_hub_id
from hf_ser.reproduction.runs import ABSENT, FinishedRun
from hf_ser.reproduction.tables import PUBLISHED, PaperTable
from hf_ser.templates import is_path_key

WEIGHT_KEYS = ("backbone_weights", "checkpoint")  # a Hub id, or a file or folder


def list_commands(table: PaperTable, runs: Sequence[FinishedRun]) -> list[str]:
    """Calls of `recipes/reproduce.py`: one for all runs with the same overrides, in all or in one of the protocols."""
    overrides = {run.name: " ".join(_list_overrides(run)) for run in runs}
    protocols: dict[tuple[str, str], set[str]] = {}
    for run in runs:
        protocols.setdefault((run.row.name, overrides[run.name]), set()).add(run.protocol)
    groups: dict[tuple[str, str], list[FinishedRun]] = {}
    for run in runs:
        words = overrides[run.name]
        is_whole = len(protocols[run.row.name, words]) > 1 or not run.row.beside
        groups.setdefault((words, "" if is_whole else f"--protocols {run.protocol}"), []).append(run)
    paper = shlex.quote(table.folder.resolve().name)
    return [
        " ".join(filter(None, ["python recipes/reproduce.py", paper, words, *_list_choice(table, group, protocol)]))
        for (words, protocol), group in groups.items()
    ]


def as_words(options: Mapping[str, Any]) -> list[str]:
    """`--key value` words that `parse_recipe` reads back as these options: text as it is, all else as JSON."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in options.items()}
    return [word for key, text in texts.items() for word in (f"--{key}", text)]


def _list_overrides(run: FinishedRun) -> list[str]:
    """`--key value` for what differs from the recipe; a folder or file is its key in capitals."""
    changed = {key: after for key, (_, after) in run.changes.items() if after is not ABSENT}
    data = {"data_dir": "DATA_DIR"} if run.results["recipe"].get("data_dir") else {}
    values = {key: key.upper() if _is_place(key, value) else value for key, value in changed.items()}
    return [shlex.quote(word) for word in as_words(data | values)]


def _is_place(key: str, value: Any) -> bool:
    """Whether a value is a file or folder of one machine."""
    is_file = key in WEIGHT_KEYS and isinstance(value, str) and value != "timm" and not is_hub_id(value)
    return is_file or (is_path_key(key) and bool(value))


def _list_choice(table: PaperTable, group: Sequence[FinishedRun], protocol: str) -> list[str]:
    """`--rows`, `--protocols` and `--seeds` of some runs, where they are not all there are."""
    rows = dict.fromkeys(run.row.name for run in group)
    choice = [] if len(rows) == len(table.rows) else [f"--rows {','.join(rows)}"]
    choice.append(protocol)
    if any(run.is_of_further_seed for run in group):
        seeds = sorted({run.seed for run in group if run.protocol == PUBLISHED})
        choice.append(f"--seeds {','.join(map(str, seeds))}")
    return choice
