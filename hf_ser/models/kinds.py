"""The kinds of features: what each takes where nothing else is said, what it has no use for, and its rows."""

import copy
from typing import Any

from .choices import check_choice
from .composite import BLOCKS, check_composite, count_rows

# What a paper gives, and what is ours where it says nothing.
DEFAULTS: dict[str, dict[str, Any]] = {
    # Badshah et al., section II-A; the transform is ours, half a second being some 60 frames of 257 rows.
    "spectrogram": {"sampling_rate": 16_000, "n_fft": 512, "hop_length": 128, "scale": "db"},
    # The report on four corpora, section 4.1.1, for its 188 steps; `n_fft` is ours.
    "mel": {"sampling_rate": 16_000, "n_fft": 1024, "hop_length": 256, "scale": "db"},
    # The report on four corpora, section 4.1.2; `n_fft` is librosa's.
    "mfcc": {"sampling_rate": 16_000, "n_fft": 2048, "hop_length": 512, "n_mfcc": 128},
    # Ragheb et al., section 3, and their published notebook.
    "composite": {"sampling_rate": 22_050, "n_fft": 2048, "hop_length": 512, "n_mfcc": 13, "blocks": [*BLOCKS]},
}
SCALES = ("power", "db", "log")
# What has one default for all kinds, and no use in some, or at some scales.
UNUSED = {
    "spectrogram": ("n_mels", "fmin", "fmax", "n_split_mels"),
    "mel": ("n_split_mels",),
    "mfcc": ("n_split_mels", "db_reference", "log_offset"),
    "composite": ("top_db", "db_reference", "log_offset", "deltas"),
}
UNUSED_AT_SCALE = {
    None: (),  # of a kind that has no scale
    "power": ("top_db", "db_reference", "log_offset"),
    "db": ("log_offset",),
    "log": ("top_db", "db_reference"),
}
SOMETIMES_UNUSED = sorted({name for names in (*UNUSED.values(), *UNUSED_AT_SCALE.values()) for name in names})


def choose_options(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options with what is None filled in from the kind's own.

    Raises:
        ValueError: for an option that the kind has no use for.
    """
    for name, value in options.items():
        if value is not None and name not in DEFAULTS[kind]:
            raise ValueError(f"`{name}` is {value!r}, and `kind: {kind}` has no use for it. Leave it out.")
    return {name: copy.copy(DEFAULTS[kind].get(name)) if value is None else value for name, value in options.items()}


def check_used(kind: str, scale: str | None, changed: dict[str, Any]) -> None:
    """Raise ValueError if a changed option (name: value) has no use."""
    for name, value in changed.items():
        for user, unused in ((f"kind: {kind}", UNUSED[kind]), (f"scale: {scale}", UNUSED_AT_SCALE[scale])):
            if name in unused:
                raise ValueError(f"`{name}` is {value!r}, and `{user}` has no use for it. Leave it out.")


def check_rows(kind: str, options: dict[str, Any], win_length: int) -> None:
    """Raise ValueError for options that the rows of a kind cannot be computed with."""
    if options["deltas"] not in (0, 1, 2):
        raise ValueError(f"`deltas` is {options['deltas']!r}; it must be 0, 1 (slopes) or 2 (and curvatures).")
    if "n_mfcc" in DEFAULTS[kind] and options["n_mfcc"] > options["n_mels"]:
        raise ValueError(f"`n_mfcc` is {options['n_mfcc']}; it can be at most `n_mels`, {options['n_mels']}.")
    if kind == "composite":
        names = ("blocks", "sampling_rate", "n_fft", "hop_length")
        check_composite(win_length=win_length, **{name: options[name] for name in names})


def check_scale(kind: str, scale: str | None) -> None:
    """Raise ValueError for an unknown scale."""
    if "scale" in DEFAULTS[kind]:
        check_choice("scale", scale, SCALES)


def count_features(kind: str, options: dict[str, Any]) -> int:
    """Rows of a kind."""
    if kind == "composite":
        return count_rows(*(options[name] for name in ("blocks", "n_mels", "n_mfcc", "n_split_mels")))
    rows = {"spectrogram": options["n_fft"] // 2 + 1, "mel": options["n_mels"], "mfcc": options["n_mfcc"]}[kind]
    return rows * (1 + options["deltas"])
