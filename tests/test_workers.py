"""Work that is shared out among processes: all of it is done, a dead worker is named, one process starts none."""

import os
import signal
import subprocess
import sys

import pytest

from hf_ser.errors import RunError
from hf_ser.workers import run_in_workers


def square(number):
    return number**2, os.getpid()


def die(number):
    os._exit(number)


@pytest.mark.parametrize("num_proc", [1, 2])
def test_every_task_is_done_once(num_proc):
    results = list(run_in_workers(square, [(number,) for number in range(20)], num_proc, "squaring"))
    assert sorted(result for result, _ in results) == [number**2 for number in range(20)]
    assert ({process for _, process in results} == {os.getpid()}) == (num_proc == 1)


def test_a_worker_that_dies_is_an_error_that_says_at_what():
    with pytest.raises(RunError, match="A worker process died while squaring, most likely for lack of memory"):
        list(run_in_workers(die, [(9,)], 2, "squaring"))


ORPHANS = """
import os, time
from hf_ser.workers import run_in_workers

def work(number):
    os.write(1, b"%d\\n" % os.getpid())  # at once, so that two lines do not mix
    time.sleep(60)

list(run_in_workers(work, [(0,), (1,)], 2, "sleeping"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a worker that is spawned cannot find its work in a text")
def test_workers_die_with_their_parent():
    with subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True) as parent:
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        assert len({*workers, parent.pid}) == 3
        parent.send_signal(signal.SIGKILL)
        try:
            parent.communicate(timeout=20)  # to the end of the pipe, which the workers hold open
        except subprocess.TimeoutExpired:
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            raise
