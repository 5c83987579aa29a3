"""A small folder laid out as EMO-DB is, and a cache of its own for each test."""

import datasets
import numpy as np
import pytest
import soundfile


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
