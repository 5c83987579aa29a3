"""The constant-Q transform and the tonal centroids on it equal librosa's."""

import librosa
import numpy as np
import pytest
import soxr
import torch

from hf_ser.models.constant_q import check_rate, constant_q, halve_rate
from hf_ser.models.tonnetz import tonnetz
from tests.conftest import tone
from tests.reference import difference

NOISE = np.random.default_rng(1).normal(0, 0.3, 12_345).astype(np.float32)


@pytest.mark.parametrize("samples", [12_345, 12_344, 700, 3, 1])
def test_half_the_rate_is_soxr_s(samples):
    halved, lengths = halve_rate(torch.from_numpy(NOISE[None, :samples]), torch.tensor([samples]))
    expected = soxr.resample(NOISE[:samples], 2, 1, "soxr_hq") * np.sqrt(2)
    assert lengths.tolist() == [(samples + 1) // 2]
    padded = np.pad(expected, (0, lengths[0] - len(expected)))  # librosa.resample fixes the length so
    assert difference(halved[0].numpy(), padded) < 1e-6


@pytest.mark.parametrize(
    ("rate", "hop"),
    # 500 is halved twice only, 44100 Hz at the start; at 20500 Hz the two tunings' filters are of unequal length.
    [(22_050, 512), (16_000, 256), (16_000, 500), (44_100, 512), (20_500, 512)],
)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_the_transform_equals_librosa(rate, hop):
    tunings = [-0.49, 0.49] if rate == 20_500 else [-0.5, 0.13]
    clips = [NOISE, tone(0.3, 900.0)]
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    values = constant_q(batch, torch.tensor([len(clip) for clip in clips]), rate, hop, tunings)
    for clip, tuning, value in zip(clips, tunings, values, strict=True):
        options = {"n_bins": 252, "bins_per_octave": 36, "tuning": tuning}
        expected = np.abs(librosa.cqt(clip, sr=rate, hop_length=hop, **options))[:, : 1 + len(clip) // hop]
        assert difference(value[: expected.shape[1]].numpy().T, expected) < 1e-5


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_centroids_equal_librosa():
    expected = librosa.feature.tonnetz(y=NOISE, sr=22_050, tuning=0.2)
    values = tonnetz(torch.from_numpy(NOISE)[None], torch.tensor([len(NOISE)]), 22_050, 512, [0.2])
    assert difference(values[0].numpy().T, expected) < 1e-5


def test_silence_lies_at_the_centre():
    assert not tonnetz(torch.zeros(1, 3_000), torch.tensor([3_000]), 22_050, 512, [0.0]).any()


def test_a_rate_too_low_is_named():
    with pytest.raises(ValueError, match="reaches 4206 Hz, and a rate of 8000 Hz ends at 4000 Hz"):
        check_rate(8_000)


def test_a_rate_that_librosa_treats_otherwise_is_named():
    with pytest.raises(ValueError, match="librosa's up to 67000 Hz; `sampling_rate` is 96000"):
        check_rate(96_000)
