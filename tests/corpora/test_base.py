"""A corpus is built once, re-read when it changes, and says in one line what is wrong with its files."""

import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.labels import EMOTIONS
from hf_ser.errors import CorpusError

COLUMNS = [
    "audio",
    "label",
    "speaker",
    "sex",
    "sentence",
    "intensity",
    "corpus",
    "utterance",
    "source_label",
    "duration",
]


def test_the_columns_are_those_of_every_corpus(small_emodb):
    dataset = load_corpus("emodb", small_emodb)
    assert dataset.column_names == COLUMNS
    assert dataset[0] == {
        "audio": {"bytes": None, "path": str(small_emodb / "wav" / "03a01Fa.wav")},
        "label": 4,  # happiness is the fifth of seven in the order of the alphabet
        "speaker": "03",
        "sex": "male",
        "sentence": "a01",
        "intensity": "",
        "corpus": "emodb",
        "utterance": "emodb-03a01Fa",
        "source_label": "F",
        "duration": 0.5,
    }


def test_audio_is_not_decoded_on_access(small_emodb):
    assert load_corpus("emodb", small_emodb).features["audio"].decode is False


def test_the_folder_of_the_wavs_gives_the_same_rows(small_emodb):
    published, inner = load_corpus("emodb", small_emodb), load_corpus("emodb", small_emodb / "wav")
    assert published.to_list() == inner.to_list()


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_an_archive_gives_the_same_utterances(small_emodb, tmp_path, kind):
    archive = shutil.make_archive(str(tmp_path / "download"), kind, small_emodb)
    unpacked, folder = load_corpus("emodb", archive), load_corpus("emodb", small_emodb)
    assert unpacked.remove_columns("audio").to_list() == folder.remove_columns("audio").to_list()
    assert all(os.path.isfile(audio["path"]) for audio in unpacked["audio"])


def test_a_relative_folder_gives_absolute_paths(small_emodb, monkeypatch):
    monkeypatch.chdir(small_emodb.parent)
    assert load_corpus("emodb", "emodb")[0]["audio"]["path"] == str(small_emodb / "wav" / "03a01Fa.wav")


def test_the_second_load_reads_the_cache(small_emodb, monkeypatch):
    first = load_corpus("emodb", small_emodb)
    monkeypatch.setattr(CORPORA["emodb"], "_make_row", None)  # would fail if it were built again
    second = load_corpus("emodb", small_emodb)
    assert second.cache_files == first.cache_files
    assert second.to_list() == first.to_list()


def test_a_folder_that_has_grown_is_read_again(small_emodb):
    assert len(load_corpus("emodb", small_emodb)) == 4
    shutil.copy(small_emodb / "wav" / "03a01Fa.wav", small_emodb / "wav" / "03a01Fc.wav")
    assert len(load_corpus("emodb", small_emodb)) == 5


def test_a_file_that_has_changed_is_read_again(small_emodb):
    assert load_corpus("emodb", small_emodb)[0]["duration"] == 0.5
    soundfile.write(small_emodb / "wav" / "03a01Fa.wav", np.ones(16_000), 16_000)
    assert load_corpus("emodb", small_emodb)[0]["duration"] == 1.0


def test_a_corrected_reader_is_not_hidden_by_the_cache(small_emodb, monkeypatch):
    assert load_corpus("emodb", small_emodb)[0]["sex"] == "male"
    monkeypatch.setitem(sys.modules["hf_ser.corpora.emodb"].SEXES, "03", "female")
    assert load_corpus("emodb", small_emodb)[0]["sex"] == "female"


def test_a_faulty_file_stays_with_a_duration_of_zero_and_a_warning(small_emodb, caplog):
    (small_emodb / "wav" / "03a01Fa.wav").write_bytes(b"")
    dataset = load_corpus("emodb", small_emodb)
    assert (len(dataset), dataset[0]["duration"]) == (4, 0.0)
    assert "03a01Fa.wav`: an empty file (0 bytes)" in caplog.text


def test_a_link_to_a_file_that_is_gone_is_a_faulty_file_until_it_is_mended(small_emodb, caplog):
    (small_emodb / "wav" / "03a01Fc.wav").symlink_to("gone")
    dataset = load_corpus("emodb", small_emodb)
    assert (len(dataset), dataset[1]["duration"]) == (5, 0.0)
    assert "03a01Fc.wav`: a link to `gone`, where no file is" in caplog.text
    shutil.copy(small_emodb / "wav" / "03a01Fa.wav", small_emodb / "wav" / "gone")
    assert load_corpus("emodb", small_emodb)[1]["duration"] == 0.5


def test_hidden_files_and_other_files_are_no_recordings(small_emodb):
    for name in ("._03a01Fa.wav", "erkennung.txt"):
        (small_emodb / "wav" / name).write_text("no sound")
    assert len(load_corpus("emodb", small_emodb)) == 4


def test_an_unknown_corpus_gets_the_nearest_name():
    with pytest.raises(CorpusError, match="Unknown corpus `emo-db`. Did you mean `emodb`?"):
        load_corpus("emo-db")
    valid = ", ".join(f"`{name}`" for name in sorted(CORPORA))
    with pytest.raises(CorpusError, match=f"Unknown corpus `None`. Valid: {valid}"):
        load_corpus(None)


def test_without_a_folder_the_error_tells_where_to_get_the_files():
    with pytest.raises(CorpusError, match=r"http://emodb\.bilderbar\.info/ .*Licence: Free for .*`--data_dir DIR`\.$"):
        load_corpus("emodb")


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(
        CorpusError, match=rf"no folder and no archive \(.zip, .tar, .tar.gz, .tgz\) at `{tmp_path}/nowhere`"
    ):
        load_corpus("emodb", tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="`--data_dir ~nobody-here/x`: no folder and no archive"):
        load_corpus("emodb", "~nobody-here/x")
    with pytest.raises(CorpusError, match=r"nowhere`\. Leave out `--data_dir`: the corpus is then synthesised\.$"):
        load_corpus("demo", tmp_path / "nowhere")


def test_a_folder_without_wavs_tells_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(CorpusError, match=rf"No WAV file in `{tmp_path}`; looked for `\*\.wav` in it and its folders"):
        load_corpus("emodb", tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_utf8_is_shown_escaped(small_emodb):
    shutil.copy(small_emodb / "wav" / "03a01Fa.wav", os.path.join(os.fsencode(small_emodb / "wav"), b"03a01F\xfc.wav"))
    with pytest.raises(CorpusError, match=r"wav/03a01F\\xfc\.wav` is a name that is no UTF-8 text\. Rename"):
        load_corpus("emodb", small_emodb)


def test_a_folder_that_cannot_be_opened_is_named(small_emodb, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CorpusError, match=f"`{small_emodb}` cannot be opened .Permission denied.* Check its permiss"):
        load_corpus("emodb", small_emodb)


def test_files_that_are_there_twice_are_refused_with_what_to_pass(small_emodb):
    shutil.copytree(small_emodb / "wav", small_emodb / "copy")
    shutil.copy(small_emodb / "wav" / "03a01Fa.wav", small_emodb / "wav" / "03a01Fc.wav")
    pair = f"the first as `{small_emodb}/copy/03a01Fa.wav` and `{small_emodb}/wav/03a01Fa.wav`"
    with pytest.raises(CorpusError, match=f"^4 of 5 names in `{small_emodb}` occur more than once, {pair}.* pass the"):
        load_corpus("emodb", small_emodb)


def test_each_count_that_differs_from_the_published_one_is_one_warning(small_emodb, caplog):
    with caplog.at_level(logging.INFO):
        load_corpus("emodb", small_emodb)
    assert "emodb differs from the published corpus: emotion anger: 2 found, 127 published" in caplog.messages
    assert "emodb differs from the published corpus: files in all: 4 found, 535 published" in caplog.messages
    assert "emodb: files per speaker: 03 2, 08 2" in caplog.messages


@pytest.mark.parametrize("name", CORPORA)
def test_every_card_agrees_with_itself_and_uses_the_shared_words(name):
    card = CORPORA[name].card
    assert card.name == name
    assert set(card.emotions) <= set(EMOTIONS)
    assert list(card.emotions) == sorted(card.emotions)
    assert card.n_clips == sum(card.speaker_counts.values() or card.emotion_counts.values())
    assert card.n_speakers == len(card.speaker_counts or range(card.n_speakers))


FULL_DISK = """
import resource, sys
import datasets
from hf_ser.corpora import load_corpus
from hf_ser.errors import StorageError
datasets.config.HF_DATASETS_CACHE = sys.argv[2]
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    load_corpus("emodb", sys.argv[1])
except StorageError as error:
    sys.exit(f"told: {error}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_full_disk_is_named_with_a_remedy(small_emodb, cache):
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, small_emodb, cache], capture_output=True, text=True, check=False, timeout=60
    )
    told = ended.stderr.strip().splitlines()[-1]
    assert told.startswith(f"told: No space left while writing `{cache}`.")
    assert told.endswith("or set `HF_DATASETS_CACHE` to another disk.")
    assert not list(cache.rglob("*.arrow"))
