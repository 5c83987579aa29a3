"""A saved model and sound files -> a table of emotions, through the stock pipeline of transformers.

The pipeline is given the arrays of `read_audio`, never paths, for which it would need the ffmpeg program.
"""

import difflib
import glob
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import transformers
from safetensors import SafetensorError
from tqdm import tqdm
from transformers import AudioClassificationPipeline, AutoFeatureExtractor, AutoModelForAudioClassification

from hf_ser.audio import read_audio
from hf_ser.checks import check_on_bad_audio
from hf_ser.errors import AudioError, RunError, suggest

# What a folder is searched for; a file that is named itself is read whatever its suffix.
SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")
CONFIG, WEIGHTS, FEATURES = "config.json", "model.safetensors", "preprocessor_config.json"
HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
NAMED = 5  # weights that an error names; the rest it counts
LONG = 10  # seconds that every network takes
FEW = 8  # files that need no progress bar


def predict(
    model: str | Path | AudioClassificationPipeline,
    files: str | Path | Iterable[str | Path],
    batch_size: int = 8,
    on_bad_audio: str = "raise",
) -> pd.DataFrame:
    """Emotion of each sound file: one row a file, in the order given.

    Args:
        model: Run folder, Hub id, or a pipeline that `load_classifier` made; other pipelines serve as well.
        files: Paths; `find_files` makes them of folders and globs.
        batch_size: Files in memory at once. It does not change the scores.
        on_bad_audio: `raise` stops at a file that cannot be read, `skip` says why in its row.

    Returns:
        Columns `file`, `label`, `score`, the probability of each emotion, and `error` ("" for a file that was read).

    Raises:
        AudioError: A file cannot be read and `on_bad_audio` is `raise`.
        RunError: The model is not whole.
    """
    classifier = model if isinstance(model, AudioClassificationPipeline) else load_classifier(model)
    files = [str(path) for path in ([files] if isinstance(files, str | Path) else files)]
    probabilities, faults = classify(classifier, files, batch_size, on_bad_audio)
    emotions = list_emotions(classifier)
    table = pd.DataFrame({"file": files})
    table["label"] = [
        "" if fault else emotions[row.argmax()] for row, fault in zip(probabilities, faults, strict=True)
    ]
    table["score"] = probabilities.max(axis=1)
    return pd.concat([table, pd.DataFrame(probabilities, columns=emotions), pd.Series(faults, name="error")], axis=1)


def classify(
    classifier: AudioClassificationPipeline,
    sources: Sequence[str | dict],
    batch_size: int = 8,
    on_bad_audio: str = "raise",
) -> tuple[np.ndarray, list[str]]:
    """Probabilities (files, emotions) in the model's order of emotions, and what is wrong with each file.

    A file that cannot be read has NaN in its row, and a reason; the others have "".
    """
    check_on_bad_audio(on_bad_audio)
    emotions = list_emotions(classifier)
    probabilities, faults = np.full((len(sources), len(emotions)), np.nan), [""] * len(sources)
    # Zeros behind a clip change its scores where no mask tells the model of them.
    masked = getattr(classifier.feature_extractor, "return_attention_mask", False)
    waveforms = _read(classifier, sources, on_bad_audio, faults)
    outputs = list(classifier(waveforms, batch_size=batch_size if masked else 1, top_k=None))
    read = [index for index, fault in enumerate(faults) if not fault]
    for index, output in zip(read, outputs, strict=True):
        scores = {entry["label"]: entry["score"] for entry in output}
        probabilities[index] = [scores[emotion] for emotion in emotions]
    return probabilities, faults


def list_emotions(classifier: AudioClassificationPipeline) -> list[str]:
    """The model's emotions, in its order."""
    id2label = classifier.model.config.id2label
    return [id2label[index] for index in sorted(id2label)]


def load_classifier(model: str | Path) -> AudioClassificationPipeline:
    """The audio pipeline of a run folder or Hub id, after a check that nothing of it is missing.

    Raises:
        RunError: There is no such model, files of it are missing or damaged, or its weights are not those of the
            network that its configuration describes (transformers alone only warns).
    """
    name = _locate(model)
    options = {"trust_remote_code": False}  # our own classes are registered; nobody else's code is run
    try:
        network, report = AutoModelForAudioClassification.from_pretrained(
            name, output_loading_info=True, ignore_mismatched_sizes=True, **options
        )
        feature_extractor = AutoFeatureExtractor.from_pretrained(name, **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"`{name}` cannot be loaded: {_first_sentence(error)} {_advise(name)}") from error
    _check_weights(name, report)
    return transformers.pipeline("audio-classification", network, feature_extractor=feature_extractor, top_k=None)


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """The sound files that files, folders (with all in them) and globs stand for: sorted, each once.

    A file that is named itself is kept even if it is not there, so that reading it says so.

    Raises:
        AudioError: A folder or glob has no sound file, or none of the named files is there.
    """
    paths = [Path(path).expanduser() for path in paths]
    found: dict[Path, Path] = {}
    for file in (file for path in paths for file in _find(path)):
        found.setdefault(file.resolve(), file)
    if not any(file.exists() for file in found.values()):
        seen = ", ".join(f"`{path}`" for path in paths) or "an empty list"
        raise AudioError(f"No sound file found: there is no {seen}. Name sound files, folders of them, or globs.")
    return sorted(found.values())


def _find(path: Path) -> list[Path]:
    """Files of one argument."""
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()]
        found = [file for file in found if not file.name.startswith(".")]  # macOS leaves `._name.wav` beside each file
        sought = f"looked in it and its folders for {', '.join(SUFFIXES)}"
    elif glob.has_magic(str(path)) and not path.exists():
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        found = [file for match in matches for file in (_find(match) if match.is_dir() else [match])]
        sought = "looked for files of this pattern"
    else:
        return [path]
    if not found:
        raise AudioError(f"No sound file in `{path}`; {sought}. Check the path.")
    return found


def _read(
    classifier: AudioClassificationPipeline, sources: Sequence[str | dict], on_bad_audio: str, faults: list[str]
) -> Iterator[np.ndarray]:
    """Waveforms of the files that can be read, as the pipeline asks for them; `faults` gets the others' reasons."""
    shortest = np.inf  # samples that the network is known to take
    for index, source in enumerate(tqdm(sources, desc="Listening", unit="file", disable=_hide_bar(sources))):
        try:
            waveform = read_audio(source, classifier.feature_extractor.sampling_rate)
            if len(waveform) < shortest:
                _check_length(classifier, waveform, source)
                shortest = len(waveform)
        except AudioError as error:
            if on_bad_audio == "raise":
                raise
            faults[index] = str(error).removeprefix(f"`{source}`: ")  # the row names the file
            continue
        yield waveform


def _check_length(classifier: AudioClassificationPipeline, waveform: np.ndarray, source: str | dict) -> None:
    """Raise AudioError for a clip of which the layers of the network leave nothing."""
    try:
        classifier(waveform)
    except (RuntimeError, ValueError) as error:
        rate = classifier.feature_extractor.sampling_rate
        classifier(np.pad(waveform, (0, LONG * rate)))  # raises again what is not a matter of length
        name = source["path"] if isinstance(source, dict) else source
        seconds = len(waveform) / rate
        raise AudioError(f"`{name}`: {seconds:.3f} s is too short for this model. Leave it out.") from error


def _hide_bar(sources: Sequence) -> bool | None:
    """For few files; None lets tqdm hide it where stderr is no terminal."""
    return True if len(sources) <= FEW else None


def _locate(model: str | Path) -> str:
    """The folder of a whole model, or a Hub id; raises RunError for what is neither."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_files(folder)
        return str(folder)
    # `runs/quickstrat` could be a Hub id, but where there is a folder `runs` it is a slip of the pen.
    near = sorted(path.name for path in folder.parent.iterdir()) if folder.parent.is_dir() else []
    is_id = isinstance(model, str) and HUB_ID.fullmatch(model) and not folder.exists()
    if is_id and (folder.parent == Path() or not near):
        return model
    hint = f" {suggest(folder.name, near)}" if difflib.get_close_matches(folder.name, near) else ""
    raise RunError(f"There is no folder `{model}`. Expected a run folder, as training leaves it, or a Hub id.{hint}")


def _check_files(folder: Path) -> None:
    sharded = WEIGHTS + ".index.json"
    missing = [name for name in (CONFIG, FEATURES) if not (folder / name).is_file()]
    missing += [] if (folder / WEIGHTS).is_file() or (folder / sharded).is_file() else [WEIGHTS]
    if missing:
        raise RunError(f"`{folder}` is no whole model: it lacks {_listed(missing)}. {_advise(folder)}")
    try:
        json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"`{folder / CONFIG}` is not valid JSON ({error}). {_advise(folder)}") from error


def _check_weights(name: str, report: dict[str, Any]) -> None:
    """Every weight of the network was in the file, in its shape, and nothing else."""
    mismatched = [entry[0] for entry in report["mismatched_keys"]]
    kinds = {
        "missing": report["missing_keys"],
        "unexpected": report["unexpected_keys"],
        "of another shape": mismatched,
    }
    faults = [f"{len(keys)} {kind} ({_listed(sorted(keys))})" for kind, keys in kinds.items() if keys]
    if faults:
        raise RunError(f"`{name}`: its weights do not fit its {CONFIG}: {'; '.join(faults)}. {_advise(name)}")


def _advise(model: str | Path) -> str:
    """What to do about a model that cannot be used."""
    if Path(model).is_dir():
        return "Finish its training (the same command goes on with it), or copy the whole folder again."
    return "Check the name and the connection, or pass a run folder."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:NAMED]) + more


def _first_sentence(error: Exception) -> str:
    """The first line of what another library says, with a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
