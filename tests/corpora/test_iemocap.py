"""IEMOCAP is read by its files of labels, in four classes or six, and no turn is lost without a word."""

import logging
from collections import Counter

import pytest

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import CorpusError
from tests.corpora.trees_european import write_clips, write_iemocap

LINE = "[6.2901 - 8.2357]\t{}\t{}\t[2.5000, 2.5000, 2.5000]\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_iemocap(tmp_path_factory.mktemp("iemocap"))


@pytest.fixture(scope="module")
def four_classes(published):
    return load_corpus("iemocap", published, map_emotions={"excitement": "happiness", "frustration": "drop"})


@pytest.fixture(scope="module")
def six_classes(published):
    return load_corpus("iemocap", published)


@pytest.fixture
def session(tmp_path):
    """Two turns of one dialogue in the first session."""
    return write_session(tmp_path / "Session1", {"Ses01F_impro01_F000": "neu", "Ses01F_impro01_M000": "exc"})


def write_session(folder, labels):
    """A folder of a session with turns of one dialogue and their labels."""
    dialogue = next(iter(labels)).rpartition("_")[0]
    write_clips(folder / "sentences" / "wav" / dialogue, [f"{turn}.wav" for turn in labels], 16_000)
    (folder / "dialog" / "EmoEvaluation").mkdir(parents=True)
    write_labels(folder, *labels.items())
    return folder


def write_labels(folder, *labels):
    """The file of labels of the only dialogue."""
    dialogue = labels[0][0].rpartition("_")[0]
    source = folder / "dialog" / "EmoEvaluation" / f"{dialogue}.txt"
    source.write_text("".join(LINE.format(turn, label) for turn, label in labels))
    return source


def test_four_classes_have_their_published_counts(four_classes):
    assert len(four_classes) == 5531
    assert count_emotions(four_classes) == {"anger": 1103, "happiness": 1636, "neutral": 1708, "sadness": 1084}
    assert Counter(four_classes["source_label"])["exc"] == 1041


def test_six_classes_have_their_published_counts(six_classes):
    assert len(six_classes) == 7380
    assert count_emotions(six_classes) == {
        "anger": 1103,
        "excitement": 1041,
        "frustration": 1849,
        "happiness": 595,
        "neutral": 1708,
        "sadness": 1084,
    }
    assert fingerprint_differences(six_classes, CORPORA["iemocap"].card) == []


def test_ten_speakers_are_told_by_session_and_sex(four_classes):
    sexes = dict(zip(four_classes["speaker"], four_classes["sex"], strict=True))
    assert sorted(count_speakers(four_classes)) == [f"Ses0{session}{sex}" for session in range(1, 6) for sex in "FM"]
    assert (sexes["Ses01F"], sexes["Ses05M"]) == ("female", "male")


def test_turns_with_other_labels_are_counted_in_one_line(published, caplog):
    with caplog.at_level(logging.INFO):
        CORPORA["iemocap"](data_dir=published)
    assert caplog.messages == [
        "iemocap: left out 2659 turns with labels that are not used: dis 2, fea 40, oth 3, sur 107, xxx 2507",
    ]


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ("Ses01F_impro01_M012", ("Ses01M", "male", "")),
        ("Ses03M_impro05a_F003", ("Ses03F", "female", "")),
        ("Ses05M_script01_1b_F000", ("Ses05F", "female", "script01_1b_F000")),
        ("Ses02F_script03_2_M041", ("Ses02M", "male", "script03_2_M041")),
    ],
)
def test_the_name_of_a_turn_tells_speaker_sex_and_place_in_a_script(tmp_path, turn, told):
    row = load_corpus("iemocap", write_session(tmp_path / "Session", {turn: "hap"}))[0]
    assert (row["speaker"], row["sex"], row["sentence"]) == told
    assert (row["utterance"], row["source_label"]) == (f"iemocap-{turn}", "hap")


def test_the_folder_above_the_release_gives_the_same_turns(session):
    above = load_corpus("iemocap", session.parent)
    assert above.to_list() == load_corpus("iemocap", session).to_list()


def test_only_lines_of_the_known_shape_are_labels(session):
    source = session / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt"
    ballots = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\nC-E2:\tAnger;\t(Ses01F_impro01_F000)\n\xe9\n"
    source.write_bytes((ballots + source.read_text()).encode("latin-1"))
    assert load_corpus("iemocap", session)["source_label"][:] == ["neu", "exc"]


def test_a_changed_label_is_read_again(session):
    assert count_emotions(load_corpus("iemocap", session))["neutral"] == 1
    write_labels(session, ("Ses01F_impro01_F000", "sad"), ("Ses01F_impro01_M000", "exc"))
    assert count_emotions(load_corpus("iemocap", session))["neutral"] == 0


def test_an_unknown_label_is_an_error_that_lists_the_valid_ones(session):
    write_labels(session, ("Ses01F_impro01_F000", "joy"))
    with pytest.raises(
        CorpusError, match=r"Ses01F_impro01.txt` gives turn `Ses01F_impro01_F000` the label 'joy'; .*\['ang', 'dis'"
    ):
        load_corpus("iemocap", session)


def test_a_turn_with_a_strange_name_is_an_error(tmp_path):
    session = write_session(tmp_path / "Session1", {"Ses01F_impro01_X000": "neu"})
    with pytest.raises(
        CorpusError, match="names a turn `Ses01F_impro01_X000`; expected one like `Ses01F_impro01_F000`"
    ):
        load_corpus("iemocap", session)


def test_all_turns_without_a_wav_are_named_up_to_twenty_and_counted(tmp_path):
    labels = {f"Ses01F_impro01_F{number:03d}": "neu" for number in range(30)}
    session = write_session(tmp_path / "Session1", labels)
    for number in range(25):
        (session / "sentences" / "wav" / "Ses01F_impro01" / f"Ses01F_impro01_F{number:03d}.wav").unlink()
    with pytest.raises(CorpusError, match="25 of 30 turns have a label and no WAV: Ses01F_impro01_F000, ") as caught:
        load_corpus("iemocap", session)
    assert "Ses01F_impro01_F019 and 5 more." in str(caught.value)


def test_a_missing_wav_of_a_label_that_is_not_used_does_not_matter(session):
    write_labels(
        session, ("Ses01F_impro01_F000", "neu"), ("Ses01F_impro01_M000", "exc"), ("Ses01F_impro01_M001", "xxx")
    )
    assert len(load_corpus("iemocap", session)) == 2


def test_a_wav_without_a_label_is_named_in_a_warning(session, caplog):
    write_labels(session, ("Ses01F_impro01_M000", "exc"))
    assert load_corpus("iemocap", session)["utterance"][:] == ["iemocap-Ses01F_impro01_M000"]
    assert "iemocap: 1 WAV files have no label and are left out: Ses01F_impro01_F000" in caplog.messages


def test_without_labels_or_turns_the_error_tells_where_they_were_looked_for(session):
    (session / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt").unlink()
    with pytest.raises(CorpusError, match=r"No labels in `.*SessionN/dialog/EmoEvaluation/Ses\*\.txt`"):
        load_corpus("iemocap", session)
    write_labels(session, ("Ses01F_impro01_F000", "neu"))
    (session / "sentences").rename(session / "dialog" / "other")
    with pytest.raises(CorpusError, match=r"No turn in `.*SessionN/sentences/wav"):
        load_corpus("iemocap", session)
