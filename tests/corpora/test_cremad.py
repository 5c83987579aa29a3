"""CREMA-D is read as published: one name misspelt, one file without audio, and the sexes of the actors in a table."""

import logging
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hf_ser.checks import drop_bad_audio
from hf_ser.cli import app
from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.cremad import CremaD
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import CorpusError
from tests.corpora.trees import NO_SAMPLES, encode, write_demographics, write_files

TABLE = "VideoDemographics.csv"
SILENT = "1076_MTI_SAD_XX"


@pytest.fixture
def folder(tmp_path):
    """A few clips in the published layout; odd actors are male."""
    names = ("1001_IEO_ANG_HI", "1002_DFA_NEU_XX", "1040_ITH_SAD_X", SILENT)
    write_files(tmp_path / "CREMA-D", [f"AudioWAV/{name}.wav" for name in names])
    (tmp_path / "CREMA-D" / "AudioWAV" / f"{SILENT}.wav").write_bytes(encode(NO_SAMPLES))
    write_demographics(tmp_path / "CREMA-D" / TABLE)
    return tmp_path / "CREMA-D"


@pytest.fixture
def reader(folder):
    return CremaD(data_dir=folder)


def test_a_name_tells_actor_sentence_emotion_and_level(reader):
    utterance = reader.read_utterance(Path("1002_IEO_FEA_MD.wav"))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == ("1002", "female", "IEO")
    assert (utterance.emotion, utterance.source_label, utterance.intensity) == ("fear", "FEA", "medium")


@pytest.mark.parametrize(
    ("code", "word"), [("LO", "low"), ("MD", "medium"), ("HI", "high"), ("XX", "unspecified"), ("X", "unspecified")]
)
def test_levels_are_words(reader, code, word):
    assert reader.read_utterance(Path(f"1040_ITH_SAD_{code}.wav")).intensity == word


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1092_DFA_ANG_XX.wav", r"actor code '1092'; expected one of \['1001', '1002'"),
        ("1001_XYZ_ANG_XX.wav", r"sentence code 'XYZ'; expected one of \['DFA', 'IEO', .*'WSI'\]"),
        ("1001_DFA_SUR_XX.wav", r"emotion code 'SUR'; expected one of \['ANG', 'DIS', 'FEA', 'HAP', 'NEU', 'SAD'\]"),
        ("1001_DFA_ANG_YY.wav", r"level code 'YY'; expected one of \['HI', 'LO', 'MD', 'X', 'XX'\]"),
        ("1001_DFA_ANG.wav", "level code ''"),
        ("1001_DFA_ANG_XX_2.wav", "level code 'XX_2'"),
    ],
)
def test_an_unknown_code_is_an_error_that_lists_the_valid_ones(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` has {message}"):
        reader.read_utterance(Path(name))


def test_the_whole_corpus_has_its_published_counts(cremad_tree):
    dataset = load_corpus("cremad", cremad_tree)
    assert len(dataset) == 7442
    assert count_emotions(dataset) == {
        "anger": 1271,
        "disgust": 1271,
        "fear": 1271,
        "happiness": 1271,
        "neutral": 1087,
        "sadness": 1271,
    }
    assert len(count_speakers(dataset)) == 91
    assert fingerprint_differences(dataset, CORPORA["cremad"].card) == []


def test_the_misspelt_file_keeps_its_name(folder):
    row = load_corpus("cremad", folder)[2]
    assert (row["utterance"], row["intensity"]) == ("cremad-1040_ITH_SAD_X", "unspecified")


@pytest.mark.parametrize("inner", ["", "AudioWAV"])
def test_sexes_are_found_from_the_repository_and_from_its_folder_of_sounds(folder, inner):
    assert load_corpus("cremad", folder / inner)["sex"][:] == ["male", "female", "female", "female"]


def test_sexes_are_found_in_a_zip_of_the_repository(folder, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "download"), "zip", folder.parent, folder.name)
    assert load_corpus("cremad", archive)["sex"][:] == ["male", "female", "female", "female"]


def test_without_the_table_the_sex_is_unknown_and_one_warning_says_where_to_put_it(folder, caplog):
    (folder / TABLE).unlink()
    with caplog.at_level(logging.WARNING):
        dataset = load_corpus("cremad", folder)
    assert dataset["sex"][:] == [""] * 4
    warnings = [message for message in caplog.messages if TABLE in message]
    assert len(warnings) == 1
    assert f"put it into `{folder}`" in warnings[0]


def test_a_table_that_has_come_or_changed_makes_a_new_corpus(folder):
    table = (folder / TABLE).read_text()
    (folder / TABLE).unlink()
    assert load_corpus("cremad", folder)[0]["sex"] == ""
    (folder / TABLE).write_text(table)
    assert load_corpus("cremad", folder)[0]["sex"] == "male"
    (folder / TABLE).write_text(table.replace('1001,30,"Male"', '1001,30,"Female"'))
    assert load_corpus("cremad", folder)[0]["sex"] == "female"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not tell the sex of 91 actors, the first 1001; expected a column `ActorID` of 1001 to 1091"),
        (b"version https://git-lfs.github.com/spec/v1\n", "does not tell the sex of 91 actors"),
        (b'"ActorID","Age"\n1001,51\n', r"a column `Sex` of \['Female', 'Male'\]\. Download it again, or remove it"),
        (b'"ActorID","Sex"\n1001,"M"\n', "does not tell the sex of 91 actors"),
        (b'"ActorID","Sex"\n1001,"Male"\n', "the sex of 90 actors, the first 1002"),
        (b"\xff\xfe\x00", "is no table of text .*Download it again, or remove it"),
    ],
)
def test_a_table_that_does_not_tell_the_sexes_is_an_error(folder, content, message):
    (folder / TABLE).write_bytes(content)
    with pytest.raises(CorpusError, match=f"`{folder / TABLE}` .*{message}"):
        load_corpus("cremad", folder)


def test_the_file_without_audio_is_left_out_even_where_bad_files_are_refused(folder, caplog):
    dataset, skipped = drop_bad_audio(load_corpus("cremad", folder), on_bad_audio="raise")
    assert f"cremad-{SILENT}" not in dataset["utterance"][:]
    assert len(dataset) == 3
    assert skipped == [{"file": f"{SILENT}.wav", "reason": "no audio as published"}]
    assert f"left out {SILENT}.wav: no audio as published" in caplog.messages


def test_the_command_passes_the_corpus_exactly_as_published(cremad_tree, caplog):
    with caplog.at_level(logging.ERROR, logger="hf_ser"):  # gives the level back that the command changes
        result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["corpora", "check", "cremad", str(cremad_tree)])
    assert result.exit_code == 0, result.output
    assert "differences from the published corpus: none" in result.stdout
    assert "bad files: none" in result.stdout
    assert f"bad files as published: 1\n  {SILENT}.wav: no audio as published" in result.stdout
