"""Parquet files and datasets of the Hub load to the columns of every corpus, whichever way they store their sound."""

import io
import tracemalloc

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from hf_ser.audio import read_audio
from hf_ser.checks import drop_bad_audio, scan_audio
from hf_ser.corpora import CORPORA, describe_corpora, load_corpus
from hf_ser.errors import CorpusError, StorageError
from tests.corpora.test_base import COLUMNS

PUBLISHED = datasets.Features(
    {
        "audio": datasets.Audio(),
        "label": datasets.ClassLabel(names=["Freude", "Wut"]),
        "speaker_id": datasets.Value("int64"),
    }
)


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def encode(seconds, frequency=440.0):
    content = io.BytesIO()
    waveform = 0.3 * np.sin(2 * np.pi * frequency * np.arange(int(16_000 * seconds)) / 16_000)
    soundfile.write(content, waveform, 16_000, format="WAV")
    return content.getvalue()


def write_parquet(path, rows, schema=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


@pytest.fixture
def shards(tmp_path):
    """A folder as the Hub has it: two splits, the sound in the table, classes as numbers."""
    for index, split in enumerate(("train", "test")):
        rows = [
            {
                "audio": {"bytes": encode(0.1 * (1 + index)), "path": f"{split}{label}.wav"},
                "label": label,
                "speaker_id": 7,
            }
            for label in (0, 1)
        ]
        write_parquet(tmp_path / "My Data" / f"{split}-00000.parquet", rows, PUBLISHED.arrow_schema)
    return tmp_path / "My Data"


def refuse(name, place, message):
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus(name, place)
    assert "\n" not in str(caught.value)


def test_every_split_of_a_dataset_is_in_the_corpus(shards):
    dataset = load_corpus("hub", shards)
    assert dataset.column_names == COLUMNS
    assert dataset[0] == {
        "audio": {"bytes": encode(0.1), "path": "train0.wav"},
        "label": 1,
        "speaker": "7",
        "sex": "",
        "sentence": "",
        "intensity": "",
        "corpus": "my-data",
        "utterance": "my-data-train0",
        "source_label": "Freude",
        "duration": 0.1,
    }
    assert sorted(dataset["utterance"]) == [f"my-data-{name}" for name in ("test0", "test1", "train0", "train1")]
    assert sorted(dataset["duration"]) == [0.1, 0.1, 0.2, 0.2]
    assert dataset.features["label"].names == ["anger", "happiness"]
    assert dataset.features["audio"] == datasets.Audio(decode=False)


def test_a_folder_and_a_file_of_parquet_load_too(shards):
    assert load_corpus("parquet", shards)["utterance"][:] == [
        f"my-data-{name}" for name in ("test0", "test1", "train0", "train1")
    ]
    assert load_corpus("parquet", shards / "test-00000.parquet")["utterance"][:] == [
        "test-00000-test0",
        "test-00000-test1",
    ]


def test_stored_sound_is_read_and_checked_as_any_other(shards):
    dataset = load_corpus("parquet", shards)
    np.testing.assert_array_equal(read_audio(dataset[0]["audio"]), read_audio(encode(0.2)))
    kept, bad = drop_bad_audio(scan_audio(dataset))
    assert (len(kept), bad) == (4, [])


def test_the_card_is_made_of_the_data_and_names_the_page_of_a_dataset_on_the_hub(shards, caplog):
    dataset = load_corpus("hub", shards)
    assert "differs from" not in caplog.text
    described = describe_corpora("hub", shards, None, dataset)
    assert (described["name"], described["title"]) == ("my-data", "own recordings (My Data)")
    assert described["counts"] == {"anger": 2, "happiness": 2}
    card = CORPORA["hub"].find_card("someone/Some.Speech")
    assert (card.name, card.title) == ("some-speech", "dataset someone/Some.Speech")
    assert card.home_page == "https://huggingface.co/datasets/someone/Some.Speech"


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.struct({"bytes": pa.binary()})])
def test_bytes_without_a_name_are_named_by_their_row(tmp_path, kind):
    rows = [encode(0.1), encode(0.2)]
    rows = [{"bytes": row} for row in rows] if pa.types.is_struct(kind) else rows
    table = pa.table({"audio": pa.array(rows, kind), "emotion": ["sad", "joy"]})
    pq.write_table(table, tmp_path / "clips.parquet")
    dataset = load_corpus("parquet", tmp_path / "clips.parquet")
    assert dataset["utterance"][:] == ["clips-000000", "clips-000001"]
    assert dataset[1]["audio"] == {"bytes": encode(0.2), "path": "000001"}


@pytest.mark.parametrize("column", ["file", "audio"])
def test_paths_are_relative_to_the_table(tmp_path, column):
    for name in ("a", "b"):
        (tmp_path / "wav").mkdir(exist_ok=True)
        (tmp_path / "wav" / f"{name}.wav").write_bytes(encode(0.1))
    places = ["wav/a.wav", "wav/b.wav"]
    rows = places if column == "file" else [{"bytes": None, "path": place} for place in places]
    kind = pa.string() if column == "file" else PUBLISHED.arrow_schema.field("audio").type
    table = pa.table({column: pa.array(rows, kind), "label": ["sad", "joy"], "speaker": [3.0, None]})
    pq.write_table(table, tmp_path / "clips.parquet")
    dataset = load_corpus("parquet", tmp_path / "clips.parquet")
    assert dataset["audio"][0] == {"bytes": None, "path": str(tmp_path / "wav" / "a.wav")}
    assert dataset["utterance"][:] == ["clips-wav_a", "clips-wav_b"]
    assert dataset["speaker"][:] == ["3.0", ""]
    (tmp_path / "wav" / "a.wav").write_bytes(encode(0.3))
    assert load_corpus("parquet", tmp_path / "clips.parquet")["duration"][0] == pytest.approx(0.3)
    (tmp_path / "wav" / "a.wav").unlink()
    refuse("parquet", tmp_path / "clips.parquet", "1 of the 2 files .* are not there: `wav/a.wav`")


def test_sound_in_the_table_comes_before_a_column_of_paths(tmp_path):
    rows = [
        {"file": f"/elsewhere/{label}.wav", "audio": {"bytes": encode(0.1), "path": f"{label}.wav"}, "label": label}
        for label in ("sad", "joy")
    ]
    path = write_parquet(tmp_path / "clips.parquet", rows)
    assert load_corpus("parquet", path)["utterance"][:] == ["clips-sad", "clips-joy"]


def test_a_changed_table_is_read_again_and_an_unchanged_one_from_the_cache(shards, monkeypatch):
    path = shards / "test-00000.parquet"
    first = load_corpus("parquet", path)
    rows = pq.read_table(path).to_pylist()
    write_parquet(
        path, [{**rows[0], "audio": {"bytes": encode(0.5), "path": "test0.wav"}}, rows[1]], PUBLISHED.arrow_schema
    )
    second = load_corpus("parquet", path)
    assert (first["duration"][0], second["duration"][0]) == (0.2, 0.5)
    monkeypatch.setattr(CORPORA["parquet"], "_make_row", None)  # would fail if it were built again
    assert load_corpus("parquet", path).to_list() == second.to_list()


def test_a_folder_with_the_signs_of_a_pattern_is_a_folder(shards):
    odd = shards.rename(shards.with_name("a [b] *"))
    assert len(load_corpus("parquet", odd)) == 4


def test_faulty_sound_stays_with_a_duration_of_zero(tmp_path, caplog):
    rows = [{"audio": {"bytes": b"", "path": "a.wav"}, "label": "sad"}, {"audio": None, "label": "joy"}]
    rows.append({"audio": {"bytes": encode(0.1), "path": "c.wav"}, "label": "joy"})
    dataset = load_corpus("parquet", write_parquet(tmp_path / "clips.parquet", rows))
    assert dataset["duration"][:] == [0.0, 0.0, 0.1]
    assert "`a.wav`: an empty file (0 bytes)" in caplog.text


def test_the_sound_of_a_table_is_never_in_memory_as_a_whole(tmp_path):
    sound = encode(5)  # 0.16 MB
    rows = [{"audio": {"bytes": sound, "path": f"{row}.wav"}, "label": str(row % 2)} for row in range(600)]
    path = write_parquet(tmp_path / "clips.parquet", rows)
    del rows
    arrow = pa.total_allocated_bytes()
    tracemalloc.start()
    dataset = load_corpus("parquet", path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert dataset.data.nbytes > 90e6
    assert peak < 60e6
    assert pa.total_allocated_bytes() - arrow < 30e6


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    path = tmp_path / "clips.parquet"
    path.write_text("file,label\n")
    refuse("parquet", path, "clips.parquet` cannot be read as Parquet .* Write or download it again")
    path.unlink()
    refuse("parquet", tmp_path, r"No `\*\.parquet` with rows in .* Pass `--data_dir FILE.parquet`")


def test_an_empty_shard_is_passed_over_and_an_empty_table_refused(shards):
    write_parquet(shards / "test-00000.parquet", [], PUBLISHED.arrow_schema)
    assert load_corpus("parquet", shards)["source_label"][:] == ["Freude", "Wut"]
    refuse("parquet", shards / "test-00000.parquet", "No `.*` with rows in .*test-00000.parquet`")


@pytest.mark.parametrize("name", ["hub", "parquet"])
def test_a_missing_column_tells_what_was_seen_and_expected(tmp_path, name):
    sound = {"bytes": encode(0.1), "path": "a.wav"}
    write_parquet(tmp_path / "a" / "x.parquet", [{"sound": sound, "label": "joy"}])
    refuse(name, tmp_path / "a", "no column `file`: expected one called .*`audio`.*, seen `sound`, `label`")
    write_parquet(tmp_path / "b" / "x.parquet", [{"audio": sound, "emotions": "joy"}])
    refuse(name, tmp_path / "b", r"no column `label`: .*seen `audio`, `emotions`\. Rename `emotions`\?")


def test_columns_of_another_kind_are_named(tmp_path):
    path = write_parquet(tmp_path / "x.parquet", [{"audio": [0.1, 0.2], "label": "joy"}])
    refuse("parquet", path, "Column `audio` of .* is list<.*expected sound")
    path = write_parquet(tmp_path / "x.parquet", [{"audio": b"x", "label": ["joy", "sad"]}])
    refuse("parquet", path, "Column `label` of .* is List.*expected one word or number")


def test_empty_labels_and_one_emotion_are_named(tmp_path):
    rows = [{"audio": encode(0.1), "label": label} for label in ("joy", None, "sad", " ")]
    refuse("parquet", write_parquet(tmp_path / "x.parquet", rows), "has no `label` in 2 rows: 1, 3")
    refuse("parquet", write_parquet(tmp_path / "x.parquet", rows[:1] * 2), "All 2 clips .* `happiness`")


def test_shards_with_other_columns_are_refused_in_one_line(shards):
    write_parquet(shards / "train-00001.parquet", [{"audio": {"bytes": b"", "path": ""}, "emotion": "joy"}])
    refuse("parquet", shards, "My Data` cannot be loaded as a dataset")


def test_a_dataset_that_cannot_be_reached_is_told_in_one_line(monkeypatch):
    def fail(path, **options):
        raise ConnectionError(f"Couldn't reach '{path}' on the Hub\n(OfflineModeIsEnabled)")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    refuse(
        "hub",
        "someone/speech",
        r"`someone/speech` cannot be loaded .*Couldn't reach 'someone/speech' on the Hub \(Off",
    )
    refuse("hub", None, "`corpus: hub` needs `data_dir`. Pass `--data_dir OWNER/NAME`")


def test_the_real_client_without_a_network_is_told_in_one_line():
    refuse(
        "hub", "someone/no-such-speech", "`someone/no-such-speech` cannot be loaded as a dataset .* Pass `--data_dir O"
    )


def test_a_full_disk_is_no_fault_of_the_dataset(shards, monkeypatch):
    def fail(path, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(StorageError, match="No space left"):
        load_corpus("parquet", shards)
