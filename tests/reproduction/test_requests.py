"""What was asked for becomes trainings, in the table's order, and every mistake is met before the first begins."""

import pytest
import yaml

from hf_ser.errors import RecipeError, RunError
from hf_ser.reproduction.requests import parse_request, plan_trainings
from tests.conftest import ROOT
from tests.papers import RECIPE, TABLE, finish_run, make_paper


@pytest.fixture
def plan(tmp_path):
    """Trainings of a call on the paper of tests/papers.py, with runs in `tmp_path / "runs"`."""
    make_paper(tmp_path)

    def ask(*words, paper="somebody2020"):
        return plan_trainings(parse_request([paper, "--output_dir", str(tmp_path / "runs"), *words], tmp_path))

    return ask


def names(trainings):
    return [training.name for training in trainings]


def test_each_row_is_run_as_published_and_once_more_beside(plan, tmp_path):
    trainings = plan()
    assert names(trainings) == ["A", "A-beside", "B", "B-beside", "C"]
    first, beside = trainings[:2]
    assert first.recipe.options == RECIPE | {"flip": True, "output_dir": str(tmp_path / "runs" / "A")}
    second = {"split": "leave-one-speaker-out", "validation": 0.1, "speaker_independent": True, "test": 0.2}
    assert beside.recipe.options == first.recipe.options | second | {"output_dir": str(tmp_path / "runs" / "A-beside")}
    assert not any(training.has_ended for training in trainings)


def test_overrides_are_for_every_recipe_and_the_second_protocol_wins(plan, caplog):
    caplog.set_level("INFO", "hf_ser")
    trainings = plan("--num_train_epochs", "7", "--validation", "0.3", "--test-counts={anger: 2}", "--fold=1")
    assert {training.recipe.training.num_train_epochs for training in trainings} == {7}
    first, beside = (training.recipe.split for training in trainings[:2])
    assert (first.validation, first.test_counts, first.fold) == (0.3, {"anger": 2}, 1)
    # each emotion's count is no matter of leaving speakers out, a fold is
    assert (beside.validation, beside.test_counts, beside.fold) == (0.1, None, 1)
    words = [record.message for record in caplog.records]
    assert words == [
        f"Row `{row}`: `--validation` holds for the first run; the second has the table's own." for row in "AB"
    ]


def test_options_of_any_type_reach_the_recipe_as_they_are(tmp_path):
    options = (
        "{split: held-out-speakers, test_speakers: ['03', '8'], max_steps: 3, learning_rate: 1.0e-05, fold: null,"
    )
    options += " map_emotions: {anger: drop}, backbone_weights: 'no', flip: false} #"
    make_paper(tmp_path, TABLE.replace("{split: leave-one-speaker-out", options))
    _, beside, *_ = plan_trainings(parse_request(["somebody2020", "--output_dir", str(tmp_path)], tmp_path))
    given = {"test_speakers": ["03", "8"], "max_steps": 3, "learning_rate": 1e-5, "fold": None, "flip": False}
    given |= {"map_emotions": {"anger": "drop"}, "backbone_weights": "no"}
    assert {key: beside.recipe.options[key] for key in given} == given


def test_rows_and_protocols_are_chosen_in_the_order_of_the_table(plan):
    assert names(plan("--rows", "C,A")) == ["A", "A-beside", "C"]
    assert names(plan("--protocols", "published")) == ["A", "B", "C"]
    assert names(plan("--protocols=beside")) == ["A-beside", "B-beside"]


def test_further_seeds_have_folders_of_their_own_and_the_recipes_own_seed_keeps_its(plan):
    trainings = plan("--rows", "A", "--seeds", "1,0,2,1")
    assert names(trainings) == ["A", "A-seed1", "A-seed2", "A-beside"]
    assert [training.recipe.training.seed for training in trainings] == [0, 1, 2, 0]
    assert {training.recipe.split.split_seed for training in trainings} == {0}
    assert names(plan("--rows", "A", "--seeds", "1,2", "--protocols", "published")) == ["A-seed1", "A-seed2"]
    assert names(plan("--rows", "C", "--seeds", "0,1", "--seed", "1")) == ["C", "C-seed0"]


def test_what_has_ended_is_known(plan, tmp_path):
    finish_run(tmp_path / "runs" / "A", {}, 0.8)
    (tmp_path / "runs" / "A" / "recipe.yaml").write_text(yaml.safe_dump(plan("--rows", "B")[0].recipe.options))
    with pytest.raises(RunError, match="A` holds a run that was begun with another `flip`. "):
        plan()
    recipe = RECIPE | {"flip": True, "output_dir": "elsewhere/A"}
    (tmp_path / "runs" / "A" / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert [training.name for training in plan() if training.has_ended] == ["A"]
    with pytest.raises(RunError, match="A` holds a run that was begun with another `learning_rate`. "):
        plan("--learning_rate", "0.1")


def test_a_run_begun_with_another_recipe_is_met_before_any_other_begins(plan, tmp_path):
    (tmp_path / "runs" / "C" / "checkpoint-1").mkdir(parents=True)
    (tmp_path / "runs" / "C" / "recipe.yaml").write_text(yaml.safe_dump(RECIPE | {"seed": 5}))
    with pytest.raises(RunError, match="C` holds a run that was begun with another `seed`. "):
        plan()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--rows", "A,D"), r"`--rows` has no `D`. Valid: `A`, `B`, `C`\."),
        (("--protocols", "besides"), "`--protocols` has no `besides`. Did you mean `beside`"),
        (("--seeds", "0,x"), "`--seeds` is '0,x'; expected whole numbers from 0 on"),
        (("--seeds", ""), "`--seeds` is ''; expected whole numbers"),
        (("--row", "A"), "Unknown key `row`. Did you mean `rows`"),
        (("--learning_rat", "1"), "Unknown key `learning_rat`. Did you mean `.*learning_rate`"),
        (("--rows",), "Overrides are pairs, `--key value`; got '.* --rows'"),
        (("A",), "Overrides are pairs"),
        (("--learning_rate", "fast"), r"Row `A` \(published\), `.*a.yaml`: `learning_rate` is 'fast'"),
        (("--checkpoint", "some/model"), r"Row `A` \(published\), `.*a.yaml`: `.*` is for image networks"),
    ],
)
def test_a_mistake_is_named_before_anything_is_run(plan, tmp_path, words, sentence):
    with pytest.raises(RecipeError, match=sentence):
        plan(*words)
    assert not (tmp_path / "runs").exists()


def test_an_unknown_key_of_the_second_protocol_is_named_with_its_row(tmp_path):
    make_paper(tmp_path, TABLE.replace("beside: {split", "beside: {lerning_rate: 1, split"))
    with pytest.raises(RecipeError, match=r"Row `A` \(beside\), .*: Unknown key `lerning_rate` in the recipe. "):
        plan_trainings(parse_request(["somebody2020", "--output_dir", str(tmp_path / "runs")], tmp_path))


def test_nothing_to_run_is_an_error(plan):
    with pytest.raises(RunError, match="Nothing to run: `C` have no run `beside`"):
        plan("--rows", "C", "--protocols", "beside")


def test_an_output_folder_that_is_a_file_is_named(plan, tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="runs` is a file. Give the name of a folder"):
        plan()


def test_the_runs_of_a_paper_lie_in_a_folder_of_its_name(tmp_path):
    make_paper(tmp_path)
    assert parse_request(["somebody2020"], tmp_path).folder.as_posix() == "runs/somebody2020"


def test_every_row_of_the_project_can_be_begun(tmp_path):
    for table in sorted((ROOT / "recipes").glob("*/table.yaml")):
        words = [table.parent.name, "--output_dir", str(tmp_path / table.parent.name)]
        assert plan_trainings(parse_request(words, ROOT / "recipes"))
