"""Figures of a result, drawn from results.json and nothing else: the confusion matrix and the learning curve."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hf_ser.errors import writing
from hf_ser.wording import (
    describe_size,
    interval_range,
    part_title,
    percent,
    results_title,
    selected_epoch,
    speaker_claim,
)

# Okabe and Ito's palette: told apart by colour-blind readers and in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"
DOTS_PER_INCH = 150
PERCENT = PercentFormatter(1.0, decimals=0, symbol=" %")


def plot_confusion_matrix(results: dict, path: str | Path) -> None:
    """Draw counts and recalls per cell, coloured by row, under the score, its interval and its protocol.

    Args:
        results: content of results.json.
        path: of the PNG to write.
    """
    counts = np.asarray(results["confusion_matrix"])  # (true, predicted)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = max(4.5, 0.9 * len(counts))  # inches
    figure = Figure(figsize=(1.4 * side, 1.2 * side))
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _name_classes(axes, results["labels"], counts.sum(1))
    _fill_cells(axes, counts, shares)
    bar = figure.colorbar(image, ax=axes, format=PERCENT, fraction=0.046, pad=0.03)  # as high as the matrix
    bar.set_label("Share of the true emotion")
    bar.outline.set_visible(False)
    _set_titles(axes, results, width=int(15 * side))
    save_figure(figure, path)


def plot_learning_curve(results: dict, path: str | Path) -> None:
    """Draw training and validation loss beside validation UAR, and mark the selected epoch.

    Without a validation part there is the training loss alone. Of a run over folds, the mean over its folds is drawn
    strong, and each fold thin behind it.

    Args:
        results: content of results.json.
        path: of the PNG to write.
    """
    is_validated = any("eval_uar" in entry for entry in results["history"])
    figure = Figure(figsize=(9.0, 4.4), layout="constrained")
    panels = figure.subplots(1, 2 if is_validated else 1, squeeze=False)[0]
    series = [(panels[0], "loss", "Training", BLUE)]
    if is_validated:
        series += [(panels[0], "eval_loss", "Validation", ORANGE), (panels[1], "eval_uar", "Validation", GREEN)]
        panels[1].set(title="Unweighted average recall", ylim=(0, 1))
        panels[1].yaxis.set_major_formatter(PERCENT)
    for axes, key, label, colour in series:
        for fold in results.get("folds", []):
            _draw_series(axes, fold["history"], key, None, colour, linewidth=0.7, alpha=0.35)
        mean = f"{label}, mean of folds" if "folds" in results else label
        _draw_series(axes, results["history"], key, mean, colour, linewidth=1.8)
    panels[0].set(title="Loss", ylim=(0, None))
    for axes in panels:
        axes.set_xlabel("Epoch")
        _mark_epoch(axes, selected_epoch(results))
        _tidy(axes, last_epoch=max((entry["epoch"] for entry in results["history"]), default=1))
    figure.suptitle(f"Learning curve on {part_title(results, 'train')}", fontsize=13, fontweight="bold")
    save_figure(figure, path)


def _name_classes(axes: Axes, labels: list[str], support: np.ndarray) -> None:
    """Name rows with their number of utterances and columns; keep the grid away from the cells."""
    positions = range(len(labels))
    axes.set_xticks(positions, labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(positions, [f"{label}  ({n})" for label, n in zip(labels, support, strict=True)])
    axes.set_xlabel("Predicted emotion", labelpad=8)
    axes.set_ylabel("True emotion (utterances)", labelpad=8)
    axes.set_xticks(np.arange(len(labels) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(labels) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _fill_cells(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    """Write share and count into each cell; an empty cell gets a faint zero."""
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        colour = "white" if share > 0.55 else "#222222"
        if not count:
            axes.text(column, row, "0", ha="center", va="center", fontsize=9, color="#AAAAAA")
            continue
        weight = "bold" if row == column else "normal"
        axes.text(column, row - 0.13, f"{100 * share:.0f} %", ha="center", va="center", color=colour, weight=weight)
        axes.text(column, row + 0.22, str(count), ha="center", va="center", fontsize=8, color=colour)


def _set_titles(axes: Axes, results: dict, width: int) -> None:
    """Say the score and its interval, and below them, in lines of `width` characters, what it is a score of."""
    protocol, interval = results["protocol"], results["intervals"]["uar"]
    score = f"UAR {percent(results['metrics']['uar'])}  (interval {interval_range(interval)})"
    size = f"seed {protocol['seed']}, {describe_size(protocol)}"
    size = size.replace("n = ", "n\u00a0=\u00a0")  # no-break spaces
    split = f"{results_title(results)}, {protocol['split']} split, {size}"
    lines = textwrap.wrap(split, width) + textwrap.wrap(speaker_claim(protocol), width)
    axes.set_title(score, fontsize=14, fontweight="bold", pad=18 + 13 * len(lines))
    small_print = {"fontsize": 9.5, "color": GREY, "ha": "center", "va": "bottom", "linespacing": 1.3}
    axes.annotate("\n".join(lines), (0.5, 1), (0, 9), "axes fraction", textcoords="offset points", **small_print)


def _draw_series(axes: Axes, history: list[dict], key: str, label: str | None, colour: str, **style: float) -> None:
    """Draw one value over epochs, from the entries that have it; nothing where none has."""
    entries = [entry for entry in history if key in entry]
    if not entries:
        return
    epochs, values = [entry["epoch"] for entry in entries], [entry[key] for entry in entries]
    marker = "o" if label and len(entries) <= 40 else None
    axes.plot(epochs, values, color=colour, label=label, marker=marker, markersize=3.5, clip_on=False, **style)


def _mark_epoch(axes: Axes, epoch: float | None) -> None:
    """Draw the line of the selected epoch, where there is one."""
    if epoch is not None:
        axes.axvline(epoch, color=GREY, linestyle="--", linewidth=1.2, label=f"Selected epoch ({epoch:g})")


def _tidy(axes: Axes, last_epoch: float) -> None:
    """Light grid, whole epochs from 0 on, a legend where there is anything to name."""
    axes.grid(color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(0, 1.02 * last_epoch)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write the PNG; a Figure of its own needs no display and leaves no global state."""
    with writing(path, "Free some space, then draw it again."):
        figure.savefig(path, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.15)
