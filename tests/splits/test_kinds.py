"""Every kind of split: whole, repeatable, in proportion or in whole groups, each clip tested once over the folds."""

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_ser import load_corpus
from hf_ser.splits import PARTS, SplitArguments, count_folds, make_split
from hf_ser.splits.lists import hash_split
from tests.conftest import ROOT
from tests.splits.examples import (
    EMOTIONS,
    KINDS,
    N_FOLDS,
    corpus,
    few_examples,
    random_corpora,
    split_or_skip,
    utterances,
)

seeds, shares = st.integers(0, 99), st.floats(0.18, 0.3)
GROUPED = {
    "held-out-speakers": "speaker",
    "leave-one-speaker-out": "speaker",
    "leave-one-sentence-out": "sentence",
    "speaker-folds": "speaker",
    "cross-corpus": "speaker",
}


def draw_fold(data, name):
    return {"fold": data.draw(st.integers(0, N_FOLDS[name] - 1), "fold")} if name in N_FOLDS else {}


@pytest.mark.parametrize("name", KINDS)
@few_examples
@given(random_corpora, seeds, st.sampled_from([0, 0.2]), st.data())
def test_every_kind_is_a_partition_and_the_same_again(name, dataset, seed, validation, data):
    options = {"kind": name, **KINDS[name], **draw_fold(data, name)}
    split = split_or_skip(dataset, seed=seed, validation=validation, **options)
    assert list(split) == list(PARTS)
    assert sorted(sum(utterances(split).values(), [])) == sorted(dataset["utterance"])
    assert bool(len(split["validation"])) == (validation > 0)
    assert utterances(split) == utterances(make_split(dataset, seed=seed, validation=validation, **options))


def within_one_clip(part, whole, columns):
    """Whether a part has of each value as many as its share of the whole, give or take one clip."""
    counts, totals = (Counter(zip(*(clips[column] for column in columns), strict=True)) for clips in (part, whole))
    return all(abs(counts[value] - total * len(part) / len(whole)) < 1 for value, total in totals.items())


@pytest.mark.parametrize("columns", [["label"], ["label", "sex"]], ids="-".join)
@few_examples
@given(random_corpora, seeds, shares, shares)
def test_stratified_parts_have_each_stratum_within_one_clip_of_its_share(columns, dataset, seed, test, validation):
    split = split_or_skip(dataset, seed=seed, test=test, validation=validation, stratify_by=columns)
    assert len(split["test"]) == math.ceil(test * len(dataset))
    assert len(split["validation"]) == math.ceil(validation * len(dataset))
    names = set(split["test"]["utterance"])
    rest = dataset.select([index for index, name in enumerate(dataset["utterance"]) if name not in names])
    assert within_one_clip(split["test"], dataset, columns)
    assert within_one_clip(split["validation"], rest, columns)
    assert within_one_clip(split["train"], rest, columns)


def count_labels(part):
    return Counter(EMOTIONS[label] for label in part["label"])


@few_examples
@given(random_corpora, seeds, st.tuples(*[st.integers(0, 6)] * 3).filter(any))
def test_as_many_clips_of_each_emotion_are_tested_as_the_counts_say(dataset, seed, numbers):
    counts = dict(zip(EMOTIONS, numbers, strict=True))
    split = make_split(dataset, seed=seed, test_counts=counts, validation=0.1)
    assert count_labels(split["test"]) == Counter(counts)
    assert sorted(sum(utterances(split).values(), [])) == sorted(dataset["utterance"])
    assert len(split["validation"]) == math.ceil(0.1 * len(dataset))
    names = set(split["test"]["utterance"])
    rest = dataset.select([index for index, name in enumerate(dataset["utterance"]) if name not in names])
    assert within_one_clip(split["validation"], rest, ["label"])
    assert utterances(split) == utterances(make_split(dataset, seed=seed, test_counts=counts, validation=0.1))


def test_counted_clips_are_drawn_at_random_and_of_one_emotion_whatever_the_others_counts(balanced):
    drawn = {}
    for seed in range(40):
        counts = {"anger": 1, "fear": seed % 5, "neutral": 3}
        split = make_split(balanced, seed=seed, test_counts=counts, validation=0)
        anger = [clip["utterance"] for clip in split["test"] if clip["label"] == 0]
        again = make_split(balanced, seed=seed, test_counts=counts | {"fear": 7}, validation=0)
        assert anger == [clip["utterance"] for clip in again["test"] if clip["label"] == 0]
        drawn[seed] = anger[0]
    assert len(set(drawn.values())) >= 14  # of 20; 40 draws leave out 2.6 of them on average


def test_counts_leave_a_large_validation_share_its_room(balanced):
    split = make_split(balanced, test_counts={"anger": 1, "fear": 1, "neutral": 1}, validation=0.85)
    assert [len(split[part]) for part in PARTS] == [6, 51, 3]


@few_examples
@given(random_corpora, seeds, st.integers(0, 5))
def test_each_fold_of_k_has_each_stratum_within_one_clip_of_its_share(dataset, seed, fold):
    split = split_or_skip(dataset, kind="k-fold", seed=seed, folds=3, repeats=2, fold=fold)
    assert within_one_clip(split["test"], dataset, ["label"])
    assert len(split["validation"]) == math.ceil(0.1 * len(dataset))


@pytest.mark.parametrize("name", GROUPED)
@few_examples
@given(random_corpora, seeds, shares, st.data())
def test_whole_groups_are_tested_and_whole_others_choose_the_checkpoint(name, dataset, seed, validation, data):
    options = {"kind": name, **KINDS[name], **draw_fold(data, name)}
    split = split_or_skip(dataset, seed=seed, validation=validation, **options)
    groups = {part: set(split[part][GROUPED[name]]) for part in PARTS}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values()))  # none in two parts
    total = len(groups["train"] | groups["validation"]) if name == "cross-corpus" else len(set.union(*groups.values()))
    assert len(groups["validation"]) == math.ceil(validation * total)


@pytest.mark.parametrize("name", N_FOLDS)
@few_examples
@given(random_corpora, seeds)
def test_over_all_folds_each_clip_is_tested_once_and_once_more_in_each_repeat(name, dataset, seed):
    options = KINDS[name]
    assert count_folds(dataset, SplitArguments(split=name, **options)) == N_FOLDS[name]
    tested = Counter()
    for fold in range(N_FOLDS[name]):
        tested.update(split_or_skip(dataset, kind=name, seed=seed, fold=fold, **options)["test"]["utterance"][:])
    assert tested == dict.fromkeys(dataset["utterance"], options.get("repeats", 1))


def test_speakers_and_sentences_are_left_out_in_sorted_order(balanced):
    speakers = [make_split(balanced, "leave-one-speaker-out", fold=fold) for fold in range(5)]
    assert [set(split["test"]["speaker"]) for split in speakers] == [{"00"}, {"01"}, {"02"}, {"03"}, {"04"}]
    assert [[len(split[part]) for part in PARTS] for split in speakers] == [[36, 12, 12]] * 5
    sentences = [make_split(balanced, "leave-one-sentence-out", fold=fold) for fold in range(4)]
    assert [set(split["test"]["sentence"]) for split in sentences] == [{"s0"}, {"s1"}, {"s2"}, {"s3"}]
    assert [[len(split[part]) for part in PARTS] for split in sentences] == [[30, 15, 15]] * 4


@pytest.mark.parametrize(("n_speakers", "folds", "sizes"), [(24, 6, [4] * 6), (10, 5, [2] * 5), (11, 3, [4, 4, 3])])
def test_speaker_folds_are_even_runs_of_the_sorted_speakers(n_speakers, folds, sizes):
    speakers = [f"{index:02d}" for index in range(n_speakers)]
    dataset = corpus([0, 1, 2] * n_speakers, np.repeat(speakers[::-1], 3).tolist())
    tested = [
        sorted(set(make_split(dataset, "speaker-folds", folds=folds, fold=fold)["test"]["speaker"]))
        for fold in range(folds)
    ]
    assert list(map(len, tested)) == sizes
    assert sum(tested, []) == speakers


def test_each_repeat_shuffles_the_folds_anew_as_the_next_seed_would(balanced):
    options = {"kind": "k-fold", "folds": 5, "validation": 0}
    repeated = [utterances(make_split(balanced, seed=3, repeats=2, fold=fold, **options)) for fold in (2, 7)]
    assert repeated[0] != repeated[1]
    assert repeated[1] == utterances(make_split(balanced, seed=4, fold=2, **options))


def test_cross_corpus_trains_on_the_others_and_validates_on_whole_speakers_of_theirs():
    dataset = corpus([index % 3 for index in range(36)], [speaker for speaker in "abcdef" for _ in range(6)])
    split = make_split(dataset, "cross-corpus", test_corpora=["south"], validation=0.3)
    assert set(split["test"]["speaker"]) == set("def")
    assert [len(split[part]) for part in PARTS] == [12, 6, 18]  # one of the three speakers of `north`
    assert len(set(split["validation"]["speaker"])) == 1


def test_cross_corpus_validates_on_clips_where_training_speakers_have_no_names():
    corpora = ["north"] * 30 + ["south"] * 6
    dataset = corpus([index % 3 for index in range(36)], ["", "a", "b"] * 12, corpus=corpora)
    split = make_split(dataset, "cross-corpus", test_corpora=["south"], validation=0.2)
    assert [len(split[part]) for part in PARTS] == [24, 6, 6]
    assert Counter(split["validation"]["label"]) == {0: 2, 1: 2, 2: 2}
    assert set(split["test"]["corpus"]) == {"south"}


def test_the_seed_chooses_the_clips_and_the_validation_speaker(balanced):
    assert utterances(make_split(balanced, seed=1)) != utterances(make_split(balanced, seed=2))
    chosen = {
        make_split(balanced, "leave-one-speaker-out", seed=seed, fold=0)["validation"]["speaker"][0]
        for seed in range(20)
    }
    assert chosen == {"01", "02", "03", "04"}


REPEAT = """
import sys
from datasets import ClassLabel, Dataset
from hf_ser.splits import make_split
from hf_ser.splits.lists import hash_split
from tests.splits.examples import EMOTIONS, KINDS, N_FOLDS
dataset = Dataset.from_json(sys.argv[1]).cast_column("label", ClassLabel(names=EMOTIONS))
for name, options in KINDS.items():
    print(hash_split(make_split(dataset, name, **options, **({"fold": 3} if name in N_FOLDS else {}))))
"""


def test_another_process_makes_the_same_splits(tmp_path):
    dataset = corpus([index % 3 for index in range(72)], [speaker for speaker in "abcdef" for _ in range(12)])
    dataset.to_json(tmp_path / "rows.jsonl")
    command = [sys.executable, "-c", REPEAT, str(tmp_path / "rows.jsonl")]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    here = [
        hash_split(make_split(dataset, name, **options, **({"fold": 3} if name in N_FOLDS else {})))
        for name, options in KINDS.items()
    ]
    assert output.split() == here
    assert len(set(here)) == len(KINDS)


def test_a_validation_share_of_0_gives_its_clips_to_training(balanced):
    assert [len(make_split(balanced, validation=0)[part]) for part in PARTS] == [48, 0, 12]
    split = make_split(balanced, "held-out-speakers", validation=0, test_speakers=["00"])
    assert [len(split[part]) for part in PARTS] == [48, 0, 12]


def test_shares_are_of_all_clips(balanced):
    assert [len(make_split(balanced, test=0.1, validation=0.1)[part]) for part in PARTS] == [48, 6, 6]


def test_a_kind_without_folds_and_a_fold_that_is_named_are_one_run(balanced):
    assert count_folds(balanced, SplitArguments()) == 1
    assert count_folds(balanced, SplitArguments(split="leave-one-speaker-out")) == 5
    assert count_folds(balanced, SplitArguments(split="leave-one-speaker-out", fold=2)) == 1
    assert count_folds(balanced, SplitArguments(split="k-fold", repeats=3)) == 30


def test_published_splits_of_emodb_stay_as_they_are(emodb):
    """Hashes in model_cards, of runs whose validation part was given as a share of what the test part leaves."""
    dataset = load_corpus("emodb", emodb)
    assert hash_split(make_split(dataset, test=0.2, validation=0.08)) == "ecd12aca87c4a0d0"
    for speakers, digest in ((["13", "15"], "8516f29791e30c2d"), (["03", "08"], "fc91954cbb241082")):
        split = make_split(dataset, "held-out-speakers", test_speakers=speakers, validation=0.08)
        assert hash_split(split) == digest


def test_emodb_is_parted_by_the_counts_of_a_paper(emodb):
    """Table 1 of Ragheb et al.: 429 clips to train on, 106 to test."""
    counts = {"anger": 25, "boredom": 16, "disgust": 9, "fear": 14, "happiness": 15, "neutral": 15, "sadness": 12}
    dataset = load_corpus("emodb", emodb)
    split = make_split(dataset, test_counts=counts, validation=0)
    assert [len(split[part]) for part in PARTS] == [429, 0, 106]
    names = dataset.features["label"].names
    assert Counter(names[label] for label in split["test"]["label"]) == counts
    assert Counter(names[label] for label in split["train"]["label"]) == {
        **{"anger": 102, "boredom": 65, "disgust": 37, "fear": 55, "happiness": 56, "neutral": 64, "sadness": 50}
    }
