"""How many worker processes a long piece of work gets, and how they run."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any

from hf_ser.errors import RunError

# Below this many clips, starting workers costs more than it saves.
WORTH_WORKERS = 1_000


def count_workers(n_clips: int, num_proc: int | None = None) -> int:
    """`num_proc` where it is given, else all cores for a large dataset and one for a small one."""
    return num_proc or (count_cores() if n_clips >= WORTH_WORKERS else 1)


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_in_workers(work: Callable, tasks: Sequence[tuple], num_proc: int, doing: str) -> Iterator[Any]:
    """Yield the result of `work(*task)` for each task as soon as it is there, in any sequence.

    Args:
        work: a function of a module; in a worker it must start no thread of torch's.
        tasks: its arguments.
        num_proc: worker processes; 1 works here.
        doing: such as "scoring orders", for the error.

    Raises:
        RunError: when a worker dies.
    """
    if num_proc == 1:
        yield from (work(*task) for task in tasks)
        return
    # A forked child is warm at once; elsewhere than on Linux, the system's own libraries may not survive a fork.
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(num_proc, mp_context=context, initializer=_start_worker) as pool:
        futures = [pool.submit(work, *task) for task in tasks]
        try:
            yield from (future.result() for future in as_completed(futures))
        except BrokenProcessPool as error:
            raise RunError(
                f"A worker process died while {doing}, most likely for lack of memory. What is finished is kept: run "
                "the same command again, with a smaller `num_proc`."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """An interruption is the parent's to handle, and its death ends the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()
