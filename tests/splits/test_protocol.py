"""The protocol block: what the test part shares with what the model has seen."""

import pytest

from hf_ser.errors import SplitError
from hf_ser.splits import SplitArguments, make_split
from hf_ser.splits.lists import hash_split
from hf_ser.splits.protocol import check_speaker_independent, describe_split
from hf_ser.wording import is_speaker_independent
from tests.splits.examples import corpus


def test_the_protocol_tells_what_test_shares_with_training_and_validation(overlapping):
    arguments = SplitArguments(split="leave-one-speaker-out", split_seed=3, fold=2)
    protocol = describe_split(overlapping, arguments, selected_on="validation uar")
    digest = protocol.pop("split_hash")
    assert digest == hash_split(overlapping)
    assert protocol == {
        "split": "leave-one-speaker-out",
        "seed": 3,
        "fold": 2,
        "n_train": 3,
        "n_validation": 1,
        "n_test": 2,
        "shared_speakers": ["c"],
        "shared_sentences": ["y"],
        "shared_audio": [["u0", "u4"], ["u3", "u5"]],  # u1 and u2 are both in training
        "test_speakers": ["c", "d"],
        "validation_speakers": ["c"],
        "train_corpora": ["north"],
        "test_corpora": ["north", "south"],
        "selected_on": "validation uar",
    }


def test_recordings_that_are_alone_are_not_the_same_one():
    dataset = corpus([0, 1, 2] * 4, ["a", "b", "c", "d"] * 3, same_audio=[""] * 12)
    split = make_split(dataset, "held-out-speakers", test_speakers=["a"], validation=0)
    assert describe_split(split, SplitArguments(), "validation")["shared_audio"] == []


def test_where_equal_recordings_were_not_looked_for_none_is_listed(balanced):
    assert describe_split(make_split(balanced), SplitArguments(), "validation")["shared_audio"] == []


def test_clips_that_do_not_name_their_speaker_support_no_claim():
    dataset = corpus([index % 3 for index in range(30)], ["a", "b", None] * 5 + ["c", "d", ""] * 5)
    with pytest.raises(SplitError, match="but 10 clips do not name their speaker"):
        make_split(dataset, speaker_independent=True)
    protocol = describe_split(make_split(dataset), SplitArguments(), "validation")
    assert protocol["test_speakers"] == []
    assert "" not in protocol["shared_speakers"]
    assert set(protocol["shared_speakers"]) <= {"a", "b", "c", "d"}


def test_nameless_speakers_in_training_leave_the_claim_unproven_too():
    dataset = corpus([0, 1, 2] * 6, ["a", "b", "c"] * 3 + [""] * 9, corpus=["north"] * 9 + ["south"] * 9)
    arguments = SplitArguments(split="cross-corpus", test_corpora=["north"], validation=0)
    protocol = describe_split(make_split(dataset, **arguments.as_options()), arguments, "nothing")
    assert (protocol["test_speakers"], protocol["shared_speakers"]) == ([], [])
    assert not is_speaker_independent(protocol)
    assert (protocol["train_corpora"], protocol["test_corpora"]) == (["south"], ["north"])


def test_a_speaker_shared_with_validation_breaks_the_claim_too(overlapping):
    with pytest.raises(SplitError, match=r"speakers \['c'\] are in test and in training or validation"):
        check_speaker_independent(overlapping)


def test_one_recording_on_both_sides_is_a_warning_that_names_it(caplog):
    sounds = ["h0", "h0", "", ""] + ["h4"] + [""] * 3 + ["h4"] + [""] * 3  # speakers a and b; a twice
    dataset = corpus([0, 1, 2] * 4, ["a", "b", "c", "d"] * 3, same_audio=sounds)
    make_split(dataset, "held-out-speakers", test_speakers=["a"], validation=0)
    assert [message for message in caplog.messages if "recording" in message] == [
        "One recording is in training and in test: u0 = u1"
    ]


def test_of_many_recordings_on_both_sides_the_first_are_named(caplog):
    dataset = corpus(
        [0, 1, 2, 0, 1, 2, 0] * 2, ["a"] * 7 + ["b"] * 7, same_audio=[f"h{index % 7}" for index in range(14)]
    )
    make_split(dataset, "held-out-speakers", test_speakers=["a"], validation=0)
    assert len([message for message in caplog.messages if "One recording" in message]) == 5
    assert "So are 2 more." in caplog.messages
