"""What a sheet says of a clip: how much of it is seen, how loud the noise is, what was left and where the box is."""

from pathlib import Path

import numpy as np
import soundfile

from hf_ser.errors import AudioError
from hf_ser.feature_views import Clip, describe_mix, describe_noise, find_box, read_clip
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import tone


def make_clip(name, recording, native_rate=16_000):
    return Clip(Path(name), recording, native_rate, len(recording) / native_rate, [])


def test_noise_of_a_tenth_of_the_amplitude_lies_20_db_below():
    before = np.tile(np.float32([1, -1]), 50)
    assert describe_noise(before, before * np.float32(1.1)) == "White noise, SNR 20.0 dB"


def test_silence_has_no_ratio():
    silence = np.zeros(100, np.float32)
    assert describe_noise(silence, silence) == "Unchanged"


def test_a_mix_names_the_share_that_is_left_and_the_partner():
    assert describe_mix("CutMix", 0.734, "b.wav") == "CutMix, λ = 0.73, with b.wav"
    assert describe_mix("mixup", 1.0) == "mixup, λ = 1.00"


def test_the_box_is_around_what_is_inside():
    inside = np.zeros((6, 5), bool)
    assert find_box(inside) is None
    inside[1:4, 2:5] = True
    assert find_box(inside) == (1, 4, 2, 5)


def test_a_minute_of_a_long_recording_is_looked_at(tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(61.0, sampling_rate=1000), 1000)
    extractor = SpectrogramFeatureExtractor(sampling_rate=1000, n_fft=64, hop_length=32, n_mels=4)
    clip = read_clip(tmp_path / "long.wav", [extractor])
    assert len(clip.recording) == 60_000
    assert clip.length == "the first 60 s of 61 s"
    assert clip.features[0].shape == (1 + 60_000 // 32, 4)


def test_a_first_minute_of_silence_is_said(tmp_path):
    soundfile.write(tmp_path / "late.wav", np.r_[np.zeros(60_000), tone(1.0, sampling_rate=1000)], 1000)
    fault = read_clip(tmp_path / "late.wav", [])
    assert isinstance(fault, AudioError)
    assert "late.wav, first 60 s`: silent" in str(fault)


def test_a_clip_that_the_features_refuse_is_a_fault_of_the_file(tmp_path):
    def refuse(waveform, sampling_rate):
        raise ValueError("A clip has 3 frames.")

    refuse.sampling_rate = 16_000
    soundfile.write(tmp_path / "a.wav", tone(0.1), 16_000)
    assert str(read_clip(tmp_path / "a.wav", [refuse])) == f"`{tmp_path / 'a.wav'}`: A clip has 3 frames."


def test_a_long_name_loses_its_middle():
    assert make_clip("03a01Fa.wav", tone(0.1)).name == "03a01Fa.wav"
    name = make_clip("x" * 50 + "end.wav", tone(0.1)).name
    assert (len(name), name[-7:]) == (34, "end.wav")
