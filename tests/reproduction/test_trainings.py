"""Trainings run one after another: what has ended is left, what fails takes nothing with it, an end is an end."""

import logging
import signal
import time
from pathlib import Path

import pytest
import yaml

from hf_ser import reproduction
from hf_ser.arguments import read_recipe
from hf_ser.errors import CorpusError, RunError, SplitError
from hf_ser.reproduction import interrupt_when_told_to_end, run_trainings
from hf_ser.reproduction.requests import parse_request, plan_trainings
from tests.papers import RECIPE, finish_run, make_paper

SCRIPT = Path("recipes/train.py")


class Launcher:
    """In place of `accelerate launch`: a training leaves a finished run, or fails with an output that is set."""

    def __init__(self):
        self.names = []
        self.outcomes = {}  # name of a run: its last output, or an exception to raise

    def __call__(self, words, log):
        self.names.append(log.stem)
        outcome = self.outcomes.get(log.stem, "")
        if not isinstance(outcome, str):
            raise outcome
        with log.open("a") as output:
            output.write(f"epoch 1\repoch 2\n{outcome}\n")
        if outcome:
            return 1
        assert words[0] == str(SCRIPT)
        finish_run(log.with_suffix(""), read_recipe(Path(words[1])), 0.8)
        return 0


@pytest.fixture
def launcher(monkeypatch):
    launcher = Launcher()
    monkeypatch.setattr(reproduction, "_launch", launcher)
    return launcher


@pytest.fixture
def run(tmp_path):
    """Run the paper of tests/papers.py in `tmp_path / "runs"`."""
    make_paper(tmp_path)

    def call(*words):
        request = parse_request(["somebody2020", "--output_dir", str(tmp_path / "runs"), *words], tmp_path)
        return run_trainings(request, plan_trainings(request), SCRIPT)

    return call


def test_what_has_ended_is_not_run_again(run, launcher, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="hf_ser")
    finish_run(tmp_path / "runs" / "A", RECIPE | {"flip": True}, 0.8)
    (tmp_path / "runs" / "A" / "recipe.yaml").write_text(yaml.safe_dump(RECIPE | {"flip": True, "output_dir": "A"}))
    assert run("--protocols", "published") == tmp_path / "runs" / "reproduction.md"
    assert launcher.names == ["B", "C"]
    assert f"2 of 3: `B` begins; its output goes to `{tmp_path / 'runs' / 'B.log'}`." in caplog.messages
    assert "2 of 3: `B` has ended after 0 s: Accuracy 80.0 %." in caplog.messages
    assert any(message.startswith("3 of 3: `C` has ended after 0 s: UAR ") for message in caplog.messages)


def test_what_is_known_is_written_before_and_after_each_training(run, launcher, tmp_path):
    launcher.outcomes["B"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run("--protocols", "published")
    assert launcher.names == ["A", "B"]
    lines = (tmp_path / "runs" / "reproduction.md").read_text().splitlines()
    assert any(line.startswith("| A | complete | Accuracy | 87.73 % | 80.0 % ") for line in lines)
    assert any(line.startswith("| B | without augmentation | Accuracy | 80 % | not run |") for line in lines)


def test_a_row_that_fails_is_named_with_its_reason_and_the_others_go_on(run, launcher, tmp_path, caplog):
    reason = "RunError: The network's scores are no numbers."
    launcher.outcomes["A-beside"] = f"{reason}\nthe launcher has a word too"
    with pytest.raises(RunError, match=r"^1 of 5 runs failed: A-beside; .*reproduction.md` tells the others\. Mend "):
        run()
    assert launcher.names == ["A", "A-beside", "B", "B-beside", "C"]
    assert f"| not run: {reason} |" in (tmp_path / "runs" / "reproduction.md").read_text()
    failed = next(message for message in caplog.messages if "failed" in message)
    assert failed.startswith("2 of 5: `A-beside` failed after 0 s. The end of `")
    assert failed.endswith(f"\nepoch 1\nepoch 2\n{reason}\nthe launcher has a word too")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "Traceback (most recent call last):\n  in a\nValueError: no\ntorch.errors.ChildFailedError: \n=====",
            "ValueError: no",
        ),
        ("a warning\ntorch.OutOfMemoryError: CUDA out of memory.", "torch.OutOfMemoryError: CUDA out of memory."),
        ("Killed", "it ended with status 1"),
    ],
)
def test_the_reason_is_the_last_line_that_names_an_error(run, launcher, tmp_path, output, reason):
    launcher.outcomes["C"] = output
    with pytest.raises(RunError, match="1 of 1 runs failed: C"):
        run("--rows", "C")
    assert f"| not run: {reason} |" in (tmp_path / "runs" / "reproduction.md").read_text()


def test_a_reason_is_of_this_call_and_not_of_an_earlier_one(run, launcher, tmp_path):
    for outcome in ("RunError: no.", "Killed"):
        launcher.outcomes["C"] = outcome
        with pytest.raises(RunError, match="1 of 1 runs failed: C"):
            run("--rows", "C")
    assert (tmp_path / "runs" / "C.log").read_text().count("epoch 2") == 2
    assert "| not run: it ended with status 1 |" in (tmp_path / "runs" / "reproduction.md").read_text()


@pytest.mark.parametrize(
    ("words", "error", "sentence"),
    [
        (("--test_counts", "{joy: 3}"), SplitError, "Run `A`: `test: 0.25` and `test_counts` both set the test part"),
        (("--folds", "3"), SplitError, "Run `A`: `folds` belongs to "),
        (("--corpus", "emodb", "--data_dir", "nowhere"), CorpusError, "nowhere"),
    ],
)
def test_a_corpus_or_a_split_that_cannot_be_is_met_before_anything_is_trained(run, launcher, words, error, sentence):
    with pytest.raises(error, match=sentence):
        run(*words)
    assert launcher.names == []


def test_a_training_runs_under_accelerate_and_leaves_its_output(tmp_path):
    script, log = tmp_path / "train.py", tmp_path / "a.log"
    script.write_text(
        "import os, sys; print(os.environ['ACCELERATE_MIXED_PRECISION']); sys.exit('RunError: no good.')"
    )
    assert reproduction._launch([str(script)], log) == 1
    assert "\nRunError: no good." in f"\n{log.read_text()}"
    assert "CalledProcessError" not in log.read_text()


def test_an_interruption_ends_the_training_at_once(tmp_path, monkeypatch):
    script, log = tmp_path / "train.py", tmp_path / "a.log"
    script.write_text("import time\nwhile True:\n    print('alive', flush=True)\n    time.sleep(0.05)\n")
    before = signal.signal(signal.SIGALRM, lambda *_: _raise_once_alive(log))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        with pytest.raises(KeyboardInterrupt):
            reproduction._launch([str(script)], log)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    size = log.stat().st_size
    time.sleep(0.3)
    assert log.stat().st_size == size


def _raise_once_alive(log):
    if "alive" in log.read_text():
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt


def test_a_wish_to_end_is_an_interruption_unless_it_is_ignored():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        interrupt_when_told_to_end()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)
