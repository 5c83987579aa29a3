"""The report's head: one dense layer on the mean over a clip's own frames, which comes back equal everywhere."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import AutoModelForAudioClassification, Wav2Vec2Config, Wav2Vec2FeatureExtractor, pipeline

from hf_ser.models.report_configuration import ReportWav2Vec2Config
from hf_ser.models.report_wav2vec2 import ReportWav2Vec2ForAudioClassification
from hf_ser.models.waveform_extraction import WaveformFeatureExtractor
from hf_ser.models.whisper_extraction import WhisperExcerptFeatureExtractor
from tests.checkpoints import NAMES, TINY, make_whisper
from tests.conftest import tone


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ReportWav2Vec2ForAudioClassification(ReportWav2Vec2Config(TINY, **NAMES)).eval()


def test_the_head_has_the_weights_that_the_report_counts():
    emotions = {"id2label": dict(enumerate("abcdefg")), "label2id": {name: i for i, name in enumerate("abcdefg")}}
    with torch.device("meta"):
        model = ReportWav2Vec2ForAudioClassification(ReportWav2Vec2Config(**emotions))
    head = {name: weight.shape for name, weight in model.named_parameters() if not name.startswith("wav2vec2.")}
    assert head == {"classifier.weight": (7, 768), "classifier.bias": (7,)}
    assert sum(map(np.prod, head.values())) == 768 * 7 + 7 == 5_383
    assert model.dropout.p == 0.5
    assert model.wav2vec2.config.num_hidden_layers == 12


def test_the_scores_are_of_the_mean_over_time(model):
    values = torch.from_numpy(tone(0.3))[None]
    mean = model.wav2vec2(values).last_hidden_state.mean(dim=1)
    expected = mean @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(model(values).logits, expected)


def test_padding_that_is_masked_changes_no_logit(model):
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    clips = [tone(0.2), tone(0.4)]
    together = model(**extractor(clips, sampling_rate=16_000, padding=True, return_tensors="pt")).logits
    for clip, logits in zip(clips, together, strict=True):
        alone = model(**extractor(clip, sampling_rate=16_000, return_tensors="pt")).logits[0]
        torch.testing.assert_close(alone, logits, rtol=0, atol=1e-5)


def test_dropout_is_between_the_mean_and_the_dense_layer(model):
    seen = []
    model.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.wav2vec2.eval(), model.dropout.train()
    model(torch.from_numpy(tone(0.3))[None].repeat(40, 1))
    zeros = (seen[0] == 0).float().mean().item()
    assert 0.4 < zeros < 0.6
    model.dropout.eval()
    model(torch.from_numpy(tone(0.3))[None])
    assert seen[1].all()


def test_a_saved_model_comes_back_equal(model, tmp_path):
    model.save_pretrained(tmp_path)
    again = AutoModelForAudioClassification.from_pretrained(tmp_path).eval()
    assert type(again) is ReportWav2Vec2ForAudioClassification
    values = torch.from_numpy(tone(0.3))[None]
    torch.testing.assert_close(again(values).logits, model(values).logits, rtol=0, atol=0)
    assert again.config.id2label == NAMES["id2label"]
    assert (tmp_path / "report_wav2vec2.py").exists()
    assert Wav2Vec2Config(**again.config.wav2vec2).conv_dim == [8, 8]


WITHOUT_HF_SER = """
import sys
sys.modules["hf_ser"] = None  # as if it were not installed
import json, numpy as np
from transformers import pipeline
for folder in sys.argv[2:]:
    classifier = pipeline("audio-classification", model=folder, top_k=None, trust_remote_code=True)
    print(json.dumps(classifier(np.load(sys.argv[1]))))
"""


def test_saved_folders_give_the_same_scores_without_hf_ser(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    whisper = make_whisper(tmp_path / "base", classifier=True)
    folders = {
        "whole": (model, WaveformFeatureExtractor(return_attention_mask=True)),
        "cut": (model, WaveformFeatureExtractor(max_duration=0.3)),
        "whisper": (whisper, WhisperExcerptFeatureExtractor(feature_size=8, chunk_length=2, max_duration=0.3)),
    }
    for name, (network, extractor) in folders.items():
        network.save_pretrained(tmp_path / name)
        extractor.save_pretrained(tmp_path / name)
    clip = tmp_path / "clip.npy"
    np.save(clip, tone(0.5))
    names = [str(tmp_path / name) for name in folders]
    arguments = [sys.executable, "-c", WITHOUT_HF_SER, str(clip), *names]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    there = [json.loads(line) for line in done.stdout.splitlines()[-3:]]
    assert there == [pipeline("audio-classification", model=name, top_k=None)(np.load(clip)) for name in names]
    assert there[0] != there[1]
