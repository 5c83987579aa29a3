"""What the parts of a split share, and the protocol block that tells it beside the score."""

from datasets import DatasetDict

from hf_ser.errors import SplitError
from hf_ser.splits.arguments import PARTS, SplitArguments
from hf_ser.splits.lists import hash_split


def check_speaker_independent(split: DatasetDict) -> None:
    """Raise SplitError when a claim of speaker independence does not hold, or cannot be checked."""
    nameless = sum(not name for part in PARTS for name in split[part]["speaker"][:])
    if nameless:
        raise SplitError(
            f"The recipe says `speaker_independent: true`, but {nameless} clips do not name their speaker. "
            "Name them, or drop the claim."
        )
    shared = shared_values(split, "speaker")
    if shared:
        raise SplitError(
            f"The recipe says `speaker_independent: true`, but speakers {shared} are in test and in training or "
            "validation. Use `split: leave-one-speaker-out`, or drop the claim: the overlap is then reported with the "
            "score."
        )


def shared_values(split: DatasetDict, column: str) -> list[str]:
    """Values of a column that the test part shares with what the model has seen: train and validation."""
    seen = set(split["train"][column][:]) | set(split["validation"][column][:])
    return sorted((seen & set(split["test"][column][:])) - {"", None})


def shared_audio(split: DatasetDict) -> list[list[str]]:
    """Groups of utterances that are one recording (`same_audio`), of which one is in test and another is not."""
    if "same_audio" not in split["test"].column_names:
        return []
    groups: dict[str, dict[str, str]] = {}
    for part in PARTS:
        for utterance, recording in zip(split[part]["utterance"][:], split[part]["same_audio"][:], strict=True):
            if recording:
                groups.setdefault(recording, {})[utterance] = "test" if part == "test" else "seen"
    return [sorted(group) for group in groups.values() if len(set(group.values())) == 2]


def describe_split(split: DatasetDict, arguments: SplitArguments, selected_on: str) -> dict[str, object]:
    """The protocol block of results.json: what was parted how, and what the parts share."""
    return {
        "split": arguments.split,
        "seed": arguments.split_seed,
        "fold": arguments.fold,
        "split_hash": hash_split(split),
        **{f"n_{part}": len(split[part]) for part in PARTS},
        "shared_speakers": shared_values(split, "speaker"),
        "shared_sentences": shared_values(split, "sentence"),
        "shared_audio": shared_audio(split),
        "test_speakers": _known_speakers(split, "test"),
        "validation_speakers": _known_speakers(split, "validation"),
        **_list_corpora(split),
        "selected_on": selected_on,
    }


def _known_speakers(split: DatasetDict, part: str) -> list[str]:
    """Speakers of a part; none where any clip of the split does not name its own, so that no claim is made."""
    known = all(all(clips["speaker"][:]) for clips in split.values())
    return sorted(set(split[part]["speaker"][:])) if known else []


def _list_corpora(split: DatasetDict) -> dict[str, list[str]]:
    """Corpora that the model has heard, and those that it is tested on."""
    if "corpus" not in split["test"].column_names:
        return {}
    corpora = {part: set(split[part]["corpus"][:]) for part in PARTS}
    return {
        "train_corpora": sorted(corpora["train"] | corpora["validation"]),
        "test_corpora": sorted(corpora["test"]),
    }
