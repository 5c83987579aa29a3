"""A small folder laid out as EMO-DB is, trees with all names of other corpora, and a cache for each test."""

import datasets
import numpy as np
import pytest
import soundfile

from tests.corpora.trees import write_cremad, write_ravdess, write_savee, write_tess


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def small_emodb(tmp_path):
    """Four clips of half a second by two speakers in two emotions."""
    folder = tmp_path / "emodb"
    (folder / "wav").mkdir(parents=True)
    for index, name in enumerate(("03a01Fa", "03a02Wb", "08a01Fb", "08b10Wa")):
        tone = 0.3 * np.sin(np.arange(8_000) * (0.05 + 0.01 * index))
        soundfile.write(folder / "wav" / f"{name}.wav", tone, 16_000)
    return folder


@pytest.fixture(scope="session")
def ravdess_tree(tmp_path_factory):
    return write_ravdess(tmp_path_factory.mktemp("ravdess"))


@pytest.fixture(scope="session")
def savee_tree(tmp_path_factory):
    return write_savee(tmp_path_factory.mktemp("savee"))


@pytest.fixture(scope="session")
def tess_tree(tmp_path_factory):
    return write_tess(tmp_path_factory.mktemp("tess"))


@pytest.fixture(scope="session")
def cremad_tree(tmp_path_factory):
    return write_cremad(tmp_path_factory.mktemp("cremad"))
