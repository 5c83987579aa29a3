"""Pictures of sound files as a network sees them: waveform and features, before and after augmentation, as PNG."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from hf_ser.arguments import Recipe
from hf_ser.errors import AudioError, writing
from hf_ser.feature_sheets import make_sheets
from hf_ser.feature_views import FeatureView, Sheet
from hf_ser.models.composite import count_rows
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.plots import BLUE, GREY, ORANGE, save_figure

TITLES = {"spectrogram": "Spectrogram", "mel": "Mel spectrogram", "mfcc": "MFCC", "composite": "Composite"}
# Blue to red as Badshah et al. have it; what has two signs gets white for zero.
COLORMAPS = {"spectrogram": "jet", "mel": "magma", "mfcc": "RdBu_r", "composite": "RdBu_r"}
BLOCK_NAMES = {"mfcc": "MFCC", "harmonic_percussive": "harmonic +\npercussive mel"}
WIDTH = 4.6  # inches of one side
HEIGHT = 1.7  # inches of a picture; the waveform has less, and the composite what the names of its blocks need
WAVEFORM_HEIGHT, TALLEST = 1.1, 9.0
NAME_HEIGHT = 10 / 72  # inches
MFCC_SHARE = 98  # per cent of the coefficients behind the first that the colours tell apart
LINE = 100  # characters of the small print


class Drawing(NamedTuple):
    """What became of one sound file."""

    file: Path
    picture: Path | None
    error: AudioError | None


def plot_features(
    files: Sequence[Path], output_dir: str | Path = ".", recipe: Recipe | None = None, seed: int | None = None
) -> Iterator[Drawing]:
    """Draw each sound file, one PNG named after it, as soon as the result is asked for.

    Args:
        files: `find_files` makes them of folders and globs.
        output_dir: is made if need be.
        recipe: its features and augmentation; without one, all kinds of features with examples of augmentation.
        seed: of the augmentation; None takes the recipe's, or 0.

    Raises:
        StorageError: The folder cannot be written.
        RecipeError, AudioError: The recipe's features or augmentation cannot be.
    """
    folder = Path(output_dir)
    with writing(folder, "Free some space, then draw it again."):
        folder.mkdir(parents=True, exist_ok=True)
    pictures = dict(zip(files, _name_pictures(files, folder), strict=True))
    for file, sheet in make_sheets(files, recipe, seed):
        if isinstance(sheet, AudioError):
            yield Drawing(file, None, sheet)
        else:
            save_figure(draw_sheet(sheet), pictures[file])
            yield Drawing(file, pictures[file], None)


def draw_sheet(sheet: Sheet) -> Figure:
    """The figure of a sound file: time runs across, low frequencies are at the bottom.

    On the left the clip as it is, on the right, where there is augmentation, augmented, in the same colours.
    """
    sides = 2 if sheet.is_augmented else 1
    heights = [WAVEFORM_HEIGHT, *(_measure_height(view.extractor) for view in sheet.views)]
    figure = Figure(figsize=(WIDTH * sides + 1.2, sum(heights) + 0.35 * len(heights) + 0.8), layout="constrained")
    grid = figure.add_gridspec(len(heights), sides + 1, width_ratios=[1] * sides + [0.025], height_ratios=heights)
    cells = [[figure.add_subplot(grid[row, side]) for side in range(sides)] for row in range(len(heights))]
    _draw_waveforms(cells[0], sheet)
    for row, view in enumerate(sheet.views, start=1):
        _draw_view(cells[row], figure.add_subplot(grid[row, sides]), view)
    _align(cells, _find_end(sheet))
    _set_titles(figure, sheet)
    return figure


def _name_pictures(files: Sequence[Path], folder: Path) -> list[Path]:
    """`<stem>.png`; the second file of a stem gets `<stem>-2.png`."""
    taken: set[str] = set()
    pictures = []
    for file in files:
        name, number = file.stem, 1
        while name.casefold() in taken:  # some file systems do not tell cases apart
            number += 1
            name = f"{file.stem}-{number}"
        taken.add(name.casefold())
        pictures.append(folder / f"{name}.png")
    return pictures


def _draw_waveforms(cells: list[Axes], sheet: Sheet) -> None:
    """Both waveforms to one scale."""
    sides = [(sheet.before, BLUE, "Waveform"), (sheet.after, ORANGE, sheet.change)][: len(cells)]
    peak = max(float(np.abs(waveform).max()) for waveform, *_ in sides) or 1.0
    for axes, (waveform, colour, title) in zip(cells, sides, strict=True):
        axes.plot(np.arange(len(waveform)) / sheet.sampling_rate, waveform, color=colour, linewidth=0.7)
        axes.set(ylim=(-1.05 * peak, 1.05 * peak))
        axes.set_title(title, fontsize=10, loc="left", parse_math=False)
        axes.grid(color="#E5E5E5", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    cells[0].set_ylabel("Amplitude")


def _draw_view(cells: list[Axes], bar_axes: Axes, view: FeatureView) -> None:
    """One kind of features in one scale of colours; on the right a frame around what CutMix took."""
    extractor = view.extractor
    sides = [(view.before, TITLES[extractor.kind]), (view.after, view.change)][: len(cells)]
    colours, label = _choose_colours(view)
    for axes, (features, title) in zip(cells, sides, strict=True):
        image = axes.imshow(features.T, origin="lower", aspect="auto", extent=_extent(extractor, features), **colours)
        axes.set_title(title, fontsize=10, loc="left", parse_math=False)
        _name_rows(axes, extractor)
    if len(cells) > 1 and view.box is not None:
        _frame(cells[1], _place(extractor, *view.box))
    bar = axes.figure.colorbar(image, cax=bar_axes, extend=_find_excess(view, colours))
    bar.set_label(label)
    bar.outline.set_visible(False)


def _extent(extractor: SpectrogramFeatureExtractor, features: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of an image on its axes."""
    return _place(extractor, 0, features.shape[0], 0, features.shape[1])


def _place(
    extractor: SpectrogramFeatureExtractor, first: int, last: int, lowest: int, highest: int
) -> tuple[float, float, float, float]:
    """Where frames and rows, up to those before `last` and `highest`, lie: each about its own second and number."""
    step = extractor.hop_length / extractor.sampling_rate
    is_spectrum = extractor.kind == "spectrogram" and not extractor.deltas
    height = extractor.sampling_rate / extractor.n_fft / 1000 if is_spectrum else 1  # kHz, or rows
    return (first - 0.5) * step, (last - 0.5) * step, (lowest - 0.5) * height, (highest - 0.5) * height


def _frame(axes: Axes, place: tuple[float, float, float, float]) -> None:
    """A dashed line around a box, to be seen on every colour."""
    left, right, bottom, top = place
    for style in ({"edgecolor": "white"}, {"edgecolor": "black", "linestyle": (0, (3, 2))}):
        axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, linewidth=1.5, **style))


def _choose_colours(view: FeatureView) -> tuple[dict[str, Any], str]:
    """Colour map and limits, the network's own where it has some, and what the colours mean."""
    extractor = view.extractor
    (low, high), label = _choose_limits(view)
    low, high = view.value_range or (low, high)
    colormap = view.colormap or COLORMAPS[extractor.kind]
    return {"cmap": colormap, "vmin": low, "vmax": high if high > low else low + 1}, label


def _choose_limits(view: FeatureView) -> tuple[tuple[float, float], str]:
    extractor, both = view.extractor, (view.before, view.after)
    if extractor.kind == "composite":
        return (-1, 1), "Share of the row's maximum"
    if extractor.kind == "mfcc":  # the first one, the loudness, would outshine the others
        others = [features[:, 1:] if features.shape[1] > 1 else features for features in both]
        limit = max(float(np.percentile(np.abs(features), MFCC_SHARE)) for features in others)
        return (-limit, limit), "Value"
    below_maximum = extractor.scale == "db" and extractor.db_reference is None and not extractor.deltas
    if below_maximum and extractor.top_db is not None:
        return (-extractor.top_db, 0), "dB re maximum"
    label = {"db": "dB", "power": "Power", "log": "ln(power)"}[extractor.scale]
    return (min(float(features.min()) for features in both), max(float(features.max()) for features in both)), label


def _find_excess(view: FeatureView, colours: dict[str, Any]) -> str:
    """At which end of the colours there are values beyond: what `extend` of a colour bar takes."""
    below = min(view.before.min(), view.after.min()) < colours["vmin"]
    above = max(view.before.max(), view.after.max()) > colours["vmax"]
    return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[below, above]


def _name_rows(axes: Axes, extractor: SpectrogramFeatureExtractor) -> None:
    """What goes up: kHz, bands, coefficients, or the blocks of a composite, with lines between them."""
    if extractor.kind != "composite":
        label = {"spectrogram": "Frequency (kHz)", "mel": "Mel band", "mfcc": "Coefficient"}
        axes.set_ylabel("Row" if extractor.deltas else label[extractor.kind])
        return
    edges = _find_edges(extractor)
    names = [BLOCK_NAMES.get(block, block) for block in extractor.blocks]
    axes.set_yticks((edges[:-1] + edges[1:]) / 2 - 0.5, names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    for edge in edges[1:-1]:
        axes.axhline(edge - 0.5, color="black", linewidth=0.9)


def _find_edges(extractor: SpectrogramFeatureExtractor) -> np.ndarray:
    """First row of each block of a composite, and the one past the last."""
    sizes = (extractor.n_mels, extractor.n_mfcc, extractor.n_split_mels)
    return np.cumsum([0, *(count_rows([block], *sizes) for block in extractor.blocks)])


def _measure_height(extractor: SpectrogramFeatureExtractor) -> float:
    """Inches; the blocks of a composite are as high as lets each have its name beside it."""
    if extractor.kind != "composite" or len(extractor.blocks) == 1:
        return HEIGHT
    edges = _find_edges(extractor)
    nearest = np.diff((edges[:-1] + edges[1:]) / 2).min()  # rows from one name to the next
    return float(np.clip(edges[-1] / nearest * NAME_HEIGHT, HEIGHT, TALLEST))


def _find_end(sheet: Sheet) -> float:
    """Seconds of the longest thing on the sheet."""
    ends = [len(waveform) / sheet.sampling_rate for waveform in (sheet.before, sheet.after)]
    for view in sheet.views:
        step = view.extractor.hop_length / view.extractor.sampling_rate
        ends += [(len(features) - 1) * step for features in (view.before, view.after)]
    return max(ends)


def _align(cells: list[list[Axes]], end: float) -> None:
    """One time axis for all, named below, and one vertical axis a row, named on the left."""
    for row in cells:
        for axes in row:
            axes.set_xlim(0, end)
            # without the last, which would meet the first of the next axes
            axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10], prune="upper"))
            axes.tick_params(labelbottom=row is cells[-1])
        for axes in row[1:]:
            axes.tick_params(labelleft=False)
            axes.set_ylabel("")
    for axes in cells[-1]:
        axes.set_xlabel("Time (s)")


def _set_titles(figure: Figure, sheet: Sheet) -> None:
    """The file, and in small print what the reader must know of the sheet."""
    figure.suptitle(sheet.name, fontsize=14, fontweight="bold", parse_math=False)
    figure.supxlabel("\n".join(textwrap.wrap(sheet.facts, LINE)), fontsize=9, color=GREY, parse_math=False)
