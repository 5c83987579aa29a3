"""The composite equals librosa's functions block by block, whatever the clip and its batch."""

import numpy as np
import pytest
import torch

from hf_ser.audio import read_audio
from hf_ser.models.composite import BLOCKS, Composite
from tests.conftest import tone
from tests.reference import RATE, difference, librosa_blocks, stack_blocks

OPTIONS = {
    **{"sampling_rate": RATE, "window_name": "hann", "win_length": 2048, "n_fft": 2048, "hop_length": 512},
    **{"n_mels": 128, "n_mfcc": 13, "n_split_mels": 64, "fmin": 0.0, "fmax": RATE / 2},
}
CLIPS = {
    "tone": tone(0.8, 453.0, RATE),
    "noise": np.random.default_rng(1).normal(0, 0.3, 12_345).astype(np.float32),
    "clipped": np.clip(5 * tone(0.5, 200.0, RATE), -1, 1),
    "constant": np.full(9_000, 0.5, np.float32),
    "shorter than the window": tone(0.02, 440.0, RATE),
    "one sample": np.array([0.5], np.float32),
    "silence": np.zeros(6_000, np.float32),
    "digital silence at the end": np.pad(tone(0.3, 300.0, RATE), (0, 6_000)),
}


def make_composite(*clips):
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    return Composite(batch, torch.tensor([len(clip) for clip in clips]), **OPTIONS)


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning", "ignore:Trying to estimate tuning:UserWarning")
def test_each_block_equals_librosa(name):
    composite = make_composite(CLIPS[name])
    for block, expected in librosa_blocks(CLIPS[name]).items():
        actual = getattr(composite, block)[0].numpy().T
        assert difference(actual, expected) < (1e-4 if block in ("mfcc", "mel") else 1e-3), block


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_each_block_of_real_speech_equals_librosa(emodb):
    for path in sorted((emodb / "wav").glob("*.wav"))[::120]:
        clip = read_audio(path, RATE)
        composite, expected = make_composite(clip), librosa_blocks(clip)
        for block in BLOCKS:
            actual = getattr(composite, block)[0].numpy().T
            assert difference(actual, expected[block]) < 1e-4, (path.name, block)
        distances = np.abs(composite.stack([*BLOCKS])[0].numpy().T - stack_blocks(expected))
        assert distances[:-64].max() < 1e-3, path.name
        # The recordings end at 8 kHz: the mel rows above hold what float32 rounds off, in librosa too.
        assert distances[-64:].max() < 0.03, path.name


def test_blocks_stand_in_the_order_asked_for_each_row_at_most_one():
    composite = make_composite(CLIPS["noise"])
    rows = composite.stack(["tonnetz", "mfcc"])[0]
    assert rows.shape == (1 + 12_345 // 512, 6 + 13)
    torch.testing.assert_close(rows[:, 6:], composite.mfcc[0] / composite.mfcc[0].abs().amax(dim=0))
    torch.testing.assert_close(rows.abs().amax(dim=0), torch.ones(19))


def test_a_clip_in_a_batch_has_the_features_it_has_alone():
    clips = [CLIPS[name] for name in ("noise", "silence", "one sample", "tone")]
    together = make_composite(*clips).stack([*BLOCKS])
    for clip, rows in zip(clips, together, strict=True):
        alone = make_composite(clip).stack([*BLOCKS])[0]
        torch.testing.assert_close(rows[: len(alone)], alone, atol=1e-4, rtol=0)


def test_silence_gives_no_nan():
    rows = make_composite(CLIPS["silence"]).stack([*BLOCKS])[0]
    assert torch.equal(rows[:, 0], -torch.ones(12))  # -100 dB in all bands, scaled: the first coefficient alone
    assert rows[:, 13:].abs().max() == 0


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")
def test_another_transform_than_the_paper_s_equals_librosa():
    from librosa import feature

    options = {**OPTIONS, "n_fft": 1024, "win_length": 800, "hop_length": 256, "window_name": "hamming"}
    composite = Composite(torch.from_numpy(CLIPS["noise"])[None], torch.tensor([12_345]), **options)
    transform = {"n_fft": 1024, "win_length": 800, "hop_length": 256, "window": "hamming"}
    y = {"y": CLIPS["noise"], "sr": RATE}
    for block, expected in {
        "mfcc": feature.mfcc(n_mfcc=13, **y, **transform),
        "chroma": feature.chroma_stft(**y, **transform),
        "contrast": feature.spectral_contrast(**y, **transform),
        "tonnetz": feature.tonnetz(hop_length=256, **y),
    }.items():
        assert difference(getattr(composite, block)[0].numpy().T, expected) < 1e-4, block
