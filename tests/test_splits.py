"""Splits: whole, repeatable, in proportion, honest about what their parts share."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hf_ser.errors import SplitError
from hf_ser.splits import (
    PARTS,
    SplitArguments,
    check_speaker_independent,
    describe_split,
    hash_split,
    make_split,
    write_split,
)

EMOTIONS = ["anger", "fear", "neutral"]
few_examples = settings(max_examples=25, deadline=None, derandomize=True)


def corpus(labels, speakers, **columns):
    """A dataset with the columns that a split reads; utterances are named u0, u1, ..."""
    size = len(labels)
    features = Features(
        {
            "utterance": Value("string"),
            "label": ClassLabel(names=EMOTIONS),
            "speaker": Value("string"),
            "sentence": Value("string"),
            **{name: Value("string") for name in columns if name not in ("utterance", "sentence")},
        }
    )
    rows = {
        "utterance": [f"u{index}" for index in range(size)],
        "label": list(labels),
        "speaker": list(speakers),
        "sentence": [f"s{index % 4}" for index in range(size)],
        **columns,
    }
    return Dataset.from_dict(rows, features=features)


@pytest.fixture
def balanced():
    """60 clips: 5 speakers, 3 emotions, 4 clips of each pair."""
    return corpus([index % 3 for index in range(60)], [f"0{index // 12}" for index in range(60)])


def utterances(split):
    return {part: split[part]["utterance"][:] for part in PARTS}


random_corpora = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcdef")), min_size=20, max_size=120).map(
    lambda rows: corpus(*zip(*rows, strict=True))
)
shares = st.floats(0.1, 0.4)


def split_or_skip(dataset, **options):
    """A split; a random corpus that has none, as the error says, is no example."""
    try:
        return make_split(dataset, **options)
    except SplitError:
        return assume(False)


@few_examples
@given(random_corpora, st.integers(0, 99), shares, shares)
def test_a_stratified_split_is_a_partition_with_each_emotion_within_one_clip_of_its_share(
    dataset, seed, test, validation
):
    split = split_or_skip(dataset, seed=seed, test=test, validation=validation)
    names = sum(utterances(split).values(), [])
    assert sorted(names) == sorted(dataset["utterance"])
    assert abs(len(split["test"]) - test * len(dataset)) <= 1
    rest = len(dataset) - len(split["test"])
    assert abs(len(split["validation"]) - validation * rest) <= 1
    counts = Counter(split["test"]["label"])
    for label, total in Counter(dataset["label"]).items():
        assert abs(counts[label] - total * len(split["test"]) / len(dataset)) <= 1


@few_examples
@given(
    random_corpora, st.integers(0, 99), st.floats(0, 0.5), st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3)
)
def test_held_out_speakers_stay_whole_in_test_and_validation_too(dataset, seed, validation, test_speakers):
    options = {"validation": validation, "test_speakers": sorted(test_speakers), "speaker_independent": True}
    split = split_or_skip(dataset, kind="held-out-speakers", seed=seed, **options)
    parts = {part: set(split[part]["speaker"]) for part in PARTS}
    assert sorted(sum(utterances(split).values(), [])) == sorted(dataset["utterance"])
    assert parts["test"] == test_speakers
    assert not parts["train"] & parts["validation"]
    assert not (parts["train"] | parts["validation"]) & parts["test"]
    assert bool(parts["validation"]) == (validation > 0)


def test_each_fold_leaves_one_speaker_out_and_every_speaker_is_left_out_once(balanced):
    folds = [make_split(balanced, "leave-one-speaker-out", fold=fold) for fold in range(5)]
    assert [sorted(set(fold["test"]["speaker"])) for fold in folds] == [["00"], ["01"], ["02"], ["03"], ["04"]]
    for fold in folds:
        assert [len(fold[part]) for part in PARTS] == [36, 12, 12]
        assert len(set(fold["validation"]["speaker"])) == 1


def test_the_seed_chooses_the_clips_and_the_validation_speaker(balanced):
    assert utterances(make_split(balanced, seed=1)) == utterances(make_split(balanced, seed=1))
    assert utterances(make_split(balanced, seed=1)) != utterances(make_split(balanced, seed=2))
    chosen = {
        make_split(balanced, "leave-one-speaker-out", seed=seed, fold=0)["validation"]["speaker"][0]
        for seed in range(20)
    }
    assert chosen == {"01", "02", "03", "04"}


REPEAT = """
import sys
from datasets import ClassLabel, Dataset, Features, Value
from hf_ser.splits import hash_split, make_split
dataset = Dataset.from_json(sys.argv[1]).cast_column("label", ClassLabel(names=["anger", "fear", "neutral"]))
print(hash_split(make_split(dataset)), hash_split(make_split(dataset, "leave-one-speaker-out", fold=2)))
"""


def test_another_process_makes_the_same_splits(balanced, tmp_path):
    balanced.to_json(tmp_path / "rows.jsonl")
    command = [sys.executable, "-c", REPEAT, str(tmp_path / "rows.jsonl")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    here = [hash_split(make_split(balanced)), hash_split(make_split(balanced, "leave-one-speaker-out", fold=2))]
    assert output.split() == here


def test_a_validation_share_of_0_gives_its_clips_to_training(balanced):
    assert [len(make_split(balanced, validation=0)[part]) for part in PARTS] == [48, 0, 12]
    split = make_split(balanced, "held-out-speakers", validation=0, test_speakers=["00"])
    assert [len(split[part]) for part in PARTS] == [48, 0, 12]


ERRORS = {
    "unknown kind": ({"kind": "stratifed"}, r"Unknown split `stratifed`\. Did you mean `stratified`\?"),
    "share of 1": ({"test": 1.0}, r"`test` is 1\.0; it is a share, from 0 up to but not with 1\."),
    "negative share": ({"validation": -0.1}, r"`validation` is -0\.1; it is a share"),
    "share that is no number": ({"test": float("nan")}, r"`test` is nan; it is a share"),
    "no test clips": ({"test": 0}, r"The test part is empty\. Give `test` a share above 0"),
    "too small a share": ({"test": 0.01}, r"`test: 0.01` of 60 clips cannot be cut off .* Use a larger share"),
    "no test speakers": ({"kind": "held-out-speakers"}, r"`split: held-out-speakers` needs `test_speakers`"),
    "unknown test speakers": (
        {"kind": "held-out-speakers", "test_speakers": ["3", "01"]},
        r"""`test_speakers` names \['3'\]; the corpus has \['00', .*'04'\]\. Quote numbers in YAML: "03"\.""",
    ),
    "fewer speakers than folds": (
        {"kind": "leave-one-speaker-out", "fold": 5},
        r"`fold` is 5, but there are 5 speakers, so folds 0 to 4\.",
    ),
    "negative fold": ({"kind": "leave-one-speaker-out", "fold": -1}, r"`fold` is -1"),
    "no speaker to train on": (
        {"kind": "held-out-speakers", "test_speakers": ["00", "01", "02", "03"]},
        r"5 speakers are too few: 4 in test and 1 in validation leave none to train on\. Use `split: stratified`",
    ),
    "false claim": (
        {"speaker_independent": True},
        r"`speaker_independent: true`, but speakers \['00', .*'04'\] are in both train and test\.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_split_that_cannot_be_made_says_why(balanced, case):
    options, message = ERRORS[case]
    with pytest.raises(SplitError, match=message):
        make_split(balanced, **options)


def test_an_emotion_without_a_training_clip_is_named():
    dataset = corpus([0, 0, 0, 0, 1, 2], ["a", "b", "c", "d", "a", "b"])
    message = r"No training clip has the emotion \['fear'\]\. Use another split or seed"
    with pytest.raises(SplitError, match=message):
        make_split(dataset, "held-out-speakers", validation=0, test_speakers=["a"])


def test_an_emotion_too_rare_to_part_is_named_with_the_counts():
    dataset = corpus([0] * 10 + [1] * 10 + [2], ["a", "b", "c"] * 7)
    with pytest.raises(SplitError, match=r"\{'anger': 10, 'fear': 10, 'neutral': 1\}.*merge or drop"):
        make_split(dataset)


def test_repeated_utterance_ids_are_named(balanced):
    names = ["same"] * 3 + [f"u{index}" for index in range(57)]
    dataset = corpus(balanced["label"][:], balanced["speaker"][:], utterance=names)
    with pytest.raises(SplitError, match=r"1 utterance ids occur more than once, such as `same`"):
        make_split(dataset)


def test_clips_that_do_not_name_their_speaker_support_no_claim_and_no_split_by_speaker():
    dataset = corpus([index % 3 for index in range(30)], ["a", "b", None] * 5 + ["c", "d", ""] * 5)
    with pytest.raises(SplitError, match="10 clips do not name their speaker"):
        make_split(dataset, speaker_independent=True)
    with pytest.raises(SplitError, match="10 clips do not name their speaker"):
        make_split(dataset, "leave-one-speaker-out")
    protocol = describe_split(make_split(dataset), SplitArguments(), "validation")
    assert protocol["test_speakers"] == []
    assert protocol["shared_speakers"] == ["a", "b", "c", "d"]


@pytest.fixture
def overlapping():
    """Train u0 u1 u2, validation u3, test u4 u5: they share a speaker, a sentence and, twice, a recording."""
    dataset = corpus(
        [0, 1, 2, 0, 1, 2],
        ["a", "a", "b", "c", "c", "d"],
        sentence=["x", "y", "", "z", "y", ""],
        audio_hash=["h0", "h1", "h1", "h3", "h0", "h3"],
    )
    return DatasetDict(
        {"train": dataset.select(range(3)), "validation": dataset.select([3]), "test": dataset.select([4, 5])}
    )


def test_the_protocol_tells_what_test_shares_with_training_and_validation(overlapping):
    arguments = SplitArguments(split="held-out-speakers", split_seed=3)
    protocol = describe_split(overlapping, arguments, selected_on="validation uar")
    digest = protocol.pop("split_hash")
    assert digest == hash_split(overlapping)
    assert protocol == {
        "split": "held-out-speakers",
        "seed": 3,
        "n_train": 3,
        "n_validation": 1,
        "n_test": 2,
        "shared_speakers": ["c"],
        "shared_sentences": ["y"],
        "shared_audio": [["u0", "u4"], ["u3", "u5"]],  # u1 and u2 are both in training
        "test_speakers": ["c", "d"],
        "validation_speakers": ["c"],
        "selected_on": "validation uar",
    }


def test_a_speaker_shared_with_validation_breaks_the_claim_too(overlapping):
    with pytest.raises(SplitError, match=r"speakers \['c'\] are in both"):
        check_speaker_independent(overlapping)


def test_without_audio_hashes_no_shared_audio_is_listed(balanced):
    assert describe_split(make_split(balanced), SplitArguments(), "validation")["shared_audio"] == []


def test_the_hash_does_not_depend_on_the_order_and_tells_the_parts_apart(overlapping):
    reversed_parts = DatasetDict(
        {part: overlapping[part].select(range(len(overlapping[part]))[::-1]) for part in PARTS}
    )
    exchanged = DatasetDict(overlapping | {"train": overlapping["test"], "test": overlapping["train"]})
    assert hash_split(reversed_parts) == hash_split(overlapping)
    assert hash_split(exchanged) != hash_split(overlapping)


def test_the_hash_is_the_published_one(overlapping):
    # printf '{"test": ["u4", "u5"], "train": ["u0", "u1", "u2"], "validation": ["u3"]}' | sha256sum | cut -c -16
    assert hash_split(overlapping) == "7d4222c566f40417"


def test_the_written_split_lists_the_utterances_and_how_they_were_parted(balanced, tmp_path):
    arguments = SplitArguments(split="held-out-speakers", test_speakers=["01"])
    split = make_split(balanced, **arguments.as_options())
    write_split(split, arguments, tmp_path / "split.json")
    content = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    assert content["hash"] == hash_split(split)
    assert {part: content[part] for part in PARTS} == utterances(split)
    assert make_split(balanced, **SplitArguments(**content["arguments"]).as_options())["test"][:] == split["test"][:]
