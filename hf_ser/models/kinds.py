"""The kinds of features: what each takes where nothing else is said, and how many rows it has."""

import copy
from typing import Any

from .composite import BLOCKS, count_rows

# Each paper's values; the notes say what a paper leaves open.
DEFAULTS: dict[str, dict[str, Any]] = {
    # Badshah et al., section II-A; the transform is ours, half a second being some 60 frames of 257 rows.
    "spectrogram": {"sampling_rate": 16_000, "n_fft": 512, "hop_length": 128, "scale": "db"},
    # Chakhtouna et al., section 3, and the report on four corpora; the transform is ours.
    "mel": {"sampling_rate": 16_000, "n_fft": 1024, "hop_length": 256, "scale": "db"},
    # The report on four corpora, section 4.1.2; `n_fft` is librosa's.
    "mfcc": {"sampling_rate": 16_000, "n_fft": 2048, "hop_length": 512, "n_mfcc": 128},
    # Ragheb et al., section 3, and their published notebook.
    "composite": {"sampling_rate": 22_050, "n_fft": 2048, "hop_length": 512, "n_mfcc": 13, "blocks": [*BLOCKS]},
}


def choose_options(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options with what is None filled in from the kind's own.

    Raises:
        ValueError: for an option that the kind has no use for.
    """
    for name, value in options.items():
        if value is not None and name not in DEFAULTS[kind]:
            raise ValueError(f"`{name}` is {value!r}, and `kind: {kind}` has no use for it. Leave it out.")
    return {name: copy.copy(DEFAULTS[kind].get(name)) if value is None else value for name, value in options.items()}


def count_features(
    kind: str, n_fft: int, n_mels: int, n_mfcc: int | None, n_split_mels: int, blocks: list[str] | None
) -> int:
    """Rows of a kind."""
    if kind == "composite":
        return count_rows(blocks, n_mels, n_mfcc, n_split_mels)
    return {"spectrogram": n_fft // 2 + 1, "mel": n_mels, "mfcc": n_mfcc}[kind]
