"""Small corpora to part, drawn at random or worked out by hand."""

from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import assume, settings
from hypothesis import strategies as st

from hf_ser.errors import SplitError
from hf_ser.splits import make_split

EMOTIONS = ["anger", "fear", "neutral"]
few_examples = settings(max_examples=10, deadline=None, derandomize=True)

# Options of each kind but `fixed`, for `random_corpora`; those with folds take `fold` too.
KINDS = {
    "stratified": {"stratify_by": ["label", "sex"]},
    "held-out-speakers": {"test_speakers": ["a", "d"]},
    "leave-one-speaker-out": {},
    "leave-one-sentence-out": {},
    "speaker-folds": {"folds": 4},
    "k-fold": {"folds": 3, "repeats": 2},
    "cross-corpus": {"test_corpora": ["south"]},
}
N_FOLDS = {"leave-one-speaker-out": 6, "leave-one-sentence-out": 4, "speaker-folds": 4, "k-fold": 6}


def corpus(labels, speakers, **columns):
    """A dataset with the columns that a split reads; utterances are named u0, u1, ..."""
    size = len(labels)
    rows = {
        "utterance": [f"u{index}" for index in range(size)],
        "label": list(labels),
        "speaker": list(speakers),
        "sentence": [f"s{index % 4}" for index in range(size)],
        "sex": ["female" if speaker and speaker in "ace" else "male" for speaker in speakers],
        "corpus": ["north" if speaker and speaker in "abc" else "south" for speaker in speakers],
        **columns,
    }
    kinds = {name: ClassLabel(names=EMOTIONS) if name == "label" else Value("string") for name in rows}
    return Dataset.from_dict(rows, features=Features(kinds))


def utterances(split):
    return {part: split[part]["utterance"][:] for part in split}


@st.composite
def draw_corpus(draw):
    """Six speakers with two clips of each emotion, and others at random, in random order."""
    some = st.tuples(st.integers(0, 2), st.sampled_from("abcdef"))
    rows = [(label, speaker) for label in range(3) for speaker in "abcdef"] * 2 + draw(st.lists(some, max_size=60))
    return corpus(*zip(*draw(st.permutations(rows)), strict=True))


random_corpora = draw_corpus()


def split_or_skip(dataset, **options):
    """A split; a random corpus that has none, as the error says, is no example."""
    try:
        return make_split(dataset, **options)
    except SplitError:
        return assume(False)
