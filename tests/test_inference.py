import json

import numpy as np
import pytest
import soundfile
import torch
import transformers
from safetensors.torch import load_file, save_file

from hf_ser.errors import AudioError, RecipeError, RunError
from hf_ser.evaluation import probe
from hf_ser.inference import find_files, load_classifier, predict
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import make_tiny_model, tone

EMOTIONS = ["anger", "neutral", "sadness"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Folder of a tiny model whose scores differ from clip to clip."""
    folder = tmp_path_factory.mktemp("model")
    network = make_tiny_model()
    with torch.no_grad():
        network.head[-1].weight *= 20
    network.save_pretrained(folder)
    SpectrogramFeatureExtractor(n_fft=256, hop_length=128, n_mels=16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Five tones of different lengths, one of them at 44.1 kHz."""
    folder = tmp_path_factory.mktemp("clips")
    for index in range(4):
        soundfile.write(folder / f"{index}.wav", tone(0.2 + 0.3 * index, frequency=200 * 2**index, seed=index), 16_000)
    soundfile.write(folder / "4.flac", tone(0.5, sampling_rate=44_100), 44_100)
    return sorted(folder.iterdir())


@pytest.fixture
def copy(model, tmp_path):
    """A copy of the model's folder to damage."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_scores_are_those_of_the_stock_pipeline_in_the_order_given(model, clips):
    files = clips[3::-1]  # at the model's own rate, so that soundfile alone reads them
    table = predict(model, files)
    pipeline = transformers.pipeline("audio-classification", model=str(model), top_k=None)
    for path, row in zip(files, table.to_dict("records"), strict=True):
        expected = {entry["label"]: entry["score"] for entry in pipeline(soundfile.read(path, dtype="float32")[0])}
        assert row["file"] == str(path)
        assert {emotion: row[emotion] for emotion in EMOTIONS} == pytest.approx(expected, abs=1e-5)
        assert row["label"] == max(expected, key=expected.get)
        assert row["score"] == pytest.approx(max(expected.values()), abs=1e-5)


def test_columns_are_file_label_score_emotions_and_error(model, clips):
    table = predict(model, clips)
    assert list(table.columns) == ["file", "label", "score", *EMOTIONS, "error"]
    np.testing.assert_allclose(table[EMOTIONS].sum(axis=1), 1, atol=1e-5)
    assert set(table["error"]) == {""}


def test_batch_size_changes_no_score(model, clips):
    classifier = load_classifier(model)
    one, three = (predict(classifier, clips, batch_size=size)[EMOTIONS] for size in (1, 3))
    np.testing.assert_allclose(one, three, atol=1e-5)


def test_a_model_without_attention_mask_gets_one_clip_at_a_time(model, clips):
    network = transformers.Wav2Vec2ForSequenceClassification(
        transformers.Wav2Vec2Config(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8, 8),
            conv_stride=(5, 4),
            conv_kernel=(10, 8),
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            classifier_proj_size=8,
        )
    )
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False)
    pipeline = transformers.pipeline("audio-classification", model=network.eval(), feature_extractor=extractor)
    one, four = (predict(pipeline, clips, batch_size=size)["score"] for size in (1, 4))
    np.testing.assert_allclose(one, four, atol=1e-6)


def test_files_are_read_as_they_are_needed(model, clips, monkeypatch):
    classifier, events = load_classifier(model), []
    read, forward = predict.__globals__["read_audio"], classifier.model.forward

    def watched_read(*arguments):
        events.append("read")
        return read(*arguments)

    def watched_forward(*arguments, **options):
        events.append("score")
        return forward(*arguments, **options)

    monkeypatch.setitem(predict.__globals__, "read_audio", watched_read)
    monkeypatch.setattr(classifier.model, "forward", watched_forward)
    predict(classifier, clips * 2, batch_size=2)
    waiting = [events[: index + 1].count("read") - 2 * events[:index].count("score") for index in range(len(events))]
    assert max(waiting) <= 4
    assert events.count("read") == 10


@pytest.mark.parametrize("bad_first", [True, False])
def test_a_bad_file_keeps_its_row_and_the_others_their_scores(model, clips, tmp_path, bad_first):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    files = [bad, *clips] if bad_first else [*clips[:2], bad, *clips[2:]]
    table = predict(model, files, on_bad_audio="skip").set_index("file")
    alone = predict(model, clips).set_index("file")
    np.testing.assert_allclose(table.loc[alone.index, EMOTIONS], alone[EMOTIONS], atol=1e-5)
    assert list(table.index) == [str(file) for file in files]
    assert table.loc[str(bad), "error"].startswith("not a sound file that can be read")
    assert table.loc[str(bad), "label"] == ""
    assert table.loc[str(bad), ["score", *EMOTIONS]].isna().all()


def test_bad_files_alone_make_a_table_of_errors(model, tmp_path):
    table = predict(model, [tmp_path / "none.wav"], on_bad_audio="skip")
    assert list(table["error"]) == ["no such file. Check the path."]


def test_no_files_make_an_empty_table(model):
    assert list(predict(model, []).columns) == ["file", "label", "score", *EMOTIONS, "error"]


@pytest.mark.parametrize("click_first", [True, False])
def test_a_clip_too_short_for_the_network_is_a_bad_file(model, clips, tmp_path, click_first):
    click = tmp_path / "click.wav"
    soundfile.write(click, np.array([0.5, -0.5, 0.1]), 16_000)
    table = predict(model, [click, *clips] if click_first else [*clips, click], on_bad_audio="skip").set_index("file")
    assert table.loc[str(click), "error"] == "0.000 s is too short for this model. Leave it out."
    assert set(table.drop(str(click))["error"]) == {""}
    with pytest.raises(AudioError, match=r"click\.wav`: 0\.000 s is too short"):
        predict(model, [click])


def test_a_clip_of_which_silence_leaves_too_little_is_a_bad_file(copy, clips, tmp_path):
    options = {"n_fft": 1024, "hop_length": 512, "n_mels": 16}
    SpectrogramFeatureExtractor(**options, deltas=1, silence_threshold=0.01).save_pretrained(copy)
    click = tmp_path / "click.wav"
    soundfile.write(click, np.r_[tone(0.1), np.zeros(16_000)], 16_000)  # deltas need nine frames, 0.256 s
    error = predict(copy, [clips[2], click], on_bad_audio="skip")["error"]
    assert error[0] == ""
    assert error[1].endswith("s is too short for this model. Leave it out.")


def test_a_fault_of_the_network_itself_is_not_blamed_on_the_file(model, clips, monkeypatch):
    classifier = load_classifier(model)
    monkeypatch.setattr(classifier.model, "forward", lambda **inputs: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        predict(classifier, clips, on_bad_audio="skip")


def test_a_bad_file_raises_unless_it_is_to_be_skipped(model, tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav`: no such file"):
        predict(model, [tmp_path / "none.wav"])
    with pytest.raises(RecipeError, match="Did you mean `skip`"):
        predict(model, [tmp_path / "none.wav"], on_bad_audio="skipp")


@pytest.mark.parametrize("size", [0, -1, "8"])
def test_a_batch_of_no_files_is_refused(model, clips, size):
    with pytest.raises(RecipeError, match=f"`batch_size: {size}` is no number of files. Give 1 or more"):
        predict(model, clips, batch_size=size)


def test_scores_that_are_not_finite_are_a_fault_and_rank_nothing(model, clips, monkeypatch):
    classifier = load_classifier(model)
    forward = classifier.model.forward

    def diverging_on_one(**inputs):
        outputs = forward(**inputs)
        # The shortest clip has the fewest frames.
        few = inputs["attention_mask"].sum(dim=1) == inputs["attention_mask"].sum(dim=1).min()
        outputs.logits = torch.where(few[:, None], torch.nan, outputs.logits)
        return outputs

    monkeypatch.setattr(classifier.model, "forward", diverging_on_one)
    table = predict(classifier, clips[:3], on_bad_audio="skip")
    assert list(table["error"] != "") == [True, False, False]
    assert table["error"][0].startswith("the model's scores for it are not finite")
    assert (table["label"][0], table[["score", *EMOTIONS]].loc[0].isna().all()) == ("", True)
    with pytest.raises(AudioError, match=r"0\.wav`: the model's scores for it are not finite"):
        predict(classifier, clips[:3])


def test_folders_globs_and_files_are_found_once_and_sorted(clips):
    folder = clips[0].parent
    assert find_files([folder]) == clips
    assert find_files([str(folder / "*.wav"), clips[2], folder]) == clips
    assert find_files([folder / "[01].wav"]) == clips[:2]
    assert find_files([folder / "**" / "4.flac"]) == clips[4:]


def test_a_folder_gives_sound_files_at_any_depth_and_no_hidden_ones(tmp_path):
    names = ["a/b/deep.WAV", "top.mp3", "notes.txt", "a/._deep.wav"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_files([tmp_path]) == [tmp_path / "a/b/deep.WAV", tmp_path / "top.mp3"]
    assert find_files([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_a_link_to_a_file_that_is_gone_is_found_and_its_row_says_so(model, clips, tmp_path):
    (tmp_path / "link.wav").symlink_to("gone.wav")
    assert find_files([tmp_path]) == find_files([tmp_path / "*.wav"]) == [tmp_path / "link.wav"]
    table = predict(model, find_files([tmp_path, clips[0]]), on_bad_audio="skip").set_index("file")
    assert table.loc[str(tmp_path / "link.wav"), "error"].startswith("a link to `gone.wav`, where no file is")
    assert table.loc[str(clips[0]), "error"] == ""


def test_a_folder_without_sounds_among_others_is_logged(clips, tmp_path, caplog):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    (tmp_path / "a.wav").touch()
    for arguments in ([tmp_path / "notes", tmp_path / "a.wav"], [tmp_path / "*"]):
        caplog.clear()
        assert find_files(arguments) == [tmp_path / "a.wav"]
        assert f"No sound file in `{tmp_path / 'notes'}`; looked in it" in caplog.text


def test_the_folder_of_an_unknown_user_is_not_there(model):
    with pytest.raises(AudioError, match="there is no `~nobody-here/a.wav`"):
        find_files(["~nobody-here/a.wav"])
    with pytest.raises(RunError, match="There is no folder `~nobody-here/run`"):
        load_classifier("~nobody-here/run")


def test_a_file_with_brackets_in_its_name_is_no_glob(tmp_path):
    (tmp_path / "take[1].wav").touch()
    assert find_files([tmp_path / "take[1].wav"]) == [tmp_path / "take[1].wav"]


def test_nothing_found_says_what_was_looked_for(tmp_path, clips):
    with pytest.raises(AudioError, match=r"No sound file in .*looked in it and its folders for \.wav, "):
        find_files([tmp_path])
    with pytest.raises(AudioError, match=r"No sound file in .*\*\.wav`; looked for files of this pattern"):
        find_files([clips[0], tmp_path / "*.wav"])
    with pytest.raises(AudioError, match=r"there is no `.*none\.wav`"):
        find_files([tmp_path / "none.wav"])
    assert find_files([clips[0], tmp_path / "none.wav"]) == sorted([clips[0], tmp_path / "none.wav"])


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_folder_that_lacks_a_file_is_refused_by_its_name(copy, name):
    (copy / name).unlink()
    with pytest.raises(RunError, match=f"is no whole model: it lacks `{name}`. Finish its training"):
        load_classifier(copy)


def test_a_folder_without_model_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"it lacks `config.json`, `preprocessor_config.json`, `model.safetensors`"):
        load_classifier(tmp_path)


def test_a_file_of_a_model_is_answered_with_its_folder(model):
    with pytest.raises(RunError, match=f"is a file of a model. Pass the folder that holds all of them: `{model}`"):
        load_classifier(model / "model.safetensors")


def test_a_folder_that_is_not_there_is_not_sought_on_the_hub(model):
    with pytest.raises(RunError, match=rf"There is no folder .*Did you mean `{model.name}`"):
        load_classifier(model.with_name(model.name[:-1]))
    with pytest.raises(RunError, match=r"There is no folder `\./none`"):
        load_classifier("./none")


def test_a_hub_id_that_cannot_be_read_is_one_sentence():
    with pytest.raises(RunError, match=r"^`nobody/nothing` cannot be loaded: .*Check the name and the connection"):
        load_classifier("nobody/nothing")


def test_damaged_configuration_and_weights_are_refused(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(RunError, match="cannot be loaded"):
        load_classifier(copy)


@pytest.mark.parametrize(
    ("name", "key"), [("config.json", "model_type"), ("preprocessor_config.json", "feature_extractor_type")]
)
def test_configurations_that_say_nothing_are_refused(copy, name, key):
    (copy / name).write_text("{")
    with pytest.raises(RunError, match=f"{name}` is not valid JSON"):
        load_classifier(copy)
    for nothing in ("{}", "[]"):
        (copy / name).write_text(nothing)
        with pytest.raises(RunError, match=f"{name}` lacks `{key}`"):
            load_classifier(copy)


def save_probe(folder):
    """The signal's logits, as training saves them."""
    classifier = load_classifier(folder)
    results = {"probe": probe(classifier.model, classifier.feature_extractor)}
    (folder / "results.json").write_text(json.dumps(results))


def change(path, **options):
    path.write_text(json.dumps(json.loads(path.read_text()) | options))


def test_a_run_folder_that_belongs_together_is_loaded(copy, clips):
    before = predict(copy, clips)
    save_probe(copy)
    assert predict(copy, clips).equals(before)


@pytest.mark.parametrize("options", [{"n_mels": 12}, {"fmin": 2_000.0}, {"hop_length": 96}, {"n_mels": -3}])
def test_features_other_than_in_training_are_refused(copy, options):
    save_probe(copy)
    change(copy / "preprocessor_config.json", **options)
    with pytest.raises(RunError, match=r"files do not belong together|cannot be loaded"):
        load_classifier(copy)


def test_weights_of_another_run_are_refused(copy):
    save_probe(copy)
    weights = load_file(copy / "model.safetensors")
    weights["head.1.bias"] += torch.tensor([0.0, 0.5, 0.0])
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunError, match=r"for one signal they give logits \[.*\], its `results.json` has \["):
        load_classifier(copy)


def test_results_without_a_probe_are_refused(copy):
    (copy / "results.json").write_text("{}")
    with pytest.raises(RunError, match=r"results\.json` lacks `probe`\."):
        load_classifier(copy)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda weights: weights.pop("head.1.bias"), r"1 missing \(`head.1.bias`\)"),
        (lambda weights: weights.update(extra=torch.zeros(1)), r"1 unexpected \(`extra`\)"),
        (lambda weights: weights.update({"head.1.bias": torch.zeros(7)}), r"1 of another shape \(`head.1.bias`\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(copy, change, fault):
    weights = load_file(copy / "model.safetensors")
    change(weights)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunError, match=f"its weights do not fit its config.json: {fault}"):
        load_classifier(copy)


def test_a_configuration_of_an_unknown_kind_is_refused(copy):
    config = json.loads((copy / "config.json").read_text()) | {"model_type": "unknown_kind"}
    config.pop("auto_map", None)
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="cannot be loaded"):
        load_classifier(copy)
