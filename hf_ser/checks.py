"""What a corpus is before anything is learnt from it: its counts, files that cannot be used, sounds held twice."""

import dataclasses
import logging
import os
from collections import defaultdict
from pathlib import Path

import datasets

from hf_ser import audio, containers
from hf_ser.audio import hash_audio
from hf_ser.caching import hash_inputs
from hf_ser.corpora import CORPORA, list_sources
from hf_ser.corpora.archives import FREE_SPACE
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import AudioError, RecipeError, suggest, writing

logger = logging.getLogger(__name__)

ON_BAD_AUDIO = ("raise", "skip")
NAMED = 20  # bad files that an error names; the rest it counts


@dataclasses.dataclass(frozen=True)
class CorpusReport:
    """What `hf-ser corpora check` tells of a folder."""

    name: str
    emotion_counts: dict[str, int]
    speaker_counts: dict[str, int]
    differences: list[str]  # from the published corpus, one sentence each
    bad_files: list[dict[str, str]]  # file, reason
    known_bad_files: list[dict[str, str]]  # the same of those that the corpus has as published
    duplicates: list[list[str]]  # utterances that are one sound


def check_corpus(name: str, data_dir: str | Path | None = None) -> CorpusReport:
    """Read every file of a corpus and report what differs from the published one; nothing is left out or changed."""
    ((source, folder),) = list_sources(name, data_dir)
    builder = CORPORA[source](data_dir=folder)
    dataset = scan_audio(builder.load())
    return CorpusReport(
        name=name,
        emotion_counts=count_emotions(dataset),
        speaker_counts=count_speakers(dataset),
        differences=fingerprint_differences(dataset, builder.card),
        bad_files=list_bad_audio(dataset),
        known_bad_files=list_known_bad_audio(dataset),
        duplicates=find_duplicate_audio(dataset),
    )


def scan_audio(dataset: datasets.Dataset, num_proc: int | None = None) -> datasets.Dataset:
    """Add `fault` ("" for a good file) and `audio_hash` ("" for a bad one); each file is decoded once, then cached.

    Nothing here uses torch, so worker processes cannot hang on its threads.
    """
    with writing(datasets.config.HF_DATASETS_CACHE, FREE_SPACE):
        return dataset.map(
            _scan,
            input_columns="audio",
            num_proc=num_proc,
            desc="Checking sound files",
            new_fingerprint=hash_inputs(dataset, audio, containers),
        )


def drop_bad_audio(
    dataset: datasets.Dataset, on_bad_audio: str = "raise"
) -> tuple[datasets.Dataset, list[dict[str, str]]]:
    """The scanned dataset without its bad files, and these as `{"file", "reason"}`.

    Files that are bad in the published corpus are logged and left out in both modes.

    Args:
        dataset: Utterances; scanned here unless `scan_audio` has.
        on_bad_audio: `raise` refuses a dataset with other bad files, `skip` logs and leaves them out too.

    Raises:
        AudioError: There are other bad files and `on_bad_audio` is `raise`, or no good one is left.
        RecipeError: `on_bad_audio` has another value.
    """
    check_on_bad_audio(on_bad_audio)
    scanned = dataset if "fault" in dataset.column_names else scan_audio(dataset)
    unforeseen = list_bad_audio(scanned)
    bad_files = unforeseen + list_known_bad_audio(scanned)
    if not bad_files:
        return scanned, []
    if len(bad_files) == len(scanned):
        raise AudioError(_describe(bad_files, len(scanned)))
    if unforeseen and on_bad_audio == "raise":
        raise AudioError(_describe(unforeseen, len(scanned)))
    for bad in bad_files:
        logger.warning("left out %s: %s", bad["file"], bad["reason"])
    logger.warning("left out %d of %d files", len(bad_files), len(scanned))
    faults = zip(scanned["fault"], _find_known(scanned), strict=True)
    return scanned.select([index for index, pair in enumerate(faults) if not any(pair)]), bad_files


def check_on_bad_audio(on_bad_audio: str) -> None:
    """Raise RecipeError unless it is `raise` or `skip`."""
    if on_bad_audio not in ON_BAD_AUDIO:
        raise RecipeError(f"`on_bad_audio: {on_bad_audio}` is unknown. {suggest(on_bad_audio, ON_BAD_AUDIO)}")


def list_bad_audio(scanned: datasets.Dataset) -> list[dict[str, str]]:
    """File, relative to the folder that holds all, and reason of each file that is bad, but not so as published."""
    pairs = zip(scanned["fault"], _find_known(scanned), strict=True)
    return _list_files(scanned, ["" if known else fault for fault, known in pairs])


def list_known_bad_audio(scanned: datasets.Dataset) -> list[dict[str, str]]:
    """File and reason of each file that is bad in the published corpus, as its card says."""
    return _list_files(scanned, _find_known(scanned))


def find_duplicate_audio(scanned: datasets.Dataset) -> list[list[str]]:
    """Groups of utterances with the same samples, in the order of the dataset."""
    groups = defaultdict(list)
    for audio_hash, utterance in zip(scanned["audio_hash"], scanned["utterance"], strict=True):
        groups[audio_hash].append(utterance)
    return [group for audio_hash, group in groups.items() if audio_hash and len(group) > 1]


def _find_known(dataset: datasets.Dataset) -> list[str]:
    """For each row what is wrong with it as published, or ""."""
    known = {utterance: fault for builder in CORPORA.values() for utterance, fault in builder.card.known_bad.items()}
    return [known.get(utterance, "") for utterance in dataset["utterance"]]


def _list_files(dataset: datasets.Dataset, faults: list[str]) -> list[dict[str, str]]:
    paths = [sound["path"] or "" for sound in dataset["audio"]]
    root = _common_folder(paths)
    return [
        {"file": os.path.relpath(path, root) if root else path, "reason": fault}
        for path, fault in zip(paths, faults, strict=True)
        if fault
    ]


def _scan(sound: dict) -> dict[str, str]:
    try:
        return {"fault": "", "audio_hash": hash_audio(sound)}
    except AudioError as error:
        # The row names the file; its fault need not.
        return {"fault": str(error).removeprefix(f"`{sound['path']}`: "), "audio_hash": ""}


def _common_folder(paths: list[str]) -> str:
    """Deepest folder above all files; "" where paths are relative or missing, as in datasets of the Hub."""
    folders = {os.path.dirname(path) for path in paths}
    return os.path.commonpath(folders) if folders and all(map(os.path.isabs, folders)) else ""


def _describe(bad_files: list[dict[str, str]], total: int) -> str:
    named = "\n".join(f"  {bad['file']}: {bad['reason']}" for bad in bad_files[:NAMED])
    rest = f"\n  and {len(bad_files) - NAMED} more" if len(bad_files) > NAMED else ""
    advice = "" if len(bad_files) == total else " Mend them, or leave them out with `on_bad_audio: skip`."
    return f"{len(bad_files)} of {total} sound files cannot be used.{advice}\n{named}{rest}"
