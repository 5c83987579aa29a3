"""What a search for hyper-parameters may try: for each key of a recipe a list of values, or a range of numbers.

tune: hyperband
trials: 30
search_space:
  learning_rate: {low: 1.0e-05, high: 1.0e-02, log: true}
  weight_decay: [0.0, 0.01, 0.1]
  hidden_sizes.0: {low: 64, high: 512, step: 64}  # the first element of a list
"""

from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from hf_ser.errors import RecipeError, suggest
from hf_ser.values import check_range, check_type, describe_type, matches_type

METHODS = ("grid", "random", "tpe", "hyperband")
RANGE_KEYS = ("low", "high", "step", "log")


@dataclass
class TuningArguments:
    """A search for values of the recipe, before its training."""

    tune: str | None = field(
        default=None, metadata={"help": "`grid`, `random`, `tpe` or `hyperband`; null takes the recipe as it is"}
    )
    trials: int | None = field(default=None, metadata={"help": "trainings to try; a grid tries each combination once"})
    search_space: dict[str, Any] | None = field(
        default=None, metadata={"help": "key: list of values, or `{low, high}` with `log: true` or a `step`"}
    )

    def __post_init__(self) -> None:
        if self.tune is None:
            self._check_none()
        elif self.tune not in METHODS:
            raise RecipeError(f"`tune` is `{self.tune}`. {suggest(self.tune, METHODS)}")
        elif not self.search_space:
            raise RecipeError(
                f"`tune: {self.tune}` needs a `search_space`, such as `{{learning_rate: [1.0e-04, 1.0e-03]}}`."
            )
        elif self.tune == "grid" and self.trials is not None:
            raise RecipeError("`tune: grid` tries each combination once. Leave `trials` out.")
        elif self.tune != "grid" and self.trials is None:
            raise RecipeError(f"`tune: {self.tune}` needs `trials`, the number of trainings to try.")

    def _check_none(self) -> None:
        for key in ("search_space", "trials"):
            if getattr(self, key) is not None:
                raise RecipeError(
                    f"`{key}` is for a search, and there is none. Give `tune`, one of {', '.join(METHODS)}, or leave "
                    f"`{key}` out."
                )


@dataclass
class Choices:
    """Values to choose from, in no order."""

    values: list[Any]

    def suggest(self, trial: Any, name: str) -> Any:
        """The value that an optuna.Trial is to try; Optuna chooses its place, for it stores no lists."""
        return self.values[trial.suggest_categorical(name, range(len(self.values)))]


@dataclass
class Range:
    """Numbers from `low` to `high`, both among them."""

    low: float
    high: float
    step: float | None
    log: bool  # drawn evenly over the logarithm
    is_whole: bool

    def suggest(self, trial: Any, name: str) -> float:
        """The value that an optuna.Trial is to try."""
        if self.is_whole:
            return trial.suggest_int(name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def as_choices(self, name: str) -> Choices:
        """Its numbers one by one.

        Raises:
            RecipeError: if they cannot be counted.
        """
        step = self.step or (1 if self.is_whole and not self.log else None)
        if step is None:
            raise RecipeError(
                f"`tune: grid` tries values one by one, and the range of `{name}` is continuous. Give it a `step`, or "
                "a list of values."
            )
        count = round((self.high - self.low) / step) + 1
        # Rounded, for 0.1 + 2 * 0.1 is 0.30000000000000004.
        return Choices([round(self.low + place * step, 12) for place in range(count)])


def read_dimension(name: str, entry: Any, kind: Any, limits: tuple[float, float]) -> Choices | Range:
    """What may be tried of one key or element.

    Args:
        name: such as `learning_rate`, or `hidden_sizes.0` for an element of a list.
        entry: as the recipe gives it.
        kind: type of the key.
        limits: least and largest value of the key.

    Raises:
        RecipeError: for an entry that is neither a list nor a range, or has values that the key does not take.
    """
    kind = kind if split_name(name)[1] is None else _find_element(name, kind)
    if isinstance(entry, list):
        return _read_choices(name, entry, kind, limits)
    if isinstance(entry, dict):
        return _read_range(name, entry, kind, limits)
    raise RecipeError(
        f"`{name}` is {entry!r}; expected a list of values, or a range such as "
        "`{low: 1.0e-05, high: 1.0e-02, log: true}`."
    )


def split_name(name: str) -> tuple[str, int | None]:
    """Key, and the number of the element from 0 on: `hidden_sizes.1` is the second width; None is the whole key."""
    key, dot, index = name.partition(".")
    if dot and not index.isdecimal():
        raise RecipeError(f"`{name}` names no element. Count them from 0 on: `{key}.0`, `{key}.1`.")
    return key, int(index) if dot else None


def fill_elements(values: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The values by key, those of elements filled into their lists, which begin as the recipe's `options` have them.

    Raises:
        RecipeError: for an element that is further on than the list is long, or of a list that is there too.
    """
    filled: dict[str, Any] = {}
    for name in sorted(values, key=lambda name: split_name(name)[1] or 0):
        key, index = split_name(name)
        if index is None:
            filled[key] = values[name]
            continue
        if key in values:
            raise RecipeError(f"`{key}` and `{name}` are both there. Leave one of them out.")
        given = options.get(key)
        elements = filled.setdefault(key, list(given) if isinstance(given, list) else [])
        if index > len(elements):
            raise RecipeError(f"`{name}` has nothing before it. Give `{key}.{len(elements)}` too.")
        elements[index : index + 1] = [values[name]]
    return filled


def _find_element(name: str, kind: Any) -> Any:
    """Type of the elements of a list."""
    lists = [option for option in (kind, *get_args(kind)) if get_origin(option) is list]
    if not lists:
        raise RecipeError(f"`{name}` is an element, and `{split_name(name)[0]}` is no list: {describe_type(kind)}.")
    return get_args(lists[0])[0]


def _read_choices(name: str, values: list[Any], kind: Any, limits: tuple[float, float]) -> Choices:
    if not values:
        raise RecipeError(f"`{name}` has an empty list. Give it values to try.")
    for value in values:
        check_type(name, value, kind)
        check_range(name, value, *limits)
    repeated = [value for place, value in enumerate(values) if value in values[:place]]
    if repeated:
        raise RecipeError(f"`{name}` has {repeated[0]!r} twice. Leave one of them out.")
    return Choices(values)


def _read_range(name: str, entry: dict[str, Any], kind: Any, limits: tuple[float, float]) -> Range:
    number = float if matches_type(0.5, kind) else int
    if not matches_type(1, kind):
        raise RecipeError(f"`{name}` has a range, and is no number: {describe_type(kind)}. Give a list of values.")
    unknown = [key for key in entry if key not in RANGE_KEYS]
    if unknown:
        raise RecipeError(
            f"The range of `{name}` has an unknown `{unknown[0]}`. {suggest(str(unknown[0]), RANGE_KEYS)}"
        )
    for end in ("low", "high"):
        if end not in entry:
            raise RecipeError(f"The range of `{name}` has no `{end}`. Give it both `low` and `high`.")
        check_type(f"{name}.{end}", entry[end], number)
        check_range(f"{name}.{end}", entry[end], *limits)
    check_type(f"{name}.log", entry.get("log", False), bool)
    check_type(f"{name}.step", entry.get("step"), number | None)
    dimension = Range(entry["low"], entry["high"], entry.get("step"), entry.get("log", False), number is int)
    _check_numbers(name, dimension)
    return dimension


def _check_numbers(name: str, span: Range) -> None:
    if span.low >= span.high:
        raise RecipeError(f"The range of `{name}` begins at {span.low} and ends at {span.high}: nothing is between.")
    if span.log and span.low <= 0:
        raise RecipeError(f"The range of `{name}` is logarithmic and begins at {span.low}; it must begin above 0.")
    if span.step is None:
        return
    if span.log:
        raise RecipeError(f"The range of `{name}` has both `log` and `step`. Leave one of them out.")
    steps = (span.high - span.low) / span.step if span.step > 0 else 0
    if steps < 1 or abs(steps - round(steps)) > 1e-9:
        raise RecipeError(
            f"`step: {span.step}` does not lead from {span.low} to {span.high} in the range of `{name}`."
        )
