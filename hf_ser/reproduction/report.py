"""reproduction.md: a paper's published numbers beside ours, rendered from results.json and table.yaml."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hf_ser.errors import RunError, writing
from hf_ser.metrics import METRICS
from hf_ser.reproduction.commands import list_commands
from hf_ser.reproduction.plots import plot_scores
from hf_ser.reproduction.runs import FinishedRun, collect_runs, describe_changes
from hf_ser.reproduction.scores import gather_scores, tabulate_scores
from hf_ser.reproduction.tables import BESIDE, PaperTable
from hf_ser.templates import describe_setting, render_template
from hf_ser.wording import (
    SCORE_NAMES,
    describe_size,
    duration,
    fold_spread,
    results_title,
    selected_epoch,
    speaker_claim,
    without_folders,
)

TEMPLATE = Path(__file__).with_name("template.md")
REPORT, PLOTS, PICTURE = "reproduction.md", "plots", "table.png"
FIGURES = {"confusion_matrix.png": "confusion", "learning_curve.png": "learning"}
FREE_SPACE = "Free some space and give the same command again: finished runs are not run again."


def write_reproduction(table: PaperTable, folder: Path, failures: Mapping[str, str]) -> Path:
    """Write `reproduction.md` and `plots/` into the folder of the runs, from those that have ended.

    Args:
        table: of the paper.
        folder: which holds a folder for each run.
        failures: name of a run that has just failed: why.

    Returns:
        the path of `reproduction.md`.
    """
    runs, path = collect_runs(table, folder), folder / REPORT
    with writing(path, FREE_SPACE):
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        for run in runs:
            _copy_figures(folder / run.name, folder / PLOTS)
        if runs:
            plot_scores(table.title, gather_scores(table, runs), folder / PLOTS / PICTURE)
        reasons = {name: without_folders(reason) for name, reason in failures.items()}
        path.write_text(render_template(TEMPLATE, _context(table, runs, reasons)), encoding="utf-8")
    return path


def _copy_figures(run: Path, plots: Path) -> None:
    for name, kind in FIGURES.items():
        if not (run / name).is_file():
            raise RunError(f"`{run}` lacks `{name}`. Delete the folder: the same command runs it again.")
        shutil.copyfile(run / name, plots / f"{run.name}-{kind}.png")


def _context(table: PaperTable, runs: Sequence[FinishedRun], failures: Mapping[str, str]) -> dict[str, Any]:
    """What the template speaks of."""
    columns, *score_rows = tabulate_scores(gather_scores(table, runs), failures)
    folded = [run for run in runs if "folds" in run.results]
    intervals = [interval for run in runs for interval in run.results["intervals"].values()]
    return {
        "title": table.title,
        "protocol": table.protocol.rstrip("."),
        "synthetic": any(run.results["corpus"]["synthetic"] for run in runs),
        "score_columns": columns,
        "score_rows": score_rows,
        "compared": "Published number lies" in columns,
        "other_corpus": any("corpus" in run.changes for run in runs),
        "windows": any("window_metrics" in run.results for run in runs),
        "seeds": "Ours over seeds" in columns,
        "methods": list(dict.fromkeys(interval["method"] for interval in intervals)),
        "runs": runs,
        "picture": PICTURE,
        "protocol_rows": [_tell_protocol(run) for run in runs],
        "fold_metrics": [SCORE_NAMES[metric] for metric in METRICS],
        "fold_rows": [[run.name, *(fold_spread(run.results, metric) for metric in METRICS)] for run in folded],
        "change_rows": _tell_changes(runs),
        "beside_options": _tell_beside(runs),
        "commands": list_commands(table, runs),
        "runtime_rows": [_tell_runtime(run) for run in runs],
        "versions": _tell_versions(runs),
    }


def _tell_protocol(run: FinishedRun) -> list[object]:
    """How a run was trained and tested, in the words of its card."""
    results, protocol = run.results, run.results["protocol"]
    return [
        *(run.name, run.row.recipe.name, results_title(results), protocol["split"]),
        *(protocol["n_train"], protocol["n_validation"], describe_size(protocol)),
        *(protocol["seed"], run.seed, speaker_claim(protocol), protocol["selected_on"]),
        _tell_epochs(results),
    ]


def _tell_epochs(results: dict[str, Any]) -> str:
    """How many epochs a run, or each of its folds, took, and which was kept."""
    trainings = results.get("folds", [results])
    epochs = _span([max((entry["epoch"] for entry in part["history"]), default=0) for part in trainings])
    text = f"{epochs} epoch{'s' * (epochs != '1')}"
    if all("retraining" in part for part in trainings):
        again = _span([part["retraining"]["epochs"] for part in trainings])
        return f"{text}, then again for {again} on training and validation clips"
    kept = selected_epoch(results)
    return text if kept is None else f"{text}, number {kept:g} kept"


def _span(numbers: Sequence[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _tell_changes(runs: Sequence[FinishedRun]) -> list[list[str]]:
    """Runs with the same changes from their recipes, and these changes."""
    names: dict[str, list[str]] = {}
    for run in runs:
        names.setdefault("; ".join(describe_changes(run)) or "nothing", []).append(run.name)
    return [[", ".join(found), changes] for changes, found in names.items()]


def _tell_beside(runs: Sequence[FinishedRun]) -> list[str]:
    """The options of the second runs in words, each once."""
    options = [run.row.beside for run in runs if run.protocol == BESIDE]
    texts = [
        ", ".join(f"{key}: {describe_setting(key, value)}" for key, value in beside.items()) for beside in options
    ]
    return list(dict.fromkeys(texts))


def _tell_runtime(run: FinishedRun) -> list[str]:
    runtime = run.results["runtime"]
    memory = f"{runtime['peak_memory_mb']:.0f} MB"
    return [run.name, runtime["hardware"], duration(runtime["train_seconds"]), memory]


def _tell_versions(runs: Sequence[FinishedRun]) -> list[dict[str, str]]:
    """Versions of the packages, and the runs that they hold for."""
    names: dict[str, list[str]] = {}
    for run in runs:
        text = ", ".join(f"{package} {version}" for package, version in run.results["versions"].items())
        names.setdefault(text, []).append(run.name)
    return [{"text": text, "runs": ", ".join(found)} for text, found in names.items()]
