"""How many worker processes a pass over all clips gets."""

import os

# Below this many clips, starting workers costs more than it saves.
WORTH_WORKERS = 1_000


def count_workers(n_clips: int, num_proc: int | None = None) -> int:
    """`num_proc` where it is given, else all cores for a large dataset and one for a small one."""
    return num_proc or (count_cores() if n_clips >= WORTH_WORKERS else 1)


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
