"""A card says what results.json says, claims nothing more, and tells nothing about the machine."""

import re

import numpy as np
import pytest
from huggingface_hub import ModelCard

from hf_ser.errors import CardError, StorageError
from hf_ser.model_card import render_model_card
from hf_ser.model_card_check import check_model_card, read_table, split_sections
from tests.results import LABELS, SPEAKERS, make_results, make_synthetic_results


@pytest.fixture
def folder(tmp_path):
    """A run folder with its figures."""
    (tmp_path / "confusion_matrix.png").touch()
    (tmp_path / "learning_curve.png").touch()
    return tmp_path


@pytest.mark.parametrize("results", [make_results(), make_synthetic_results()])
def test_a_rendered_card_passes_the_check(results, folder):
    render_model_card(results, folder)
    check_model_card(folder / "README.md")


def test_cards_of_many_results_agree_with_themselves(folder):
    generator = np.random.default_rng(2)
    for _ in range(30):
        render_model_card(make_results(generator.integers(0, 40, (7, 7))), folder)
        check_model_card(folder / "README.md")


def test_the_hub_reads_the_scores_from_the_front_matter(folder):
    results = make_results()
    render_model_card(results, folder, model_id="someone/ser-emodb")
    data = ModelCard.load(folder / "README.md").data
    read = {result.metric_name: result.metric_value for result in data.eval_results}
    assert read["UAR (unweighted average recall)"] == pytest.approx(results["metrics"]["uar"], abs=5e-5)
    assert read["Weighted F1"] == pytest.approx(results["metrics"]["weighted_f1"], abs=5e-5)
    assert [result.metric_type for result in data.eval_results] == ["recall", "accuracy", "f1", "f1"]
    assert data.eval_results[0].dataset_args == {"split": "stratified", "seed": 0, "split_hash": "9f2c41d07ab35e68"}
    assert (data.model_name, data.pipeline_tag, data.language) == ("ser-emodb", "audio-classification", "de")


def test_the_score_of_windows_is_told_beside_that_of_utterances_and_called_so(folder):
    assert "window" not in split_sections(str(render_model_card(make_results(), folder)))["Results"]
    windows = {"window_metrics": make_results()["metrics"] | {"accuracy": 0.6175}, "n_windows": 639}
    text = split_sections(str(render_model_card(make_results() | windows, folder)))["Results"]
    assert "**Per window, not per utterance**, each of the\n639 windows scored by itself: " in text
    assert "Accuracy 61.8 %, " in text
    check_model_card(folder / "README.md")


def test_shared_speakers_are_said_by_the_score_and_nothing_is_called_speaker_independent(folder):
    text = str(render_model_card(make_results(), folder))
    results_section = split_sections(text)["Results"]
    assert "shared between training and test: not a score for new speakers" in results_section
    assert "speaker-independent" not in text.lower()


@pytest.mark.parametrize("unknown", [[], [""]])
def test_unknown_test_speakers_are_not_called_speaker_independent(unknown, folder):
    text = str(render_model_card(make_results(shared_speakers=[], test_speakers=unknown), folder))
    assert "speaker-independent" not in text.lower()
    assert "ot every clip names its speaker" in text


def test_new_speakers_are_called_speaker_independent(folder):
    text = str(render_model_card(make_results(shared_speakers=[], test_speakers=["03", "08"]), folder))
    assert "Speaker-independent: no test speaker was heard in training" in split_sections(text)["Results"]
    assert ["Test speakers", "2: 03, 08"] in read_table(split_sections(text)["Protocol"])


def test_synthetic_speech_is_called_synthetic_and_is_ours_to_license(folder):
    card = render_model_card(make_synthetic_results(), folder)
    sections = split_sections(card.text)
    assert card.data.license == "apache-2.0"
    assert "synthetic" in card.data.tags
    assert "synthetic" in sections["Corpus"]
    assert "**The corpus is synthetic.**" in card.text
    assert "synthetic" in next(heading for heading in sections if heading.startswith("Speech emotion recognition"))
    assert card.data.language is None  # "zxx" is no language


@pytest.mark.parametrize(("home_page", "licence"), [("http://emodb.bilderbar.info/", "other"), ("", "unknown")])
def test_weights_learned_from_a_corpus_carry_its_terms(home_page, licence, folder):
    results = make_results()
    results["corpus"]["home_page"] = home_page
    card = render_model_card(results, folder)
    assert card.data.license == licence
    assert "free for research" in split_sections(card.text)["Licence"]
    check_model_card(folder / "README.md")


@pytest.mark.parametrize(
    ("weights", "base_model"),
    [
        ("hf-hub:timm/mobilenetv2_100.ra_in1k", "timm/mobilenetv2_100.ra_in1k"),
        ("facebook/wav2vec2-base", "facebook/wav2vec2-base"),
        ("weights/model.safetensors", None),
        ("timm", None),
        (None, None),
    ],
)
def test_only_a_model_on_the_hub_is_named_as_base_model(weights, base_model, folder):
    results = make_results()
    results["recipe"]["backbone_weights"] = weights
    assert render_model_card(results, folder).data.base_model == base_model


def test_the_checkpoint_of_a_waveform_network_is_named(folder):
    results = make_results()
    results["recipe"] = {"checkpoint": "facebook/wav2vec2-base"}
    card = render_model_card(results, folder)
    assert card.data.base_model == "facebook/wav2vec2-base"
    assert "It began as `facebook/wav2vec2-base` and was trained on" in str(card)


def test_no_path_of_the_machine_is_told(folder):
    results = make_results(shared_audio=[["/home/someone/corpora/emodb/wav/03a01Fa.wav", "wav/08a01Fa.wav"]])
    reason = "`/home/someone/corpora/emodb/wav/03a02Fc.wav` holds 24 kHz/16 bit, not audio"
    results["skipped_audio"] = [{"file": "/home/someone/corpora/emodb/wav/03a02Fc.wav", "reason": reason}]
    results["recipe"]["backbone_kwargs"] = {"file": "C:\\Users\\someone\\model.bin"}
    text = str(render_model_card(results, folder))
    assert "someone" not in text
    assert "| 03a02Fc.wav | `03a02Fc.wav` holds 24 kHz/16 bit, not audio |" in text
    assert "1: 03a01Fa.wav = 08a01Fa.wav" in text
    assert "initialised from `model.safetensors`" in text


def test_the_python_of_the_card_names_the_model_the_rate_and_all_scores(folder):
    results = make_results()
    results["recipe"]["sampling_rate"] = 8_000
    text = str(render_model_card(results, folder, model_id="someone/ser-emodb"))
    ours, theirs = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    for code in (ours, theirs):
        compile(code, "README.md", "exec")
        assert 'pipeline("audio-classification", model="someone/ser-emodb"' in code
        assert "top_k=None" in code
    assert "sampling_rate=8000" in ours
    assert "import hf_ser" in ours
    assert "trust_remote_code=True" in theirs
    assert 'librosa.load("speech.wav", sr=8000)' in theirs  # which gives what read_audio gives
    assert "hf-ser predict someone/ser-emodb" in text


def test_a_card_without_a_name_is_named_after_its_folder(folder):
    assert render_model_card(make_results(), folder).data.model_name == folder.name


def test_tables_hold_the_counts_of_the_results(folder):
    results = make_results()
    sections = split_sections(str(render_model_card(results, folder)))
    matrix = [[int(cell) for cell in row[1:]] for row in read_table(sections["Confusion matrix"])[1:]]
    assert matrix == results["confusion_matrix"]
    assert [row[1] for row in read_table(sections["Labels"])[1:]] == LABELS
    speakers = [row[0] for row in read_table(sections["Per speaker and sex"])[1:]]
    assert speakers == ["female", "male", *(f"speaker {name}" for name in SPEAKERS)]


def test_odd_label_names_break_no_table(folder):
    results = make_results()
    results["labels"] = ["joy | elation", *LABELS[1:]]
    results["per_class"] = dict(zip(results["labels"], results["per_class"].values(), strict=True))
    render_model_card(results, folder)
    check_model_card(folder / "README.md")


def test_a_long_list_of_sentences_is_cut(folder):
    text = str(render_model_card(make_results(shared_sentences=[f"s{i:03}" for i in range(50)]), folder))
    assert "50: s000, s001" in text
    assert "s019 and 30 more" in text


def test_results_that_lack_a_part_are_named(folder):
    results = make_results()
    del results["intervals"], results["probe"]
    with pytest.raises(CardError, match=r"The results lack \['intervals', 'probe'\]"):
        render_model_card(results, folder)


def test_a_full_disk_is_named(folder, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ModelCard, "save", full)
    with pytest.raises(StorageError, match="No space left while writing"):
        render_model_card(make_results(), folder)
