"""Markdown from a template, and how values read in it: no path of one machine, no cell that breaks its table."""

from pathlib import Path

import jinja2

from hf_ser.model_card_data import is_hub_id
from hf_ser.wording import file_name, interval_range, list_some, percent, without_folders


def render_template(template: Path, context: dict) -> str:
    """The text of a jinja2 template, strict about names: `ModelCard.from_template` leaves a misspelt one blank."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters |= {
        "percent": percent,
        "interval_range": interval_range,
        "cell": _cell,
        "listing": _listing,
        "file_name": file_name,
        "without_folders": without_folders,
        "zip": zip,
    }
    return environment.from_string(template.read_text(encoding="utf-8")).render(context)


def describe_setting(key: str, value: object) -> object:
    """A value of the recipe in words; of a path on the machine that trained only the last part."""
    if value is None or value == []:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={describe_setting(name, item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(describe_setting(key, item)) for item in value)
    if not isinstance(value, str) or (is_hub_id(value) and not is_path_key(key)):
        return value
    return file_name(value)


def is_path_key(key: str) -> bool:
    """Whether the values of a recipe's key are files or folders, by its name."""
    return key.endswith(("_dir", "_file", "_path"))


def _cell(value: object) -> str:
    """Text that breaks no table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def _listing(names: list[str], nothing: str = "none", most: int = 20) -> str:
    """Names on one line, the first `most` of them."""
    if not names:
        return nothing
    return f"{len(names)}: {list_some(names, most)}"
