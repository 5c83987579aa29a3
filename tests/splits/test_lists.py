"""Lists of utterances: their hash, their file, and a split that is made from one."""

import json
import logging

import pytest
from datasets import DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from hf_ser.errors import SplitError
from hf_ser.splits import PARTS, SplitArguments, count_folds, make_split
from hf_ser.splits.lists import hash_folds, hash_split, list_utterances, read_split, write_folds, write_split
from tests.splits.examples import KINDS, N_FOLDS, few_examples, random_corpora, split_or_skip, utterances


def test_the_hash_does_not_depend_on_the_order_and_tells_the_parts_apart(overlapping):
    reversed_parts = DatasetDict(
        {part: overlapping[part].select(range(len(overlapping[part]))[::-1]) for part in PARTS}
    )
    exchanged = DatasetDict(overlapping | {"train": overlapping["test"], "test": overlapping["train"]})
    assert hash_split(reversed_parts) == hash_split(overlapping)
    assert hash_split(exchanged) != hash_split(overlapping)


def test_the_hashes_are_the_published_ones(overlapping):
    # printf '{"test": ["u4", "u5"], "train": ["u0", "u1", "u2"], "validation": ["u3"]}' | sha256sum | cut -c -16
    assert hash_split(overlapping) == "7d4222c566f40417"
    # printf '["a", "b"]' | sha256sum | cut -c -16
    assert hash_folds(["a", "b"]) == "3554d2b8a1e34099"


def test_the_written_split_lists_the_utterances_and_how_they_were_parted(balanced, tmp_path):
    arguments = SplitArguments(split="held-out-speakers", test_speakers=["01"])
    split = make_split(balanced, **arguments.as_options())
    write_split(split, arguments, tmp_path / "split.json")
    content = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    assert content["hash"] == hash_split(split)
    assert {part: content[part] for part in PARTS} == utterances(split)
    assert make_split(balanced, **SplitArguments(**content["arguments"]).as_options())["test"][:] == split["test"][:]


@pytest.fixture
def folds(balanced, tmp_path):
    """The five folds of `balanced`, and their file."""
    arguments = SplitArguments(split="leave-one-speaker-out")
    splits = [make_split(balanced, "leave-one-speaker-out", fold=fold) for fold in range(5)]
    write_folds(map(list_utterances, splits), arguments, tmp_path / "folds.json")
    return splits, tmp_path / "folds.json"


def test_the_file_of_folds_lists_all_utterances_once_and_the_held_out_ones_of_each_fold(folds, balanced):
    splits, path = folds
    content = json.loads(path.read_text(encoding="utf-8"))
    hashes = [hash_split(split) for split in splits]
    assert content["hash"] == hash_folds(hashes)
    assert content["arguments"]["split"] == "leave-one-speaker-out"
    assert content["utterances"] == sorted(balanced["utterance"])
    assert content["folds"] == [
        {"hash": digest, "validation": split["validation"]["utterance"][:], "test": split["test"]["utterance"][:]}
        for digest, split in zip(hashes, splits, strict=True)
    ]


@pytest.mark.parametrize("name", KINDS)
@few_examples
@given(dataset=random_corpora, seed=st.integers(0, 99))
def test_a_written_split_is_made_again_from_its_file(tmp_path_factory, name, dataset, seed):
    path = tmp_path_factory.mktemp("split") / "split.json"
    options = {"validation": 0.2, **KINDS[name], **({"fold": 1} if name in N_FOLDS else {})}
    split = split_or_skip(dataset, kind=name, seed=seed, **options)
    write_split(split, SplitArguments(split=name, **options), path)
    assert utterances(make_split(dataset, "fixed", split_file=str(path))) == utterances(split)
    assert count_folds(dataset, SplitArguments(split="fixed", split_file=str(path))) == 1


def test_written_folds_are_made_again_from_their_file(folds, balanced):
    splits, path = folds
    assert count_folds(balanced, SplitArguments(split="fixed", split_file=str(path))) == 5
    assert count_folds(balanced, SplitArguments(split="fixed", split_file=str(path), fold=1)) == 1
    for fold, split in enumerate(splits):
        again = make_split(balanced, "fixed", split_file=str(path), fold=fold)
        assert utterances(again) == utterances(split)
        lists = read_split(path, fold)
        assert list(lists) == list(PARTS)
        assert {part: sorted(names) for part, names in lists.items()} == {
            part: sorted(names) for part, names in utterances(split).items()
        }


def test_folds_of_different_utterances_are_not_one_file(folds, balanced, tmp_path):
    splits, _ = folds
    other = make_split(balanced.select(range(48)), "leave-one-speaker-out", fold=1)
    with pytest.raises(SplitError, match=r"Fold 1 has other utterances than fold 0: 48 beside 60\."):
        write_folds(map(list_utterances, [splits[0], other]), SplitArguments(), tmp_path / "mixed.json")


def write(folder, **content):
    path = folder / "lists.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_a_file_written_by_hand_needs_the_lists_alone(balanced, tmp_path):
    lists = {"train": ["u3", "u1", "u2"], "validation": [], "test": ["u13", "u12"]}
    split = make_split(balanced, "fixed", split_file=write(tmp_path, **lists))
    assert utterances(split) == {"train": ["u1", "u2", "u3"], "validation": [], "test": ["u12", "u13"]}
    block = {"validation": ["u4"], "test": ["u13"]}
    blocks = {"utterances": ["u1", "u2", "u3", "u4", "u13"], "folds": [block, {**block, "test": ["u2"]}]}
    split = make_split(balanced, "fixed", split_file=write(tmp_path, **blocks), fold=0)
    assert utterances(split) == {"train": ["u1", "u2", "u3"], "validation": ["u4"], "test": ["u13"]}


def test_clips_that_the_file_does_not_list_are_counted_and_left_out(balanced, tmp_path, caplog):
    lists = {"train": ["u0", "u1", "u2"], "validation": [], "test": ["u13"]}
    with caplog.at_level(logging.WARNING):
        make_split(balanced, "fixed", split_file=write(tmp_path, **lists))
    assert "56 clips are not listed in" in caplog.text
    assert "such as `u10`: left out." in caplog.text


GOOD = {"train": ["u0", "u1", "u2"], "validation": ["u3"], "test": ["u4"]}
BLOCK = {"validation": ["u3"], "test": ["u4"]}
FOLDS = {"utterances": ["u0", "u1", "u2", "u3", "u4"], "folds": [BLOCK, BLOCK]}
HALVES = [{"validation": [], "test": ["u0", "u1"]}, {"validation": [], "test": ["u2", "u3", "u4"]}]
WRONG = {
    "another corpus": (
        GOOD | {"test": ["u4", "x1", "x2"]},
        r"is the split file of another corpus: 2 of its 7 utterances are not in the dataset, the first is `x1`; "
        r"those of the dataset are like `u0`\.",
    ),
    "twice in one part": (GOOD | {"test": ["u4", "u4"]}, r"lists 1 utterances more than once, such as `u4`"),
    "in two parts": (GOOD | {"test": ["u1", "u2"]}, r"lists 2 utterances more than once, such as `u1`"),
    "twice in all": (
        FOLDS | {"utterances": ["u0", "u0", "u3", "u4"], "fold": 0},
        r"lists 1 utterances more than once, such as `u0`",
    ),
    "changed": (
        GOOD | {"hash": "0123456789abcdef"},
        r"was changed after it was written: its hash is 0123456789abcdef",
    ),
    "changed fold": (
        FOLDS | {"folds": [BLOCK | {"hash": "0123456789abcdef"}, BLOCK], "fold": 0},
        r"its hash is 0123456789abcdef",
    ),
    "changed folds": (FOLDS | {"hash": "0123456789abcdef", "fold": 0}, r"its hash is 0123456789abcdef"),
    "no test": ({"train": ["u0"], "validation": []}, r"has no list of utterances for `test`\. Expected the lists"),
    "numbers": (GOOD | {"train": [1, 2]}, r"has no list of utterances for `train`\."),
    "no utterances": ({"folds": [BLOCK, BLOCK], "fold": 0}, r"has no list of utterances for `train`\."),
    "a stranger in a fold": (FOLDS | {"utterances": ["u0", "u3"], "fold": 0}, r"lacks `u4`, which a fold lists"),
    "one fold": (FOLDS | {"folds": [BLOCK]}, r"`folds` of `.*` is no list of two blocks or more"),
    "folds that are none": (FOLDS | {"folds": [[], []]}, r"is no list of two blocks or more"),
    "a fold of one split": (GOOD | {"fold": 0}, r"holds one split and no folds\. Leave out `fold`\."),
    "no fold": (FOLDS | {"folds": HALVES}, r"`split: fixed` needs `fold`, 0 to 1\."),
    "folds that leave clips untested": (
        FOLDS,
        r"test `u0` 0 times and `u4` 2 times; expected each of the `utterances`",
    ),
    "folds that list their training": (
        FOLDS | {"folds": [HALVES[0], HALVES[1] | {"train": ["u0"]}]},
        r"A fold of `.*` has `train`; it trains on the `utterances` that it does not list",
    ),
    "fold too large": (FOLDS | {"fold": 2}, r"`fold` is 2, but there are 2 folds, 0 to 1\."),
    "empty test": (GOOD | {"test": []}, r"The test part is empty\. .*list test clips in `split_file`"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_does_not_fit_says_why(balanced, tmp_path, case):
    content, message = WRONG[case]
    fold = {"fold": content["fold"]} if "fold" in content else {}
    with pytest.raises(SplitError, match=message):
        make_split(balanced, "fixed", split_file=write(tmp_path, **content), **fold)


TEXTS = {"[]": r"holds list\. Expected the lists", "{": r"is not valid JSON \(", "\udcff": r"is not valid JSON \("}


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_that_is_no_split_is_named(balanced, tmp_path, text):
    path = tmp_path / "lists.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SplitError, match=rf"lists\.json` {TEXTS[text]}"):
        make_split(balanced, "fixed", split_file=str(path))


def test_a_file_that_is_not_there_is_named(balanced, tmp_path):
    with pytest.raises(SplitError, match=r"gone\.json` cannot be read \(No such file"):
        make_split(balanced, "fixed", split_file=str(tmp_path / "gone.json"))
    with pytest.raises(SplitError, match=r"`split: fixed` needs `split_file`, a JSON file"):
        make_split(balanced, "fixed")


def test_a_fold_is_read_by_its_number(folds):
    with pytest.raises(SplitError, match=r"holds 5 folds, 0 to 4; `fold` is None\."):
        read_split(folds[1])
