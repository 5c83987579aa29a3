import json

import numpy as np
import pytest
import soundfile
import torch
import transformers
import yaml
from sklearn.metrics import confusion_matrix, recall_score

from hf_ser.errors import RunError
from hf_ser.evaluation import probe
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.models.modeling import SpectrogramForAudioClassification
from hf_ser.rescoring import evaluate_model, summarize_evaluation
from tests.conftest import tone

DEMO = ["anger", "happiness", "neutral", "sadness"]
EMODB = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "N": "neutral", "T": "sadness"}


def save_model(folder, emotions):
    """A tiny model that hears different emotions in different tones."""
    torch.manual_seed(0)
    names = {"id2label": dict(enumerate(emotions)), "label2id": {name: index for index, name in enumerate(emotions)}}
    narrow = {"in_chans": 1, "widths": (4, 8)}
    model = SpectrogramForAudioClassification(SpectrogramConfig(backbone_kwargs=narrow, value_range=[-80, 0], **names))
    with torch.no_grad():
        model.head[-1].weight *= 50
    model.save_pretrained(folder)
    feature_extractor = SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16)
    feature_extractor.save_pretrained(folder)
    return probe(model, feature_extractor)


def write_tones(folder, names):
    """Tones of rising pitch under the names of a corpus."""
    folder.mkdir()
    for index, name in enumerate(names):
        soundfile.write(folder / f"{name}.wav", tone(0.4, frequency=100 * 1.1**index, seed=index), 16_000)
    return folder


def hear(model, folder, names):
    """What the stock pipeline hears in each file."""
    pipeline = transformers.pipeline("audio-classification", model=str(model))
    waveforms = [soundfile.read(folder / f"{name}.wav", dtype="float32")[0] for name in names]
    return [pipeline(waveform)[0]["label"] for waveform in waveforms]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folder of tones that are named as clips of the demo corpus: two voices, four emotions, three takes."""
    names = [f"{voice}_{emotion}_{take:02d}" for take in range(3) for emotion in DEMO for voice in ("f1", "m1")]
    return write_tones(tmp_path_factory.mktemp("corpus") / "demo", names)


@pytest.fixture
def run(demo, tmp_path):
    """A run folder whose labels are not in the corpus's order, with the scores of its test part by scikit-learn."""
    folder = tmp_path / "run"
    signal = save_model(folder, DEMO[::-1])
    test = [f"f1_{emotion}_{take:02d}" for emotion in DEMO for take in range(3)]
    references, heard = [name.split("_")[1] for name in test], hear(folder, demo, test)
    recall = recall_score(references, heard, average="macro", labels=DEMO, zero_division=0)
    results = {
        "metrics": {"uar": recall, "accuracy": recall, "macro_f1": 0.0, "weighted_f1": 0.0},
        "corpus": {"title": "Tones", "synthetic": True},
        "protocol": {"split": "held-out-speakers", "n_test": 12, "shared_speakers": [], "test_speakers": ["f1"]},
        "probe": signal,
    }
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"corpus": "demo", "data_dir": str(demo)}))
    (folder / "split.json").write_text(json.dumps({"train": [], "test": [f"demo-{name}" for name in test]}))
    return folder


def test_the_test_part_alone_is_scored_with_labels_matched_by_name(run, demo):
    results = evaluate_model(run)
    test = [path.removeprefix("demo-") for path in json.loads((run / "split.json").read_text())["test"]]
    references, heard = [name.split("_")[1] for name in test], hear(run, demo, test)
    assert len(set(heard)) > 1
    assert results["labels"] == DEMO[::-1]
    np.testing.assert_array_equal(results["confusion_matrix"], confusion_matrix(references, heard, labels=DEMO[::-1]))
    assert results["metrics"]["uar"] == pytest.approx(results["saved_metrics"]["uar"])
    assert list(results["per_speaker"]) == ["f1"]


def test_scores_are_compared_with_those_saved(run):
    results = evaluate_model(run)
    assert not results["agrees"]
    assert "results.json has uar" in summarize_evaluation(results).caption
    saved = json.loads((run / "results.json").read_text()) | {"metrics": results["metrics"]}
    (run / "results.json").write_text(json.dumps(saved))
    again = evaluate_model(run)
    assert again["agrees"]
    assert "results.json has the same scores" in summarize_evaluation(again).caption


def test_the_corpus_may_lie_elsewhere(run, demo, tmp_path):
    moved = write_tones(tmp_path / "moved", [path.stem for path in sorted(demo.iterdir())])
    (run / "recipe.yaml").write_text(yaml.safe_dump({"corpus": "demo", "data_dir": str(tmp_path / "gone")}))
    assert evaluate_model(run, data_dir=moved)["protocol"]["n_test"] == 12


def test_utterances_that_are_gone_are_counted_and_the_first_is_named(run, tmp_path):
    fewer = write_tones(tmp_path / "fewer", [f"f1_{emotion}_00" for emotion in DEMO])
    with pytest.raises(RunError, match=r"8 of the 12 utterances .* the first is `demo-f1_anger_01`"):
        evaluate_model(run, data_dir=fewer)


@pytest.mark.parametrize("name", ["recipe.yaml", "split.json", "results.json"])
def test_a_run_folder_that_lacks_a_file_is_refused_by_its_name(run, name):
    (run / name).unlink()
    with pytest.raises(RunError, match=rf"lacks `{name}`, by which its test part is known"):
        evaluate_model(run)


@pytest.mark.parametrize(
    ("name", "content", "lacks"),
    [("results.json", "{}", "`metrics`, `corpus`, `protocol`"), ("split.json", "[]", "`test`")],
)
def test_a_file_of_the_run_that_lacks_a_key_is_refused_by_the_key(run, name, content, lacks):
    (run / name).write_text(content)
    with pytest.raises(RunError, match=rf"{name}` lacks {lacks}\. "):
        evaluate_model(run)
    (run / name).write_text("{")
    with pytest.raises(RunError, match=rf"{name}` is not valid JSON"):
        evaluate_model(run)


def test_a_whole_other_corpus_is_scored_and_its_title_says_so(demo, tmp_path):
    """Emotions that only the model knows are wrong answers, not lost ones."""
    save_model(tmp_path / "model", sorted(EMODB.values()))
    (tmp_path / "model" / "recipe.yaml").write_text("corpus: emodb")
    results = evaluate_model(tmp_path / "model", corpus="demo", data_dir=demo)
    names = [path.stem for path in sorted(demo.iterdir())]
    references, heard = [name.split("_")[1] for name in names], hear(tmp_path / "model", demo, names)
    expected = recall_score(references, heard, average="macro", labels=DEMO, zero_division=0)
    assert results["metrics"]["uar"] == pytest.approx(expected)
    assert np.sum(results["confusion_matrix"]) == len(names) == 24
    assert results["corpus"]["counts"] == dict.fromkeys(DEMO, 6)
    title = summarize_evaluation(results).title
    assert title.startswith("Cross-corpus: Synthetic demo corpus")
    assert title.endswith("all clips, n = 24, scored by a model trained on `emodb`")


def test_a_corpus_with_emotions_the_model_lacks_is_refused_with_the_differences(run, tmp_path):
    corpus = write_tones(tmp_path / "emodb", [f"03a01{code}a" for code in EMODB])
    with pytest.raises(RunError, match=r"does not know \['boredom', 'disgust', 'fear'\], which the corpus has"):
        evaluate_model(run, corpus="emodb", data_dir=corpus)


def test_the_training_corpus_is_no_other_corpus(run, demo):
    with pytest.raises(RunError, match="was trained on `demo`: .*Leave out `--corpus`"):
        evaluate_model(run, corpus="demo", data_dir=demo)


def test_another_table_of_one_s_own_is_another_corpus(run, demo, tmp_path):
    for name in ("mine", "yours"):
        rows = [f"{path},{path.stem.split('_')[1]}" for path in sorted(demo.glob("f1*.wav"))]
        (tmp_path / f"{name}.csv").write_text("\n".join(["file,label", *rows]))
    (run / "recipe.yaml").write_text(yaml.safe_dump({"corpus": "csv", "data_dir": str(tmp_path / "mine.csv")}))
    results = evaluate_model(run, corpus="csv", data_dir=tmp_path / "yours.csv")
    assert (results["protocol"]["trained_on"], results["corpus"]["name"]) == ("mine", "yours")
    with pytest.raises(RunError, match="was trained on `mine`"):
        evaluate_model(run, corpus="csv", data_dir=tmp_path / "mine.csv")
