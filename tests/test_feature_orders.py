"""The search of the order of composite features: on the training part alone, whole, resumable, and told in words."""

import itertools
import json

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile
import yaml
from typer.testing import CliRunner

from hf_ser import order_scores
from hf_ser.arguments import parse_recipe
from hf_ser.cli import app
from hf_ser.corpora.base import make_features
from hf_ser.errors import CorpusError, RecipeError, SplitError
from hf_ser.feature_orders import average_blocks, describe_search, search_orders, search_recipe
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import tone

BLOCKS = ["chroma", "mfcc", "contrast"]
PAPER = "mfcc,chroma,contrast"
EMOTIONS = ["anger", "neutral", "sadness"]
SPEAKERS = ("f1", "f2", "f3", "m1", "m2", "m3")


@pytest.fixture
def extractor():
    return SpectrogramFeatureExtractor("composite", n_mels=20, n_mfcc=5, blocks=BLOCKS)


@pytest.fixture
def train(extractor):
    """72 clips of six speakers, each of 3 to 6 random frames of 12, 5 and 7 rows."""
    generator = np.random.default_rng(0)
    rows = [
        {"utterance": f"{number}", "speaker": SPEAKERS[number // 12], "label": number % 3, "corpus": "made"}
        for number in range(72)
    ]
    made = datasets.Dataset(pa.Table.from_pylist(rows, schema=make_features(EMOTIONS).arrow_schema))
    frames = [generator.normal(number % 3, 2, (3 + number % 4, 24)).tolist() for number in range(72)]
    kind = datasets.Array2D((None, 24), "float32")
    return made.add_column("input_features", frames, feature=kind)


@pytest.fixture(autouse=True)
def records(own_cache):
    """Where finished orders are kept; none are yet."""
    folder = own_cache / "hf_ser" / "feature_orders"
    for path in folder.glob("*"):
        path.unlink()
    return folder


@pytest.fixture
def scored(monkeypatch):
    """The orders that are scored from now on."""
    orders, score = [], order_scores.score_order
    monkeypatch.setattr(
        order_scores, "score_order", lambda order, *rest: (orders.append(order), score(order, *rest))[1]
    )
    return orders


def test_each_row_is_averaged_over_the_clip_s_own_frames_and_blocks_are_told_apart(train, extractor):
    vectors = average_blocks(train, extractor)
    assert list(vectors) == ["mfcc", "chroma", "contrast"]
    for number in (0, 7):
        mean = np.array(train[number]["input_features"]).mean(axis=0)
        np.testing.assert_allclose(vectors["chroma"][number], mean[:12], rtol=1e-6)
        np.testing.assert_allclose(vectors["mfcc"][number], mean[12:17], rtol=1e-6)
        np.testing.assert_allclose(vectors["contrast"][number], mean[17:], rtol=1e-6)


def test_the_table_has_every_order_once_and_the_paper_s_first_of_equals(train, extractor):
    table = search_orders(train, extractor, num_proc=1)
    assert list(table) == ["blocks", "uar", "accuracy", "log_loss", "tied"]
    assert table["blocks"].tolist() == [",".join(order) for order in itertools.permutations(PAPER.split(","))]
    assert table["tied"].tolist() == [6] * 6
    assert table["uar"].between(0.3, 1).all()


def test_the_best_order_comes_first_and_ties_are_counted(train, extractor, monkeypatch):
    uars = {"mfcc,contrast,chroma": 0.9, "contrast,mfcc,chroma": 0.9, "mfcc,chroma,contrast": 0.2}

    def score(order, *_):
        return {"uar": uars.get(",".join(order), 0.5), "accuracy": 0.5, "log_loss": 1.0}

    monkeypatch.setattr(order_scores, "score_order", score)
    table = search_orders(train, extractor, num_proc=1)
    assert table["blocks"].iloc[[0, 1, 5]].tolist() == list(uars)
    assert table["tied"].tolist() == [2, 2, 3, 3, 3, 1]


def test_two_workers_give_the_table_of_one(train, extractor, records):
    alone = search_orders(train, extractor, num_proc=1)
    for path in records.glob("*"):
        path.unlink()
    pd.testing.assert_frame_equal(search_orders(train, extractor, num_proc=2), alone)


def test_a_second_search_scores_nothing(train, extractor, scored):
    first = search_orders(train, extractor, num_proc=1)
    assert len(scored) == 6
    pd.testing.assert_frame_equal(search_orders(train, extractor, num_proc=1), first)
    assert len(scored) == 6


def test_an_interrupted_search_goes_on_even_after_a_half_written_line(train, extractor, records, scored):
    whole = search_orders(train, extractor, num_proc=1)
    (path,) = records.glob("*")
    path.write_text(path.read_text()[: -len(path.read_text()) // 3])
    kept = sum(line.endswith("}") for line in path.read_text().splitlines())
    assert 0 < kept < 5
    scored.clear()
    pd.testing.assert_frame_equal(search_orders(train, extractor, num_proc=1), whole)
    assert len(scored) == 6 - kept
    scored.clear()
    pd.testing.assert_frame_equal(search_orders(train, extractor, num_proc=1), whole)
    assert scored == []


def test_an_interruption_keeps_what_is_finished(train, extractor, scored, monkeypatch):
    score = order_scores.score_order

    def stop_at_the_third(*arguments):
        if len(scored) == 2:
            raise KeyboardInterrupt
        return score(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(order_scores, "score_order", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            search_orders(train, extractor, num_proc=1)
    assert len(search_orders(train, extractor, num_proc=1)) == 6
    assert len(scored) == len(set(scored)) == 6


@pytest.mark.parametrize("change", ["label", "seed", "features"])
def test_other_labels_folds_or_features_are_searched_anew(change, train, extractor, scored):
    search_orders(train, extractor, num_proc=1)
    if change == "label":
        kind = train.features["label"]
        train = train.remove_columns("label").add_column("label", train["label"][1:] + [0], feature=kind)
    if change == "features":
        train = datasets.concatenate_datasets([train.select([0]), train.select(range(71))])
    search_orders(train, extractor, seed=int(change == "seed"), num_proc=1)
    assert len(scored) == 12


def test_the_recipe_s_own_order_changes_nothing(train, extractor, scored):
    first = search_orders(train, extractor, num_proc=1)
    other = SpectrogramFeatureExtractor("composite", n_mels=20, n_mfcc=5, blocks=["mfcc", "chroma", "contrast"])
    columns = [*range(12, 17), *range(12), *range(17, 24)]
    moved = [np.array(clip)[:, columns].tolist() for clip in train["input_features"]]
    train = train.remove_columns("input_features").add_column(
        "input_features", moved, feature=train.features["input_features"]
    )
    pd.testing.assert_frame_equal(search_orders(train, other, num_proc=1), first)
    assert len(scored) == 6


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "mel"}, "`kind` is `mel`, which has no blocks to order. Give a recipe of `kind: composite`"),
        ({"kind": "composite", "blocks": ["mel"]}, r"`blocks` is \['mel'\], which has one order. Name two or more"),
    ],
)
def test_features_without_an_order_are_refused(train, options, sentence):
    with pytest.raises(RecipeError, match=sentence):
        search_orders(train, SpectrogramFeatureExtractor(**options))


def test_features_of_another_extractor_and_none_are_refused(train, extractor):
    with pytest.raises(CorpusError, match="The features have 24 rows, and this feature extractor gives 230"):
        search_orders(train, SpectrogramFeatureExtractor("composite"))
    with pytest.raises(CorpusError, match="expected at least one clip and `input_features`"):
        search_orders(train.remove_columns("input_features"), extractor)


def test_the_words_say_how_many_tie_and_that_the_rest_is_rounding():
    table = pd.DataFrame({"uar": [0.75, 0.5], "accuracy": [0.8, 0.8], "log_loss": [1.0, 1.25], "tied": [1, 1]})
    first, second, _ = describe_search(table)
    assert first == (
        "2 orders: 50.0 to 75.0 % UAR and 80.0 to 80.0 % accuracy; 1 tie for the best. "
        "Their log losses lie within 2e-01 of each other."
    )
    assert second.startswith("A logistic regression cannot tell the orders apart")


@pytest.fixture
def own(tmp_path):
    """A table of 48 tones by four speakers in two emotions, and a recipe that tests on one of them."""
    rows = ["file,label,speaker"]
    for number in range(48):
        speaker, label = SPEAKERS[number // 12], ("anger", "sadness")[number % 2]
        frequency = 200 + 150 * (number % 2) + 20 * (number % 5)
        soundfile.write(tmp_path / f"{number}.wav", tone(0.25, frequency, 22_050, number), 22_050)
        rows.append(f"{number}.wav,{label},{speaker}")
    (tmp_path / "own.csv").write_text("\n".join(rows))
    options = {"corpus": "csv", "data_dir": str(tmp_path / "own.csv"), "split": "leave-one-speaker-out"}
    features = {"kind": "composite", "blocks": ["chroma", "mel", "contrast"], "n_mels": 20, "num_proc": 1}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(options | features | {"validation": 0.0}))
    return tmp_path


def search(folder, *options):
    return search_recipe(parse_recipe([str(folder / "recipe.yaml"), *options]))


def test_the_clips_of_the_test_part_are_not_looked_at(own, records):
    before = search(own)
    assert before.title == "36 training clips of `split: leave-one-speaker-out`, fold 0; speakers (3) kept apart"
    for number in range(12):  # f1, whom fold 0 tests
        soundfile.write(own / f"{number}.wav", tone(0.3, 900, 22_050, 100 + number), 22_050)
    pd.testing.assert_frame_equal(search(own).table, before.table)
    assert len(list(records.glob("*"))) == 1
    assert search(own, "--fold", "1").title.startswith("36 training clips of `split: leave-one-speaker-out`, fold 1")
    assert len(list(records.glob("*"))) == 2


def test_a_split_that_leaves_one_speaker_to_learn_from_is_refused(own):
    with pytest.raises(SplitError, match="All 12 training clips are of speaker `m1`"):
        search(own, "--split", "held-out-speakers", "--test_speakers", "f1,f2,f3")


def call(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["features", "order", *map(str, arguments)])


def test_the_command_shows_the_best_orders_and_how_to_fine_tune_with_one(own, monkeypatch):
    monkeypatch.setattr("hf_ser.cli.BEST_ORDERS", 2)
    done = call(own / "recipe.yaml", "--split_seed", "3")
    assert done.exit_code == 0
    assert sum(line.startswith("│ ") for line in done.stdout.splitlines()) == 2
    assert "mel, chroma, contrast (the paper's)" in done.stdout
    assert "A logistic regression cannot tell the orders apart" in done.stdout
    command = f"accelerate launch recipes/train.py {own / 'recipe.yaml'} --split_seed 3 --blocks mel,chroma,contrast"
    assert f"{command} --output_dir FOLDER" in done.stdout


def test_the_paper_s_order_is_shown_wherever_it_stands(own, monkeypatch):
    def score(order, *_):
        return {"uar": float(order[0] == "contrast"), "accuracy": 0.5, "log_loss": 1.0}

    monkeypatch.setattr("hf_ser.cli.BEST_ORDERS", 1)
    monkeypatch.setattr(order_scores, "score_order", score)
    lines = [line for line in call(own / "recipe.yaml").stdout.splitlines() if line.startswith("│ ")]
    assert [line.split()[1] for line in lines] == ["1", "3"]
    assert "(the paper's)" in lines[1]


def test_programs_get_all_orders_on_stdout_and_the_words_on_stderr(own):
    done = call(own / "recipe.yaml", "--format", "json")
    rows = json.loads(done.stdout)
    assert len(rows) == 6
    assert rows[0]["tied"] == 6
    assert "36 training clips of `split: leave-one-speaker-out`, fold 0; speakers (3) kept apart" in done.stderr
    assert "A logistic regression cannot tell the orders apart" in done.stderr
    written = call(own / "recipe.yaml", "--format", "csv").stdout
    assert written.splitlines()[0] == "blocks,uar,accuracy,log_loss,tied"
    assert written.splitlines()[1].startswith('"mel,chroma,contrast",')


def test_no_order_of_emodb_is_told_apart(emodb, tmp_path):
    recipe = {"corpus": "emodb", "data_dir": str(emodb), "split": "stratified", "kind": "composite"}
    blocks = {"blocks": ["mfcc", "chroma", "contrast"]}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | blocks))
    table = search(tmp_path).table
    assert table["tied"].tolist() == [6] * 6
    assert 0.3 < table["uar"].iloc[0] < 0.8
    assert np.ptp(table["log_loss"]) < 1e-5
