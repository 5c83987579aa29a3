"""Recipes: every key known, every type checked, the command line before the file."""

import dataclasses
import inspect
from collections import Counter

import pytest
import transformers
import yaml

from hf_ser import arguments
from hf_ser.arguments import (
    SECTIONS,
    AugmentationArguments,
    CorpusArguments,
    FineTuningArguments,
    TrainingArguments,
    TuningArguments,
    parse_recipe,
    read_recipe,
)
from hf_ser.errors import RecipeError
from hf_ser.models.configuration import SpectrogramConfig
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from hf_ser.splits import SplitArguments


@pytest.fixture
def parse(tmp_path):
    """Parse a recipe of the given text, with words of the command line behind it."""

    def parse(text="corpus: demo", *words):
        path = tmp_path / "recipe.yaml"
        path.write_text(f"output_dir: {tmp_path / 'run'}\n{text}\n", encoding="utf-8")
        return parse_recipe([str(path), *words])

    return parse


def keys_of(section):
    """Keys of a section, by other means than the module's: its signature, less what transformers adds."""
    return set(inspect.signature(section.__init__).parameters) - {"self", "kwargs"}


def test_no_key_occurs_in_two_sections():
    counts = Counter(key for section in SECTIONS.values() for key in keys_of(section))
    assert [key for key, count in counts.items() if count > 1] == []


def test_every_section_takes_all_its_keys(parse):
    """Defaults, written out, are accepted and land where they belong."""
    for section in (CorpusArguments, SplitArguments, AugmentationArguments, FineTuningArguments, TuningArguments):
        parse(yaml.safe_dump(dataclasses.asdict(section())))
    for name, section in (("features", SpectrogramFeatureExtractor), ("model", SpectrogramConfig)):
        parameters = inspect.signature(section.__init__).parameters
        defaults = {key: parameters[key].default for key in keys_of(section)}
        assert getattr(parse(yaml.safe_dump(defaults)), name) == defaults


def test_every_training_key_of_transformers_is_known():
    known = {key for section in SECTIONS.values() for key in arguments._options_of(section)}
    fields = {field.name for field in dataclasses.fields(transformers.TrainingArguments) if field.init}
    assert fields <= known


def test_each_value_goes_to_its_section_and_all_are_recorded_flat(parse, tmp_path):
    recipe = parse(
        "corpus: emodb\ntest: 0.3\nn_mels: 40\nbackbone: resnet18\ntime_masks: 2\nseed: 7\nclass_weights: balanced"
    )
    assert (recipe.corpus.corpus, recipe.split.test, recipe.augmentation.time_masks) == ("emodb", 0.3, 2)
    assert (recipe.features, recipe.model) == ({"n_mels": 40}, {"backbone": "resnet18"})
    assert (recipe.fine_tuning.class_weights, recipe.training.seed) == ("balanced", 7)
    assert list(recipe.options) == [
        *("output_dir", "corpus", "test", "n_mels", "backbone", "time_masks", "seed", "class_weights")
    ]


def test_defaults_come_from_the_dataclasses(parse, tmp_path):
    recipe = parse()
    assert recipe.corpus == CorpusArguments()
    assert recipe.split == SplitArguments()
    assert recipe.augmentation == AugmentationArguments()
    assert recipe.fine_tuning == FineTuningArguments()
    assert (recipe.features, recipe.model) == ({}, {})
    expected = TrainingArguments(output_dir=str(tmp_path / "run"))
    assert recipe.training.to_dict() == expected.to_dict()


def test_a_checkpoint_is_kept_by_validation_uar_unless_told_otherwise(parse):
    training = parse().training
    assert (training.metric_for_best_model, training.greater_is_better) == ("uar", True)
    assert training.load_best_model_at_end
    assert training.report_to == []


WRONG = {
    "backbome: resnet18": r"Unknown key `backbome` in the recipe\. Did you mean `backbone`",
    "training: {seed: 1}": r"Unknown key `training` in the recipe\.",
    "learning_rate: '1e-5'": r"`learning_rate` is '1e-5' \(str\); expected a number\.$",
    "learning_rate: fast": r"`learning_rate` is 'fast' \(str\); expected a number\.$",
    "eval_strategy: no": (
        r"`eval_strategy` is False \(bool\); expected text\. YAML reads a bare no, .*put quotes around it"
    ),
    "test_speakers: [03, 08]": (
        r"""`test_speakers` is \[3, '08'\] \(list\); expected a list \(text\) or null\. """
        r"""Write a list of quoted texts, \["03", "08"\]"""
    ),
    "test_speakers: 3": r"`test_speakers` is 3 \(int\); .*quoted texts",
    "seed: true": r"`seed` is True \(bool\); expected a whole number\.",
    "seed: 1.0": r"`seed` is 1\.0 \(float\); expected a whole number\.",
    "seed: [1]": r"`seed` is \[1\] \(list\); expected a whole number\.",
    "dropout: {rate: 0.2}": r"`dropout` is \{'rate': 0\.2\} \(dict\); expected a number or a list \(a number\)\.",
    "test_counts: {fear: 14.5}": r"`test_counts` is \{'fear': 14\.5\} \(dict\); expected a mapping or null",
    "speaker_independent: 1": r"`speaker_independent` is 1 \(int\); expected true or false\.",
    "value_range: [-80, high]": r"expected a list \(a number\) or null\.",
    "image_size: [128.0, 128]": r"expected a list \(a whole number\) or null\.",
    "backbone_kwargs: [in_chans]": r"expected a mapping or null\.",
    "run_name: 2024-01-31": r"`run_name` is datetime\.date\(2024, 1, 31\) \(date\); expected text or null\.",
    "run_name: 2024-13-01": r"recipe\.yaml` is not valid YAML: month must be in 1\.\.12",
    "trackio_static_space_id: 5": r"`trackio_static_space_id` is 5 \(int\)",
    "corpus: null": r"`corpus` is None \(NoneType\); expected text or a list \(text\)\.",
    "lr_scheduler_type: cosin": r"The recipe does not hold together: .?cosin.? is not a valid SchedulerType",
    "save_strategy: steps": r"The recipe does not hold together: .*load_best_model_at_end",
    "crop_frames: 0": r"`crop_frames` is 0; it must be at least 1\.",
    "time_mask_frames: -1": r"`time_mask_frames` is -1; it must be at least 0\.",
    "features: colator": r"`features` is `colator`\. Did you mean `collator`",
    "noise_snr: [15, 30]": r"`noise_snr` changes waveforms, but with `features: map` .*Give `features: collator`",
    "batch_padding: reflect": r"`batch_padding` changes waveforms",
    "features: device\nbatch_padding: zero": r"`batch_padding` is `zero`\. Valid: `reflect`",
    "features: collator\nnoise_snr: [30, 15]": r"`noise_snr` is \[30, 15\]; expected the least and the largest",
    "features: collator\nnoise_snr: [15]": r"`noise_snr` is \[15\]; expected .*two numbers from -40 to 100",
    "features: collator\nnoise_snr: 15": r"`noise_snr` is 15 \(int\); expected a list \(a number\) or null",
    "features: collator\nspeed_rates: [0, 1]": r"`speed_rates` is \[0, 1\]; .* from 0\.25 to 4",
    "features: collator\nnoise_copies: 2": r"`noise_copies: 2` needs a `noise_snr`",
    "features: collator\nbackground_snr: [5, 20]": r"`background_dir` and `background_snr`, .* given together or not",
    "features: collator\nbackground_dir: noises": r"`background_dir` and `background_snr`, .* given together or not",
    "waveform_probability: 0.3": r"`waveform_probability: 0\.3` is the chance of a change that no key asks for",
    "features: collator\nnoise_snr: [15, 30]\nnoise_copies: 2\nwaveform_probability: 1": r"no key asks for",
    "zoom_range: [-1, 1]": r"`zoom_range` is \[-1, 1\]; expected",
    "rotate_degrees: -5": r"`rotate_degrees` is -5; it must be at least 0",
    "waveform_probability: 1.5": r"`waveform_probability` is 1\.5; it must be at most 1",
    "mixup_alpha: 0.2\ncutmix_alpha: 0.4": r"`mixup_alpha` and `cutmix_alpha` both mix",
    "train_on: window": r"`train_on` is `window`\. Did you mean `windows`",
    "train_on: windows": r"`train_on: windows` needs `window_frames`, the length of a window\. Give it a number",
    "train_on: windows\nwindow_frames: 40\nfeatures: device": (
        r"`train_on: windows` cuts features .*, and `features: device` has none\. Give `features: map`\."
    ),
    "train_on: windows\nwindow_frames: 40\ncrop_frames: 40": (
        r"`crop_frames: 40` takes one piece of each clip, and `train_on: windows` all .*Leave one of them out"
    ),
    "max_windows_per_class: 500": r"`max_windows_per_class` counts windows to learn from\. Give `train_on: windows`",
    "split_windows: true": r"`split_windows` splits single windows\. Give `train_on: windows` too",
    "train_on: windows\nwindow_frames: 40\nmax_windows_per_class: 0": r"`max_windows_per_class` is 0; it must be at l",
    "mixup_alpha: .nan": r"`mixup_alpha` is nan .float.; expected a number\.",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_told_with_what_was_expected(parse, line):
    with pytest.raises(RecipeError, match=WRONG[line]):
        parse(line)


def test_whole_numbers_pass_for_numbers_and_null_where_it_is_allowed(parse):
    recipe = parse("learning_rate: 1\nfmax: null\ntest_speakers: null")
    assert recipe.training.learning_rate == 1
    assert (recipe.features["fmax"], recipe.split.test_speakers) == (None, None)


FILES = {
    "not valid": ("a: [1", r"is not valid YAML: while parsing a flow sequence .* line 1, column 4"),
    "list": ("- corpus: demo", r"must hold `key: value` lines; it holds list\."),
    "empty": ("", r"must hold `key: value` lines; it holds NoneType\."),
    "text": ("demo", r"must hold `key: value` lines; it holds str\."),
    "numbers for keys": ("1: demo", r"must hold `key: value` lines"),
    "object": ("a: !!python/name:os.system", r"is not valid YAML"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_recipe_is_named(tmp_path, case):
    text, message = FILES[case]
    (tmp_path / "some.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"some\.yaml` {message}"):
        read_recipe(tmp_path / "some.yaml")


def test_a_file_in_another_encoding_is_named(tmp_path):
    (tmp_path / "some.yaml").write_bytes("corpus: dämo".encode("latin-1"))
    with pytest.raises(RecipeError, match=r"some\.yaml` is not valid YAML: 'utf-8' codec"):
        read_recipe(tmp_path / "some.yaml")


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(RecipeError, match=r"There is no recipe `.*`\. Recipes are YAML files"):
        parse_recipe([str(tmp_path / name)])


@pytest.mark.parametrize("words", [[], ["--seed", "1", "recipe.yaml"]])
def test_the_recipe_comes_first(words):
    with pytest.raises(RecipeError, match=r"Give a recipe first: `accelerate launch recipes/train\.py RECIPE\.yaml"):
        parse_recipe(words)


def test_without_words_the_programs_own_are_read(parse, monkeypatch, tmp_path):
    parse("seed: 5")
    monkeypatch.setattr("sys.argv", ["train.py", str(tmp_path / "recipe.yaml"), "--split_seed", "4"])
    recipe = parse_recipe()
    assert (recipe.training.seed, recipe.split.split_seed) == (5, 4)


OVERRIDES = {
    ("--seed", "3"): ("seed", 3),
    ("--seed=3",): ("seed", 3),
    ("--max-steps", "-3"): ("max_steps", -3),
    ("--fmin", "-1.5"): ("fmin", -1.5),
    ("--learning_rate", "1e-5"): ("learning_rate", 1e-5),
    ("--learning_rate", "1.0e-05"): ("learning_rate", 1e-5),
    ("--fmin", "-.5e-3"): ("fmin", -5e-4),
    ("--lr_scheduler_kwargs", "{min_lr: 1e-5, note: 1e}"): ("lr_scheduler_kwargs", {"min_lr": 1e-5, "note": "1e"}),
    ("--top_db", "null"): ("top_db", None),
    ("--speaker_independent", "true"): ("speaker_independent", True),
    ("--speaker_independent=false",): ("speaker_independent", False),
    ("--test_speakers", "03,08"): ("test_speakers", ["03", "08"]),
    ("--test_speakers", "03"): ("test_speakers", ["03"]),
    ("--test_speakers", "[03, 08]"): ("test_speakers", ["03", "08"]),
    ("--test_speakers", '["03", "08"]'): ("test_speakers", ["03", "08"]),
    ("--test_speakers=f4,m4",): ("test_speakers", ["f4", "m4"]),
    ("--test_counts", "{fear: 14, anger: 25}"): ("test_counts", {"fear": 14, "anger": 25}),
    ("--test_speakers", "null"): ("test_speakers", None),
    ("--image_size", "[64, 96]"): ("image_size", [64, 96]),
    ("--image_size", "64,96"): ("image_size", [64, 96]),
    ("--hidden_sizes", "256"): ("hidden_sizes", [256]),
    ("--value_range=-80,0",): ("value_range", [-80, 0]),
    ("--backbone_kwargs", "{in_chans: 1}"): ("backbone_kwargs", {"in_chans": 1}),
    ("--report_to", "none"): ("report_to", "none"),
    ("--report_to", "tensorboard,wandb"): ("report_to", ["tensorboard", "wandb"]),
    ("--eval_strategy", "no", "--load_best_model_at_end", "false"): ("eval_strategy", "no"),
    ("--run_name", "a=b"): ("run_name", "a=b"),
    ("--run_name=a=b=c",): ("run_name", "a=b=c"),
    ("--run_name", "007"): ("run_name", "007"),
    ("--run_name", "a: [b"): ("run_name", "a: [b"),
    ("--data_dir", "my corpora/emodb #2"): ("data_dir", "my corpora/emodb #2"),
    ("--colormap", "null"): ("colormap", None),
}


@pytest.mark.parametrize("words", OVERRIDES, ids=" ".join)
def test_a_word_of_the_command_line_is_read_as_its_key_demands(parse, words):
    key, value = OVERRIDES[words]
    options = parse("corpus: demo", *words).options
    assert options[key] == value
    assert type(options[key]) is type(value)


def test_the_command_line_wins_over_the_file_and_its_last_word_over_the_first(parse):
    assert parse("seed: 1", "--seed", "2").training.seed == 2
    assert parse("seed: 1", "--seed", "2", "--seed=3").training.seed == 3


WRONG_WORDS = {
    ("--backbome", "x"): r"Unknown key `backbome` in the recipe\. Did you mean `backbone`",
    ("--seed", "x"): r"`seed` is 'x' \(str\); expected a whole number\.",
    ("--seed", "2024-13-01"): r"`seed` is '2024-13-01' \(str\)",
    ("--learning_rate", "nan"): r"`learning_rate` is 'nan' \(str\); expected a number\.",
    ("--seed",): r"Overrides are pairs, `--key value`; got '--seed'\.",
    ("seed", "3"): r"Overrides are pairs, `--key value`; got 'seed 3'\.",
    ("--fp16", "--seed", "3"): r"Overrides are pairs",
}


@pytest.mark.parametrize("words", WRONG_WORDS, ids=" ".join)
def test_a_wrong_word_of_the_command_line_is_told(parse, words):
    with pytest.raises(RecipeError, match=WRONG_WORDS[words]):
        parse("corpus: demo", *words)


def test_a_key_given_twice_is_refused(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("corpus: demo\nseed: 1\nseed: 2\n")
    with pytest.raises(RecipeError, match="the key seed stands in it twice"):
        parse_recipe([str(path)])


@pytest.mark.parametrize("line", ["learning_rate: .nan", "learning_rate: .inf", "num_proc: 0"])
def test_a_number_that_is_none_is_refused(tmp_path, line):
    path = tmp_path / "recipe.yaml"
    path.write_text(line)
    with pytest.raises(RecipeError, match=f"`{line.split(':')[0]}` is"):
        parse_recipe([str(path)])
