"""What a cached result depends on beside its options: the sound files as they are now, and our own code."""

import hashlib
import os
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.compute
from datasets import Dataset


def hash_inputs(dataset: Dataset, *modules: ModuleType) -> str:
    """Digest of the path, size and date of each sound file, in order, and of the modules that work on them.

    Other columns do not matter: a relabelled corpus has the digest of the first. Only for clips that are held in the
    dataset as bytes does its own fingerprint stand, which changes with any column.

    Args:
        dataset: with an `audio` column of paths or bytes.
        modules: whose source a cached result depends on.
    """
    digest = hashlib.blake2b(digest_size=16)
    for module in modules:
        digest.update(Path(module.__file__).read_bytes())
    holds_bytes = False
    for table in dataset.select_columns("audio").with_format("arrow").iter(batch_size=1_000):
        sounds = table["audio"]
        holds_bytes |= pa.compute.struct_field(sounds, "bytes").null_count < len(sounds)
        for path in pa.compute.struct_field(sounds, "path").to_pylist():
            digest.update(f"{path} {_file_state(path)}\n".encode())
    if holds_bytes:
        digest.update(dataset._fingerprint.encode())
    return digest.hexdigest()


def _file_state(path: str | None) -> tuple[int, int] | None:
    """Size and date of a file, which moves with its permissions too; None where there is none."""
    try:
        state = os.stat(path or "")
    except OSError:
        return None
    return state.st_size, max(state.st_mtime_ns, state.st_ctime_ns)
