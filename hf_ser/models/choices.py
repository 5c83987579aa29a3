"""The one way in which an option is checked against its valid values."""

import difflib
from collections.abc import Iterable

MANY = 40  # names that are too many to list in one line


def check_choice(option: str, value: object, choices: Iterable[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`, with the nearest of them or all."""
    choices = sorted(choices)
    if value in choices:
        return
    near = difflib.get_close_matches(str(value), choices, n=3)
    if near:
        hint = f"Did you mean {' or '.join(f'`{name}`' for name in near)}?"
    elif len(choices) > MANY:
        hint = f"None of the {len(choices)} valid names is near it."
    else:
        hint = f"Valid: {', '.join(choices)}."
    raise ValueError(f"`{option}` is {value!r}. {hint}")


def check_positive(**values: float | None) -> None:
    """Raise ValueError for a value that is given and is not a number above zero."""
    for name, value in values.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
            raise ValueError(f"`{name}` is {value!r}; it must be a number above zero.")
