"""Clips on threads of their own."""

import threading

import pytest
import torch

from hf_ser.models.threads import map_clips


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_and_each_clip_sees_one_thread(two_threads):
    assert map_clips(lambda clip: (clip, torch.get_num_threads()), range(5)) == [(clip, 1) for clip in range(5)]
    assert torch.get_num_threads() == 2


def test_as_many_clips_run_at_a_time_as_torch_has_threads(two_threads):
    together = threading.Barrier(2, timeout=10)
    assert len(map_clips(lambda clip: together.wait(), range(4))) == 4


def test_clips_run_one_after_the_other_where_threads_do_not_pay(two_threads):
    assert (
        map_clips(lambda clip: threading.current_thread(), range(4), side_by_side=False)
        == [threading.main_thread()] * 4
    )


def test_a_clip_that_fails_leaves_torch_its_threads(two_threads):
    with pytest.raises(ZeroDivisionError):
        map_clips(lambda clip: 1 / clip, [1, 0])
    assert torch.get_num_threads() == 2
