"""Training: wired for the recipe, resumable to the bit, blind to the test part."""

import logging

import numpy as np
import pytest
import torch
from datasets import DatasetDict
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score
from transformers import TrainerCallback

from hf_ser.errors import RecipeError, RunError
from hf_ser.evaluation import merge_history, probe, score_windows
from hf_ser.features import extract_features
from hf_ser.retraining import run_training
from hf_ser.runs import find_checkpoint, is_finished, keep_split, open_run, save_model
from hf_ser.training import build_feature_extractor, build_model, select_inputs
from tests.trainings import LABELS, make_trainer


class Interrupt(TrainerCallback):
    """Ends the program, as it seems, in the middle of an epoch."""

    def __init__(self, step=9):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise KeyboardInterrupt


# 36 windows, as many as there are clips to train on.
WINDOWS = ("--train_on", "windows", "--crop_frames", "null", "--max_windows_per_class", "12")


@pytest.mark.parametrize("options", [(), WINDOWS], ids=["clips", "windows"])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(make_recipe, split, options):
    steps = ("--save_strategy", "steps", "--save_steps", "7", "--eval_strategy", "steps", "--eval_steps", "7")
    steps += options
    whole = make_trainer(make_recipe("whole", *steps), split)
    whole.train()
    broken = make_trainer(make_recipe("broken", *steps), split)
    broken.add_callback(Interrupt())
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    recipe = make_recipe("broken", *steps)
    resumed = make_trainer(recipe, split)
    checkpoint = find_checkpoint(open_run(recipe))
    assert checkpoint.endswith("checkpoint-7")  # five steps an epoch: in the middle of the second
    resumed.train(resume_from_checkpoint=checkpoint)
    for (name, one), other in zip(whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    scores = [
        [entry["eval_loss"] for entry in merge_history(trainer.state.log_history) if "eval_loss" in entry]
        for trainer in (whole, resumed)
    ]
    assert scores[0] == scores[1]


def test_the_patience_of_an_interrupted_training_goes_on(make_recipe, split):
    # Nothing is learnt, so that no epoch is better than the first; three more are waited for.
    options = ("--learning_rate", "0", "--num_train_epochs", "9", "--early_stopping_patience", "3")
    broken = make_trainer(make_recipe("broken", *options), split)
    broken.add_callback(Interrupt(step=17))  # of five an epoch: after two of the three
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    recipe = make_recipe("broken", *options)
    resumed = make_trainer(recipe, split)
    resumed.train(resume_from_checkpoint=find_checkpoint(open_run(recipe)))
    assert resumed.state.epoch == 4


def test_a_training_that_was_stopped_early_is_not_gone_on_with(make_recipe, split):
    options = ("--learning_rate", "0", "--num_train_epochs", "9", "--early_stopping_patience", "2")
    make_trainer(make_recipe("stopped", *options), split).train()
    recipe = make_recipe("stopped", *options)
    again = make_trainer(recipe, split)
    again.add_callback(Interrupt(step=16))  # the first step of the fourth epoch
    run_training(again, recipe, split, find_checkpoint(open_run(recipe)))
    assert again.state.epoch == 3
    assert again.state.best_global_step == 5


def test_a_network_learns_what_there_is_to_learn(make_recipe, split):
    trainer = make_trainer(make_recipe("learn", "--num_train_epochs", "12", "--mixup_alpha", "0"), split)
    trainer.train()
    assert max(entry.get("eval_uar", 0) for entry in trainer.state.log_history) > 0.9


def test_a_training_that_diverges_ends_with_an_error(make_recipe, split):
    trainer = make_trainer(make_recipe("diverged", "--learning_rate", "1e30", "--mixup_alpha", "0"), split)
    with pytest.raises(RunError, match="the training diverged. Give a smaller `learning_rate`"):
        trainer.train()


def test_the_epoch_with_the_lowest_loss_is_the_best_one(make_recipe):
    assert make_recipe("loss", "--metric_for_best_model", "loss").training.greater_is_better is False
    assert make_recipe("uar").training.greater_is_better is True


def test_the_test_part_is_never_read_in_training(make_recipe, split):
    trainer = make_trainer(make_recipe(), split)
    test = set(split["test"]["utterance"])
    assert not test & set(trainer.train_dataset["utterance"])
    assert not test & set(trainer.eval_dataset["utterance"])


def test_only_training_batches_are_augmented(make_recipe, split):
    trainer = make_trainer(make_recipe(), split)
    train, validation = next(iter(trainer.get_train_dataloader())), next(iter(trainer.get_eval_dataloader()))
    assert train["labels"].shape == (8, 3)
    assert train["input_features"].shape[1] == 40
    rows = trainer.eval_dataset[: len(validation["labels"])]
    assert validation["labels"].tolist() == rows["label"].tolist()
    assert np.array_equal(validation["input_features"][0][: len(rows["input_features"][0])], rows["input_features"][0])


def test_without_a_validation_part_the_last_epoch_stays(make_recipe, split):
    everything = {**split, "validation": split["validation"].select([])}
    recipe = make_recipe("last", "--num_train_epochs", "1")
    trainer = make_trainer(recipe, everything)
    trainer.train()
    assert trainer.eval_dataset is None
    assert not trainer.args.load_best_model_at_end
    with pytest.raises(RecipeError, match="`early_stopping_patience` needs a validation part"):
        make_trainer(make_recipe("last", "--early_stopping_patience", "2"), everything)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--eval_strategy", "no"), "`early_stopping_patience: 2` counts scores, and with `eval_strategy: no`"),
        (("--metric_for_best_model", "null"), "2` waits for a better score, and `metric_for_best_model: null` names"),
    ],
)
def test_patience_needs_scores(make_recipe, split, options, sentence):
    options += ("--load_best_model_at_end", "false", "--early_stopping_patience", "2")
    with pytest.raises(RecipeError, match=sentence):
        make_trainer(make_recipe("patience", *options), split)


def test_with_windows_loss_shuffling_and_batches_are_of_windows(make_recipe, split, caplog):
    options = (*WINDOWS[:4], "--mixup_alpha", "0", "--time_masks", "0", "--num_train_epochs", "1", "--dropout", "0")
    with caplog.at_level(logging.INFO, "hf_ser"):
        trainer = make_trainer(make_recipe("rows", *options), split)
    seen = Batches(trainer).seen
    clips = {name: image for name, image in zip(split["train"]["utterance"], images_of(split["train"]), strict=True)}
    # Every 20 frames from 0 on, and the last 40 frames.
    windows = {
        name: [image[start : start + 40] for start in sorted({*range(0, len(image) - 39, 20), len(image) - 40})]
        for name, image in clips.items()
    }
    count = sum(map(len, windows.values()))
    assert len(trainer.train_dataset) == count > 2 * len(clips)
    assert f"{count} windows to learn from {{'anger': " in caplog.text
    trainer.train()
    assert trainer.state.global_step == len(seen) == -(-count // 8)
    rows = torch.cat([batch["input_features"] for batch in seen.values()])
    assert rows.shape == (count, 40, 16)
    expected = sorted(window.tobytes() for part in windows.values() for window in part)
    assert sorted(row.numpy().tobytes() for row in rows) == expected  # each once, in whatever order
    assert [row.numpy().tobytes() for row in rows] != [w.tobytes() for part in windows.values() for w in part]
    assert len(trainer.eval_dataset) == len(split["validation"])  # in whole clips


def images_of(part):
    return [np.asarray(image, np.float32) for image in part.with_format("numpy")["input_features"][:]]


def test_class_weights_balance_the_windows_that_are_learnt_from(make_recipe, split):
    few = split["train"].select([index for index, clip in enumerate(split["train"]) if clip["label"] or index < 9])
    options = (*WINDOWS[:4], "--class_weights", "balanced")
    trainer = make_trainer(make_recipe("weights", *options), DatasetDict(split | {"train": few}))
    labels = [trainer.train_dataset[index]["label"] for index in range(len(trainer.train_dataset))]
    expected = [len(labels) / (3 * labels.count(label)) for label in range(3)]
    assert trainer.compute_loss_func.class_weights.tolist() == pytest.approx(expected)


def test_windows_are_scored_one_by_one_against_their_clips_emotion(make_recipe, split):
    trainer = make_trainer(make_recipe("scored", "--per_device_eval_batch_size", "3"), split)
    truth, answers = [], []
    for image, label in zip(images_of(split["test"]), split["test"]["label"], strict=True):
        for start in sorted({*range(0, len(image) - 39, 20), len(image) - 40}):
            window = torch.from_numpy(image[start : start + 40].copy())[None]
            with torch.no_grad():
                answers.append(trainer.model.eval()(window).logits.argmax().item())
            truth.append(label)
    results = score_windows(trainer, split["test"])
    assert results["window_confusion_matrix"] == confusion_matrix(truth, answers).tolist()
    assert results["n_windows"] == len(truth) > len(split["test"])
    assert list(results["window_metrics"]) == ["uar", "accuracy", "macro_f1", "weighted_f1"]
    assert results["window_metrics"] == pytest.approx(
        {
            "uar": balanced_accuracy_score(truth, answers),
            "accuracy": accuracy_score(truth, answers),
            "macro_f1": f1_score(truth, answers, average="macro"),
            "weighted_f1": f1_score(truth, answers, average="weighted"),
        }
    )


def test_a_model_without_windows_has_no_scores_of_them(make_recipe, split):
    trainer = make_trainer(make_recipe("whole", "--window_frames", "null"), split)
    assert score_windows(trainer, split["test"]) == {}


def test_early_stopping_ends_a_training_that_no_longer_gains(make_recipe, split):
    options = ("--num_train_epochs", "30", "--early_stopping_patience", "2", "--learning_rate", "1e-9")
    trainer = make_trainer(make_recipe("early", *options), split)
    trainer.train()
    assert trainer.state.epoch < 10


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("--backbone", "ser_smal_cnn"), "Did you mean `ser_small_cnn`"),
        (("--kind", "mels"), "`kind` is 'mels'"),
        (("--class_weights", "balance"), "`class_weights` is `balance`; valid: none, balanced"),
        (("--deltas", "1"), "would cut the slopes of `deltas: 1`, which have a range of their own"),
        (("--min_duration", "0.1"), "`window_frames: 40` needs clips of at least 0.312 s"),
        (("--crop_frames", "null"), "`mixup_alpha` blends clips of one length"),
        (("--metric_for_best_model", "uarr"), "`metric_for_best_model` is `uarr`. Did you mean `uar`"),
        (("--mixup_alpha", "0", "--cutmix_alpha", "1", "--crop_frames", "null"), "`cutmix_alpha` blends clips of one"),
        (("--features", "device"), "`features: device` reads sound files, but the training part has only the columns"),
        (("--report_to", "paper"), "Trainer does not take this recipe: paper is not supported"),
        (
            ("--backbone_kwargs", "{}"),
            r"not take the shortest clip of .* 1 channels.*\. Give an `image_size`, a `min_duration`, or other `backb",
        ),
        (
            ("--backbone", "vgg11", "--pooling", "avg", "--backbone_kwargs", "{in_chans: 1}"),
            r"^The .*\d frames of 16 rows before augmentation: Images of 16 x 40 \(height x width\) are too small "
            r"for the backbone \(.*small\)\. Give a larger `image_size`, longer clips or more rows\.$",
        ),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(make_recipe, split, overrides, sentence):
    with pytest.raises(RecipeError, match=sentence):
        make_trainer(make_recipe("refused", *overrides), split)


def test_a_checkpoint_cut_off_while_it_was_written_is_passed_over(tmp_path, caplog):
    files = ("model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json", "rng_state.pth")
    for step in (5, 10, 100):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        for name in files if step < 100 else files[:1]:
            (folder / name).touch()
    with caplog.at_level(logging.WARNING):
        assert find_checkpoint(tmp_path).endswith("checkpoint-10")
    assert "checkpoint-100` lacks ['optimizer*'" in caplog.text
    assert not (tmp_path / "checkpoint-100").exists()


def test_a_run_is_not_gone_on_with_by_another_recipe(make_recipe):
    folder = open_run(make_recipe("run", "--corpus", "emodb"))
    assert open_run(make_recipe()) == folder  # nothing was trained yet
    (folder / "checkpoint-5").mkdir()
    assert open_run(make_recipe()) == folder
    with pytest.raises(RunError, match="begun with another `learning_rate`"):
        open_run(make_recipe("run", "--learning_rate", "1e-4"))
    (folder / "results.json").write_text("{}")
    with pytest.raises(RunError, match="holds a finished run"):
        open_run(make_recipe())


def test_a_run_is_gone_on_with_however_the_folder_of_its_corpus_is_written(make_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = open_run(make_recipe("run", "--data_dir", str(tmp_path / "corpus")))
    (folder / "checkpoint-5").mkdir()
    for spelling in ("corpus", "./corpus/", "other/../corpus"):
        assert open_run(make_recipe("run", "--data_dir", spelling)) == folder
    with pytest.raises(RunError, match="begun with another `data_dir`"):
        open_run(make_recipe("run", "--data_dir", "other"))


def test_text_that_looks_like_a_number_stays_text_when_a_run_goes_on(make_recipe):
    options = ("--run_name", "1e5", "--learning_rate", "1e-5")
    folder = open_run(make_recipe("run", *options))
    (folder / "checkpoint-5").mkdir()
    assert open_run(make_recipe("run", *options)) == folder


def test_a_run_goes_on_with_the_split_that_it_began_with(make_recipe, split, tmp_path):
    arguments = make_recipe().split
    keep_split(tmp_path, split, arguments)
    fewer = DatasetDict(split | {"train": split["train"].select(range(1, len(split["train"])))})
    keep_split(tmp_path, fewer, arguments)  # nothing was learnt yet
    (tmp_path / "checkpoint-5").mkdir()
    keep_split(tmp_path, fewer, arguments)
    with pytest.raises(RunError, match=r"other clips, labels, speakers or sounds than at `.*split\.json`\. Restore"):
        keep_split(tmp_path, split, arguments)
    exchanged = DatasetDict(fewer | {"train": fewer["test"], "test": fewer["train"]})
    with pytest.raises(RunError, match=r"split\.json` is not the split of this recipe any more\. Restore"):
        keep_split(tmp_path, exchanged, arguments)


def test_folds_of_a_corpus_that_has_changed_are_not_mixed(make_recipe, split, tmp_path):
    for name in ("fold-00", "fold-01"):
        (tmp_path / name).mkdir()
    arguments = make_recipe().split
    keep_split(tmp_path / "fold-00", split, arguments)
    keep_split(tmp_path / "fold-01", DatasetDict(split | {"train": split["test"], "test": split["train"]}), arguments)
    fewer = DatasetDict(split | {"train": split["train"].select(range(2, len(split["train"])))})
    with pytest.raises(RunError, match=r"other clips, labels, speakers or sounds than at `.*fold-00.split\.json`"):
        keep_split(tmp_path / "fold-01", fewer, arguments)
    labels = [2 - label for label in split["train"]["label"]]
    column = split["train"].features["label"]
    relabelled = split["train"].remove_columns("label").add_column("label", labels, feature=column)
    with pytest.raises(RunError, match="other clips, labels, speakers or sounds"):
        keep_split(tmp_path / "fold-01", DatasetDict(split | {"train": relabelled}), arguments)


def test_a_finished_fold_of_another_recipe_is_refused(make_recipe, tmp_path):
    recipe = make_recipe("run")
    folder = open_run(recipe)
    assert not is_finished(recipe)
    (folder / "results.json").write_text("{}")
    assert is_finished(recipe)
    with pytest.raises(RunError, match="begun with another `learning_rate`"):
        is_finished(make_recipe("run", "--learning_rate", "1e-4"))


def test_the_probe_of_a_saved_run_is_the_same_to_the_bit(make_recipe, split, tmp_path):
    recipe = make_recipe("probe")
    extractor = build_feature_extractor(recipe, split["train"])
    model = build_model(recipe, LABELS, extractor)
    save_model(tmp_path, model, extractor)
    again = type(model).from_pretrained(tmp_path)
    assert probe(again, type(extractor).from_pretrained(tmp_path)) == probe(model, extractor)
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o044
    assert not list(tmp_path.glob("*.bin"))


FROM_SOUND = (
    *("--features", "collator", "--mixup_alpha", "0", "--cutmix_alpha", "0.4", "--num_train_epochs", "2"),
    *("--noise_snr", "10,20", "--pitch_semitones=-2,2", "--speed_rates", "0.9,1.1"),
)


@pytest.fixture
def make_sound_trainer(make_recipe, sound_split):
    def make(folder, *overrides):
        recipe = make_recipe(folder, *FROM_SOUND, *overrides)
        return make_trainer(
            recipe, extract_features(sound_split, build_feature_extractor(recipe, sound_split["train"]))
        )

    return make


class Batches:
    """Keeps what the model sees of each training step."""

    def __init__(self, trainer):
        self.seen = {}
        compute_loss = trainer.compute_loss

        def keep(model, inputs, *args, **kwargs):
            if model.training:
                self.seen[trainer.state.global_step] = {name: value.clone() for name, value in inputs.items()}
            return compute_loss(model, inputs, *args, **kwargs)

        trainer.compute_loss = keep


def assert_same_batches(left, right):
    assert left.keys() == right.keys()
    for step in left:
        assert left[step].keys() == right[step].keys() == {"input_features", "attention_mask", "labels"}
        for name in left[step]:
            assert torch.equal(left[step][name], right[step][name]), (step, name)


def test_features_of_the_collator_and_of_the_device_are_the_same_to_the_last_weight(make_sound_trainer):
    trainers, batches = [], []
    for route in ("collator", "device"):
        trainers.append(make_sound_trainer(route, "--features", route))
        batches.append(Batches(trainers[-1]).seen)
        trainers[-1].train()
    assert len(batches[0]) == 6  # 19 clips in batches of 8, twice
    assert_same_batches(*batches)
    assert not torch.equal(batches[0][0]["input_features"], batches[0][3]["input_features"])  # another epoch
    weights = [trainer.model.state_dict() for trainer in trainers]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    losses = [[entry["loss"] for entry in trainer.state.log_history if "loss" in entry] for trainer in trainers]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("route", ["collator", "device"])
def test_a_resumed_training_sees_the_sounds_of_an_uninterrupted_one(make_sound_trainer, route):
    steps = ("--features", route, "--save_strategy", "steps", "--save_steps", "4", "--dataloader_num_workers", "2")
    steps += ("--eval_strategy", "steps", "--eval_steps", "4", "--noise_copies", "1", "--save_total_limit", "3")
    whole = make_sound_trainer("whole", *steps)
    expected = Batches(whole).seen
    whole.train()
    assert len(expected) == 10  # 19 clips and a copy of each, in batches of 8, twice
    resumed = make_sound_trainer("whole", *steps)
    seen = Batches(resumed).seen
    resumed.train(resume_from_checkpoint=f"{whole.args.output_dir}/checkpoint-8")
    assert list(seen) == [8, 9]
    assert_same_batches({step: expected[step] for step in seen}, seen)


def test_validation_and_test_clips_are_those_of_the_map_whatever_happens_in_training(make_sound_trainer, sound_split):
    trainer = make_sound_trainer("blind", "--batch_padding", "reflect", "--noise_copies", "2", "--flip", "true")
    split = extract_features(sound_split, trainer.processing_class)
    for part in ("validation", "test"):
        wanted = split[part].with_format("numpy")["input_features"][:]
        for trainer.train_collator.epoch in range(2):
            loader = trainer.get_eval_dataloader(select_inputs(split[part]))
            rows = [
                row for batch in loader for row in zip(batch["input_features"], batch["attention_mask"], strict=True)
            ]
            assert len(rows) == len(wanted)
            for (features, mask), clip in zip(rows, wanted, strict=True):
                np.testing.assert_array_equal(features[mask.bool()], clip)


def test_noisy_copies_are_learnt_from_beside_the_clean_clips(make_sound_trainer):
    trainer = make_sound_trainer("copies", "--noise_copies", "2", "--num_train_epochs", "1")
    trainer.train()
    assert trainer.state.global_step == 8  # three times 19 clips in batches of 8
    assert np.isfinite(trainer.state.log_history[-1]["train_loss"])


def test_the_network_is_tried_on_the_shortest_clip_at_its_highest_speed(make_sound_trainer):
    options = ("--min_duration", "null", "--window_frames", "null", "--cutmix_alpha", "0", "--deltas", "1")
    options += ("--value_range", "null")
    make_sound_trainer("slow", *options, "--speed_rates", "0.5,1")
    # The shortest for training has 0.36 s, 46 frames; 8 times as fast, 6.
    with pytest.raises(
        RecipeError, match=r"shortest clip of `train`, 46 frames of 32 rows before augmentation: A clip has 6 fr"
    ):
        make_sound_trainer("fast", *options, "--speed_rates", "1,4", "--stretch_rates", "1,2")


@pytest.mark.parametrize("part", ["validation", "test"])
def test_the_network_is_tried_on_the_shortest_clip_of_each_part(make_recipe, split, part):
    options = ("--mixup_alpha", "0", "--min_duration", "null", "--window_frames", "null", "--crop_frames", "null")
    kind = split[part].features["input_features"]
    first, *others = split[part]["input_features"]
    short = (
        split[part].remove_columns("input_features").add_column("input_features", [first[:2], *others], feature=kind)
    )
    with pytest.raises(RecipeError, match=f"shortest clip of `{part}`, 2 frames of 16 rows"):
        make_trainer(make_recipe("short", *options), DatasetDict({**split, part: short}))


def test_every_clip_can_be_padded_to_the_longest_of_the_corpus(make_recipe, sound_split):
    recipe = make_recipe("padded", "--pad_to_longest", "true", "--min_duration", "null")
    extractor = build_feature_extractor(recipe, sound_split["train"])
    assert extractor.min_duration == extractor.max_duration == max(sound_split["train"]["duration"])
    recipe = make_recipe("cut", "--pad_to_longest", "true", "--min_duration", "null", "--max_duration", "0.4")
    assert build_feature_extractor(recipe, sound_split["train"]).min_duration == 0.4
    recipe = make_recipe("late", "--pad_to_longest", "true", "--min_duration", "null", "--offset", "0.6")
    with pytest.raises(RecipeError, match=r"The longest clip lasts 0\.4.. s, which is over at `offset: 0.6`"):
        build_feature_extractor(recipe, sound_split["train"])
    recipe = make_recipe("both", "--pad_to_longest", "true", "--min_duration", "1")
    with pytest.raises(RecipeError, match="`pad_to_longest` sets `min_duration`. Leave one of them out"):
        build_feature_extractor(recipe, sound_split["train"])


def test_waveforms_cannot_be_sorted_by_the_length_of_features(make_sound_trainer):
    with pytest.raises(RecipeError, match="`train_sampling_strategy: group_by_length` needs features before training"):
        make_sound_trainer("sorted", "--train_sampling_strategy", "group_by_length")


def test_a_folder_without_sounds_is_refused_before_training(make_sound_trainer, tmp_path):
    with pytest.raises(RecipeError, match="`background_dir: .*` is no folder"):
        make_sound_trainer("empty", "--background_dir", str(tmp_path / "none"), "--background_snr", "5,20")
