"""What a corpus is before anything is learnt from it: its counts, files that cannot be used, sounds held twice."""

import dataclasses
import logging
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.compute
from datasets import Value

from hf_ser import audio, containers, quality, sound_prints
from hf_ser.caching import hash_inputs
from hf_ser.corpora import CORPORA, list_sources
from hf_ser.corpora.archives import FREE_SPACE
from hf_ser.corpora.fingerprints import count_emotions, count_speakers, fingerprint_differences
from hf_ser.errors import AudioError, RecipeError, suggest, writing
from hf_ser.workers import count_workers

logger = logging.getLogger(__name__)

ON_BAD_AUDIO = ("raise", "skip")
BATCH_SIZE = 250  # clips that a worker holds, where the dataset has them as bytes
# What a scan adds to each clip; the numbers are None for a bad file.
SCAN = datasets.Features(
    {
        "fault": Value("string"),  # "" for a good file
        "audio_hash": Value("string"),  # "" for a bad one
        "sound_print": Value("binary"),  # see sound_prints
        **dict.fromkeys(("level", "clipped", "silence"), Value("float32")),  # see quality
    }
)
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
    duplicates: list[list[str]]  # utterances with the same samples
    near_duplicates: list[list[str]]  # utterances of one recording that was changed


def check_corpus(name: str, data_dir: str | Path | None = None) -> CorpusReport:
    """Read every file of a corpus and report what differs from the published one; nothing is left out or changed."""
    ((source, folder),) = list_sources(name, data_dir)
    builder = CORPORA[source](data_dir=folder)
    dataset = mark_duplicates(scan_audio(builder.load()))
    return CorpusReport(
        name=name,
        emotion_counts=count_emotions(dataset),
        speaker_counts=count_speakers(dataset),
        differences=fingerprint_differences(dataset, builder.card),
        bad_files=list_bad_audio(dataset),
        known_bad_files=list_known_bad_audio(dataset),
        duplicates=find_duplicate_audio(dataset),
        near_duplicates=find_near_duplicate_audio(dataset),
    )


def scan_audio(dataset: datasets.Dataset, num_proc: int | None = None) -> datasets.Dataset:
    """Add the columns of SCAN; each file is decoded once, then cached, whatever the other columns hold.

    Nothing here uses torch, so worker processes cannot hang on its threads.

    Args:
        dataset: with an `audio` column, as `load_corpus` gives it.
        num_proc: worker processes; None takes all cores for a large dataset and none for a small one.
    """
    clips = dataset.select_columns("audio").cast_column("audio", datasets.Audio(decode=False))
    clips = clips.flatten_indices() if clips._indices else clips
    workers = count_workers(len(clips), num_proc)
    key = hash_inputs(clips, audio, containers, sound_prints, quality, sys.modules[__name__])
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "hf_ser" / "scans"
    with writing(folder, FREE_SPACE):
        folder.mkdir(parents=True, exist_ok=True)
        columns = clips.map(
            _scan_batch,
            batched=True,
            batch_size=BATCH_SIZE,
            remove_columns="audio",
            features=SCAN,
            num_proc=workers if workers > 1 else None,
            desc="Checking sound files",
            cache_file_name=str(folder / f"{key}.arrow"),
            new_fingerprint=key,
        )
    kept = [name for name in dataset.column_names if name not in SCAN]
    return datasets.concatenate_datasets([dataset.select_columns(kept), columns], axis=1)


def drop_bad_audio(
    dataset: datasets.Dataset, on_bad_audio: str = "raise"
) -> tuple[datasets.Dataset, list[dict[str, str]]]:
    """The scanned dataset without its bad files, its duplicates marked, and the bad ones as `{"file", "reason"}`.

    Files that are bad in the published corpus are logged and left out in both modes.

    Args:
        dataset: Utterances; scanned and marked here unless `scan_audio` and `mark_duplicates` have.
        on_bad_audio: `raise` refuses a dataset with other bad files, `skip` logs and leaves them out too.

    Raises:
        AudioError: There are other bad files and `on_bad_audio` is `raise`, or no good one is left.
        RecipeError: `on_bad_audio` has another value.
    """
    check_on_bad_audio(on_bad_audio)
    scanned = dataset if "fault" in dataset.column_names else scan_audio(dataset)
    unforeseen = list_bad_audio(scanned)
    bad_files = unforeseen + list_known_bad_audio(scanned)
    if len(bad_files) == len(scanned):
        raise AudioError(_describe(bad_files, len(scanned)))
    if unforeseen and on_bad_audio == "raise":
        raise AudioError(_describe(unforeseen, len(scanned)))
    marked = scanned if "same_audio" in scanned.column_names else mark_duplicates(scanned)
    if not bad_files:
        return marked, []
    for bad in bad_files:
        logger.warning("left out %s: %s", bad["file"], bad["reason"])
    logger.warning("left out %d of %d files", len(bad_files), len(scanned))
    faults = zip(marked["fault"][:], _find_known(marked), strict=True)
    return marked.select([index for index, pair in enumerate(faults) if not any(pair)]), bad_files


def check_on_bad_audio(on_bad_audio: str) -> None:
    """Raise RecipeError unless it is `raise` or `skip`."""
    if on_bad_audio not in ON_BAD_AUDIO:
        raise RecipeError(f"`on_bad_audio: {on_bad_audio}` is unknown. {suggest(on_bad_audio, ON_BAD_AUDIO)}")


def list_bad_audio(scanned: datasets.Dataset) -> list[dict[str, str]]:
    """File, relative to the folder that holds all, and reason of each file that is bad, but not so as published."""
    pairs = zip(scanned["fault"][:], _find_known(scanned), strict=True)
    return _list_files(scanned, ["" if known else fault for fault, known in pairs])


def list_known_bad_audio(scanned: datasets.Dataset) -> list[dict[str, str]]:
    """File and reason of each file that is bad in the published corpus, as its card says."""
    return _list_files(scanned, _find_known(scanned))


def mark_duplicates(scanned: datasets.Dataset) -> datasets.Dataset:
    """The dataset with a column `same_audio` and without the prints.

    Clips with one value there are one recording, exactly or nearly: at another gain, rate or bit depth, as MP3, or
    shifted by up to 50 ms. It is "" for a clip that is there once.
    """
    hashes = scanned["audio_hash"][:]
    leaders = _find_leaders(hashes, _list_prints(scanned))
    recordings = [leaders.get(audio_hash, "") for audio_hash in hashes]
    counts = Counter(recordings)
    same_audio = [recording if counts[recording] > 1 else "" for recording in recordings]
    kept = [name for name in scanned.column_names if name not in ("sound_print", "same_audio")]
    return scanned.select_columns(kept).add_column("same_audio", same_audio, feature=Value("string"))


def find_duplicate_audio(scanned: datasets.Dataset) -> list[list[str]]:
    """Groups of utterances with the same samples, in the order of the dataset."""
    return [[utterance for utterance, _ in group] for group in _group(scanned, "audio_hash")]


def find_near_duplicate_audio(marked: datasets.Dataset) -> list[list[str]]:
    """Groups of utterances that are one recording, of which at least two differ in their samples.

    Args:
        marked: as `mark_duplicates` gives it.
    """
    groups = _group(marked, "same_audio")
    return [
        [utterance for utterance, _ in group] for group in groups if len({audio_hash for _, audio_hash in group}) > 1
    ]


def _group(dataset: datasets.Dataset, column: str) -> list[list[tuple[str, str]]]:
    """Utterances, each with its hash, that share a value of a column."""
    groups = defaultdict(list)
    names = ("utterance", "audio_hash", column)
    for utterance, audio_hash, value in zip(*(dataset[name][:] for name in names), strict=True):
        groups[value].append((utterance, audio_hash))
    return [group for value, group in groups.items() if value and len(group) > 1]


def _find_known(dataset: datasets.Dataset) -> list[str]:
    """For each row what is wrong with it as published, or ""."""
    known = {utterance: fault for builder in CORPORA.values() for utterance, fault in builder.card.known_bad.items()}
    return [known.get(utterance, "") for utterance in dataset["utterance"][:]]


def _list_files(dataset: datasets.Dataset, faults: list[str]) -> list[dict[str, str]]:
    if not any(faults):
        return []
    sounds = dataset.select_columns("audio").with_format("arrow")[:]["audio"]  # arrow: no bytes are read
    paths = [path or "" for path in pa.compute.struct_field(sounds, "path").to_pylist()]
    root = _common_folder(paths)
    return [
        {"file": os.path.relpath(path, root) if root else path, "reason": fault}
        for path, fault in zip(paths, faults, strict=True)
        if fault
    ]


def _find_leaders(hashes: list[str], prints: list[pa.Buffer]) -> dict[str, str]:
    """Hash -> hash of the first clip that is the same recording; bad files have none."""
    firsts: dict[str, int] = {}
    for index, audio_hash in enumerate(hashes):
        if audio_hash:
            firsts.setdefault(audio_hash, index)
    leaders = {audio_hash: audio_hash for audio_hash in firsts}
    distinct = list(firsts)
    for group in sound_prints.find_near_duplicates([prints[index] for index in firsts.values()]):
        leaders |= {distinct[member]: distinct[group[0]] for member in group}
    return leaders


def _list_prints(scanned: datasets.Dataset) -> list[pa.Buffer]:
    """Prints as they lie in the cache file, not copied."""
    column = scanned.select_columns("sound_print").with_format("arrow")[:]["sound_print"]
    return [sound_print.as_buffer() for sound_print in column]


def _scan_batch(batch: dict[str, list]) -> dict[str, list]:
    rows = [_scan(sound) for sound in batch["audio"]]
    return {name: [row.get(name) for row in rows] for name in SCAN}


def _scan(sound: dict) -> dict[str, str | bytes | float]:
    try:
        waveform, native_rate = audio.decode_audio(sound)
    except AudioError as error:
        # The row names the file; its fault need not.
        fault = str(error).removeprefix(f"`{sound['path']}`: ")
        return {"fault": fault, "audio_hash": "", "sound_print": b""}
    return {
        "fault": "",
        "audio_hash": audio.hash_waveform(waveform, native_rate),
        "sound_print": sound_prints.make_print(waveform, native_rate),
        **quality.measure_quality(waveform, native_rate),
    }


def _common_folder(paths: list[str]) -> str:
    """Deepest folder above all files; "" where paths are relative or missing, as in datasets of the Hub."""
    folders = {os.path.dirname(path) for path in paths}
    return os.path.commonpath(folders) if folders and all(map(os.path.isabs, folders)) else ""


def _describe(bad_files: list[dict[str, str]], total: int) -> str:
    named = "\n".join(f"  {bad['file']}: {bad['reason']}" for bad in bad_files[:NAMED])
    rest = f"\n  and {len(bad_files) - NAMED} more" if len(bad_files) > NAMED else ""
    advice = "" if len(bad_files) == total else " Mend them, or leave them out with `on_bad_audio: skip`."
    return f"{len(bad_files)} of {total} sound files cannot be used.{advice}\n{named}{rest}"
