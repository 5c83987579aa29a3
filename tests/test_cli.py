import csv
import io
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pytest
import soundfile
import transformers
from typer.testing import CliRunner

import hf_ser
from hf_ser.cli import app
from hf_ser.corpora import CORPORA
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import make_tiny_model, tone
from tests.test_rescoring import DEMO, save_model, write_tones

ROOT = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-c", "from hf_ser.cli import main; main()"]
HEAVY = ("torch", "transformers", "datasets", "pandas", "numpy", "rich.table")


@pytest.fixture(autouse=True)
def own_settings():
    """What a command silences is heard again in the next test."""
    logger = logging.getLogger("hf_ser")
    level, verbosity = logger.level, transformers.logging.get_verbosity()
    yield
    datasets.enable_progress_bars()
    logger.setLevel(level)
    transformers.logging.set_verbosity(verbosity)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    make_tiny_model().save_pretrained(folder)
    SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def clips(tmp_path):
    """A folder of three tones, one with brackets in its name."""
    for name in ("a", "b", "c [red]"):
        soundfile.write(tmp_path / f"{name}.wav", tone(0.3), 16_000)
    return tmp_path


def call(*arguments):
    """Run a command here; stdout and stderr apart."""
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(argument) for argument in arguments])


def start(*arguments, **options):
    """Run a command as its own process."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, **options)


def test_version_is_the_package_s():
    done = start("--version")
    assert (done.returncode, done.stdout) == (0, f"hf_ser {hf_ser.__version__}\n")


def test_help_is_quick_and_names_every_command():
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        done = start("--help")
        seconds.append(time.perf_counter() - begun)
    assert all(command in done.stdout for command in ("corpora", "features", "evaluate", "predict"))
    assert min(seconds) < 1.5  # 0.2 s on an idle machine; the next test finds what would slow it


def test_help_imports_nothing_heavy():
    program = f"import sys, hf_ser.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_user_s_error_is_one_line_and_status_1():
    done = start("corpora", "check", "emo-db")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("CorpusError: Unknown corpus `emo-db`. Did you mean `emodb`")
    assert done.stderr.count("\n") == 1


def test_a_bug_of_ours_keeps_its_traceback():
    program = (
        "import hf_ser.cli, hf_ser.corpora; hf_ser.corpora.CORPORA = None; hf_ser.cli.sys.argv[1:] = ['corpora'];"
        "hf_ser.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "AttributeError" in done.stderr


def test_a_closed_pipe_ends_without_a_word():
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PROGRAM, "corpora"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("arguments", [["corpora"], ["corpora", "list"]])
def test_corpora_lists_every_card(arguments):
    result = call(*arguments)
    assert result.exit_code == 0
    for name, builder in CORPORA.items():
        card = builder.card
        facts = (name, card.title, card.language, card.licence, card.download, ", ".join(card.emotions))
        assert all(fact in result.stdout for fact in facts)


def test_own_corpora_are_listed_without_counts():
    shown = call("corpora").stdout
    line = next(line for line in shown.splitlines() if line.startswith("│ csv "))
    assert [cell.strip() for cell in line.split("│")[1:7]] == ["csv", "und", "yours", "yours", "", "yours"]
    assert "csv: own recordings that a CSV lists" in shown


def test_checking_own_recordings_finds_no_difference_from_what_nobody_published(tmp_path):
    for index, emotion in enumerate(("happy", "sad")):
        (tmp_path / emotion).mkdir()
        soundfile.write(tmp_path / emotion / "a.wav", tone(0.3, seed=index), 16_000)
    result = call("corpora", "check", "audiofolder", tmp_path)
    assert result.exit_code == 0
    assert "differences from the published corpus: none" in result.stdout


def test_checking_a_corpus_reports_differences_bad_files_and_status_1(tmp_path):
    soundfile.write(tmp_path / "f1_anger_00.wav", tone(0.3), 16_000)
    soundfile.write(tmp_path / "f1_anger_01.wav", tone(0.3), 16_000)
    (tmp_path / "f1_sadness_00.wav").write_bytes(b"")
    result = call("corpora", "check", "demo", tmp_path)
    assert result.exit_code == 1
    assert "files in all: 3 found, 320 published" in result.stdout
    assert "bad files: 1\n  f1_sadness_00.wav: an empty file" in result.stdout
    assert "sounds held more than once: 1\n  demo-f1_anger_00, demo-f1_anger_01" in result.stdout


def test_checking_the_published_corpus_ends_with_status_0(emodb):
    result = call("corpora", "check", "emodb", emodb)
    assert result.exit_code == 0
    assert "differences from the published corpus: none" in result.stdout
    assert "recordings held more than once, changed: none" in result.stdout


def test_predict_prints_the_table_alone(model, clips):
    done = start("predict", model, clips)
    assert (done.returncode, done.stderr) == (0, "")
    assert "label" in done.stdout


def test_predict_shows_names_with_brackets_as_they_are(model, clips):
    result = call("predict", model, clips / "c [red].wav")
    assert str(clips / "c [red].wav") in result.stdout


def test_predict_writes_csv_for_machines(model, clips):
    result = call("predict", model, clips / "*.wav", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [Path(row["file"]).name for row in rows] == ["a.wav", "b.wav", "c [red].wav"]
    assert list(rows[0]) == ["file", "label", "score", "anger", "neutral", "sadness", "error"]
    assert result.exit_code == 0


def test_predict_tells_a_bad_file_in_its_row_counts_it_and_ends_with_status_1(model, clips):
    (clips / "b.wav").write_bytes(b"")
    result = call("predict", model, clips, "--format", "json", "--batch-size", "2")
    rows = json.loads(result.stdout)
    assert [row["error"][:13] for row in rows] == ["", "an empty file", ""]
    assert rows[1]["score"] is None
    assert result.stderr.strip() == "1 of 3 files could not be read; `error` says why."
    assert result.exit_code == 1
    assert "an empty file" in call("predict", model, clips).stdout


def test_features_plot_says_which_pictures_it_writes(clips, tmp_path):
    result = call("features", "plot", clips, "--output-dir", tmp_path / "out")
    pictures = [tmp_path / "out" / f"{name}.png" for name in ("a", "b", "c [red]")]
    files = [clips / f"{name}.wav" for name in ("a", "b", "c [red]")]
    assert result.stdout.splitlines() == [f"{file}: {path}" for file, path in zip(files, pictures, strict=True)]
    assert all(path.is_file() for path in pictures)
    assert result.exit_code == 0


def test_features_plot_names_a_bad_file_draws_the_others_and_ends_with_status_1(clips, tmp_path):
    (clips / "b.wav").write_bytes(b"")
    recipe = ROOT / "recipes" / "quickstart.yaml"
    result = call("features", "plot", clips / "*.wav", "--recipe", recipe, "--seed", 1, "--output-dir", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"AudioError: `{clips / 'b.wav'}`: an empty file")
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["a.png", "c [red].png"]


def test_features_plot_of_a_missing_file_is_one_line_and_status_1(tmp_path):
    done = start("features", "plot", tmp_path / "none.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.wav" in done.stderr
    assert done.stderr.count("\n") == 1


def test_evaluate_writes_a_table_and_json(tmp_path):
    corpus = write_tones(tmp_path / "demo", [f"f1_{emotion}_00" for emotion in DEMO])
    save_model(tmp_path / "model", DEMO)
    arguments = ("evaluate", tmp_path / "model", "--corpus", "demo", "--data_dir", corpus)
    assert "Cross-corpus: Synthetic demo corpus" in call(*arguments).stdout
    results = json.loads(call(*arguments, "--format", "json").stdout)
    assert results["protocol"]["n_test"] == 4
    assert sum(map(sum, results["confusion_matrix"])) == 4


def test_evaluate_of_a_folder_without_a_split_is_a_run_error(model):
    with pytest.raises(hf_ser.RunError, match="lacks `recipe.yaml`, `split.json`, `results.json`"):
        CliRunner().invoke(app, ["evaluate", model], catch_exceptions=False)
