"""The only reader of sound files: path or bytes -> mono float32 at one rate, every fault named.

What a file is called does not matter, only what it holds: WAV (RF64 too), AIFF, FLAC, OGG or MP3.
"""

import hashlib
import io
import math
from pathlib import Path

import numpy as np
import soundfile
import soxr

from hf_ser.containers import describe_cut, finalise_streamed_wav
from hf_ser.errors import AudioError, RecipeError

NAMELESS = "sound without a name"
AGAIN = "Copy or download it again, or leave it out."
# As libsndfile calls them. It reads more, but cuts those short without a word where they are truncated.
FORMATS = ("WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3")
EXPECTED = "Expected WAV, AIFF, FLAC, OGG or MP3: convert it, copy it again or leave it out."
# Full scale is 1; in float files that hold integers unscaled it is 2^31 at most, and power spectra stay finite.
LOUDEST = 2.0**31
# What a folder is searched for; a file that is named itself is read whatever its suffix.
SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")


def read_audio(source: str | Path | bytes | dict, sampling_rate: int = 16_000) -> np.ndarray:
    """Waveform of a sound file, (samples,) in float32; equals `librosa.load(path, sr=sampling_rate)`.

    Args:
        source: Path, the bytes of a file, the `{"bytes", "path"}` of a datasets Audio column, or its
            `{"array", "sampling_rate"}` of floats, (samples,) or (channels, samples).
        sampling_rate: Rate of the result in Hz.

    Raises:
        AudioError: The file is missing, empty, no audio, truncated, without signal or has impossible samples.
        RecipeError: The rate asked for is none.
    """
    if not sampling_rate or sampling_rate < 0:
        raise RecipeError(f"`sampling_rate: {sampling_rate}` is no rate. Give one in Hz, like 16000.")
    waveform, native_rate = decode_audio(source)
    return resample(waveform, native_rate, sampling_rate)


def hash_waveform(waveform: np.ndarray, native_rate: int) -> str:
    """Hex digest of samples in float32 and their rate: the same sound in WAV and in FLAC has one hash."""
    waveform = waveform + 0.0  # -0.0 and 0.0 are one sample
    return hashlib.blake2b(waveform.tobytes() + native_rate.to_bytes(4), digest_size=16).hexdigest()


def read_duration(source: str | Path | dict) -> float:
    """Seconds that the header of a sound file announces; the samples are not decoded.

    Args:
        source: Path, or the `{"bytes", "path"}` of a datasets Audio column.
    """
    path, content = (source.get("path"), source.get("bytes")) if isinstance(source, dict) else (source, None)
    try:
        # soundfile.info would also describe the format, which takes longer
        with soundfile.SoundFile(path or "" if content is None else io.BytesIO(content)) as file:
            return file.frames / file.samplerate
    except soundfile.LibsndfileError:
        waveform, native_rate = decode_audio(source)  # names the fault
        return len(waveform) / native_rate


def decode_audio(source: str | Path | bytes | dict) -> tuple[np.ndarray, int]:
    """Mono waveform of a sound file at the rate it was stored at, and that rate; channels are averaged."""
    if isinstance(source, dict) and source.get("array") is not None:
        name = source.get("path") or NAMELESS
        samples, native_rate = _take_array(name, source["array"], source.get("sampling_rate"))
    else:
        name, content = _read_bytes(source)
        samples, native_rate = _decode(name, finalise_streamed_wav(content))
    waveform = samples.mean(axis=1)  # (samples, channels) -> (samples,)
    _check_signal(name, samples, waveform)
    return waveform, native_rate


def resample(waveform: np.ndarray, native_rate: int, sampling_rate: int) -> np.ndarray:
    """The waveform at another rate, of ceil(samples * ratio) samples as librosa has it."""
    if native_rate == sampling_rate:
        return waveform
    length = math.ceil(len(waveform) * (sampling_rate / native_rate))
    resampled = soxr.resample(waveform, native_rate, sampling_rate, quality="HQ")[:length]
    return np.pad(resampled, (0, length - len(resampled)))


def _read_bytes(source: str | Path | bytes | dict) -> tuple[str, bytes]:
    """Name for messages, and the bytes of the file."""
    if isinstance(source, dict):
        name, content = source.get("path") or NAMELESS, source.get("bytes")
        if content is None and name == NAMELESS:
            raise _fault(
                name, f"keys {sorted(source)} without content. Give `bytes`, `path`, or `array` with its rate."
            )
        return (name, content) if content is not None else _read_bytes(name)
    if isinstance(source, bytes):
        return NAMELESS, source
    return str(source), _read_file(Path(source))


def _take_array(name: str, array: np.ndarray, native_rate: int | None) -> tuple[np.ndarray, int]:
    """Samples (samples, channels) of an array, and their rate."""
    samples = np.atleast_2d(array)  # (samples,) -> (channels, samples)
    if samples.dtype.kind != "f" or samples.ndim != 2 or not samples.size:
        seen = f"an array of {samples.dtype} in shape {np.shape(array)}"
        raise _fault(name, f"{seen}. Expected floats from -1 to 1, (samples,) or (channels, samples).")
    if not native_rate or native_rate < 0:
        raise _fault(name, f"an array with `sampling_rate: {native_rate}`. Give its rate in Hz.")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is a fault of its own
        return samples.T.astype(np.float32), int(native_rate)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _fault(
                path, f"a link to `{path.readlink()}`, where no file is. Mend it, or leave it out."
            ) from error
        raise _fault(path, "no such file. Check the path.") from error
    except IsADirectoryError as error:
        raise _fault(path, "a folder, not a sound file. Pass the files in it.") from error
    except OSError as error:
        raise _fault(path, f"cannot be read ({error.strerror}). Check the disk and the permissions.") from error


def _decode(name: str, content: bytes) -> tuple[np.ndarray, int]:
    """Samples (samples, channels) and their rate, or the fault."""
    if not content:
        raise _fault(name, f"an empty file (0 bytes). {AGAIN}")
    with _open(name, content) as file:
        announced = file.frames
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _fault(name, f"truncated or damaged ({error.error_string}) {AGAIN}") from error
    if cut := describe_cut(content, announced, decoded=len(samples)):
        raise _fault(name, f"truncated: {cut}. {AGAIN}")
    if len(samples) == 0:
        raise _fault(name, f"a header without samples (0 frames). {AGAIN}")
    return samples, file.samplerate


def _open(name: str, content: bytes) -> soundfile.SoundFile:
    try:
        file = soundfile.SoundFile(io.BytesIO(content))
    except soundfile.LibsndfileError as error:
        raise _fault(name, f"not a sound file that can be read ({error.error_string}) {EXPECTED}") from error
    if file.format not in FORMATS:
        raise _fault(name, f"format {file.format}, in which a truncated file passes for a whole one. {EXPECTED}")
    return file


def _check_signal(name: str, samples: np.ndarray, waveform: np.ndarray) -> None:
    """Raise AudioError for a waveform, the mean of the channels in `samples`, that holds no sound."""
    low, high = waveform.min(), waveform.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise _fault(name, "has NaN or infinite samples. Export it again, or leave it out.")
    if max(-low, high) > LOUDEST:
        raise _fault(name, f"has a peak of {max(-low, high):.3g}, full scale is 1. Export it again, or leave it out.")
    if low == high:
        raise _fault(name, f"{_describe_stillness(samples, low)}. Record or copy it again, or leave it out.")


def _describe_stillness(samples: np.ndarray, level: float) -> str:
    if len(samples) == 1:
        return "a single sample, which is no sound"
    if (samples != samples[0]).any():
        return "its channels cancel each other, so that nothing is left of their mean"
    return f"silent: all {len(samples)} samples are {level:g}"


def _fault(name: str | Path, reason: str) -> AudioError:
    return AudioError(f"`{name}`: {reason}")
