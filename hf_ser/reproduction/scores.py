"""Published numbers beside ours, row by row: the first table of reproduction.md."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hf_ser.reproduction.runs import PLACES, FinishedRun
from hf_ser.reproduction.tables import BESIDE, PUBLISHED, PaperTable, Row, name_run
from hf_ser.wording import SCORE_NAMES, interval_range, percent


@dataclass(frozen=True)
class RowScores:
    """What has been run of one row."""

    row: Row
    published: list[FinishedRun]  # the one that is compared, then those of further seeds
    beside: FinishedRun | None

    @property
    def change(self) -> str:
        """Whether our numbers are of another corpus, or another recipe, than the row's own; "" if of neither."""
        runs = [*self.published[:1], *([self.beside] if self.beside else [])]
        keys = {key for run in runs for key in run.changes}
        return "another corpus" if "corpus" in keys else "recipe changed" if keys else ""


def gather_scores(table: PaperTable, runs: Iterable[FinishedRun]) -> list[RowScores]:
    """The runs by the rows of the table, in its order."""
    by_row: dict[str, list[FinishedRun]] = {name: [] for name in table.rows}
    for run in runs:
        by_row[run.row.name].append(run)
    return [
        RowScores(
            row=row,
            published=[run for run in by_row[row.name] if run.protocol == PUBLISHED],
            beside=next((run for run in by_row[row.name] if run.protocol == BESIDE), None),
        )
        for row in table.rows.values()
    ]


def tabulate_scores(scores: Sequence[RowScores], failures: Mapping[str, str]) -> list[list[str]]:
    """Title row and a row for each published number; a column that would be empty is left out.

    Args:
        scores: of all rows.
        failures: name of a run that has just failed: why.
    """
    beside = name_beside([entry.row for entry in scores])
    cells = [_tell_score(entry, metric, beside, failures) for entry in scores for metric in entry.row.published]
    columns = [column for column in cells[0] if any(row[column] for row in cells)]
    return [columns, *([row[column] for column in columns] for row in cells)]


def name_beside(rows: Iterable[Row]) -> str:
    """The second protocol by its split: `Leave-one-speaker-out`."""
    splits = dict.fromkeys(row.beside.get("split", "second protocol") for row in rows if row.beside)
    return " or ".join(splits).capitalize()


def place_published(published: float | None, interval: Mapping[str, float]) -> str:
    """Where a published number lies, seen from our interval."""
    if published is None:
        return "nothing published"
    if published < interval["low"]:
        return "below our interval"
    return "above our interval" if published > interval["high"] else "inside our interval"


def _tell_score(entry: RowScores, metric: str, beside: str, failures: Mapping[str, str]) -> dict[str, str]:
    """One published number, ours, and what stands beside it; UAR, too, once for each row."""
    row, ours = entry.row, entry.published[0] if entry.published else None
    is_first = metric == row.metric
    published, tells_uar = row.published[metric], is_first and "uar" not in row.published
    not_run = _tell_missing(row.name, failures)
    not_beside = _tell_missing(name_run(row.name, BESIDE), failures) if row.beside else ""
    return {
        "Row": row.name,
        "Note": _tell_note(row) if is_first else "",
        "Metric": SCORE_NAMES[metric],
        "Published": "none" if published is None else f"{100 * published:g} %",  # as the paper rounds
        "Ours": _tell_interval(ours, metric) or not_run,
        "Recipe": f"{entry.change}, see below" if entry.change else "",
        "Published number lies": _place(entry, published, metric),
        "Ours over seeds": _tell_seeds(entry.published, metric),
        "Ours per window": _tell_windows(ours, metric),
        "Our UAR": _tell_interval(ours, "uar") if tells_uar else "",
        f"{beside}, same metric": _tell_interval(entry.beside, metric) or not_beside,
        f"{beside}, UAR": _tell_interval(entry.beside, "uar") if tells_uar else "",
    }


def _place(entry: RowScores, published: float | None, metric: str) -> str:
    """Where a published number lies; "" for no run, and one of another corpus, which the number is not of."""
    if not entry.published or "corpus" in entry.published[0].changes:
        return ""
    return place_published(published, entry.published[0].results["intervals"][metric])


def _tell_note(row: Row) -> str:
    protocol = f"published protocol of this row: {row.protocol}" if row.protocol else ""
    return "; ".join(filter(None, (row.note, protocol)))


def _tell_missing(run: str, failures: Mapping[str, str]) -> str:
    return f"not run: {failures[run]}" if run in failures else "not run"


def _tell_interval(run: FinishedRun | None, metric: str) -> str:
    """A score with its interval, and its spread where there are folds; "" for no run."""
    if run is None:
        return ""
    text = f"{percent(run.results['metrics'][metric])} ({interval_range(run.results['intervals'][metric])})"
    spread = run.results.get("fold_metrics", {}).get(metric)
    return f"{text}, folds {100 * spread['mean']:.1f} ± {100 * spread['sd']:.1f} %" if spread else text


def _tell_seeds(runs: Sequence[FinishedRun], metric: str) -> str:
    """Mean and standard deviation over runs that differ in nothing but the seed; "" for one run."""
    alike = [run.results["metrics"][metric] for run in runs if _list_settings(run) == _list_settings(runs[0])]
    if len(alike) < 2:
        return ""
    return f"{100 * statistics.fmean(alike):.1f} ± {100 * statistics.stdev(alike):.1f} % ({len(alike)} seeds)"


def _list_settings(run: FinishedRun) -> dict:
    return {key: value for key, value in run.results["recipe"].items() if key not in PLACES | {"seed"}}


def _tell_windows(run: FinishedRun | None, metric: str) -> str:
    windows = run.results.get("window_metrics") if run else None
    return percent(windows[metric]) if windows else ""
