"""A saved model and sound files -> a table of emotions, through the stock pipeline of transformers.

The pipeline is given the arrays of `read_audio`, never paths, for which it would need the ffmpeg program.
"""

import difflib
import glob
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import transformers
from safetensors import SafetensorError
from tqdm import tqdm
from transformers import (
    AudioClassificationPipeline,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    PreTrainedModel,
    SequenceFeatureExtractor,
)

from hf_ser.audio import SUFFIXES, read_audio
from hf_ser.checks import check_on_bad_audio
from hf_ser.errors import AudioError, RecipeError, RunError, suggest
from hf_ser.evaluation import probe
from hf_ser.runs import RESULTS, list_folds
from hf_ser.waveform_models import depends_on_padding
from hf_ser.wording import list_some

logger = logging.getLogger(__name__)

CONFIG, WEIGHTS, FEATURES = "config.json", "model.safetensors", "preprocessor_config.json"
HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
NAMED = 5  # weights that an error names; the rest it counts
LONG = 10  # seconds that every network takes
FEW = 8  # files that need no progress bar
COPY = "Copy the whole folder again."
NO_SCORES = "the model's scores for it are not finite. If it is so for every file, the weights are damaged."


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
        AudioError: A file cannot be read or scored and `on_bad_audio` is `raise`.
        RecipeError: `batch_size` or `on_bad_audio` has an impossible value.
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

    A file that cannot be read or scored has NaN in its row, and a reason; the others have "".
    """
    check_on_bad_audio(on_bad_audio)
    if not isinstance(batch_size, int) or batch_size < 1:
        raise RecipeError(f"`batch_size: {batch_size}` is no number of files. Give 1 or more.")
    emotions = list_emotions(classifier)
    probabilities, faults = np.full((len(sources), len(emotions)), np.nan), [""] * len(sources)
    if depends_on_padding(classifier.model, classifier.feature_extractor):
        batch_size = 1
    waveforms = _read(classifier, sources, on_bad_audio, faults)
    outputs = list(classifier(waveforms, batch_size=batch_size, top_k=None))
    read = [index for index, fault in enumerate(faults) if not fault]
    for index, output in zip(read, outputs, strict=True):
        scores = {entry["label"]: entry["score"] for entry in output}
        probabilities[index] = [scores[emotion] for emotion in emotions]
        if not np.isfinite(probabilities[index]).all():
            if on_bad_audio == "raise":
                raise AudioError(f"`{_name(sources[index])}`: {NO_SCORES}")
            probabilities[index], faults[index] = np.nan, NO_SCORES
    return probabilities, faults


def list_emotions(classifier: AudioClassificationPipeline) -> list[str]:
    """The model's emotions, in its order."""
    id2label = classifier.model.config.id2label
    return [id2label[index] for index in sorted(id2label)]


def load_classifier(model: str | Path) -> AudioClassificationPipeline:
    """The audio pipeline of a run folder or Hub id, after a check that nothing of it is missing.

    Raises:
        RunError: There is no such model, files of it are missing or damaged, its weights are not those of the
            network that its configuration describes (transformers alone only warns), or a run folder's files give
            other logits than training saved.
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
    if (Path(name) / RESULTS).is_file():
        _check_probe(Path(name), network, feature_extractor)
    return transformers.pipeline("audio-classification", network, feature_extractor=feature_extractor, top_k=None)


def read_json(path: Path, *keys: str) -> dict[str, Any]:
    """Content of a file of a run folder; raises RunError unless it is an object that has the `keys`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"`{path}` is not valid JSON ({error}). {COPY}") from error
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise RunError(f"`{path}` lacks {_listed(missing)}. {COPY}")
    return content


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """The sound files that files, folders (with all in them) and globs stand for: sorted, each once.

    A file that is named itself, and a link to one that is gone, are kept, so that reading them says so. A folder
    without sound files is logged, unless nothing else is found.

    Raises:
        AudioError: A glob matches nothing, folders have no sound file, or none of the named files is there.
    """
    paths = [match for path in paths for match in _expand(Path(os.path.expanduser(path)))]
    found: dict[str, Path] = {}
    empty = []
    for path in paths:
        files = _search(path) if path.is_dir() else [path]
        for file in files:
            found.setdefault(os.path.realpath(file), file)
        if not files:
            empty.append(f"No sound file in `{path}`; looked in it and its folders for {', '.join(SUFFIXES)}.")
    if not any(map(os.path.lexists, found.values())):
        seen = ", ".join(f"`{path}`" for path in paths) or "an empty list"
        nothing = f"No sound file found: there is no {seen}. Name sound files, folders of them, or globs."
        raise AudioError(f"{empty[0]} Check the path." if empty else nothing)
    for message in empty:
        logger.warning(message)
    return sorted(found.values())


def _expand(path: Path) -> list[Path]:
    """What a glob matches; any other path as it is."""
    if not glob.has_magic(str(path)) or os.path.lexists(path):
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    if not matches:
        raise AudioError(f"No sound file in `{path}`; looked for files of this pattern. Check the path.")
    return matches


def _search(folder: Path) -> list[Path]:
    """Sound files at any depth, links to files that are gone among them."""
    found = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    found = [path for path in found if path.is_file() or not path.exists()]
    return [path for path in found if not path.name.startswith(".")]  # macOS leaves `._name.wav` beside each file


def _read(
    classifier: AudioClassificationPipeline, sources: Sequence[str | dict], on_bad_audio: str, faults: list[str]
) -> Iterator[np.ndarray]:
    """Waveforms of the files that can be read, as the pipeline asks for them; `faults` gets the others' reasons."""
    shortest = np.inf  # samples that the network is known to take
    for index, source in enumerate(tqdm(sources, desc="Listening", unit="file", disable=_hide_bar(sources))):
        try:
            waveform = read_audio(source, classifier.feature_extractor.sampling_rate)
            samples = _count_heard(classifier, waveform, source)
            if samples < shortest:
                _check_length(classifier, waveform, source)
                shortest = samples
        except AudioError as error:
            if on_bad_audio == "raise":
                raise
            faults[index] = str(error).removeprefix(f"`{source}`: ")  # the row names the file
            continue
        yield waveform


def _count_heard(classifier: AudioClassificationPipeline, waveform: np.ndarray, source: str | dict) -> int:
    """Samples that the feature extractor leaves of a clip before it pads it."""
    trim = getattr(classifier.feature_extractor, "trim", np.asarray)
    try:
        return len(trim(waveform))
    except ValueError as error:
        raise AudioError(f"`{_name(source)}`: {error}") from error


def _check_length(classifier: AudioClassificationPipeline, waveform: np.ndarray, source: str | dict) -> None:
    """Raise AudioError for a clip of which the layers of the network leave nothing."""
    try:
        classifier(waveform)
    except (RuntimeError, ValueError) as error:
        rate = classifier.feature_extractor.sampling_rate
        # Raises again what is not a matter of length; ones, for zeros may be cut out as silence.
        classifier(np.pad(waveform, (0, LONG * rate), constant_values=1))
        seconds = _count_heard(classifier, waveform, source) / rate
        raise AudioError(f"`{_name(source)}`: {seconds:.3f} s is too short for this model. Leave it out.") from error


def _name(source: str | dict) -> str:
    """The path of a source, for messages."""
    return source["path"] if isinstance(source, dict) else source


def _hide_bar(sources: Sequence) -> bool | None:
    """For few files; None lets tqdm hide it where stderr is no terminal."""
    return True if len(sources) <= FEW else None


def _locate(model: str | Path) -> str:
    """The folder of a whole model, or a Hub id; raises RunError for what is neither."""
    folder = Path(os.path.expanduser(model))
    if folder.is_dir():
        _check_files(folder)
        return str(folder)
    if folder.is_file():
        raise RunError(f"`{model}` is a file of a model. Pass the folder that holds all of them: `{folder.parent}`.")
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
        check_one_model(folder)
        raise RunError(f"`{folder}` is no whole model: it lacks {_listed(missing)}. {_advise(folder)}")
    read_json(folder / CONFIG, "model_type")
    read_json(folder / FEATURES, "feature_extractor_type")  # without it transformers takes defaults


def check_one_model(folder: Path) -> None:
    """Raise RunError for a run over folds, which has a model for each."""
    folds = list_folds(folder)
    if folds:
        raise RunError(
            f"`{folder}` holds a run over {len(folds)} folds, each with a model of its own. Pass one of them, such as "
            f"`{folds[0]}`."
        )


def _check_probe(folder: Path, network: PreTrainedModel, feature_extractor: SequenceFeatureExtractor) -> None:
    """The logits for the seeded signal of `evaluation.probe` are those that training saved."""
    saved = read_json(folder / RESULTS, "probe")["probe"]
    expected = np.array(saved.get("logits", []) if isinstance(saved, dict) else [])
    try:
        logits = np.array(probe(network, feature_extractor)["logits"])
    except (RuntimeError, ValueError) as error:
        fault = f"they cannot score the signal of its `{RESULTS}`: {_first_sentence(error)}"
        raise RunError(f"`{folder}`: its files do not belong together, {fault} {COPY}") from error
    if logits.shape != expected.shape or not np.allclose(logits, expected, rtol=0, atol=_tolerate(expected)):
        given, saved = logits.round(3).tolist(), expected.round(3).tolist()
        fault = f"for one signal they give logits {given}, its `{RESULTS}` has {saved}."
        raise RunError(f"`{folder}`: its files do not belong together, {fault} {COPY}")


def _tolerate(logits: np.ndarray) -> float:
    """How far the logits of one model may lie apart on other hardware, where TF32 keeps ten bits."""
    return 0.01 * max(1.0, np.abs(logits).max())


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
    return list_some([f"`{name}`" for name in names], NAMED)


def _first_sentence(error: Exception) -> str:
    """The first line of what another library says, with a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
