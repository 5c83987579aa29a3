"""The picture of a table has a line for each row, whether it was run or not, and tells published from ours."""

import json

import pytest
from matplotlib.figure import Figure

from hf_ser.reproduction.plots import plot_scores
from hf_ser.reproduction.runs import collect_runs
from hf_ser.reproduction.scores import gather_scores
from hf_ser.reproduction.tables import read_table
from tests.papers import RECIPE, TABLE, finish_run, make_folded_results, make_paper


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """The axes of the picture of the paper of tests/papers.py, from the runs in `tmp_path / "runs"`."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: figures.append(figure))

    def plot(table=TABLE):
        paper = read_table(make_paper(tmp_path, table))
        plot_scores(paper.title, gather_scores(paper, collect_runs(paper, tmp_path / "runs")), "unused.png")
        return figures[-1].axes[0]

    return plot


def legend(axes):
    return [text.get_text() for text in axes.figure.legends[0].get_texts()]


def test_published_numbers_and_ours_are_drawn_in_the_rows_of_the_table(draw, tmp_path):
    finish_run(tmp_path / "runs" / "A", RECIPE, 0.80)
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.70)
    finish_run(tmp_path / "runs" / "B-beside", RECIPE, 0.60, make_folded_results())
    axes = draw()
    ours, beside = (container.lines[0] for container in axes.containers)
    assert ours.get_xdata().tolist() == [0.8, 0.7]
    assert beside.get_xdata().tolist() == [0.6]
    assert [round(place) for place in (*ours.get_ydata(), *beside.get_ydata())] == [0, 1, 1]
    ends = axes.containers[1].lines[2][0].get_segments()[0][:, 0]
    assert ends.tolist() == pytest.approx([0.55, 0.65])
    published = next(line for line in axes.lines if line.get_label() == "Published")
    assert published.get_xdata().tolist()[:2] == [0.8773, 0.8]
    assert published.get_ydata().tolist() == [0, 1, 2]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row on top
    words = [label.get_text() for label in axes.get_yticklabels()]
    changed = "(ours: recipe changed)"  # A's flips images, B's second run has another split
    assert words == [f"A (Accuracy)\ncomplete\n{changed}", f"B (Accuracy)\nwithout augmentation\n{changed}", "C (UAR)"]
    assert legend(axes) == [
        *("Published", "Ours (95 % interval)", "Ours, leave-one-speaker-out (95 % interval)"),
    ]


def test_a_metric_of_all_rows_is_named_once(draw, tmp_path):
    finish_run(tmp_path / "runs" / "A", RECIPE, 0.80)
    axes = draw(TABLE.replace("metric: uar, ", ""))
    assert axes.get_xlabel() == "Accuracy"
    assert axes.get_yticklabels()[2].get_text() == "C"
    assert legend(axes) == ["Published", "Ours (95 % interval)"]


def test_a_score_outside_of_its_interval_is_drawn(draw, tmp_path):
    results = finish_run(tmp_path / "runs" / "A", RECIPE, 0.80)
    results["intervals"]["accuracy"] |= {"low": 0.81}
    (tmp_path / "runs" / "A" / "results.json").write_text(json.dumps(results))
    assert draw().containers[0].lines[0].get_xdata().tolist() == [0.8]
