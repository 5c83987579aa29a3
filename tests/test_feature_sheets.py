"""Sheets hold what the feature extractor gives and what training makes of it, and say what was done."""

import re

import numpy as np
import pytest
import soundfile
import torch
import yaml

from hf_ser.arguments import parse_recipe
from hf_ser.audio import read_audio
from hf_ser.augmentation.arguments import AugmentationArguments
from hf_ser.collators import AugmentingCollator, WaveformCollator
from hf_ser.errors import AudioError, RecipeError
from hf_ser.feature_sheets import make_sheets
from hf_ser.models.feature_extraction import SpectrogramFeatureExtractor
from tests.conftest import tone

FEATURES = {"kind": "mel", "n_fft": 256, "hop_length": 128, "n_mels": 16}
MASKS = {"time_masks": 1, "time_mask_frames": 6, "frequency_masks": 1, "frequency_mask_rows": 3}
ONE_LENGTH = {"min_duration": 0.5, "max_duration": 0.5}


@pytest.fixture
def clips(tmp_path):
    """Three tones of other lengths and pitches; the second is at another rate."""
    names = {"a": (0.5, 440, 16_000), "b": (0.4, 880, 22_050), "c": (0.3, 220, 16_000)}
    for index, (name, (seconds, frequency, rate)) in enumerate(names.items()):
        soundfile.write(tmp_path / f"{name}.wav", tone(seconds, frequency, rate, seed=index), rate)
    return [tmp_path / f"{name}.wav" for name in names]


def write_recipe(folder, **options):
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**FEATURES, "output_dir": str(folder / "run"), **options}), encoding="utf-8")
    return parse_recipe(str(path))


def sheets_of(*arguments, **options):
    return [sheet for _, sheet in make_sheets(*arguments, **options)]


def same(left, right):
    return all(
        np.array_equal(one.after, other.after)
        for pair in zip(left, right, strict=True)
        for one, other in zip(*([sheet, *sheet.views] for sheet in pair), strict=True)
    )


def test_without_a_recipe_every_kind_is_computed_with_its_own_defaults(clips):
    sheet = sheets_of(clips)[1]
    assert [view.extractor.kind for view in sheet.views] == ["spectrogram", "mel", "mfcc", "composite"]
    for view in sheet.views:
        extractor = SpectrogramFeatureExtractor(kind=view.extractor.kind)
        [expected] = extractor(read_audio(clips[1], extractor.sampling_rate))["input_features"]
        np.testing.assert_array_equal(view.before, expected)
    np.testing.assert_array_equal(sheet.before, read_audio(clips[1], 16_000))


def test_the_noise_is_at_the_level_that_is_said_and_the_features_are_those_of_the_noisy_clip(clips):
    sheet = sheets_of(clips)[0]
    noise = sheet.after - sheet.before
    snr = 10 * np.log10(np.mean(sheet.before**2) / np.mean(noise**2))
    assert 15 <= snr <= 30
    assert sheet.change == f"White noise, SNR {snr:.1f} dB"
    for view in sheet.views[:3]:
        assert view.change == sheet.change
        np.testing.assert_array_equal(view.after, view.extractor(sheet.after)["input_features"][0])


def test_the_composite_gets_a_box_of_the_next_file_and_says_the_share_that_is_left(clips):
    for index, sheet in enumerate(sheets_of(clips)):
        view = sheet.views[-1]
        first, last, lowest, highest = view.box
        outside = np.ones(view.before.shape, bool)
        outside[first:last, lowest:highest] = False
        np.testing.assert_array_equal(view.before[outside], view.after[outside])
        share, partner = re.fullmatch(r"CutMix, λ = (0\.\d\d), with (\w)\.wav", view.change).groups()
        assert partner == "bca"[index]
        assert 0.4 <= float(share) <= 0.9
        assert np.mean(outside) == pytest.approx(float(share), abs=0.005)


def test_the_box_holds_the_partner_s_features_at_that_place(clips, tmp_path):
    soundfile.write(tmp_path / "d.wav", tone(0.5, 1000, seed=4), 16_000)  # as long as a.wav
    view = sheets_of([clips[0], tmp_path / "d.wav"])[0].views[-1]
    [partner] = view.extractor(read_audio(tmp_path / "d.wav", 22_050))["input_features"]
    first, last, lowest, highest = view.box
    box = np.s_[first:last, lowest:highest]
    np.testing.assert_array_equal(view.after[box], partner[box])


def test_one_file_alone_is_not_mixed_and_that_is_said(clips, caplog):
    view = sheets_of(clips[:1])[0].views[-1]
    assert view.box is None
    assert view.change.startswith("White noise, SNR ")
    assert "a.wav` has no other file to be mixed with. Name a second one to see CutMix." in caplog.text


def test_a_seed_repeats_the_sheets_and_another_draws_anew(clips):
    first = sheets_of(clips, seed=1)
    assert same(sheets_of(clips, seed=1), first)
    assert not same(sheets_of(clips, seed=2), first)


def test_ten_files_are_all_mixed(clips, tmp_path):
    many = []
    for index in range(9):  # a batch of eight would leave one alone
        many.append(tmp_path / f"{index}.wav")
        soundfile.write(many[-1], tone(0.2, seed=index), 16_000)
    assert all(sheet.views[-1].change.startswith("CutMix") for sheet in sheets_of(many))


def test_a_bad_file_is_named_and_the_others_are_mixed_without_it(clips):
    clips[1].write_bytes(b"")
    results = dict(make_sheets(clips))
    assert list(results) == clips
    assert isinstance(results[clips[1]], AudioError)
    assert "b.wav`: an empty file" in str(results[clips[1]])
    assert results[clips[0]].views[-1].change.endswith("with c.wav")


def test_nearly_nothing_and_two_samples_give_finite_features_without_a_warning(tmp_path, recwarn):
    files = [tmp_path / "quiet.wav", tmp_path / "two.wav"]
    soundfile.write(files[0], np.r_[np.zeros(8000), 1e-4], 16_000)
    soundfile.write(files[1], np.array([0.1, -0.1]), 8000)
    for sheet in sheets_of(files):
        assert all(np.isfinite(view.before).all() and np.isfinite(view.after).all() for view in sheet.views)
    assert not recwarn.list


def test_a_recipe_shows_what_its_collator_gives_for_mapped_features(clips, tmp_path):
    recipe = write_recipe(tmp_path, **MASKS, **ONE_LENGTH, mixup_alpha=0.4, seed=3, colormap="jet")
    extractor = SpectrogramFeatureExtractor(**FEATURES, **ONE_LENGTH)
    collator = AugmentingCollator(extractor, AugmentationArguments(**MASKS, mixup_alpha=0.4), num_labels=3, seed=3)
    features = [extractor(read_audio(clip))["input_features"][0] for clip in clips]
    rows = [
        {"input_features": clip, "label": index, "utterance": f"{'abc'[index]}.wav"}
        for index, clip in enumerate(features)
    ]
    expected = collator(rows)
    for index, sheet in enumerate(sheets_of(clips, recipe)):
        [view] = sheet.views
        assert (view.extractor.n_mels, view.colormap) == (16, "jet")
        np.testing.assert_array_equal(view.before, features[index])
        np.testing.assert_array_equal(view.after, expected["input_features"][index].numpy())
        assert view.change.startswith(f"mixup, λ = {expected['labels'][index, index]:.2f}")
        np.testing.assert_array_equal(sheet.after, sheet.before)
        assert "augmentation, seed 3: time_masks:\u00a01," in sheet.facts


def test_noise_is_told_of_what_is_heard_of_a_clip(clips, tmp_path):
    options = {"features": "collator", "noise_snr": [20, 20], "waveform_probability": 1.0}
    recipe = write_recipe(tmp_path, **options, max_duration=0.2, silence_threshold=0.001)
    for sheet in sheets_of(clips, recipe):
        assert len(sheet.before) == len(sheet.after) == 3_200
        assert sheet.change == "White noise, SNR 20.0 dB"


def test_a_recipe_shows_what_its_collator_gives_for_waveforms(clips, tmp_path):
    options = {"features": "collator", "noise_snr": [15, 30], "batch_padding": "reflect", "cutmix_alpha": 0.4}
    recipe = write_recipe(tmp_path, **options)
    extractor = SpectrogramFeatureExtractor(**FEATURES)
    collator = WaveformCollator(extractor, AugmentationArguments(**options), num_labels=3, seed=5)
    rows = [{"audio": str(clip), "label": index, "utterance": clip.name} for index, clip in enumerate(clips)]
    read = collator.read(rows)
    expected = collator.compute(read, "cpu")["input_features"]
    for index, sheet in enumerate(sheets_of(clips, recipe, seed=5)):
        np.testing.assert_array_equal(sheet.after, read["waveforms"][index])
        np.testing.assert_array_equal(sheet.views[0].after, expected[index].numpy())


@pytest.mark.parametrize("more", [{}, {"features": "collator", "noise_snr": [15, 30]}, {"crop_frames": 40, **MASKS}])
def test_the_box_of_a_recipe_has_the_area_that_the_labels_tell(clips, tmp_path, more):
    recipe = write_recipe(tmp_path, **ONE_LENGTH, **more, cutmix_alpha=1.0)
    boxes = 0
    for seed in range(4):
        for sheet in sheets_of(clips, recipe, seed=seed):
            [view] = sheet.views
            left = float(re.match(r"CutMix, λ = (\d\.\d\d)", view.change)[1])
            first, last, lowest, highest = view.box or (0, 0, 0, 0)
            assert (last - first) * (highest - lowest) / view.after.size == pytest.approx(1 - left, abs=0.005)
            boxes += view.box is not None
    assert boxes


def test_a_noisy_copy_is_shown_where_the_recipe_adds_copies(clips, tmp_path):
    recipe = write_recipe(tmp_path, features="collator", noise_snr=[20, 20], noise_copies=2)
    assert [sheet.change for sheet in sheets_of(clips, recipe)] == ["White noise, SNR 20.0 dB"] * 3


def test_a_network_that_reads_waveforms_has_no_pictures(clips, tmp_path):
    (tmp_path / "recipe.yaml").write_text("checkpoint: openai/whisper-base\n")
    with pytest.raises(RecipeError, match="`checkpoint: openai/whisper-base` reads waveforms, and pictures are drawn"):
        next(make_sheets(clips, parse_recipe(str(tmp_path / "recipe.yaml"))))


def test_a_recipe_that_training_refuses_is_not_drawn(clips, tmp_path):
    with pytest.raises(RecipeError, match="`cutmix_alpha` blends clips of one length"):
        sheets_of(clips, write_recipe(tmp_path, cutmix_alpha=1.0))


def test_a_recipe_without_augmentation_says_so(clips, tmp_path):
    sheet = sheets_of(clips, write_recipe(tmp_path))[0]
    assert not sheet.is_augmented
    assert sheet.facts == "0.5 s; no augmentation"


def test_a_batch_of_bad_files_alone_gives_their_faults(clips, tmp_path):
    for clip in clips:
        clip.write_bytes(b"")
    assert all(isinstance(sheet, AudioError) for sheet in sheets_of(clips, write_recipe(tmp_path)))


def test_the_sheets_of_a_recipe_leave_torch_s_own_randomness_alone(clips, tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    sheets_of(clips, write_recipe(tmp_path, **MASKS))
    assert torch.equal(torch.rand(1), expected)
