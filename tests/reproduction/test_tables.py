"""A table is read as it is written, each mistake in it is named with its row, and the project's own are whole."""

from pathlib import Path

import pytest

from hf_ser.errors import RecipeError
from hf_ser.reproduction.tables import find_paper, list_foreign_keys, read_table, reset_split
from tests.conftest import ROOT
from tests.papers import TABLE, make_paper


def test_a_row_takes_from_its_table_what_it_does_not_say(tmp_path):
    table = read_table(make_paper(tmp_path))
    assert (table.title, table.protocol) == ("Somebody et al. (2020), Table 1", "random split, 428 / 107")
    first, _, third = table.rows.values()
    assert (first.name, first.metric, first.published, first.note) == (
        "A",
        "accuracy",
        {"accuracy": 0.8773},
        "complete",
    )
    assert first.recipe == tmp_path / "somebody2020" / "a.yaml"
    assert first.beside == {"split": "leave-one-speaker-out", "validation": 0.1, "speaker_independent": True}
    assert (third.metric, third.published, third.protocol) == ("uar", {"uar": None}, "ten folds")
    assert third.beside is None


def test_a_row_may_have_published_numbers_of_several_metrics(tmp_path):
    numbers = "published: {uar: 0.7, accuracy: 0.8}"
    row = read_table(make_paper(tmp_path, TABLE.replace("published: 0.8773", numbers))).rows["A"]
    assert list(row.published.items()) == [("accuracy", 0.8), ("uar", 0.7)]  # that of the comparison first


def test_numbers_may_name_rows(tmp_path):
    assert list(read_table(make_paper(tmp_path, TABLE.replace("A:", "0:"))).rows) == ["0", "B", "C"]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("metric: accuracy\n", "", "lacks `metric`"),
        ("title:", "titel:", "unknown key `titel`. Did you mean `title`"),
        (
            "metric: accuracy\n",
            "metric: acuracy\n",
            "`acuracy` in `.*table.yaml` is no metric .* Did you mean `accuracy`",
        ),
        ("metric: uar", "metric: [uar]", r"`\['uar'\]` in row `C`"),
        ("rows:", "rows: {}\nbeside:", "stands in it twice"),
        ("protocol: random split, 428 / 107", "protocol: 107", "`protocol` of `.*` is 107; expected text"),
        ("recipe: a.yaml, ", "", "row `A` of `.*` lacks `recipe`"),
        ("a.yaml", "e.yaml", "row `A` of `.*` names the recipe `e.yaml`, and there is no"),
        ("published: 0.8773, ", "", "row `A` of `.*` lacks `published`"),
        ("note: complete", "notes: complete", "row `A` of `.*` has an unknown key `notes`. Did you mean `note`"),
        ("note: complete", "note: 1", "`note` of row `A` of `.*` is 1; expected text"),
        (
            "0.8773",
            "87.73",
            "`published` of row `A` of `.*` is 87.73; expected a share from 0 to 1, 0.8773 for 87.73 %",
        ),
        ("0.8773", "true", "`published` of row `A` of `.*` is True"),
        ("0.8773", "{acuracy: 0.8}", "`acuracy` in `published` of row `A`"),
        ("{recipe: a.yaml, published: 0.8773, note: complete}", "a.yaml", "row `A` of `.*` must be a mapping"),
        ("  A:", "  plots:", "The name of row `plots`"),
        ("  A:", "  B-beside:", "The name of row `B-beside`"),
        ("  A:", "  B-seed1:", "The name of row `B-seed1`"),
        ("  A:", "  a/b:", "The name of row `a/b`"),
        ("  A:", "  yes:", "The name of row `True` .* in quotes"),
        ("  A:", "  null:", "The name of row `None` .* in quotes"),
        ("  A:", "  '0': {recipe: a.yaml, published: 0.5}\n  0:", "`rows` of `.*` names a row twice, as a number"),
        ("beside: null", "beside: none", "`beside` in row `C` of `.*` is 'none'; expected keys of a recipe"),
        (
            "leave-one-speaker-out",
            "leave-one-out",
            "unknown split `leave-one-out`. Did you mean `leave-one-speaker-out`",
        ),
    ],
)
def test_a_mistake_in_a_table_is_named_with_its_place(tmp_path, before, after, sentence):
    assert before in TABLE
    with pytest.raises(RecipeError, match=sentence):
        read_table(make_paper(tmp_path, TABLE.replace(before, after)))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, r"Give a paper first: `python recipes/reproduce.py PAPER .*Papers: `other2021`, `somebody2020`\."),
        ("sombody2020", r"There is no paper `sombody2020`\. Did you mean `somebody2020`\?"),
    ],
)
def test_a_missing_or_misspelt_paper_is_answered_by_those_there_are(tmp_path, name, sentence):
    make_paper(tmp_path)
    make_paper(tmp_path, name="other2021")
    with pytest.raises(RecipeError, match=sentence):
        find_paper(name, tmp_path)


def test_a_paper_is_found_by_its_name_and_by_its_path(tmp_path):
    folder = make_paper(tmp_path)
    assert find_paper("somebody2020", tmp_path) == folder
    assert find_paper(f"{folder}/", tmp_path / "recipes") == folder
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecipeError, match=r"empty` holds no `table.yaml`\. Papers: `somebody2020`\."):
        find_paper(str(tmp_path / "empty"), tmp_path)
    with pytest.raises(RecipeError, match=r"There is no paper `a`\. Papers: none yet\."):
        find_paper("a", tmp_path / "empty")


def test_a_second_protocol_is_rid_of_the_keys_of_the_split_it_replaces(tmp_path):
    first, _, third = read_table(make_paper(tmp_path)).rows.values()
    assert reset_split(first) == {"test": 0.2}  # the default, which any split takes
    assert {"test", "test_counts", "folds", "stratify_by"} <= list_foreign_keys(first)
    assert not {"fold", "validation", "split_seed"} & list_foreign_keys(first)
    assert reset_split(third) == {}
    assert list_foreign_keys(third) == set()


def test_the_tables_of_the_project_are_whole():
    papers = [path.parent for path in sorted(Path(ROOT, "recipes").glob("*/table.yaml"))]
    for paper in papers:
        assert read_table(paper).rows
