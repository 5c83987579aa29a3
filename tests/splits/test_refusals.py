"""A split that cannot be made says what was seen, what was expected and what to do."""

import pytest

from hf_ser.errors import SplitError
from hf_ser.splits import SplitArguments, count_folds, make_split
from tests.splits.examples import corpus

ERRORS = {
    "unknown kind": ({"kind": "stratifed"}, r"Unknown split `stratifed`\. Did you mean `stratified`\?"),
    "unknown option": ({"tset": 0.1}, r"`make_split` has no option `tset`\. Did you mean `test`"),
    "share of 1": ({"test": 1.0}, r"`test` is 1\.0; it is a share, from 0 up to but not with 1\."),
    "negative share": ({"validation": -0.1}, r"`validation` is -0\.1; it is a share"),
    "share that is no number": ({"test": float("nan")}, r"`test` is nan; it is a share"),
    "no test clips": ({"test": 0}, r"The test part is empty\. Give `test` a share above 0"),
    "too small a share": (
        {"test": 0.01},
        r"`test: 0.01` is 1 of 60 clips, and both sides need one of each of the 3 strata by label "
        r"\(anger: 20, fear: 20, neutral: 20\)\. Use another share",
    ),
    "shares that leave nothing": (
        {"test": 0.5, "validation": 0.5},
        r"`test: 0.5` and `validation: 0.5` leave no clip",
    ),
    "unknown column": ({"stratify_by": ["label", "gender"]}, r"`stratify_by` names `gender`\. Valid: .*`sex`"),
    "a column that is no list": ({"stratify_by": "label"}, r"`stratify_by` is 'label'; it is a list of columns"),
    "no column": ({"stratify_by": []}, r"`stratify_by` is \[\]; it is a list of columns"),
    "no test speakers": ({"kind": "held-out-speakers"}, r"`split: held-out-speakers` needs `test_speakers`"),
    "test speakers that are no list": (
        {"kind": "held-out-speakers", "test_speakers": "01"},
        r"needs `test_speakers`, a list of names; got '01'",
    ),
    "unknown test speakers": (
        {"kind": "held-out-speakers", "test_speakers": ["3", "01"]},
        r"""`test_speakers` names \['3'\]; the corpus has \['00', .*'04'\]\. Quote numbers in YAML: "03"\.""",
    ),
    "unknown test corpus": (
        {"kind": "cross-corpus", "test_corpora": ["emodb"]},
        r"`test_corpora` names \['emodb'\]; the corpus has \['south'\]",
    ),
    "no training corpus": (
        {"kind": "cross-corpus", "test_corpora": ["south"]},
        r"`test_corpora` names all of \['south'\], which leaves none to train on\. Load more with `corpus`",
    ),
    "no fold": (
        {"kind": "k-fold"},
        r"`split: k-fold` needs `fold`, 0 to 9\. `recipes/train\.py` runs all folds when it is left out",
    ),
    "fewer speakers than folds": (
        {"kind": "leave-one-speaker-out", "fold": 5},
        r"`fold` is 5, but there are 5 folds, 0 to 4\.",
    ),
    "fold of no repeat": ({"kind": "k-fold", "fold": 20, "repeats": 2}, r"`fold` is 20, but there are 20 folds"),
    "negative fold": ({"kind": "leave-one-sentence-out", "fold": -1}, r"`fold` is -1"),
    "one fold": ({"kind": "speaker-folds", "folds": 1, "fold": 0}, r"`folds` is 1; it must be at least 2\."),
    "one fold of clips": ({"kind": "k-fold", "folds": 1, "fold": 0}, r"`folds` is 1; it must be at least 2\."),
    "no repeat": ({"kind": "k-fold", "repeats": 0, "fold": 0}, r"`repeats` is 0; it must be at least 1\."),
    "more folds than speakers": (
        {"kind": "speaker-folds", "folds": 6, "fold": 0},
        r"`folds` is 6, and there are 5 speakers\. Use fewer folds\.",
    ),
    "more folds than clips": (
        {"kind": "k-fold", "folds": 5, "fold": 0, "stratify_by": ["label", "speaker"]},
        r"`folds` is 5, and each fold tests a clip of each of the 15 strata by label and speaker "
        r"\(anger \+ 00: 4, .*, \.\.\.\)\. Use fewer folds, or fewer columns",
    ),
    "no speaker to train on": (
        {"kind": "held-out-speakers", "test_speakers": ["00", "01", "02", "03"]},
        r"1 speakers beside the test part are too few: 1 in validation leave none to train on\. .*`validation: 0`",
    ),
    "option of another kind": (
        {"test_speakers": ["00"]},
        r"`test_speakers` belongs to `split: held-out-speakers`; this split is `stratified`\.",
    ),
    "option of other kinds": (
        {"kind": "leave-one-speaker-out", "fold": 0, "folds": 5},
        r"`folds` belongs to `split: speaker-folds` or `split: k-fold`; this split is `leave-one-speaker-out`\.",
    ),
    "count of an unknown emotion": (
        {"test_counts": {"anger": 4, "feer": 4, "neutral": 4}},
        r"`test_counts` names `feer`\. Did you mean `fear`",
    ),
    "emotions without a count": (
        {"test_counts": {"fear": 4}},
        r"`test_counts` does not say how many clips of \['anger', 'neutral'\] to test\. Give each .*0 for none",
    ),
    "more clips than there are": (
        {"test_counts": {"anger": 4, "fear": 21, "neutral": 4}},
        r"`test_counts` asks for 21 clips of `fear`, and the corpus has 20\. Give 0 to 19, so that one is left",
    ),
    "all clips of an emotion": (
        {"test_counts": {"anger": 4, "fear": 4, "neutral": 20}},
        r"`test_counts` asks for 20 clips of `neutral`, and the corpus has 20\.",
    ),
    "negative count": (
        {"test_counts": {"anger": -1, "fear": 4, "neutral": 4}},
        r"`test_counts` asks for -1 clips of `anger`",
    ),
    "counts of nothing": ({"test_counts": {"anger": 0, "fear": 0, "neutral": 0}}, r"The test part is empty"),
    "counts and a share": (
        {"test": 0.3, "test_counts": {"anger": 4, "fear": 4, "neutral": 4}},
        r"`test: 0\.3` and `test_counts` both set the test part\. Leave one of them out",
    ),
    "counts of another kind": (
        {"kind": "k-fold", "fold": 0, "test_counts": {"anger": 4}},
        r"`test_counts` belongs to `split: stratified`; this split is `k-fold`\.",
    ),
    "counts and too large a validation share": (
        {"test_counts": {"anger": 4, "fear": 4, "neutral": 4}, "validation": 0.8},
        r"`validation: 0\.8` is 48 of 48 clips, and both sides need one of each",
    ),
    "false claim": (
        {"speaker_independent": True},
        r"`speaker_independent: true`, but speakers \['00', .*'04'\] are in test and in training or validation\.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_split_that_cannot_be_made_says_why(balanced, case):
    options, message = ERRORS[case]
    with pytest.raises(SplitError, match=message):
        make_split(balanced, **options)


def test_folds_that_cannot_be_counted_say_why(balanced):
    with pytest.raises(SplitError, match=r"`folds` is 21, and each fold tests a clip"):
        count_folds(balanced, SplitArguments(split="k-fold", folds=21))
    with pytest.raises(SplitError, match=r"`fold` belongs to `split: leave-one-speaker-out` or .*`stratified`"):
        count_folds(balanced, SplitArguments(fold=0))


def test_an_emotion_without_a_training_clip_is_named():
    dataset = corpus([0, 0, 0, 0, 1, 2], ["a", "b", "c", "d", "a", "b"])
    message = r"No training clip has the emotion \['fear'\]\. Use another split or seed"
    with pytest.raises(SplitError, match=message):
        make_split(dataset, "held-out-speakers", validation=0, test_speakers=["a"])


def test_a_stratum_too_rare_to_part_is_named_with_its_count():
    dataset = corpus([0] * 10 + [1] * 10 + [2], ["a", "b", "c"] * 7)
    with pytest.raises(SplitError, match=r"\(neutral: 1, anger: 10, fear: 10\)\. .*merge or drop"):
        make_split(dataset)
    dataset = corpus([0] * 10 + [1] * 10, ["a", "b"] * 9 + ["a", "a"])
    with pytest.raises(SplitError, match=r"\(fear \+ male: 4, anger \+ female: 5, anger \+ male: 5, fear \+ fem"):
        make_split(dataset, "k-fold", folds=5, fold=0, stratify_by=["label", "sex"])


def test_repeated_utterance_ids_are_named(balanced):
    names = ["same"] * 3 + [f"u{index}" for index in range(57)]
    dataset = corpus(balanced["label"][:], balanced["speaker"][:], utterance=names)
    with pytest.raises(SplitError, match=r"1 utterance ids occur more than once, such as `same`"):
        make_split(dataset)


NAMELESS = {
    "speaker": [("leave-one-speaker-out", {}), ("speaker-folds", {}), ("held-out-speakers", {"test_speakers": ["a"]})],
    "sentence": [("leave-one-sentence-out", {})],
    "sex": [("stratified", {"stratify_by": ["sex"]})],
}


@pytest.mark.parametrize("column", NAMELESS)
def test_clips_cannot_be_parted_by_names_that_they_do_not_have(column):
    names = {column: ["a", "b", None] * 5 + ["c", "d", ""] * 5}
    dataset = corpus([index % 3 for index in range(30)], names.pop("speaker", ["a"] * 30), **names)
    for kind, options in NAMELESS[column]:
        with pytest.raises(SplitError, match=f"10 clips do not name their {column}. Use `split: stratified`"):
            make_split(dataset, kind, **options)


@pytest.mark.parametrize(
    ("kind", "column"),
    [("leave-one-speaker-out", "speaker"), ("speaker-folds", "speaker"), ("leave-one-sentence-out", "sentence")],
)
def test_a_column_with_one_value_cannot_be_parted(kind, column):
    dataset = corpus([0, 1, 2] * 4, ["a"] * 12, sentence=["a"] * 12)
    with pytest.raises(SplitError, match=rf"The column `{column}` has one value, \['a'\]; `split: {kind}` needs two"):
        count_folds(dataset, SplitArguments(split=kind))
