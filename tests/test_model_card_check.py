"""The check finds each fault of a card, and names all of them at once."""

import pytest

from hf_ser.errors import CardError
from hf_ser.model_card import render_model_card
from hf_ser.model_card_check import check_model_card
from tests.results import make_results

FAULTS = {
    "no licence": ("license: other\n", "", "`license` is missing from the front matter"),
    "unknown licence": ("license: other", "license: research-only", "'research-only', which is no licence identifier"),
    "other licence without a name": ("license_name: terms-of-the-corpus\n", "", "needs `license_name`"),
    "wrong task": ("pipeline_tag: audio-classification", "pipeline_tag: audio", "`pipeline_tag` is 'audio'"),
    "model index without values": ("value: 0.8\n", "worth: 0.8\n", "`model-index` cannot be read"),
    "unknown entry in the model index": ("split: test", "part: test", "entries that the Hub does not know"),
    "a percentage in the model index": ("value: 0.8131", "value: 81.31", "as 81.31; expected 0 to 1"),
    "a value that is no number": ("value: 0.8131", "value: .nan", "as nan; expected 0 to 1"),
    "unlisted metric": ("- recall\n", "", "holds `recall`, which `metrics` does not list"),
    "missing section": ("## Limits and intended use", "", "section `Limits and intended use` is missing"),
    "nan in a table": ("| 92.3 % |", "| nan % |", "`nan` stands in the text"),
    "a path of the machine": ("CPU, 2 cores", "/home/someone/runs", "`/home/someone` is a path of one machine"),
    "an unfounded claim": ("not a score for new speakers", "speaker-independent", "does not show that it is"),
    "missing figure": ("(learning_curve.png)", "(curve.png)", "figure `curve.png` does not exist beside the card"),
    "absolute figure": ("(learning_curve.png)", "(/a/b.png)", "`/a/b.png` is not linked by a relative path"),
    "another score in the table": ("| 80.0 % | 73.0", "| 90.0 % | 73.0", "is 90.0% in the table, but 80.0% by"),
    "a count changed": ("| anger | 24 |", "| anger | 25 |", "holds 108 utterances, the protocol 107"),
    "support changed": ("87.3 % | 26 |", "87.3 % | 27 |", "`anger` has 26 utterances in the confusion matrix, 27 in"),
    "labels swapped": ("| 0 | anger |", "| 0 | fear |", "the label map says"),
    "unreadable counts": ("| anger | 24 |", "| anger | many |", "the tables of scores and counts cannot be read"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run folder with a faultless card and its figures."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "confusion_matrix.png").touch()
    (folder / "learning_curve.png").touch()
    render_model_card(make_results(), folder)
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault, folder, tmp_path):
    old, new, message = FAULTS[fault]
    text = (folder / "README.md").read_text()
    assert old in text
    (tmp_path / "README.md").write_text(text.replace(old, new))
    for figure in folder.glob("*.png"):
        (tmp_path / figure.name).touch()
    with pytest.raises(CardError) as caught:
        check_model_card(tmp_path / "README.md")
    assert message in str(caught.value)


def test_all_faults_are_named_at_once(folder):
    text = (folder / "README.md").read_text()
    text = text.replace("license: other\n", "").replace("## Citation", "").replace("| 0 | anger |", "| 0 | fear |")
    with pytest.raises(CardError, match=r"has 3 problem\(s\): \(1\).*license.*\(2\).*Citation.*\(3\).*label map"):
        check_model_card(text)


def test_the_text_of_a_card_is_checked_without_its_figures(folder):
    check_model_card((folder / "README.md").read_text())


def test_figures_must_lie_beside_a_card(folder, tmp_path):
    (tmp_path / "README.md").write_text((folder / "README.md").read_text())
    with pytest.raises(CardError, match=r"`confusion_matrix.png` does not exist.*`learning_curve.png` does not exist"):
        check_model_card(tmp_path / "README.md")


def test_a_card_without_front_matter_is_an_error():
    with pytest.raises(CardError, match="no front matter; expected a YAML block"):
        check_model_card("# A model\n\nIt works.\n")


@pytest.mark.parametrize(
    ("front_matter", "message"), [("license: [mit", "is not valid YAML"), ("- mit", "is no mapping")]
)
def test_front_matter_that_is_no_mapping_is_an_error(front_matter, message):
    with pytest.raises(CardError, match=message):
        check_model_card(f"---\n{front_matter}\n---\n\n# A model\n")


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(CardError, match="There is no model card at .*README.md"):
        check_model_card(tmp_path / "README.md")
