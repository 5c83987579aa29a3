"""Words for a result, the same in plots and card: percentages, its split, its speakers, messages without folders."""

import re
from collections.abc import Sequence
from pathlib import PureWindowsPath

SCORE_NAMES = {
    "uar": "UAR (unweighted average recall)",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
}

# A path as it stands in a message: /home/someone/a.wav, C:\Users\someone\a.wav; in quotes it may hold spaces.
PATH = re.compile(
    r"(?<=[`'\"])(?:[A-Za-z]:|~|\.{1,2})?[/\\][^`'\"\n]+(?=[`'\"])"
    r"|(?<![\w.:/])(?:[A-Za-z]:|~|\.{1,2})?(?:[/\\][^\s/\\`'\"]+){2,}"
)


def list_some(names: Sequence[str], most: int = 20) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def percent(share: float) -> str:
    """A share of 0..1 as `81.3 %`."""
    return f"{100 * share:.1f} %"


def interval_range(interval: dict) -> str:
    """An interval as `74.0 to 88.1 %`."""
    return f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f} %"


def duration(seconds: float) -> str:
    """A time as `48 s`, `3 min 12 s` or `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def corpus_title(corpus: dict) -> str:
    """The corpus by its title, called synthetic where it is."""
    title = corpus["title"]
    if corpus["synthetic"] and "synthetic" not in title.lower():
        return f"{title} (synthetic speech)"
    return title


def part_title(results: dict, part: str) -> str:
    """The corpora of the `train` or `test` part by their titles, which differ where a model is tested on others."""
    corpus, names = results["corpus"], results["protocol"].get(f"{part}_corpora")
    titles = [corpus_title(entry) for entry in corpus.get("parts", []) if names and entry["name"] in names]
    if not titles or len(titles) == len(corpus["parts"]):
        return corpus_title(corpus)
    return " + ".join(titles)


def results_title(results: dict) -> str:
    """What a score is a score of: the corpora of the test part, and those of the training part where they differ."""
    trained, tested = part_title(results, "train"), part_title(results, "test")
    return tested if trained == tested else f"{tested}, by a model of {trained}"


def is_speaker_independent(protocol: dict) -> bool:
    """Whether all speakers are known and none in test was heard in training."""
    speakers = protocol["test_speakers"]
    return bool(speakers) and all(speakers) and not protocol["shared_speakers"]


def speaker_claim(protocol: dict) -> str:
    """What the score says about new speakers, in half a sentence."""
    if is_speaker_independent(protocol):
        return "speaker-independent: no test speaker was heard in training"
    if protocol["shared_speakers"]:
        return "speakers are shared between training and test: not a score for new speakers"
    return "not every clip names its speaker: not a score for new speakers"


def fold_spread(results: dict, metric: str) -> str:
    """Mean, deviation and range of a score over folds, as `77.1 ± 6.0 % (63.2 to 88.4 %)`."""
    spread = {key: 100 * value for key, value in results["fold_metrics"][metric].items()}
    return f"{spread['mean']:.1f} ± {spread['sd']:.1f} % ({spread['min']:.1f} to {spread['max']:.1f} %)"


def describe_size(protocol: dict) -> str:
    """How many clips a score is of: `n = 107`, or `10 folds, n = 535`."""
    folds = f"{protocol['n_folds']} folds, " if protocol.get("n_folds") else ""
    repeats = f", each clip {protocol['repeats']} times" if protocol.get("repeats", 1) > 1 else ""
    return f"{folds}n = {protocol['n_test']}{repeats}"


def describe_search(results: dict) -> str | None:
    """What was searched before training, how, and by which score; None for a run that took its recipe as it was."""
    tuning = results.get("folds", [results])[0].get("tuning")
    if tuning is None:
        return None
    keys = ", ".join(f"`{key}`" for key in tuning["search_space"])
    each = ", in each fold" if "folds" in results else ""
    return f"Searched ({tuning['method']}, {len(tuning['trials'])} trials) by {tuning['metric']}{each}: {keys}."


def selected_epoch(results: dict) -> float | None:
    """The first epoch with the best validation score (`validation uar`, `epochs by validation loss, then retrained`).

    None if none was selected. Trainer too keeps the first of equals.
    """
    if "folds" in results:  # each has its own
        return None
    selected_on = re.search(r"\bvalidation(?: (?:eval_)?(\w+))?", results["protocol"]["selected_on"].lower())
    if selected_on is None:
        return None
    key = f"eval_{selected_on[1] or 'uar'}"
    scored = [entry for entry in results["history"] if key in entry]
    if not scored:
        return None
    best = min if key == "eval_loss" else max
    return best(scored, key=lambda entry: entry[key])["epoch"]


def file_name(path: str) -> str:
    """Last part of a path, of Windows or POSIX."""
    return PureWindowsPath(path).name


def without_folders(message: str) -> str:
    """A message whose paths are cut to their file names."""
    return PATH.sub(lambda path: file_name(path.group()), message)
