"""Every sound file is read as librosa reads it, or named with its fault."""

import io
import struct

import librosa
import numpy as np
import pytest
import soundfile

from hf_ser.audio import decode_audio, hash_waveform, read_audio, read_duration
from hf_ser.errors import AudioError, RecipeError


def hash_audio(source):
    """Digest of what a file holds."""
    return hash_waveform(*decode_audio(source))


def chirp(rate: int, seconds: float = 0.7) -> np.ndarray:
    time = np.arange(int(rate * seconds)) / rate
    return (0.4 * np.sin(2 * np.pi * (200 + 900 * time) * time)).astype(np.float32)


def encode(samples, rate=16_000, format="WAV", subtype=None, endian=None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=format, subtype=subtype, endian=endian)
    return buffer.getvalue()


def with_data_size(wav: bytes, size: int) -> bytes:
    """The WAV as a writer leaves it that cannot go back to fill in the lengths."""
    position = wav.index(b"data") + 4
    return wav[:4] + struct.pack("<I", size) + wav[8:position] + struct.pack("<I", size) + wav[position + 4 :]


def assert_equals_librosa(path) -> None:
    expected, _ = librosa.load(path, sr=16_000)
    waveform = read_audio(path)
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, expected, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_414, 44_100, 48_000, 96_000])
def test_every_rate_is_resampled_as_librosa_does(tmp_path, rate):
    soundfile.write(tmp_path / "chirp.wav", chirp(rate), rate)
    assert_equals_librosa(tmp_path / "chirp.wav")


@pytest.mark.parametrize("rate", [11_025, 44_100])
def test_the_rate_asked_for_is_the_rate_given(tmp_path, rate):
    soundfile.write(tmp_path / "chirp.wav", chirp(16_000), 16_000)
    expected, _ = librosa.load(tmp_path / "chirp.wav", sr=rate)
    np.testing.assert_allclose(read_audio(tmp_path / "chirp.wav", sampling_rate=rate), expected, atol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"])
def test_every_sample_format_of_wav_is_read(tmp_path, subtype):
    soundfile.write(tmp_path / "chirp.wav", chirp(16_000), 16_000, subtype=subtype)
    assert_equals_librosa(tmp_path / "chirp.wav")


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3", "AIFF", "RF64", "WAVEX"])
def test_content_decides_and_not_the_name(tmp_path, format):
    (tmp_path / "chirp.wav").write_bytes(encode(chirp(44_100), 44_100, format))
    assert_equals_librosa(tmp_path / "chirp.wav")


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([chirp(48_000), 0.5 * chirp(48_000)[::-1]], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 48_000, subtype="FLOAT")
    assert_equals_librosa(tmp_path / "stereo.wav")
    native = read_audio(tmp_path / "stereo.wav", sampling_rate=48_000)
    np.testing.assert_allclose(native, (stereo[:, 0] + stereo[:, 1]) / 2, atol=1e-7)


def test_bytes_and_the_struct_of_an_audio_column_are_read_like_the_file(tmp_path):
    path = tmp_path / "chirp.wav"
    soundfile.write(path, chirp(16_000), 16_000)
    content = path.read_bytes()
    for source in (str(path), content, {"bytes": None, "path": str(path)}, {"bytes": content, "path": None}):
        np.testing.assert_array_equal(read_audio(source), read_audio(path))


def test_arrays_with_their_rate_are_read_like_a_file_of_them():
    stereo = np.stack([chirp(44_100), 0.5 * chirp(44_100)])  # (channels, samples)
    for array in (stereo, stereo[0], stereo[0].astype(np.float64), stereo[0].tolist()):
        expected = read_audio(encode(np.transpose(array), 44_100, subtype="FLOAT"))
        np.testing.assert_array_equal(read_audio({"array": array, "sampling_rate": 44_100}), expected)
    np.testing.assert_array_equal(
        read_audio(stereo_at_16k := {"array": stereo, "sampling_rate": 16_000}), stereo.mean(0)
    )
    assert hash_audio(stereo_at_16k) == hash_audio(encode(stereo.T, subtype="FLOAT"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, r"keys \[\] without content\. Give `bytes`, `path`, or `array`"),
        ({"bytes": None, "path": None}, r"keys \['bytes', 'path'\] without content"),
        ({"array": np.ones(9, np.int16), "sampling_rate": 16_000}, r"an array of int16 in shape \(9,\)"),
        ({"array": np.ones((2, 2, 2)), "sampling_rate": 16_000}, r"in shape \(2, 2, 2\)\. Expected floats"),
        ({"array": np.ones(0), "sampling_rate": 16_000}, r"in shape \(0,\)"),
        ({"array": np.ones(9)}, "an array with `sampling_rate: None`"),
        ({"array": np.ones(9), "sampling_rate": 16_000, "path": "a.wav"}, r"`a\.wav`: silent: all 9 samples are 1"),
        ({"array": np.array([0, 1e300]), "sampling_rate": 16_000}, "NaN or infinite samples"),
    ],
)
def test_a_struct_without_sound_says_what_it_lacks(source, message):
    with pytest.raises(AudioError, match=message):
        read_audio(source)


@pytest.mark.parametrize("rate", [0, -1, None])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(RecipeError, match=f"`sampling_rate: {rate}` is no rate. Give one in Hz"):
        read_audio(encode(chirp(16_000)), rate)


def test_a_float_file_in_the_range_of_integers_is_read():
    loud = 32_768 * chirp(16_000)
    np.testing.assert_array_equal(read_audio(encode(loud, subtype="FLOAT")), loud)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_written_to_a_pipe_is_read_to_its_end(size):
    wav = encode(chirp(16_000))
    np.testing.assert_array_equal(read_audio(with_data_size(wav, size)), read_audio(wav))


def test_a_mp3_without_a_frame_count_is_not_called_truncated():
    mp3 = encode(chirp(16_000), format="MP3").replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0")
    assert len(read_audio(mp3)) > 0


FAULTS = {
    "empty": (b"", r"an empty file \(0 bytes\)"),
    "text": (b"I am no sound.\n" * 100, r"not a sound file .*Expected WAV, AIFF, FLAC, OGG or MP3"),
    "no frames": (encode(np.zeros(0)), r"a header without samples \(0 frames\)"),
    "NaN": (encode(np.append(chirp(16_000), np.nan), subtype="FLOAT"), "NaN or infinite samples"),
    "infinite": (encode(np.append(chirp(16_000), -np.inf), subtype="FLOAT"), "NaN or infinite samples"),
    "huge": (encode(np.append(chirp(16_000), -1e30), subtype="FLOAT"), r"has a peak of 1e\+30, full scale is 1"),
    "silence": (encode(np.zeros(1000)), "silent: all 1000 samples are 0"),
    "constant": (encode(np.full(1000, 0.25)), "silent: all 1000 samples are 0.25"),
    "one sample": (encode(np.array([0.25])), "a single sample, which is no sound"),
    "anti-phase": (encode(np.stack([chirp(16_000), -chirp(16_000)], 1), subtype="FLOAT"), "its channels cancel"),
    "AU": (encode(chirp(16_000), format="AU"), "format AU, in which .*Expected WAV"),
    "W64": (encode(chirp(16_000), format="W64"), "format W64, in which .*Expected WAV"),
    "CAF": (encode(chirp(16_000), format="CAF"), "format CAF, in which .*Expected WAV"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_named_in_one_line_with_what_to_do(tmp_path, fault):
    content, message = FAULTS[fault]
    path = tmp_path / "faulty.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=message) as caught:
        read_audio(path)
    assert str(caught.value).startswith(f"`{path}`: ")
    assert "leave it out." in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", ["WAV", "AIFF", "FLAC", "OGG", "MP3", "RF64", "WAVEX"])
@pytest.mark.parametrize("kept", [0.5, 0.98])
def test_a_truncated_file_is_not_read_short(format, kept):
    content = encode(chirp(16_000, seconds=3.0), format=format)
    with pytest.raises(AudioError, match="truncated|malformed"):
        read_audio(content[: int(len(content) * kept)])


@pytest.mark.parametrize("options", [{}, {"endian": "BIG"}, {"format": "RF64"}], ids=["RIFF", "RIFX", "RF64"])
def test_a_wav_cut_by_one_sample_is_truncated(options):
    wav = encode(chirp(16_000), **options)
    np.testing.assert_array_equal(read_audio(wav), read_audio(encode(chirp(16_000))))
    with pytest.raises(AudioError, match="truncated: its header announces more than the 11199 frames"):
        read_audio(wav[: wav.index(b"data") + 8 + 2 * 11_199])


def test_a_truncated_ogg_lacks_a_page():
    ogg = encode(chirp(16_000, seconds=3.0), format="OGG")
    with pytest.raises(AudioError, match=r"truncated: its last page is missing or cut\. Copy"):
        read_audio(ogg[:-10])


def test_chunks_before_and_after_the_samples_do_not_matter():
    wav = encode(chirp(16_000))
    note = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    position = wav.index(b"data")
    noted = wav[:position] + note + wav[position:] + note
    np.testing.assert_array_equal(read_audio(noted), read_audio(wav))


@pytest.mark.parametrize("kept", range(1, 44, 3))
def test_a_file_cut_inside_its_header_is_a_named_fault(kept):
    for format in ("WAV", "FLAC", "OGG", "MP3"):
        with pytest.raises(AudioError):
            read_audio(encode(chirp(16_000), format=format)[:kept])


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(AudioError, match="nowhere.wav`: no such file. Check the path."):
        read_audio(tmp_path / "nowhere.wav")
    with pytest.raises(AudioError, match="a folder, not a sound file"):
        read_audio(tmp_path)
    (tmp_path / "link.wav").symlink_to("gone.wav")
    with pytest.raises(AudioError, match=r"link\.wav`: a link to `gone\.wav`, where no file is"):
        read_audio(tmp_path / "link.wav")


def test_the_hash_is_of_the_sound_and_its_rate_and_not_of_the_file(tmp_path):
    tone, rate = np.round(chirp(16_000) * 32768) / 32768, 16_000
    wav = hash_audio(encode(tone, rate))
    assert wav == hash_audio(encode(tone, rate, "FLAC")) == hash_audio(encode(tone, rate, subtype="FLOAT"))
    assert wav == hash_audio(encode(np.stack([tone, tone], axis=1), rate))
    assert wav != hash_audio(encode(tone, 8_000))
    assert wav != hash_audio(encode(np.append(tone[:-1], tone[-1] + 1 / 32768), rate))


def test_the_duration_comes_from_the_header(tmp_path):
    soundfile.write(tmp_path / "chirp.wav", chirp(44_100, seconds=0.5), 44_100)
    assert read_duration(tmp_path / "chirp.wav") == pytest.approx(0.5)
    assert read_duration({"bytes": (tmp_path / "chirp.wav").read_bytes(), "path": "gone"}) == pytest.approx(0.5)
    (tmp_path / "text.wav").write_text("I am no sound.")
    with pytest.raises(AudioError, match="not a sound file"):
        read_duration(tmp_path / "text.wav")
