"""TESS is read as published, with the files that are not what their names say."""

from pathlib import Path

import numpy as np
import pytest

from hf_ser.audio import read_audio
from hf_ser.checks import drop_bad_audio
from hf_ser.corpora import CORPORA, load_corpus
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.corpora.tess import Tess
from hf_ser.errors import CorpusError
from tests.corpora.trees import encode, write_files, write_tess

COUNTS = dict.fromkeys(["anger", "disgust", "fear", "happiness", "neutral", "pleasant surprise", "sadness"], 400)


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "tess", ["OAF_back_angry.wav", "OA_bite_neutral.wav", "YAF_germ_ps.wav"])


@pytest.fixture
def reader(folder):
    return Tess(data_dir=folder)


@pytest.mark.parametrize(
    ("name", "speaker", "word", "emotion"),
    [
        ("OAF_back_angry.wav", "OAF", "back", "anger"),
        ("YAF_back_disgust.wav", "YAF", "back", "disgust"),
        ("YAF_neat_fear.wav", "YAF", "neat", "fear"),
        ("YAF_neat_happy.wav", "YAF", "neat", "happiness"),
        ("OA_bite_neutral.wav", "OAF", "bite", "neutral"),
        ("OAF_bite_ps.wav", "OAF", "bite", "pleasant surprise"),
        ("OAF_bite_sad.wav", "OAF", "bite", "sadness"),
    ],
)
def test_a_name_tells_speaker_word_and_emotion(reader, name, speaker, word, emotion):
    utterance = reader.read_utterance(Path(name))
    assert (utterance.speaker, utterance.sex, utterance.sentence) == (speaker, "female", word)
    assert (utterance.emotion, utterance.source_label) == (emotion, name[:-4].split("_")[-1])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("OAF_back_joy.wav", r"has emotion code 'joy'; expected one of \['angry', .*, 'ps', 'sad'\]"),
        ("MAF_back_angry.wav", r"has speaker code 'MAF'; expected one of \['OA', 'OAF', 'YAF'\]"),
        ("OAF.wav", "has emotion code ''"),
        ("OAF_angry.wav", r"names no word\. A name is like `OAF_back_angry\.wav`"),
    ],
)
def test_a_name_that_tells_nothing_is_an_error_with_a_good_one(reader, name, message):
    with pytest.raises(CorpusError, match=f"`{name}` {message}"):
        reader.read_utterance(Path(name))


def test_the_whole_corpus_has_its_published_counts(tess_tree):
    dataset = load_corpus("tess", tess_tree)
    assert len(dataset) == 2800
    assert count_emotions(dataset) == COUNTS
    assert count_speakers(dataset) == {"OAF": 1400, "YAF": 1400}
    assert len(set(dataset["sentence"])) == 200
    assert fingerprint_differences(dataset, CORPORA["tess"].card) == []
    assert "tess-OA_bite_neutral" in dataset["utterance"][:]


def test_files_in_one_folder_are_the_same_corpus(tess_tree, tmp_path):
    flat = load_corpus("tess", write_tess(tmp_path / "flat", flat=True))
    assert sorted(flat["utterance"]) == sorted(load_corpus("tess", tess_tree)["utterance"])


def test_aiff_named_wav_and_a_rate_of_its_own_are_no_faults(folder):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 96_000)
    (folder / "OAF_back_angry.wav").write_bytes(encode(tone[:12_207], 24_414, container="AIFF"))
    (folder / "YAF_germ_ps.wav").write_bytes(encode(tone, 96_000))
    dataset, skipped = drop_bad_audio(load_corpus("tess", folder), on_bad_audio="raise")
    assert skipped == []
    assert dataset["duration"][:] == [0.5, 0.05, 1.0]
    waveform = read_audio(dataset[2]["audio"])
    assert len(waveform) == 16_000
    assert np.argmax(np.abs(np.fft.rfft(waveform))) == 440  # 1 s: bins of 1 Hz
