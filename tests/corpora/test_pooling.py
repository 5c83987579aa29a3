"""Several corpora are one: one list of emotions, and no emotion that nobody has decided on."""

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset

from hf_ser.corpora.base import make_features
from hf_ser.corpora.pooling import (
    POOLS,
    check_common_words,
    check_mapping,
    find_pool,
    pool_corpora,
    rename_emotions,
    select_intensities,
)
from hf_ser.errors import CorpusError, RecipeError


def corpus(name, clips):
    """A corpus of (speaker, emotion) clips; every third one is of intensity `strong`."""
    emotions = sorted({emotion for _, emotion in clips})
    rows = [
        {
            "audio": {"bytes": None, "path": f"{name}{index}.wav"},
            "label": emotions.index(emotion),
            "speaker": speaker,
            "sex": "",
            "sentence": f"s{index}" if index else "",
            "intensity": "normal" if index % 3 else "strong",
            "corpus": name,
            "utterance": f"{name}-{index}",
            "source_label": emotion[:2],
            "duration": 1.0,
        }
        for index, (speaker, emotion) in enumerate(clips)
    ]
    return Dataset(pa.Table.from_pylist(rows, schema=make_features(tuple(emotions)).arrow_schema))


@pytest.fixture
def ravdess():
    return corpus("ravdess", [("01", "calm"), ("01", "anger"), ("02", "neutral"), ("02", "calm")])


@pytest.fixture
def emodb():
    return corpus("emodb", [("01", "boredom"), ("03", "anger"), ("03", "neutral")])


def emotions_of(dataset):
    names = dataset.features["label"].names
    return [names[label] for label in dataset["label"]]


def test_emotions_are_merged_in_any_words(ravdess):
    merged = rename_emotions(ravdess, {"Calm": "neutral"}, "ravdess")
    assert merged.features["label"].names == ["anger", "neutral"]
    assert emotions_of(merged) == ["neutral", "anger", "neutral", "neutral"]
    assert merged.column_names == ravdess.column_names


def test_emotions_are_left_out(ravdess):
    left = rename_emotions(ravdess, {"calm": "drop"}, "ravdess")
    assert left["utterance"][:] == ["ravdess-1", "ravdess-2"]
    assert emotions_of(left) == ["anger", "neutral"]


def test_a_mapping_that_changes_nothing_leaves_the_dataset_as_it_is(ravdess):
    assert rename_emotions(ravdess, {"calm": "calm"}, "ravdess") is ravdess


def test_nothing_left_is_an_error(ravdess):
    with pytest.raises(CorpusError, match="`map_emotions` leaves no clip of `ravdess`"):
        rename_emotions(ravdess, dict.fromkeys(["calm", "anger", "neutral"], "drop"), "ravdess")


def test_a_pool_has_one_list_of_emotions_and_keeps_speakers_apart(ravdess, emodb):
    pooled = pool_corpora({"ravdess": ravdess, "emodb": emodb})
    assert pooled.features["label"] == ClassLabel(names=["anger", "boredom", "calm", "neutral"])
    assert emotions_of(pooled) == emotions_of(ravdess) + emotions_of(emodb)
    assert pooled["speaker"][:] == ["ravdess-01"] * 2 + ["ravdess-02"] * 2 + ["emodb-01", "emodb-03", "emodb-03"]
    assert pooled["sentence"][:] == ["", "ravdess-s1", "ravdess-s2", "ravdess-s3", "", "emodb-s1", "emodb-s2"]
    assert pooled["corpus"][:] == ["ravdess"] * 4 + ["emodb"] * 3


def test_an_emotion_of_one_corpus_needs_a_decision(ravdess, emodb):
    parts = {"ravdess": ravdess, "emodb": emodb}
    with pytest.raises(CorpusError, match=r"`boredom` is only in emodb; `calm` is only in ravdess\. Say what becomes"):
        check_common_words(parts, {})
    check_common_words(parts, {"calm": "calm", "boredom": "boredom"})  # kept
    with pytest.raises(CorpusError, match=r"`boredom` is only in emodb\."):
        check_common_words(parts, {"calm": "calm"})


def test_a_common_emotion_that_one_corpus_lacks_needs_none(ravdess):
    check_common_words({"a": corpus("a", [("1", "surprise"), ("1", "anger")]), "b": corpus("b", [("1", "anger")])}, {})


def test_a_mapping_of_an_emotion_that_is_not_there_suggests_one(ravdess):
    with pytest.raises(RecipeError, match=r"names `clam`, which no clip of ravdess has\. Did you mean `calm`\?"):
        check_mapping({"ravdess": ravdess}, {"clam": "neutral"})


def test_the_reading_of_the_report_calls_all_of_savee_surprise():
    savee = corpus("savee", [("DC", "anger"), ("DC", "sadness"), ("JE", "surprise")])
    tess = corpus("tess", [("OAF", "anger"), ("YAF", "sadness")])
    parts = {"savee": savee, "tess": tess}
    assert emotions_of(pool_corpora(parts, POOLS["paper"])) == ["surprise"] * 3 + ["anger", "sadness"]
    assert emotions_of(pool_corpora(parts, POOLS["corrected"]))[:3] == ["anger", "sadness", "surprise"]


def test_a_pool_is_for_its_own_corpora_and_says_itself_how_emotions_are_mapped():
    with pytest.raises(RecipeError, match="Unknown pool `correct`. Did you mean `corrected`"):
        find_pool("correct", ["savee"], None)
    with pytest.raises(RecipeError, match="is for ravdess, savee, tess, cremad, and not for emodb"):
        find_pool("paper", ["savee", "emodb"], None)
    with pytest.raises(RecipeError, match="leave out `map_emotions`"):
        find_pool("paper", ["savee"], {"calm": "drop"})


def test_intensities_are_selected_and_emotions_without_clips_are_no_labels(ravdess, emodb):
    selected = select_intensities({"ravdess": ravdess, "emodb": emodb}, ["strong"])
    assert selected["ravdess"]["utterance"][:] == ["ravdess-0", "ravdess-3"]
    assert selected["ravdess"].features["label"].names == ["calm"]
    assert emotions_of(selected["emodb"]) == ["boredom"]


def test_unknown_intensities_are_named_and_one_corpus_may_have_others(ravdess, emodb):
    parts = {"ravdess": ravdess, "emodb": emodb.select([1, 2])}  # of which none is strong
    with pytest.raises(CorpusError, match=r"No clip of `emodb` has the intensity \['strong'\]; it has \['normal'\]"):
        select_intensities(parts, ["strong"])
    assert len(select_intensities(parts, ["strong", "normal"])["emodb"]) == 2
    with pytest.raises(
        CorpusError, match=r"No clip of ravdess, emodb has the intensity \['loud'\]; valid: \['normal'"
    ):
        select_intensities(parts, ["loud"])
