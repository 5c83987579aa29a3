"""A paper's table run row by row: each row as published, and once more under a second protocol.

Every run is a training of its own, `accelerate launch recipes/train.py`, so that it uses what accelerate is set up
for and takes no other with it when it fails. Finished runs are not run again, an interrupted one goes on.
"""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from datasets import Dataset

from hf_ser.corpora import load_corpus
from hf_ser.errors import RunError, SplitError, writing
from hf_ser.inference import read_json
from hf_ser.reproduction.report import FREE_SPACE, write_reproduction
from hf_ser.reproduction.requests import Request, Training
from hf_ser.runs import RESULTS
from hf_ser.splits import SplitArguments, count_folds, make_split
from hf_ser.wording import SCORE_NAMES, duration, percent

logger = logging.getLogger(__name__)

# The line that tells why a program failed, among those of the programs that started it.
ERROR = re.compile(r"^[\w.]*(?:Error|Exception): \S.*", re.MULTILINE)
LINES_READ, LINES_SHOWN = 100, 6  # of the output of a failed training
SECONDS_TO_END = 10.0  # that a training gets before it is killed


def run_trainings(request: Request, trainings: Sequence[Training], train_script: Path) -> Path:
    """Run what has not ended yet, one after another, and write what is known so far after each.

    Args:
        request: what was asked for.
        trainings: all of it, as `plan_trainings` gives them.
        train_script: `recipes/train.py`.

    Returns:
        the path of `reproduction.md`.

    Raises:
        CorpusError, SplitError: for a corpus or a split that cannot be, before anything is trained.
        RunError: if any training failed, after the last.
    """
    failures: dict[str, str] = {}
    check_data(training for training in trainings if not training.has_ended)
    report = write_reproduction(request.table, request.folder, failures)
    for number, training in enumerate(trainings, start=1):
        if training.has_ended:
            continue
        if reason := run_training(training, f"{number} of {len(trainings)}", train_script):
            failures[training.name] = reason
        write_reproduction(request.table, request.folder, failures)
    if failures:
        raise RunError(
            f"{len(failures)} of {len(trainings)} runs failed: {', '.join(failures)}; `{report}` tells the others. "
            "Mend what their output says and give the same command again: what has ended is not run again."
        )
    return report


def check_data(trainings: Iterable[Training]) -> None:
    """Load each corpus and make each split once, so that their faults are met before anything is trained."""
    corpora: dict[str, Dataset] = {}
    splits = set()
    for training in trainings:
        options, split = training.recipe.corpus.as_options(), training.recipe.split
        corpus = json.dumps(options)
        if corpus not in corpora:
            corpora[corpus] = load_corpus(**options)
        if (corpus, str(split)) not in splits:
            _check_split(corpora[corpus], split, training.name)
            splits.add((corpus, str(split)))


def _check_split(dataset: Dataset, arguments: SplitArguments, run: str) -> None:
    """Make the split, or its first fold."""
    try:
        is_folded = count_folds(dataset, arguments) > 1
        make_split(dataset, **arguments.as_options() | ({"fold": 0} if is_folded else {}))
    except SplitError as error:
        raise SplitError(f"Run `{run}`: {error}") from error


def run_training(training: Training, place: str, train_script: Path) -> str:
    """Run one training in processes of its own, its output in a file beside its folder.

    Args:
        training: which has not ended yet.
        place: such as `3 of 12`.
        train_script: `recipes/train.py`.

    Returns:
        why it failed; "" if it did not.
    """
    folder = Path(training.recipe.training.output_dir)
    log, start = folder.with_name(f"{folder.name}.log"), time.monotonic()
    earlier = log.stat().st_size if log.is_file() else 0
    logger.info("%s: `%s` begins; its output goes to `%s`.", place, training.name, log)
    with writing(log, FREE_SPACE):
        status = _launch([str(train_script), *training.words], log)
    took = duration(time.monotonic() - start)
    if status == 0:
        metric = training.row.metric
        score = percent(read_json(folder / RESULTS, "metrics")["metrics"][metric])
        logger.info("%s: `%s` has ended after %s: %s %s.", place, training.name, took, SCORE_NAMES[metric], score)
        return ""
    reason, last_lines = _explain_failure(log, earlier, status)
    logger.error("%s: `%s` failed after %s. The end of `%s`:\n%s", place, training.name, took, log, last_lines)
    return reason


def interrupt_when_told_to_end() -> None:
    """Take a scheduler's or a closed terminal's wish as Ctrl-C, so that no training is left running."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # and not ignored, as under nohup
            signal.signal(number, signal.default_int_handler)


def _launch(words: Sequence[str], log: Path) -> int:
    """Exit status of `accelerate launch`; whatever ends this program ends that too."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--quiet", *words]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return process.wait()
        finally:
            _end(process)


def _end(process: subprocess.Popen) -> None:
    """End a process and those it has started, if it has not ended itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _explain_failure(log: Path, earlier: int, status: int) -> tuple[str, str]:
    """Why a training failed, and the end of its output; the first `earlier` bytes of the file are other calls'."""
    text = log.read_bytes()[earlier:].decode("utf-8", errors="replace").replace("\r", "\n")
    lines = [line for line in text.splitlines() if line.strip()][-LINES_READ:]
    errors = ERROR.findall("\n".join(lines))
    return errors[-1] if errors else f"it ended with status {status}", "\n".join(lines[-LINES_SHOWN:])
