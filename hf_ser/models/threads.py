"""Cores shared out to clips: a clip has too little work for the threads of one operation."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

# torch's number of threads belongs to the whole process.
_LOCK = threading.Lock()


def map_clips(function: Callable[[Any], Any], clips: Sequence[Any]) -> list[Any]:
    """Results of a function for each clip, as many at a time as torch has threads, each on one thread of its own.

    Two threads that wait for each other after every small operation are slower than one, and on a busy machine ten
    times slower.
    """
    with _LOCK:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            if min(threads, len(clips)) < 2:
                return [function(clip) for clip in clips]
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(function, clips))
        finally:
            torch.set_num_threads(threads)
