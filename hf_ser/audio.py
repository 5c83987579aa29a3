"""The only reader of sound files: path or bytes -> mono float32 at one rate, every fault named.

What a file is called does not matter, only what it holds: WAV, AIFF, FLAC, OGG or MP3.
"""

import hashlib
import io
import math
from pathlib import Path

import numpy as np
import soundfile
import soxr

from hf_ser.containers import finalise_streamed_wav, is_cut_short
from hf_ser.errors import AudioError

AGAIN = "Copy or download it again, or leave it out."


def read_audio(source: str | Path | bytes | dict, sampling_rate: int = 16_000) -> np.ndarray:
    """Waveform of a sound file, (samples,) in float32; equals `librosa.load(path, sr=sampling_rate)`.

    Args:
        source: Path, the bytes of a file, or the `{"bytes", "path"}` of a datasets Audio column.
        sampling_rate: Rate of the result in Hz.

    Raises:
        AudioError: The file is missing, empty, no audio, truncated, without signal or has NaN samples.
    """
    waveform, native_rate = decode_audio(source)
    return resample(waveform, native_rate, sampling_rate)


def hash_audio(source: str | Path | bytes | dict) -> str:
    """Hex digest of the samples and their rate: the same sound in WAV and in FLAC has one hash."""
    waveform, native_rate = decode_audio(source)
    waveform = waveform + 0.0  # -0.0 and 0.0 are one sample
    return hashlib.blake2b(waveform.tobytes() + native_rate.to_bytes(4), digest_size=16).hexdigest()


def read_duration(path: str | Path) -> float:
    """Seconds that the header of a sound file announces; the samples are not decoded."""
    try:
        header = soundfile.info(path)
    except soundfile.LibsndfileError:
        waveform, native_rate = decode_audio(path)  # names the fault
        return len(waveform) / native_rate
    return header.frames / header.samplerate


def decode_audio(source: str | Path | bytes | dict) -> tuple[np.ndarray, int]:
    """Mono waveform of a sound file at the rate it was stored at, and that rate; channels are averaged."""
    name, content = _read_bytes(source)
    samples, native_rate = _decode(name, finalise_streamed_wav(content))
    waveform = samples if samples.ndim == 1 else samples.mean(axis=1)  # (samples, channels) -> (samples,)
    _check_signal(name, waveform)
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
        if source.get("bytes") is None:
            return _read_bytes(source["path"])
        return source.get("path") or "sound without a name", source["bytes"]
    if isinstance(source, bytes):
        return "sound without a name", source
    return str(source), _read_file(Path(source))


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _fault(path, "no such file. Check the path.") from error
    except IsADirectoryError as error:
        raise _fault(path, "a folder, not a sound file. Pass the files in it.") from error
    except OSError as error:
        raise _fault(path, f"cannot be read ({error.strerror}). Check the disk and the permissions.") from error


def _decode(name: str, content: bytes) -> tuple[np.ndarray, int]:
    """Samples and their rate, or the fault; (samples,) for one channel, else (samples, channels)."""
    if not content:
        raise _fault(name, f"an empty file (0 bytes). {AGAIN}")
    with _open(name, content) as file:
        announced = file.frames
        try:
            samples = file.read(dtype="float32")
        except soundfile.LibsndfileError as error:
            raise _fault(name, f"truncated or damaged ({error.error_string}) {AGAIN}") from error
    if is_cut_short(content, announced, decoded=len(samples)):
        raise _fault(name, f"truncated: its header announces more than the {len(samples)} frames it holds. {AGAIN}")
    if len(samples) == 0:
        raise _fault(name, f"a header without samples (0 frames). {AGAIN}")
    return samples, file.samplerate


def _open(name: str, content: bytes) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(io.BytesIO(content))
    except soundfile.LibsndfileError as error:
        seen = f"not a sound file that can be read ({error.error_string})"
        expected = "Expected WAV, AIFF, FLAC, OGG or MP3: convert it, copy it again or leave it out."
        raise _fault(name, f"{seen} {expected}") from error


def _check_signal(name: str, waveform: np.ndarray) -> None:
    low, high = waveform.min(), waveform.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise _fault(name, "has NaN or infinite samples. Export it again, or leave it out.")
    if low == high:
        raise _fault(name, "silent: all samples are equal. Record or copy it again, or leave it out.")


def _fault(name: str | Path, reason: str) -> AudioError:
    return AudioError(f"`{name}`: {reason}")
