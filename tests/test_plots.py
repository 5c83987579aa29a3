"""Figures say the score, its protocol and its caveats, and are drawn without a display or global state."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hf_ser.errors import StorageError
from hf_ser.plots import plot_confusion_matrix, plot_learning_curve
from tests.results import make_results, make_synthetic_results

PLOTS = [plot_confusion_matrix, plot_learning_curve]


@pytest.fixture
def drawn(monkeypatch):
    """Figures in place of files: what a plot would have saved."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: figures.append(figure))
    return figures


def texts(figure: Figure) -> str:
    """All text of the first axes, its title included, on one line."""
    axes = figure.axes[0]
    return (
        " ".join([axes.get_title(), *(text.get_text() for text in axes.texts)])
        .replace("\n", " ")
        .replace("\u00a0", " ")
    )


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_is_a_picture_of_readable_size(plot, tmp_path):
    plot(make_results(), tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
        assert np.asarray(image.convert("L")).std() > 10  # not a blank page


def test_the_confusion_matrix_shows_counts_recalls_score_interval_and_protocol(drawn):
    plot_confusion_matrix(make_results(), "unused.png")
    shown = texts(drawn[0])
    # 24 of 26 utterances of anger are right
    for part in (
        "92 % 24",
        "UAR 80.0 %",
        "(interval 73.0 to 86.0 %)",
        "stratified split, seed 0, n = 107",
    ):
        assert part in shown
    assert "speakers are shared between training and test: not a score for new speakers" in shown
    assert "anger  (26)" in [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]


def test_colours_are_shares_of_the_true_class(drawn):
    results = make_results()
    plot_confusion_matrix(results, "unused.png")
    counts = np.array(results["confusion_matrix"])
    np.testing.assert_allclose(drawn[0].axes[0].images[0].get_array(), counts / counts.sum(1)[:, None])


def test_a_class_without_test_utterances_is_drawn_as_zeros(drawn):
    results = make_results()
    results["confusion_matrix"][0] = [0] * 7
    plot_confusion_matrix(results, "unused.png")
    assert drawn[0].axes[0].images[0].get_array()[0].tolist() == [0] * 7


def test_synthetic_speech_is_called_synthetic_in_both_figures(drawn):
    for plot in PLOTS:
        plot(make_synthetic_results(), "unused.png")
    assert "synthetic" in texts(drawn[0])
    assert "speaker-independent" in texts(drawn[0])
    assert "synthetic" in drawn[1].get_suptitle()


def test_the_learning_curve_holds_the_logged_values_and_marks_the_best_epoch(drawn):
    results = make_results()
    plot_learning_curve(results, "unused.png")
    training, validation, mark = drawn[0].axes[0].lines
    assert len(training.get_ydata()) == len(validation.get_ydata()) == 30
    assert training.get_ydata()[0] == pytest.approx(results["history"][0]["loss"])
    assert list(mark.get_xdata()) == [22.0, 22.0]  # eval_uar falls from epoch 23 on


def test_the_epoch_of_least_loss_is_marked_where_the_loss_selected_it(drawn):
    plot_learning_curve(make_results(selected_on="validation eval_loss"), "unused.png")
    assert list(drawn[0].axes[0].lines[-1].get_xdata()) == [19.0, 19.0]  # eval_loss rises from epoch 20 on


def test_the_epoch_that_gave_a_second_training_its_length_is_marked(drawn):
    selected_on = "epochs by validation loss, then retrained on training and validation parts"
    plot_learning_curve(make_results(selected_on=selected_on), "unused.png")
    assert list(drawn[0].axes[0].lines[-1].get_xdata()) == [19.0, 19.0]


def test_no_epoch_is_marked_where_none_was_selected(drawn):
    plot_learning_curve(make_results(selected_on="nothing: the last epoch is kept"), "unused.png")
    assert [len(axes.lines) for axes in drawn[0].axes] == [2, 1]


def test_without_validation_there_is_the_training_loss_alone(drawn):
    results = make_results(selected_on="nothing: the last epoch is kept")
    for entry in results["history"]:
        for key in [key for key in entry if key.startswith("eval_")]:
            del entry[key]
    plot_learning_curve(results, "unused.png")
    assert [axes.get_title() for axes in drawn[0].axes] == ["Loss"]
    assert len(drawn[0].axes[0].lines) == 1


def test_an_empty_history_gives_an_empty_figure(tmp_path):
    plot_learning_curve(make_results() | {"history": []}, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0


def test_plots_leave_pyplot_alone():
    code = "import sys, hf_ser.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_full_disk_is_named(monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(StorageError, match=r"No space left while writing `a.png`. Free some space"):
        plot_confusion_matrix(make_results(), "a.png")
