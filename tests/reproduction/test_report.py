"""reproduction.md says what the results and the table say, in the table's order, and nothing about the machine."""

import json

import pytest
from PIL import Image

from hf_ser.errors import RunError
from hf_ser.model_card_check import read_table as read_rows
from hf_ser.model_card_check import split_sections
from hf_ser.reproduction.report import write_reproduction
from hf_ser.reproduction.tables import read_table
from tests.papers import RECIPE, TABLE, finish_run, make_folded_results, make_paper
from tests.results import make_results, make_synthetic_results

A = RECIPE | {"flip": True}
BESIDE = {"split": "leave-one-speaker-out", "validation": 0.1, "speaker_independent": True, "test": 0.2}


@pytest.fixture
def report(tmp_path):
    """Text of reproduction.md from the runs in `tmp_path / "runs"`, and its first table by row and column."""

    def write(table=TABLE, failures=()):
        folder = tmp_path / "somebody2020"
        if not folder.exists():
            make_paper(tmp_path, table)
        return write_reproduction(read_table(folder), tmp_path / "runs", dict(failures)).read_text()

    return write


def scores(text):
    """The first table: a dict of its cells by column for each row."""
    columns, *rows = read_rows(split_sections(text)["Published and ours"])
    return [dict(zip(columns, row, strict=True)) for row in rows]


def cells(text, section, column):
    """Cells of a column of a section's table by the name of the run."""
    columns, *rows = read_rows(split_sections(text)[section])
    return {row[0]: row[columns.index(column)] for row in rows}


def commands(text):
    return [line for line in text.splitlines() if line.startswith("python ")]


@pytest.mark.parametrize(
    ("published", "place"),
    [
        (0.75, "inside our interval"),  # its ends are inside
        (0.85, "inside our interval"),
        (0.8501, "above our interval"),
        (0.7499, "below our interval"),
        ("null", "nothing published"),
    ],
)
def test_the_published_number_is_placed_by_our_interval(report, tmp_path, published, place):
    finish_run(tmp_path / "runs" / "A", A, 0.80)  # 75 to 85 %
    row = scores(report(TABLE.replace("0.8773", str(published))))[0]
    assert row["Published number lies"] == place
    assert row["Ours"] == "80.0 % (75.0 to 85.0 %)"
    assert row["Published"] == {0.75: "75 %", 0.85: "85 %", 0.8501: "85.01 %", 0.7499: "74.99 %"}.get(
        published, "none"
    )


def test_every_row_is_told_in_the_order_of_the_table_also_those_that_were_not_run(report, tmp_path):
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.70)
    finish_run(tmp_path / "runs" / "B-beside", RECIPE | BESIDE, 0.60, make_folded_results())
    text = report(failures={"A": "SplitError: `/home/someone/corpora/a.csv` is empty."})
    first, second, third = scores(text)
    assert (first["Row"], second["Row"], third["Row"]) == ("A", "B", "C")
    assert first["Note"] == "complete"
    assert third["Note"] == "published protocol of this row: ten folds"
    assert (first["Metric"], third["Metric"]) == ("Accuracy", "UAR (unweighted average recall)")
    assert first["Ours"] == "not run: SplitError: `a.csv` is empty."
    assert (first["Leave-one-speaker-out, same metric"], third["Leave-one-speaker-out, same metric"]) == (
        "not run",
        "",
    )
    assert third["Ours"] == "not run"
    assert second["Ours"] == "70.0 % (65.0 to 75.0 %)"
    assert second["Published number lies"] == "above our interval"
    assert second["Our UAR"] == "80.0 % (73.0 to 86.0 %)"
    assert second["Leave-one-speaker-out, same metric"] == "60.0 % (55.0 to 65.0 %), folds 60.0 ± 14.1 %"
    assert second["Leave-one-speaker-out, UAR"] == "80.0 % (73.0 to 86.0 %), folds 60.0 ± 14.1 %"
    assert "reproduced" not in text.lower()


def test_a_table_without_any_run_is_told_too(report):
    text = report()
    assert [row["Ours"] for row in scores(text)] == ["not run"] * 3
    assert set(split_sections(text)) == {"Somebody et al. (2020), Table 1", "Published and ours"}
    assert "Published protocol: random split, 428 / 107." in text


def test_several_published_metrics_have_a_line_each(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.80)
    first, second, _, _ = scores(report(TABLE.replace("0.8773", "{uar: 0.5, accuracy: 0.8}")))
    assert (first["Metric"], first["Published"], first["Ours"]) == ("Accuracy", "80 %", "80.0 % (75.0 to 85.0 %)")
    assert (second["Row"], second["Metric"], second["Published"]) == ("A", "UAR (unweighted average recall)", "50 %")
    assert second["Published number lies"] == "below our interval"
    assert "Our UAR" not in first  # it stands in the second line


def test_the_protocol_of_each_run_is_told_in_the_words_of_its_card(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.80)
    finish_run(tmp_path / "runs" / "A-beside", A | BESIDE, 0.60, make_folded_results())
    again = make_results() | {"retraining": {"epochs": 17, "n_train": 428, "history": []}}
    finish_run(tmp_path / "runs" / "C", RECIPE, 0.60, again)
    text = report()
    section = "Protocol of our runs"
    assert cells(text, section, "Split") == {"A": "stratified", "A-beside": "leave-one-speaker-out", "C": "stratified"}
    assert cells(text, section, "Recipe") == {"A": "a.yaml", "A-beside": "a.yaml", "C": "b.yaml"}
    assert cells(text, section, "Training clips")["A"] == "375"
    assert cells(text, section, "Test clips") == {"A": "n = 107", "A-beside": "2 folds, n = 107", "C": "n = 107"}
    speakers = cells(text, section, "Speakers")
    assert speakers["A"] == "speakers are shared between training and test: not a score for new speakers"
    assert speakers["A-beside"] == "speaker-independent: no test speaker was heard in training"
    trained = cells(text, section, "Trained for")
    assert trained["A"] == "30 epochs, number 22 kept"  # the best validation UAR
    assert trained["A-beside"] == "5 to 30 epochs"
    assert trained["C"] == "30 epochs, then again for 17 on training and validation clips"
    assert cells(text, "Folds", "Accuracy") == {"A-beside": "60.0 ± 14.1 % (50.0 to 70.0 %)"}
    assert "Intervals: 95 % percentile bootstrap over speakers.\n" in text


def test_what_was_changed_from_a_recipe_is_told_with_old_and_new_values(report, tmp_path):
    changed = {
        "backbone": "mobilenetv2_100",
        "num_train_epochs": 5,
        "backbone_weights": "timm/mobilenetv2_100.ra_in1k",
    }
    finish_run(tmp_path / "runs" / "A", A, 0.8, data_dir="EMODB")
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.8, **changed)
    finish_run(tmp_path / "runs" / "B-beside", RECIPE | BESIDE, 0.8, **changed)
    text = report()
    words = (
        "backbone: ser_small_cnn -> mobilenetv2_100; backbone_weights: default -> timm/mobilenetv2_100.ra_in1k; "
        "num_train_epochs: 1 -> 5"
    )
    assert cells(text, "What was changed from the recipes", "Changed") == {"A": "nothing", "B, B-beside": words}
    assert [row["Recipe"] for row in scores(text)] == ["", "recipe changed, see below", ""]
    assert "has by intent also: split: leave-one-speaker-out, validation: 0.1, speaker_independent: True." in text
    assert "python recipes/reproduce.py somebody2020 --data_dir DATA_DIR --rows A --protocols published" in commands(
        text
    )
    overrides = "--backbone mobilenetv2_100 --backbone_weights timm/mobilenetv2_100.ra_in1k --num_train_epochs 5"
    assert f"python recipes/reproduce.py somebody2020 {overrides} --rows B" in commands(text)


def test_a_published_number_is_not_held_against_a_score_of_another_corpus(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.95, corpus="emodb")
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.95)
    finish_run(tmp_path / "runs" / "B-beside", RECIPE | BESIDE, 0.95, corpus="emodb")
    text = report()
    other, same, _ = scores(text)
    assert (other["Recipe"], other["Published number lies"]) == ("another corpus, see below", "")
    assert (same["Recipe"], same["Published number lies"]) == ("another corpus, see below", "below our interval")
    assert "Where a run is of another corpus than the paper's, the two numbers are not compared." in text


def test_one_command_makes_all_runs_that_were_changed_alike(report, tmp_path):
    done = {"A": A, "A-seed2": A, "A-beside": A | BESIDE, "B": RECIPE, "B-beside": RECIPE | BESIDE, "C": RECIPE}
    for name, recipe in done.items():
        finish_run(tmp_path / "runs" / name, recipe, 0.8, seed=2 if name == "A-seed2" else 0, rotate_degrees=5.5)
    assert commands(report()) == ["python recipes/reproduce.py somebody2020 --rotate_degrees 5.5 --seeds 0,2"]


def test_rows_in_one_protocol_and_rows_in_both_have_commands_of_their_own(report, tmp_path):
    for name, recipe in {"A": A, "B": RECIPE, "B-beside": RECIPE | BESIDE}.items():
        finish_run(tmp_path / "runs" / name, recipe, 0.8)
    command = "python recipes/reproduce.py somebody2020"
    assert commands(report()) == [f"{command} --rows A --protocols published", f"{command} --rows B"]


def test_weights_of_timm_are_no_change_though_results_name_them_in_full(report, tmp_path):
    recipe = {"backbone": "mobilenetv2_100", "backbone_weights": "timm"}
    finish_run(tmp_path / "runs" / "A", A | recipe, 0.8, backbone_weights="timm/mobilenetv2_100.ra_in1k")
    finish_run(tmp_path / "runs" / "B", A | recipe, 0.8, backbone_weights="someone/other-weights")
    folder = make_paper(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text(json.dumps(A | recipe))
    changes = cells(report(), "What was changed from the recipes", "Changed")
    assert changes == {"A": "nothing", "B": "backbone_weights: timm -> someone/other-weights"}


def test_seeds_give_mean_and_deviation_over_runs_that_differ_in_nothing_else(report, tmp_path):
    for seed, accuracy in enumerate((0.62, 0.71, 0.65)):
        finish_run(tmp_path / "runs" / (f"B-seed{seed}" if seed else "B"), RECIPE, accuracy, seed=seed)
    finish_run(tmp_path / "runs" / "B-seed10", RECIPE, 0.1, seed=10, learning_rate=1.0)
    text = report()
    assert scores(text)[1]["Ours over seeds"] == "66.0 ± 4.6 % (3 seeds)"  # of 62, 71 and 65
    assert scores(text)[1]["Ours"] == "62.0 % (57.0 to 67.0 %)"
    assert list(cells(text, "Protocol of our runs", "Seed").items()) == [
        *(("B", "0"), ("B-seed1", "1"), ("B-seed2", "2"), ("B-seed10", "10")),
    ]


def test_scores_per_window_have_a_column_where_there_are_any(report, tmp_path):
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.7)
    assert not {"Ours per window", "Recipe"} & scores(report())[1].keys()
    windows = {"window_metrics": make_results()["metrics"] | {"accuracy": 0.6175}, "n_windows": 639}
    finish_run(tmp_path / "runs" / "A", A, 0.8, make_results() | windows)
    text = report()
    assert [row["Ours per window"] for row in scores(text)] == ["61.8 %", "", ""]
    assert "A score per window counts each window's own answer" in text


def test_synthetic_speech_is_called_so(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.8)
    assert "synthetic" not in report()
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.8, make_synthetic_results())
    assert "**The corpus is synthetic.**" in report()


def test_no_path_of_the_machine_is_told(report, tmp_path):
    places = {"data_dir": "/home/someone/corpora/emodb", "backbone_weights": "/home/someone/model.safetensors"}
    places |= {"background_dir": "/home/someone/noise", "background_snr": [5.0, 10.0]}
    finish_run(tmp_path / "runs" / "A", A, 0.8, **places)
    text = report(failures={"B": "RunError: `/home/someone/runs/B` is a file."})
    assert "someone" not in text
    assert str(tmp_path) not in text
    assert "backbone_weights: default -> model.safetensors" in text
    placeholders = "--data_dir DATA_DIR --backbone_weights BACKBONE_WEIGHTS --background_dir BACKGROUND_DIR"
    assert f"{placeholders} --background_snr '[5.0, 10.0]' --rows A" in text


def test_figures_of_each_run_lie_beside_the_text_that_shows_them(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.8)
    finish_run(tmp_path / "runs" / "A-beside", A | BESIDE, 0.6, make_folded_results())
    text, plots = report(), tmp_path / "runs" / "plots"
    assert {path.name for path in plots.iterdir()} == {
        *("A-confusion.png", "A-learning.png", "A-beside-confusion.png", "A-beside-learning.png", "table.png"),
    }
    assert all(f"(plots/{path.name})" in text for path in plots.iterdir())
    assert (plots / "A-beside-learning.png").read_text() == "A-beside learning_curve.png"
    with Image.open(plots / "table.png") as image:
        assert min(image.size) > 300


def test_hardware_and_versions_are_told(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.8)
    text = report()
    assert ["A", "CPU, 2 cores", "10 min 12 s", "1834 MB"] in read_rows(split_sections(text)["Hardware and versions"])
    assert "Versions: hf_ser 0.1.0, torch 2.14.1, transformers 5.23.0." in text
    other = make_results() | {"versions": {"torch": "2.15"}}
    finish_run(tmp_path / "runs" / "B", RECIPE, 0.8, other)
    assert "Versions of A: hf_ser 0.1.0, torch 2.14.1, transformers 5.23.0.\nVersions of B: torch 2.15." in report()


def test_a_damaged_run_is_named(report, tmp_path):
    finish_run(tmp_path / "runs" / "A", A, 0.8)
    (tmp_path / "runs" / "A" / "learning_curve.png").unlink()
    with pytest.raises(RunError, match="A` lacks `learning_curve.png`. Delete the folder"):
        report()
    (tmp_path / "runs" / "A" / "results.json").write_text("{}")
    with pytest.raises(RunError, match=r"results.json` lacks `confusion_matrix`, `corpus`, "):
        report()
