"""Own recordings load from a CSV or from folders, and each mistake of a person is counted, named and explained."""

import logging
import os
import shutil
import sys

import numpy as np
import pytest
import soundfile

from hf_ser.corpora import CORPORA, describe_corpora, load_corpus
from hf_ser.corpora.fingerprints import fingerprint_differences
from hf_ser.errors import CorpusError, SplitError
from hf_ser.splits import make_split
from tests.corpora.test_base import COLUMNS


def write_sound(path, seconds=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(0.1 * np.arange(int(16_000 * seconds))), 16_000)


@pytest.fixture
def folder(tmp_path):
    """Four recordings in two folders, three of WAV and one of FLAC."""
    folder = tmp_path / "My Speech"
    for name in ("happy/a.wav", "happy/take 2/b.flac", "Wut/a.wav", "Wut/b.wav"):
        write_sound(folder / name)
    return folder


@pytest.fixture
def write_csv(folder):
    """Writes `labels.csv` beside the recordings."""

    def write(text, encoding="utf-8"):
        path = folder / "labels.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def emotions_of(dataset):
    return [dataset.features["label"].int2str(label) for label in dataset["label"]]


def refuse(name, place, message):
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus(name, place)
    assert "\n" not in str(caught.value)


def test_a_csv_gives_the_columns_of_every_corpus_with_every_cell_as_text(write_csv, folder):
    path = write_csv(
        "file,label,speaker,sex,sentence,intensity,utterance\n"
        'happy/a.wav,Freude,03,F,"Oh, yes",1,0007\nWut/a.wav,angry,04,Man,,,\n'
    )
    dataset = load_corpus("csv", path)
    assert dataset.column_names == COLUMNS
    assert dataset[0] == {
        "audio": {"bytes": None, "path": str(folder / "happy" / "a.wav")},
        "label": 1,
        "speaker": "03",
        "sex": "female",
        "sentence": "Oh, yes",
        "intensity": "1",
        "corpus": "labels",
        "utterance": "labels-0007",
        "source_label": "Freude",
        "duration": 0.1,
    }
    assert dataset.features["label"].names == ["anger", "happiness"]
    second = dataset[1]
    assert [second[name] for name in ("sex", "sentence", "intensity", "utterance")] == [
        "male",
        "",
        "",
        "labels-Wut_a",
    ]


def test_columns_have_other_names_and_any_case(write_csv):
    path = write_csv("ID,Path, Emotion ,Gender,Text\nx1,happy/a.wav,joy,w,hello\nx2,Wut/a.wav,Wut,divers,no\n")
    dataset = load_corpus("csv", path)
    assert dataset["utterance"][:] == ["labels-x1", "labels-x2"]
    assert emotions_of(dataset) == ["happiness", "anger"]
    assert dataset["sex"][:] == ["female", "divers"]
    assert dataset["sentence"][:] == ["hello", "no"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_spreadsheet_s_ways_of_writing_a_csv_are_one(write_csv, delimiter, encoding, end):
    rows = [
        ["file", "label", "sentence"],
        ["happy/a.wav", "fröhlich", '"a, b; c"'],
        ["Wut/a.wav", "sad", ""],
        ["", ""],
    ]
    text = end.join(delimiter.join(row) for row in rows) + end
    dataset = load_corpus("csv", write_csv(text, encoding))
    assert emotions_of(dataset) == ["fröhlich", "sadness"]
    assert dataset["sentence"][0] == "a, b; c"


def test_an_unknown_word_and_a_number_are_emotions_of_their_own(write_csv):
    dataset = load_corpus("csv", write_csv("file,label\nhappy/a.wav,0\nWut/a.wav,1\nWut/b.wav,Sarcasm\n"))
    assert dataset.features["label"].names == ["0", "1", "sarcasm"]
    assert dataset["source_label"][:] == ["0", "1", "Sarcasm"]


def test_absolute_and_windows_paths_are_the_same_utterances(write_csv, folder):
    relative = load_corpus("csv", write_csv("file,label\nhappy/take 2/b.flac,a\n./Wut/a.wav,b\n")).to_list()
    windows = load_corpus("csv", write_csv("file,label\nhappy\\take 2\\b.flac,a\nWut\\a.wav,b\n")).to_list()
    absolute = load_corpus("csv", write_csv(f"file,label\n{folder}/happy/take 2/b.flac,a\n{folder}/Wut/a.wav,b\n"))
    assert relative == windows == absolute.to_list()
    assert [row["utterance"] for row in relative] == ["labels-happy_take 2_b", "labels-Wut_a"]


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows a backslash always parts folders")
def test_a_backslash_in_a_name_that_is_there_is_kept(write_csv, folder):
    write_sound(folder / "a\\b.wav")
    dataset = load_corpus("csv", write_csv("file,label\na\\b.wav,happy\nWut/a.wav,angry\n"))
    assert dataset["utterance"][0] == "labels-a\\b"


def test_recordings_elsewhere_are_named_by_the_folder_that_holds_all(write_csv, folder):
    rows = f"file,label\n{folder}/happy/a.wav,a\n{folder}/Wut/a.wav,b\n"
    table = folder.parent / "tables" / "labels.csv"
    table.parent.mkdir()
    table.write_text(rows)
    assert load_corpus("csv", table)["utterance"][:] == ["labels-happy_a", "labels-Wut_a"]
    table.write_text("file,label\n../My Speech/happy/a.wav,a\n../My Speech/Wut/a.wav,b\n")
    assert load_corpus("csv", table)["utterance"][:] == ["labels-happy_a", "labels-Wut_a"]


def test_ids_do_not_change_when_the_folder_moves(write_csv, folder, tmp_path):
    path = write_csv("file,label\nhappy/a.wav,happy\nWut/a.wav,angry\n")
    before = load_corpus("csv", path)["utterance"][:], load_corpus("audiofolder", folder)["utterance"][:]
    moved = tmp_path / "elsewhere" / "My Speech"
    shutil.move(folder, moved)
    after = load_corpus("csv", moved / path.name)["utterance"][:], load_corpus("audiofolder", moved)["utterance"][:]
    assert before == after


def test_a_folder_for_each_emotion_is_a_corpus(folder):
    write_sound(folder / "happy" / "._hidden.wav")
    dataset = load_corpus("audiofolder", folder)
    assert emotions_of(dataset) == ["anger", "anger", "happiness", "happiness"]
    assert dataset["source_label"][:] == ["Wut", "Wut", "happy", "happy"]
    ids = ["Wut_a", "Wut_b", "happy_a", "happy_take 2_b"]
    assert dataset["utterance"][:] == [f"my-speech-{name}" for name in ids]


def test_metadata_csv_in_a_folder_is_read_in_place_of_the_folders(folder):
    (folder / "metadata.csv").write_text("file_name,label,speaker\nhappy/a.wav,sad,1\nWut/a.wav,calm,2\n")
    dataset = load_corpus("audiofolder", folder)
    assert emotions_of(dataset) == ["sadness", "calm"]
    assert dataset["utterance"][:] == ["my-speech-happy_a", "my-speech-Wut_a"]


def test_files_left_out_of_a_folder_are_counted(folder, caplog):
    for name in ("happy/c.m4a", "happy/d.M4A", "notes"):
        (folder / name).touch()
    load_corpus("audiofolder", folder)
    assert "no suffix 1, .m4a 2" in caplog.text


def test_the_card_is_made_of_the_data(write_csv, caplog):
    path = write_csv("file,label,speaker\nhappy/a.wav,happy,1\nWut/a.wav,angry,2\nWut/b.wav,angry,2\n")
    builder = CORPORA["csv"](data_dir=path)
    assert builder.card.emotion_counts == {"anger": 2, "happiness": 1}
    assert builder.card.n_speakers == 2
    dataset = builder.load()
    assert fingerprint_differences(dataset, builder.card) == []
    described = describe_corpora("csv", path, None, dataset)
    assert (described["name"], described["title"]) == ("labels", "own recordings (labels.csv)")
    assert (builder.card.name, builder.card.title) == (described["name"], described["title"])
    assert described["counts"] == {"anger": 2, "happiness": 1}
    assert (described["language"], described["licence"], described["home_page"]) == ("und", "not stated", "")
    load_corpus("csv", path)
    assert "differs from" not in caplog.text


@pytest.mark.parametrize(
    ("place", "name"),
    [("My Läbels v1.2.csv", "my-l-bels-v1-2"), ("日本語.csv", "own"), (f"{'x' * 200}.tsv", "x" * 60)],
)
def test_the_name_comes_from_the_file_without_a_look_at_it(place, name):
    assert CORPORA["csv"].find_card(f"nowhere/{place}").name == name


def test_own_recordings_are_pooled_with_others(write_csv, folder):
    path = write_csv("file,label,speaker\nhappy/a.wav,happy,1\nWut/a.wav,angry,2\n")
    pooled = load_corpus(["csv", "audiofolder"], [path, folder])
    assert pooled["corpus"][:] == ["labels"] * 2 + ["my-speech"] * 4
    assert pooled["speaker"][0] == "labels-1"
    other = folder.parent / "labels"
    shutil.copytree(folder, other)
    refuse(["csv", "audiofolder"], [path, other], "Two of the corpora are called `labels`")


def test_a_changed_row_or_sound_is_read_again(write_csv, folder):
    assert emotions_of(load_corpus("csv", write_csv("file,label\nhappy/a.wav,joy\nWut/a.wav,sad\n")))[0] == "happiness"
    path = write_csv("file,label\nhappy/a.wav,calm\nWut/a.wav,sad\n")
    write_sound(folder / "happy" / "a.wav", seconds=0.2)
    first = load_corpus("csv", path)[0]
    assert (first["label"], first["duration"]) == (0, 0.2)


def test_one_speaker_loads_and_cannot_be_held_out(write_csv):
    dataset = load_corpus("csv", write_csv("file,label,speaker\nhappy/a.wav,happy,1\nWut/a.wav,angry,1\n"))
    with pytest.raises(SplitError, match="The column `speaker` has one value"):
        make_split(dataset, "leave-one-speaker-out", fold=0)


def test_missing_files_are_all_counted_and_the_first_twenty_named(write_csv):
    gone = "".join(f"gone{number:02d}.wav,happy\n" for number in range(25))
    path = write_csv(f"file,label\nWut/a.wav,sad\n{gone}")
    refuse(
        "csv", path, r"25 of the 26 files in .*labels.csv` are not there: `gone00.wav`, .*`gone19.wav` and 5 more\."
    )


def test_a_link_to_a_file_that_is_gone_is_missing(write_csv, folder):
    (folder / "link.wav").symlink_to("gone")
    refuse("csv", write_csv("file,label\nlink.wav,happy\nWut/a.wav,sad\n"), "1 of the 2 files .* `link.wav`")


def test_a_missing_column_tells_what_was_seen_and_expected(write_csv):
    refuse(
        "csv",
        write_csv("file,lable\nhappy/a.wav,happy\n"),
        r"no column `label`: expected one called `label` or `emotion`, seen `file`, `lable`\. Rename `lable`\?",
    )
    refuse(
        "csv", write_csv("happy/a.wav,happy\n"), r"no column `file`: .*seen `happy/a.wav`, `happy`\. Rename the col"
    )


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("\n \n", "is empty"), ("file,label\n", "lists no f")]
)
def test_an_empty_table_is_named(write_csv, text, message):
    refuse("csv", write_csv(text), f"labels.csv` {message}")


def test_utterances_of_one_name_are_counted_and_the_first_pair_named(write_csv, folder):
    path = write_csv("file,label,id\nhappy/a.wav,happy,1\nWut/a.wav,sad,1\nWut/b.wav,sad,1\n")
    refuse("csv", path, "2 utterances .* the first is `1`, of `.*happy/a.wav` and `.*Wut/a.wav`")
    write_sound(folder / "happy" / "a.flac")
    refuse("audiofolder", folder, "1 utterances .* the first is `happy_a`, of `.*a.flac` and `.*a.wav`")


def test_a_file_with_two_labels_is_named_with_both(write_csv):
    path = write_csv("file,label,id\nhappy/a.wav,happy,1\nWut/a.wav,sad,2\n./happy/a.wav,sad,3\n")
    refuse(
        "csv",
        path,
        "lists 1 files more than once; the first is `happy/a.wav`, as `happy` in row 2 and as `sad` in row 4",
    )


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_with_how_to_save_it(write_csv, encoding):
    path = write_csv("file,label\nWut/a.wav,sad\nhappy/a.wav,fröhlich\n", encoding)
    line, byte = {"latin-1": (3, "0xf6"), "utf-16": (1, "0xff")}[encoding]
    refuse(
        "csv",
        path,
        rf"is no UTF-8 text \(byte {byte} in line {line}\)\. Save it as CSV in UTF-8: `CSV UTF-8` in Excel",
    )


@pytest.mark.parametrize(("row", "cells"), [("happy/a.wav", 1), ("happy/a.wav,happy,me,", 4)])
def test_a_row_with_too_few_or_too_many_cells_is_named(write_csv, row, cells):
    path = write_csv(f"file,label,speaker\nWut/a.wav,sad,me\n\n{row}\n")
    refuse("csv", path, f"1 rows of .* have not the 3 cells of the first row: row 4 has {cells}\\.")


def test_an_open_quote_is_named_with_its_row(write_csv):
    path = write_csv('file,label\nWut/a.wav,sad\nhappy/a.wav,"happy\nWut/b.wav,sad\n')
    refuse("csv", path, "Row 3 of .* Is a quote open that should be closed?")


def test_empty_cells_are_named_by_their_rows(write_csv):
    path = write_csv("file,label\nWut/a.wav,\n\nWut/b.wav,sad\nhappy/a.wav, - \n")
    refuse("csv", path, r"has no `label` in 2 rows: 2, 5\. Fill them in")
    refuse("csv", write_csv("file,label\n,sad\nWut/b.wav,sad\n"), r"has no `file` in 1 rows: 2\.")


def test_one_emotion_is_nothing_to_tell_apart(write_csv, folder):
    refuse(
        "csv", write_csv("file,label\nhappy/a.wav,joy\nWut/a.wav,happy\n"), "All 2 clips .* `happiness`; there is noth"
    )
    shutil.rmtree(folder / "Wut")
    refuse("audiofolder", folder, "All 2 clips .* `happiness`")


def test_a_table_that_may_not_be_read_is_named(write_csv, monkeypatch):
    path = write_csv("file,label\nhappy/a.wav,joy\nWut/a.wav,sad\n")

    def refuse_reading(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse_reading)
    refuse("csv", path, r"labels.csv` cannot be read \(Permission denied\)\. Check the path and its permissions")


def test_a_folder_is_no_csv_and_a_csv_no_folder(write_csv, folder):
    refuse("csv", folder, "is a folder, and no CSV. .*`corpus: audiofolder`")
    refuse("audiofolder", write_csv("file,label\n"), "is a file, and no folder. .*`corpus: csv`")


@pytest.mark.parametrize("name", ["csv", "audiofolder", "parquet"])
def test_a_place_that_is_not_there_or_not_given_is_told(name, tmp_path):
    refuse(name, tmp_path / "nowhere", f"there is no `{tmp_path}/nowhere`. Pass `--data_dir ")
    refuse(name, None, f"`corpus: {name}` needs `data_dir`. Pass `--data_dir ")


def test_files_outside_the_folders_have_no_emotion(folder):
    write_sound(folder / "loose.wav")
    refuse("audiofolder", folder, "1 files of .* are in no folder that names their emotion: `loose.wav`")


def test_a_folder_without_sound_tells_what_was_looked_for(tmp_path):
    (tmp_path / "empty").mkdir()
    refuse("audiofolder", tmp_path / "empty", r"No WAV .* file in .*looked for `\*\.wav`, .*`\*\.flac`")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_names_that_are_no_utf8_are_shown_escaped(folder, write_csv):
    shutil.copy(folder / "Wut" / "a.wav", os.path.join(os.fsencode(folder), b"Wut", b"m\xfcde.wav"))
    refuse("audiofolder", folder, r"Wut/m\\xfcde\.wav` is a name that is no UTF-8 text\. Rename")
    write_csv("file,label\nhappy/a.wav,happy\nWut/a.wav,sad\n")
    moved = os.path.join(os.fsencode(folder.parent), b"gr\xfcn")
    shutil.move(folder, moved)
    refuse("csv", os.fsdecode(moved) + "/labels.csv", r"gr\\xfcn/labels\.csv` is a name that is no UTF-8")


def test_columns_that_are_not_used_are_logged(write_csv, caplog):
    with caplog.at_level(logging.INFO):
        load_corpus("csv", write_csv(",file,label,age\n0,happy/a.wav,joy,30\n1,Wut/a.wav,sad,40\n"))
    assert "columns that are not used: ['', 'age']" in caplog.text
