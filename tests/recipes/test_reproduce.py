"""The script itself: it is interrupted between two trainings, given again, and then there is nothing left to run."""

import os
import signal
import subprocess
import sys
import time

import pytest

from hf_ser import reproduction
from hf_ser.reproduction import run_trainings
from hf_ser.reproduction.requests import parse_request, plan_trainings
from tests.conftest import ROOT
from tests.papers import make_paper

TABLE = """
title: Somebody et al. (2020), Table 1
metric: accuracy
protocol: random split, 240 / 80
rows:
  A: {recipe: a.yaml, published: 0.8773, beside: {split: speaker-folds, folds: 2, validation: 0.25}}
  B: {recipe: b.yaml, published: 0.20}
"""


@pytest.fixture
def start(tmp_path):
    """Begin `recipes/reproduce.py` on a paper of two rows, in a process of its own."""
    paper = make_paper(tmp_path / "recipes", TABLE)

    def begin(*words):
        command = [sys.executable, "recipes/reproduce.py", str(paper), "--output_dir", str(tmp_path / "runs"), *words]
        environment = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)

    return begin


def interrupt_in(process, log):
    """Tell the process to end once a training has begun to write."""
    deadline = time.monotonic() + 300
    while not (log.is_file() and log.stat().st_size):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=60)[1]


def test_a_table_is_interrupted_goes_on_and_ends(start, tmp_path, monkeypatch):
    runs, text = tmp_path / "runs", tmp_path / "runs" / "reproduction.md"
    process = start()
    errors = interrupt_in(process, runs / "A-beside.log")
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith("Interrupted. ")
    assert "1 of 3: `A` has ended after " in errors
    assert "| A | a.yaml | Synthetic demo corpus" in text.read_text()
    first = (runs / "A" / "results.json").stat().st_mtime_ns

    process = start("--rows", "A")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert (runs / "A" / "results.json").stat().st_mtime_ns == first
    assert "2 of 2: `A-beside` has ended after " in errors
    assert output.splitlines()[-1].startswith("2 runs have ended; ")
    assert (
        "| A-beside | a.yaml | Synthetic demo corpus of hf_ser (no human speech) | speaker-folds | "
        in text.read_text()
    )
    assert "| A, A-beside | nothing |" in text.read_text()
    assert "| B | Accuracy | 20 % | not run | " in text.read_text()
    assert str(tmp_path) not in text.read_text()

    monkeypatch.setattr(reproduction, "_launch", None)  # nothing is run
    words = [str(tmp_path / "recipes" / "somebody2020"), "--output_dir", str(runs), "--rows", "A"]
    before, request = text.read_text(), parse_request(words, ROOT / "recipes")
    assert run_trainings(request, plan_trainings(request), ROOT / "recipes" / "train.py") == text
    assert text.read_text() == before
