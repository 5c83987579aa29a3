"""Values of a recipe's keys: read from a word of the command line, held against a type and a range, in words."""

import math
import re
import types
import typing
from typing import Any

import yaml

from hf_ser.errors import RecipeError


class YamlLoader(yaml.SafeLoader):
    """Reads 1e-5 as a number, which it is in YAML 1.2; to PyYAML it is text."""


class YamlDumper(yaml.SafeDumper):
    """Puts text that YamlLoader would read as a number in quotes."""


for kind in (YamlLoader, YamlDumper):
    kind.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
    )


def read_value(text: str, kind: Any) -> Any:
    """The value that a word of the command line stands for, given the key's type."""
    value = _read_yaml(text)
    if not isinstance(value, str) and matches_type(value, kind):
        return value
    takes_names = matches_type([""], kind)
    if matches_type(text, kind) and not (takes_names and "," in text):
        return text
    if takes_names:  # 03,08 are names, and no numbers
        names = [name.strip(" '\"") for name in text.strip("[]").split(",")]
        return [None if name == "null" and matches_type([None], kind) else name for name in names]
    listed = _read_yaml(f"[{text}]")
    return listed if matches_type(listed, kind) else value


def _read_yaml(text: str) -> Any:
    """One YAML value; text that is no YAML stays text."""
    try:
        return yaml.load(text, YamlLoader)
    except (yaml.YAMLError, ValueError):  # ValueError: a date such as 2024-13-01
        return text


def matches_type(value: Any, kind: Any) -> bool:
    """Whether a value is of a type; whole numbers pass for numbers, nothing else is converted."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(matches_type(value, option) for option in inner)
    if kind in (None, type(None)):
        return value is None
    if origin is typing.Literal:
        return value in inner
    if origin is dict and inner:
        return isinstance(value, dict) and all(
            matches_type(part, kind) for pair in value.items() for part, kind in zip(pair, inner, strict=True)
        )
    if origin is list:
        return isinstance(value, list) and all(matches_type(item, inner[0]) for item in value)
    if kind is float or kind is int:
        return (
            isinstance(value, int if kind is int else int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
        )
    return isinstance(value, origin or kind)


def check_type(name: str, value: Any, kind: Any) -> None:
    """Raise RecipeError unless a value is of a type; say which trap of YAML it may have met."""
    if matches_type(value, kind):
        return
    hint = ""
    if isinstance(value, bool):
        hint = ' YAML reads a bare no, off, yes and on as true or false: put quotes around it, "no".'
    elif matches_type([""], kind):
        hint = ' Write a list of quoted texts, ["03", "08"].'
    raise RecipeError(f"`{name}` is {value!r} ({type(value).__name__}); expected {describe_type(kind)}.{hint}")


def check_range(name: str, value: Any, low: float, high: float) -> None:
    """Raise RecipeError for a number that is less than `low` or more than `high`."""
    if isinstance(value, int | float) and not low <= value <= high:
        raise RecipeError(
            f"`{name}` is {value}; it must be at least {low}" + (f" and at most {high}." * (high < math.inf) or ".")
        )


def describe_type(kind: Any) -> str:
    """A type in words."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe_type(option) for option in typing.get_args(kind)))
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "null"}
    if typing.get_origin(kind) is list:
        return f"a list ({describe_type(typing.get_args(kind)[0])})"
    return words.get(
        kind, "a mapping" if (typing.get_origin(kind) or kind) is dict else getattr(kind, "__name__", "?")
    )
