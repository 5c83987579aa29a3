"""What may be searched: lists and ranges, by key and by element, each held against its key."""

import pytest

from hf_ser.arguments import SECTIONS, change_recipe, parse_recipe
from hf_ser.errors import RecipeError
from hf_ser.search_space import Choices, Range, fill_elements

LINES = "tune: random\ntrials: 3\nsearch_space: "


@pytest.fixture
def parse(tmp_path):
    def parse(text, *words):
        path = tmp_path / "recipe.yaml"
        path.write_text(f"output_dir: {tmp_path / 'run'}\n{text}\n", encoding="utf-8")
        return parse_recipe([str(path), *words])

    return parse


READ = {
    "{learning_rate: [1.0e-03, 1.0e-04]}": {"learning_rate": Choices([1e-3, 1e-4])},
    "{learning_rate: {low: 1e-5, high: 1.0e-02, log: true}}": {"learning_rate": Range(1e-5, 1e-2, None, True, False)},
    "{weight_decay: {low: 0, high: 1}}": {"weight_decay": Range(0, 1, None, False, False)},
    "{lr_decay_epochs: {low: 1, high: 5}}": {"lr_decay_epochs": Range(1, 5, None, False, True)},
    "{hidden_sizes: [[512, 192], [64], null]}": {"hidden_sizes": Choices([[512, 192], [64], None])},
    "{hidden_sizes.0: {low: 64, high: 512, step: 64}, hidden_sizes.1: [32]}": {
        "hidden_sizes.0": Range(64, 512, 64, False, True),
        "hidden_sizes.1": Choices([32]),
    },
    "{dropout.0: {low: 0.1, high: 0.5, step: 0.2}}": {"dropout.0": Range(0.1, 0.5, 0.2, False, False)},
    "{backbone: [ser_small_cnn, resnet18], flip: [true, false]}": {
        "backbone": Choices(["ser_small_cnn", "resnet18"]),
        "flip": Choices([True, False]),
    },
}


@pytest.mark.parametrize("text", READ)
def test_lists_and_ranges_are_read_as_their_keys_demand(parse, text):
    assert parse(LINES + text).space == READ[text]


def test_without_a_search_there_is_nothing_to_try(parse):
    recipe = parse("corpus: demo")
    assert (recipe.space, recipe.tuning.tune) == ({}, None)


def test_a_space_is_read_from_the_command_line_too(parse):
    words = ("--tune", "grid", "--search_space", "{learning_rate: [0.1, 1.0e-03], hidden_sizes: [[8], [16, 8]]}")
    expected = {"learning_rate": Choices([0.1, 1e-3]), "hidden_sizes": Choices([[8], [16, 8]])}
    assert parse("corpus: demo", *words).space == expected


def test_a_range_with_steps_is_counted_with_both_its_ends():
    assert Range(64, 512, 64, False, True).as_choices("a").values == [64, 128, 192, 256, 320, 384, 448, 512]
    assert Range(1, 4, None, False, True).as_choices("a").values == [1, 2, 3, 4]
    assert Range(0.1, 0.5, 0.1, False, False).as_choices("a").values == [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize(
    "span", [Range(0.1, 0.5, None, False, False), Range(1, 9, None, True, True), Range(0.1, 1, None, True, False)]
)
def test_a_continuous_range_has_no_grid(span):
    with pytest.raises(RecipeError, match=r"the range of `dropout` is continuous\. Give it a `step`, or a list"):
        span.as_choices("dropout")


@pytest.mark.parametrize(
    ("values", "given", "filled"),
    [
        ({"hidden_sizes.1": 32, "hidden_sizes.0": 64}, None, [64, 32]),
        ({"hidden_sizes.1": 32}, [512, 192], [512, 32]),
        ({"hidden_sizes.1": 32}, [512], [512, 32]),
        ({"hidden_sizes.0": 8}, [512, 192], [8, 192]),
        ({"hidden_sizes": [8]}, [512, 192], [8]),
    ],
)
def test_an_element_takes_its_place_in_the_recipes_list(values, given, filled):
    options = {"hidden_sizes": given, "seed": 1}
    assert fill_elements(values | {"dropout": 0.1}, options) == {"hidden_sizes": filled, "dropout": 0.1}
    assert options == {"hidden_sizes": given, "seed": 1}


def test_ten_elements_stand_in_the_order_of_their_numbers():
    values = {f"hidden_sizes.{place}": place for place in reversed(range(11))}
    assert fill_elements(values, {}) == {"hidden_sizes": list(range(11))}


REFUSED = {
    "search_space: {dropout: [0.1]}": r"`search_space` is for a search, and there is none\. Give `tune`, one of grid",
    "trials: 3": r"`trials` is for a search, and there is none\.",
    "tune: grid": r"`tune: grid` needs a `search_space`, such as `\{learning_rate: ",
    "tune: tpe\ntrials: 3\nsearch_space: {}": r"`tune: tpe` needs a `search_space`",
    "tune: hyperbnd\ntrials: 3\nsearch_space: {dropout: [0.1]}": r"`tune` is `hyperbnd`\. Did you mean `hyperband`",
    "tune: random\nsearch_space: {dropout: [0.1]}": r"`tune: random` needs `trials`, the number of trainings",
    "tune: grid\ntrials: 3\nsearch_space: {dropout: [0.1]}": r"tries each combination once\. Leave `trials` out",
    "tune: random\ntrials: 0\nsearch_space: {dropout: [0.1]}": r"`trials` is 0; it must be at least 1\.",
    LINES + "dropout": r"`search_space` is 'dropout' \(str\); expected a mapping or null",
    LINES + "[dropout]": r"`search_space` is \['dropout'\] \(list\); expected a mapping or null",
    LINES + "{dropuot: [0.1]}": r"`search_space`: Unknown key `dropuot`\. Did you mean `dropout`",
    LINES + "{corpus: [demo]}": r"`corpus` cannot be searched: corpus, split and features are made once",
    LINES + "{split_seed: [1, 2]}": r"`split_seed` cannot be searched: corpus, split and features are made once",
    LINES + "{n_mels: [40, 64]}": r"`n_mels` cannot be searched: .* Give each of its values a run of its own\.",
    LINES + "{checkpoint: [a, b]}": r"`checkpoint` cannot be searched: corpus, split and features",
    LINES + "{features: [map]}": r"`features` cannot be searched: corpus, split and features",
    LINES + "{split_windows: [true, false]}": r"`split_windows` cannot be searched: corpus, split and features",
    "train_on: windows\nwindow_frames: 40\nsplit_windows: true\n" + LINES + "{window_frames: [20, 40]}": (
        r"`window_frames` cannot be searched: corpus, split and features are made once, before any trial"
    ),
    LINES + "{seed: [1, 2]}": r"`seed` cannot be searched\. Keys of model, waveform, .* of training `learning_rate`",
    LINES + "{output_dir: [a]}": r"`output_dir` cannot be searched\. Keys of",
    LINES + "{retrain: [true]}": r"`retrain` cannot be searched\. Keys of",
    LINES + "{trials: [1]}": r"`trials` cannot be searched\. Keys of",
    LINES + "{dropout: 0.1}": r"`dropout` is 0\.1; expected a list of values, or a range such as `\{low: ",
    LINES + "{dropout: []}": r"`dropout` has an empty list\. Give it values to try\.",
    LINES + "{learning_rate: [fast]}": r"`search_space`: `learning_rate` is 'fast' \(str\); expected a number",
    LINES + "{hidden_sizes: [64, 32]}": r"`hidden_sizes` is 64 \(int\); expected a list \(a whole number\) or null",
    LINES + "{hidden_sizes.0: [0.5]}": r"`hidden_sizes\.0` is 0\.5 \(float\); expected a whole number",
    LINES + "{learning_rate: [0.1, -1]}": r"`learning_rate` is -1; it must be at least 0\.",
    LINES + "{learning_rate: [0.1, 0.1]}": r"`learning_rate` has 0\.1 twice\. Leave one of them out\.",
    LINES + "{learning_rate: {low: -1, high: 1}}": r"`learning_rate\.low` is -1; it must be at least 0\.",
    LINES + "{lr_decay_factor: {low: 0.5, high: 2}}": r"`lr_decay_factor\.high` is 2; .* at most 1\.",
    LINES + "{learning_rate: {low: slow, high: 1}}": r"`learning_rate\.low` is 'slow' \(str\); expected a number",
    LINES + "{learning_rate: {low: 0.1}}": r"The range of `learning_rate` has no `high`\.",
    LINES + "{learning_rate: {low: 0.1, hihg: 1}}": r"has an unknown `hihg`\. Did you mean `high`",
    LINES + "{lr_decay_epochs: {low: 1.5, high: 3}}": r"`lr_decay_epochs\.low` is 1\.5 .*expected a whole number",
    LINES + "{flip: {low: 0, high: 1}}": r"`flip` has a range, and is no number: true or false\. Give a list",
    LINES + "{hidden_sizes: {low: 8, high: 64}}": r"`hidden_sizes` has a range, and is no number: a list",
    LINES + "{dropout: {low: 0.5, high: 0.1}}": r"begins at 0\.5 and ends at 0\.1: nothing is between",
    LINES + "{dropout: {low: 0.5, high: 0.5}}": r"begins at 0\.5 and ends at 0\.5: nothing is between",
    LINES + "{dropout: {low: 0, high: 0.5, log: true}}": r"is logarithmic and begins at 0; it must begin above 0",
    LINES + "{dropout: {low: 0.1, high: 0.5, log: 1}}": r"`dropout\.log` is 1 \(int\); expected true or false",
    LINES + "{dropout: {low: 0.1, high: 0.5, log: true, step: 0.1}}": r"has both `log` and `step`\. Leave one",
    LINES + "{hidden_sizes.0: {low: 64, high: 200, step: 64}}": r"`step: 64` does not lead from 64 to 200",
    LINES + "{dropout: {low: 0.1, high: 0.5, step: -0.1}}": r"`step: -0\.1` does not lead from 0\.1 to 0\.5",
    LINES + "{dropout: {low: 0.1, high: 0.5, step: 0}}": r"`step: 0` does not lead from 0\.1 to 0\.5",
    LINES + "{hidden_sizes.1: [64]}": r"`hidden_sizes\.1` has nothing before it\. Give `hidden_sizes\.0` too\.",
    LINES + "{hidden_sizes.first: [64]}": r"`hidden_sizes\.first` names no element\. Count them from 0 on",
    LINES + "{learning_rate.0: [0.1]}": r"`learning_rate\.0` is an element, and `learning_rate` is no list: a number",
    LINES + "{hidden_sizes: [[8]], hidden_sizes.0: [64]}": r"`hidden_sizes` and `hidden_sizes\.0` are both there",
    "checkpoint: some/wav2vec2\n" + LINES + "{hidden_sizes: [[8]]}": r"`hidden_sizes` is for image networks",
    LINES + "{freeze_base: [true, false]}": r"`freeze_base` is for a `checkpoint` that reads waveforms",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_searched_is_refused_when_the_recipe_is_read(parse, text):
    with pytest.raises(RecipeError, match=REFUSED[text]):
        parse(text)


def test_a_word_that_is_no_mapping_is_told(parse):
    with pytest.raises(RecipeError, match=r"`search_space` is 'learning_rate=0\.1' \(str\); expected a mapping"):
        parse("corpus: demo", "--tune", "grid", "--search_space", "learning_rate=0.1")


def test_the_winners_recipe_has_no_search_left(parse):
    recipe = parse(LINES + "{dropout: [0.1, 0.2]}")
    again = change_recipe(recipe, tune=None, trials=None, search_space=None, dropout=0.2)
    assert (again.space, again.model, again.tuning) == ({}, {"dropout": 0.2}, SECTIONS["tuning"]())
