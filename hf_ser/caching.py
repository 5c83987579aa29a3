"""What a cached result depends on beside its options: the sound files as they are now, and our own code."""

import os
from pathlib import Path
from types import ModuleType

from datasets import Dataset
from datasets.fingerprint import Hasher


def hash_inputs(dataset: Dataset, *modules: ModuleType) -> str:
    """Digest of a dataset, of the size and date of each sound file, and of the modules that work on them.

    Args:
        dataset: with an `audio` column of paths or bytes.
        modules: whose source a cached result depends on.
    """
    code = [Path(module.__file__).read_bytes() for module in modules]
    files = [_file_state(audio) for audio in dataset["audio"]]
    return Hasher.hash((dataset._fingerprint, files, code))


def _file_state(audio: dict) -> tuple[int, int] | None:
    """Size and date of a file; None for bytes, which the dataset's own fingerprint covers, and for no file."""
    path = audio["path"]
    if audio.get("bytes") is not None or not path or not os.path.isfile(path):
        return None
    state = os.stat(path)
    return state.st_size, state.st_mtime_ns
