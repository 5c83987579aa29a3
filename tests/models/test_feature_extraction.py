"""One extractor, the same numbers on every route."""

import librosa
import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor

from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import tone
from tests.reference import difference


def test_a_saved_extractor_comes_back_equal(tmp_path):
    extractor = SpectrogramFeatureExtractor(
        n_fft=512, win_length=400, hop_length=200, window_name="hamming", n_mels=40, fmin=50.0, fmax=7000.0,
        scale="log", log_offset=0.01, min_duration=1.0, max_duration=3.0, padding="repeat", storage="float32",
    )  # fmt: skip
    extractor.save_pretrained(tmp_path)
    again = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert type(again) is SpectrogramFeatureExtractor
    assert again.to_dict() == {**extractor.to_dict(), "auto_map": again.to_dict().get("auto_map")}
    assert np.array_equal(again(tone(0.7))["input_features"][0], extractor(tone(0.7))["input_features"][0])


def test_a_clip_in_a_batch_has_the_features_it_has_alone(feature_extractor):
    clips = [tone(0.31), tone(1.0, 200.0), tone(0.5, 900.0)]
    batch = feature_extractor(clips, sampling_rate=16_000, return_tensors="pt")
    lengths = batch["attention_mask"].sum(dim=1).tolist()
    assert lengths == [1 + len(clip) // 128 for clip in clips]
    for clip, features, length in zip(clips, batch["input_features"], lengths, strict=True):
        alone = feature_extractor(clip, return_tensors="pt")["input_features"][0]
        assert torch.equal(features[:length], alone)


def test_clips_computed_together_equal_clips_computed_apart(feature_extractor):
    clips = [tone(0.31), tone(1.0, 200.0)]
    lengths = torch.tensor([len(clip) for clip in clips])
    padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    together = feature_extractor.compute(padded, lengths)
    for index, clip in enumerate(clips):
        alone = torch.from_numpy(feature_extractor(clip)["input_features"][0])
        torch.testing.assert_close(
            together[index, : 1 + len(clip) // 128], alone, atol=0.07, rtol=0
        )  # an ulp of float16


def test_stored_values_survive_float16(feature_extractor):
    features = feature_extractor(tone(0.5))["input_features"][0]
    assert np.array_equal(features, features.astype(np.float16).astype(np.float32))
    assert features.max() == 0
    assert features.min() >= -80


def test_power_is_never_rounded():
    extractor = SpectrogramFeatureExtractor(n_fft=256, n_mels=16, scale="power")
    features = extractor(1000 * tone(0.5))["input_features"][0]
    assert extractor.storage_dtype == "float32"
    assert features.max() > np.finfo(np.float16).max


def test_clips_are_brought_to_the_length_asked_for():
    extractor = SpectrogramFeatureExtractor(n_fft=256, hop_length=160, n_mels=16, min_duration=1.0, max_duration=1.0)
    batch = extractor([tone(0.2), tone(3.0)], return_tensors="np")
    assert batch["input_features"].shape == (2, 101, 16)
    assert extractor.count_frames(0.2) == extractor.count_frames(3.0) == 101


@pytest.mark.parametrize(
    ("kind", "rate", "frames", "rows"),
    [
        ("spectrogram", 16_000, 1 + 16_000 // 128, 257),
        ("mel", 16_000, 1 + 16_000 // 256, 128),
        ("mfcc", 16_000, 1 + 16_000 // 512, 128),
        ("composite", 22_050, 1 + 22_050 // 512, 230),
    ],
)
def test_each_kind_has_its_paper_s_shape(kind, rate, frames, rows, tmp_path):
    extractor = SpectrogramFeatureExtractor(kind=kind)
    features = extractor(tone(1.0, sampling_rate=rate), sampling_rate=rate)["input_features"][0]
    assert features.shape == (frames, rows) == (extractor.count_frames(1.0), extractor.feature_size)
    assert np.isfinite(features).all()
    extractor.save_pretrained(tmp_path)
    again = AutoFeatureExtractor.from_pretrained(tmp_path)
    assert again.feature_size == rows
    assert np.array_equal(again(tone(1.0, sampling_rate=rate))["input_features"][0], features)


def test_a_composite_in_a_batch_has_the_features_it_has_alone():
    extractor = SpectrogramFeatureExtractor(kind="composite", storage="float32")
    clips = [tone(0.31), np.zeros(4_000, np.float32), np.array([0.5], np.float32), tone(0.7, 200.0)]
    for clip, features in zip(clips, extractor(clips)["input_features"], strict=True):
        assert np.array_equal(features, extractor(clip)["input_features"][0])


def test_the_blocks_of_a_composite_stand_in_the_order_asked_for():
    whole = SpectrogramFeatureExtractor(kind="composite")
    part = SpectrogramFeatureExtractor(kind="composite", blocks=["tonnetz", "chroma"])
    rows = whole(tone(0.5))["input_features"][0]
    assert part.feature_size == 18
    assert np.array_equal(part(tone(0.5))["input_features"][0], np.hstack([rows[:, 160:166], rows[:, 141:153]]))


def test_mfcc_and_spectrogram_equal_librosa():
    clip = tone(0.5)
    coefficients = SpectrogramFeatureExtractor(kind="mfcc", n_mfcc=20, storage="float32")(clip)["input_features"][0]
    assert difference(coefficients.T, librosa.feature.mfcc(y=clip, sr=16_000, n_mfcc=20)) < 1e-4
    power = SpectrogramFeatureExtractor(kind="spectrogram", scale="power")(clip)["input_features"][0]
    assert difference(power.T, np.abs(librosa.stft(clip, n_fft=512, hop_length=128)) ** 2) < 1e-4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "mfcc", "log_offset": 0.1}, "`log_offset` is 0.1, and `kind: mfcc` has no use for it"),
        ({"kind": "spectrogram", "n_mels": 64}, "`n_mels` is 64, and `kind: spectrogram` has no use for it"),
        ({"kind": "composite", "top_db": None}, "`top_db` is None, and `kind: composite` has no use for it"),
        ({"kind": "composite", "deltas": 1}, "`deltas` is 1, and `kind: composite` has no use for it"),
        ({"n_split_mels": 32}, "`n_split_mels` is 32, and `kind: mel` has no use for it"),
        ({"scale": "power", "top_db": 60.0}, "`top_db` is 60.0, and `scale: power` has no use for it"),
        ({"log_offset": 0.1}, "`log_offset` is 0.1, and `scale: db` has no use for it"),
        ({"deltas": 3}, "`deltas` is 3; it must be 0, 1 .slopes. or 2"),
        ({"offset": -0.5}, "`offset` is -0.5; it must be a number of seconds, 0 or more"),
        ({"silence_threshold": 0.0}, "`silence_threshold` is 0.0; it must be a number above zero"),
        ({"silence_threshold": 10.0}, "`silence_threshold` is 10.0; it must be below 1, which is full scale"),
        ({"db_reference": 0}, "`db_reference` is 0; it must be a number above zero"),
        ({"padding": "repeat"}, "`padding: repeat` pads to `min_duration`, and none is given"),
        ({"kind": "mfcc", "scale": "db"}, "`scale` is 'db', and `kind: mfcc` has no use for it. Leave it out"),
        ({"kind": "mel", "blocks": ["mfcc"]}, "`kind: mel` has no use for it"),
        ({"kind": "mfcc", "n_mfcc": 40, "n_mels": 32}, "`n_mfcc` is 40; it can be at most `n_mels`, 32"),
        ({"kind": "composite", "blocks": ["croma"]}, "`blocks` is 'croma'. Did you mean `chroma`"),
        ({"kind": "composite", "blocks": ["mel", "mel"]}, "it must name one or more blocks, each once"),
        ({"kind": "composite", "blocks": []}, "it must name one or more blocks, each once"),
        ({"kind": "composite", "sampling_rate": 8_000, "fmax": 4000.0}, "a rate of 8000 Hz ends at 4000 Hz"),
        ({"kind": "composite", "hop_length": 1500}, "it can be at most half the window, 1024"),
        ({"kind": "mell"}, "`kind` is 'mell'. Did you mean `mel`"),
        ({"scale": "decibel"}, "`scale` is 'decibel'. Valid: db, log, power"),
        ({"window_name": "haning"}, "`window_name` is 'haning'. Did you mean `hann`"),
        ({"padding": "zeros"}, "Did you mean `zero`"),
        ({"n_mel": 3}, "`feature option` is 'n_mel'. Did you mean `n_mels`"),
        ({"n_mels": 64.5}, "`n_mels` is 64.5; it must be a whole number"),
        ({"n_fft": 255}, "`n_fft` is 255; it must be even"),
        ({"hop_length": 0}, "`hop_length` is 0; it must be a number above zero"),
        ({"n_fft": 256, "win_length": 400}, "`win_length` 400 is longer than `n_fft` 256"),
        ({"fmax": 9000.0}, "must rise and lie within 0 to 8000 Hz"),
        ({"min_duration": 3.0, "max_duration": 1.0}, "`min_duration` 3.0 s is longer"),
    ],
)
def test_an_option_that_is_not_valid_is_named(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        SpectrogramFeatureExtractor(**options)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kind", ["spectrogram", "mel", "mfcc"])
def test_deltas_stand_behind_their_rows_and_equal_librosa(kind, order):
    clips = [tone(0.5), tone(0.3, 900.0)]
    plain = SpectrogramFeatureExtractor(kind=kind, storage="float32")
    extractor = SpectrogramFeatureExtractor(kind=kind, storage="float32", deltas=order)
    assert extractor.feature_size == plain.feature_size * (1 + order)
    for rows, features in zip(plain(clips)["input_features"], extractor(clips)["input_features"], strict=True):
        slopes = [librosa.feature.delta(rows.T, order=number).T for number in range(1, 1 + order)]
        assert difference(features, np.hstack([rows, *slopes])) < 1e-5


def test_cepstral_coefficients_keep_as_many_decibels_as_asked():
    clip = tone(0.5)
    features = SpectrogramFeatureExtractor(kind="mfcc", top_db=40.0, storage="float32")(clip)["input_features"][0]
    mel = librosa.power_to_db(librosa.feature.melspectrogram(y=clip, sr=16_000), top_db=40.0)
    assert difference(features.T, librosa.feature.mfcc(S=mel, n_mfcc=128)) < 1e-4


def test_a_clip_is_heard_from_its_offset_for_its_duration():
    clip = tone(1.0)
    options = {"n_fft": 256, "hop_length": 128, "n_mels": 16}
    extractor = SpectrogramFeatureExtractor(**options, offset=0.25, min_duration=0.5, max_duration=0.5)
    expected = SpectrogramFeatureExtractor(**options)(clip[4_000:12_000])["input_features"][0]
    np.testing.assert_array_equal(extractor(clip)["input_features"][0], expected)
    assert extractor.trim(tone(0.4)).shape == (2_400,)
    assert extractor(tone(0.4))["input_features"][0].shape == expected.shape
    with pytest.raises(ValueError, match=r"The clip lasts 0\.250 s, which is over at `offset` 0\.25 s"):
        extractor(tone(0.25))


def test_silence_is_cut_before_a_clip_is_cut_and_padded():
    clip = np.concatenate([np.zeros(8_000, np.float32), tone(0.5, seed=1)])
    options = {"n_fft": 256, "hop_length": 128, "n_mels": 16}
    extractor = SpectrogramFeatureExtractor(**options, silence_threshold=0.1, max_duration=0.3, min_duration=0.3)
    heard = extractor.trim(clip)
    assert len(heard) == 4_800
    assert np.abs(heard[-4_000:]).mean() > 0.25  # the tone, 2 / pi of 0.5, and no silence
    alone = SpectrogramFeatureExtractor(**options)(heard)["input_features"][0]
    np.testing.assert_array_equal(extractor(clip)["input_features"][0], alone)


def test_seconds_become_the_nearest_number_of_samples():
    extractor = SpectrogramFeatureExtractor(kind="composite", max_duration=0.29, min_duration=0.29)
    assert extractor.fit(np.ones(22_050, np.float32)).shape == (6_394,)  # 0.29 * 22050 is 6394.4999... to a computer
    extractor = SpectrogramFeatureExtractor(max_duration=2.3, min_duration=2.3)
    assert extractor.fit(np.ones(48_000, np.float32)).shape == (36_800,)  # 36799.99...


@pytest.mark.parametrize(
    ("clip", "sentence"),
    [
        (np.zeros(0, np.float32), "with samples in it"),
        (np.array([0.1, np.nan, 0.2], np.float32), "NaN or infinite"),
        (np.array([0.1, np.inf], np.float32), "NaN or infinite"),
        ([np.zeros((2, 5), np.float32)], "mono audio"),
    ],
)
def test_audio_that_is_not_valid_is_refused(feature_extractor, clip, sentence):
    with pytest.raises(ValueError, match=sentence):
        feature_extractor(clip)


def test_audio_at_another_rate_is_refused(feature_extractor):
    with pytest.raises(ValueError, match="at 8000 Hz and this feature extractor works at 16000 Hz"):
        feature_extractor(tone(0.1), sampling_rate=8000)
