"""The four corpora of the report are pooled: with its own class counts, and with those of the files."""

import datasets
import pytest

from hf_ser.corpora import load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_emotions_by_corpus
from hf_ser.errors import CorpusError

NAMES = ["ravdess", "savee", "tess", "cremad"]
FULL = ("anger", "disgust", "fear", "happiness", "sadness")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One for the module, for its tests load the same 12,162 files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture
def folders(ravdess_tree, savee_tree, tess_tree, cremad_tree):
    return [ravdess_tree, savee_tree, tess_tree, cremad_tree]


def test_read_correctly_the_pool_has_the_counts_of_its_files(folders):
    pooled = load_corpus(NAMES, folders, pool="corrected")
    assert count_emotions(pooled) == {**dict.fromkeys(FULL, 1923), "neutral": 1895, "surprise": 652}
    assert len(pooled) == 12_162
    assert len(set(pooled["speaker"])) == 24 + 4 + 2 + 91
    assert len(set(pooled["utterance"])) == 12_162


def test_read_as_in_the_report_all_of_savee_is_surprise(folders):
    pooled = load_corpus(NAMES, folders, pool="paper")
    assert count_emotions(pooled) == {**dict.fromkeys(FULL, 1863), "neutral": 1775, "surprise": 1072}
    assert count_emotions_by_corpus(pooled)["savee"] == {"surprise": 480}


def test_calm_and_pleasant_surprise_need_a_decision(folders):
    with pytest.raises(CorpusError, match="`calm` is only in ravdess; `pleasant surprise` is only in tess"):
        load_corpus(NAMES, folders)


def test_a_mapping_of_one_s_own_is_such_a_decision(folders):
    mapping = {"calm": "drop", "pleasant surprise": "surprise"}
    pooled = load_corpus(NAMES, folders, map_emotions=mapping)
    assert count_emotions(pooled) == {**dict.fromkeys(FULL, 1923), "neutral": 1703, "surprise": 652}
