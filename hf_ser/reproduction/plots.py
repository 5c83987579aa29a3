"""The picture of a paper's table: published numbers against ours with their intervals."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hf_ser.plots import BLUE, ORANGE, PERCENT, save_figure
from hf_ser.reproduction.runs import FinishedRun
from hf_ser.reproduction.scores import RowScores, name_beside
from hf_ser.wording import SCORE_NAMES

ROW_HEIGHT, NOTE_WIDTH = 0.62, 34  # inches, characters
OFFSET = 0.2  # of ours from the middle of a row, up as published and down beside it


def plot_scores(title: str, scores: Sequence[RowScores], path: str | Path) -> None:
    """Draw a line for each row: a diamond is the published number, ours are points with their 95 % interval.

    Args:
        title: of the paper's table.
        scores: of its rows, in order.
        path: of the PNG to write.
    """
    figure = Figure(figsize=(8.6, 1.7 + ROW_HEIGHT * len(scores)), layout="constrained")
    axes = figure.add_subplot()
    rows = [entry.row for entry in scores]
    beside = name_beside(rows)
    published = [row.published[row.metric] for row in rows]
    _draw_runs(axes, [entry.published[0] if entry.published else None for entry in scores], "Ours", BLUE)
    _draw_runs(axes, [entry.beside for entry in scores], f"Ours, {beside.lower()}", ORANGE, -1)
    if any(number is not None for number in published):
        axes.plot(published, range(len(rows)), "D", color="#222222", markersize=6, label="Published", zorder=3)
    _name_rows(axes, scores)
    axes.set_title(textwrap.fill(title, 60), fontsize=13, fontweight="bold", pad=12)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: labels[index] != "Published")
    figure.legend(
        *([column[index] for index in order] for column in (handles, labels)),
        loc="outside lower center", ncols=3, frameon=False, fontsize=9.5,
    )  # fmt: skip
    save_figure(figure, path)


def _draw_runs(axes: Axes, runs: Sequence[FinishedRun | None], label: str, colour: str, direction: int = 1) -> None:
    """Points with intervals beside the middle of their rows; nothing where nothing was run."""
    places = [place for place, run in enumerate(runs) if run]
    scores = [
        (run.results["metrics"][run.row.metric], run.results["intervals"][run.row.metric]) for run in runs if run
    ]
    if not places:
        return
    # A percentile interval need not hold its score.
    low = [max(score - interval["low"], 0) for score, interval in scores]
    high = [max(interval["high"] - score, 0) for score, interval in scores]
    axes.errorbar(
        [score for score, _ in scores], [place - direction * OFFSET for place in places], xerr=[low, high],
        fmt="o", color=colour, markersize=5, elinewidth=1.8, capsize=3.5, label=f"{label} (95 % interval)",
    )  # fmt: skip


def _name_rows(axes: Axes, scores: Sequence[RowScores]) -> None:
    """Rows from top to bottom with their notes, shares from left to right, bands to tell the rows apart."""
    metrics = {entry.row.metric for entry in scores}
    labels = []
    for entry in scores:
        metric = f" ({SCORE_NAMES[entry.row.metric].split(' (')[0]})" if len(metrics) > 1 else ""
        note = textwrap.shorten(entry.row.note, 2 * NOTE_WIDTH, placeholder=" …")
        changed = [f"(ours: {entry.change})"] if entry.change else []
        labels.append("\n".join([f"{entry.row.name}{metric}", *textwrap.wrap(note, NOTE_WIDTH), *changed]))
    axes.set_yticks(range(len(scores)), labels, fontsize=9)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    for place in range(0, len(scores), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#F4F4F4", zorder=0, linewidth=0)
    axes.set_xlabel(SCORE_NAMES[metrics.pop()] if len(metrics) == 1 else "Score", labelpad=8)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.grid(axis="x", color="#E0E0E0", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
