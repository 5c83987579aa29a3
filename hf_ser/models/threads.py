"""Cores shared out to clips: a clip has too little work for the threads of one operation."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

# torch's number of threads belongs to the whole process.
_LOCK = threading.Lock()


def map_clips(function: Callable[[Any], Any], clips: Sequence[Any], side_by_side: bool = True) -> list[Any]:
    """Results of a function for each clip, each computed on one thread.

    Two threads that wait for each other after every small operation are slower than one, and on a busy machine ten
    times slower.

    Args:
        function: of a clip.
        clips: whose results are wanted.
        side_by_side: as many clips at a time as torch has threads; it does not pay where a clip takes under a
            millisecond, much of which is Python's.
    """
    with _LOCK:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            if not side_by_side or min(threads, len(clips)) < 2:
                return [function(clip) for clip in clips]
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(function, clips))
        finally:
            torch.set_num_threads(threads)
