"""A recording is known again when it was changed, and no other is taken for it."""

import io
import time

import numpy as np
import pytest
import soundfile
import soxr

from hf_ser import sound_prints
from hf_ser.audio import read_audio
from hf_ser.corpora import load_corpus
from hf_ser.sound_prints import find_near_duplicates, make_print
from tests.conftest import tone

RATE = 16_000


def shift(clip, milliseconds):
    """Silence before the clip, or the beginning cut off."""
    samples = round(abs(milliseconds) * RATE / 1000)
    return np.concatenate([np.zeros(samples, np.float32), clip]) if milliseconds > 0 else clip[samples:]


def as_mp3(clip, compression_level, rate=RATE):
    content = io.BytesIO()
    soundfile.write(content, clip, rate, format="MP3", bitrate_mode="CONSTANT", compression_level=compression_level)
    return soundfile.read(io.BytesIO(content.getvalue()), dtype="float32")[0]


def through_8_khz(clip):
    return soxr.resample(soxr.resample(clip, RATE, 8_000), 8_000, RATE)


CHANGES = {
    "a tenth of the level": lambda clip: 0.1 * clip,
    "as loud as can be": lambda clip: clip / np.abs(clip).max(),
    "8 bits": lambda clip: np.round(clip * 127) / np.float32(127),
    "8 kHz and back": through_8_khz,
    "MP3": lambda clip: as_mp3(clip, 0.5),
    "MP3 of 16 kbit/s": lambda clip: as_mp3(clip, 0.93),
    "50 ms of silence before": lambda clip: shift(clip, 50),
    "50 ms cut off": lambda clip: shift(clip, -50),
    "half a hop and two": lambda clip: shift(clip, 40),
    "no whole number of hops": lambda clip: shift(clip, -43.7),
    "one sample": lambda clip: clip[1:],
    "gain, shift and MP3": lambda clip: as_mp3(0.4 * shift(clip, -35), 0.8),
    "gain, shift, 8 kHz and MP3": lambda clip: as_mp3(through_8_khz(0.3 * shift(clip, 22)), 0.7),
}


@pytest.fixture(scope="module")
def demo_clips():
    """The first 60 clips of the demo corpus: one voice, all of its emotions and takes, and half of another voice."""
    return [read_audio(sound) for sound in load_corpus("demo")["audio"][:60]]


@pytest.fixture(scope="module")
def emodb_clips(emodb):
    return [read_audio(path) for path in sorted((emodb / "wav").glob("*.wav"))]


def find_changed(clips, positions, change):
    """Which of the clips at some positions are found when their changed copies lie beside the whole corpus."""
    prints = [make_print(clip, RATE) for clip in clips]
    groups = find_near_duplicates(prints + [make_print(change(clips[index]), RATE) for index in positions])
    copies = {len(clips) + place: index for place, index in enumerate(positions)}
    assert all([group[0], group[0]] == [group[0], copies[group[1]]] for group in groups)  # no other pair
    return [group[0] for group in groups]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_in_the_demo_corpus(demo_clips, change):
    positions = list(range(0, len(demo_clips), 6))
    assert find_changed(demo_clips, positions, CHANGES[change]) == positions


def test_every_kind_of_change_is_found_in_emodb(emodb_clips):
    kinds = list(CHANGES.values())
    positions = list(range(0, len(emodb_clips), 7))
    changed = [kinds[place % len(kinds)](emodb_clips[index]) for place, index in enumerate(positions)]
    prints = [make_print(clip, RATE) for clip in emodb_clips + changed]
    expected = [[index, len(emodb_clips) + place] for place, index in enumerate(positions)]
    assert find_near_duplicates(prints) == expected


def test_no_two_clips_of_emodb_are_one(emodb_clips):
    assert find_near_duplicates([make_print(clip, RATE) for clip in emodb_clips]) == []


def test_one_voice_with_one_sentence_in_many_emotions_is_not_one_recording():
    clips = [read_audio(sound) for sound in load_corpus("demo")["audio"]]
    assert find_near_duplicates([make_print(clip, RATE) for clip in clips]) == []


def test_a_copy_that_is_much_longer_is_another_clip(demo_clips):
    clip = demo_clips[0]
    assert find_near_duplicates([make_print(clip, RATE), make_print(shift(clip, 250), RATE)]) == []
    assert find_near_duplicates([make_print(clip, RATE), make_print(shift(clip, 50), RATE)]) == [[0, 1]]


def test_copies_of_copies_are_one_group(demo_clips):
    first, second = demo_clips[:2]
    clips = [first, second, shift(first, 20), 0.5 * first, shift(second, -20)]
    assert find_near_duplicates([make_print(clip, RATE) for clip in clips]) == [[0, 2, 3], [1, 4]]


def test_a_print_is_of_the_size_that_is_said(demo_clips):
    sizes = [len(make_print(clip, RATE)) / (len(clip) / RATE) for clip in demo_clips]
    assert max(sizes) < 1_250


@pytest.mark.parametrize(
    "clip",
    [
        tone(0.4),  # short
        tone(1.0),  # steady
        np.eye(1, RATE, 4_000, dtype=np.float32)[0],  # a click
        tone(0.02),
    ],
    ids=["short", "steady", "click", "shorter than a frame"],
)
def test_what_cannot_be_known_again_has_no_print_and_no_duplicate(clip):
    assert make_print(clip, RATE) == b""
    assert find_near_duplicates([make_print(clip, RATE)] * 2) == []


def test_nothing_is_found_among_no_prints():
    assert find_near_duplicates([]) == []
    assert find_near_duplicates([b"", b""]) == []


def test_noise_is_not_like_other_noise():
    draw = np.random.default_rng(0)
    prints = [make_print(draw.normal(0, 0.1, RATE).astype(np.float32), RATE) for _ in range(100)]
    assert find_near_duplicates(prints) == []


def test_very_many_clips_that_sound_alike_take_no_time_to_speak_of(demo_clips, caplog):
    draw = np.random.default_rng(0)
    original = np.frombuffer(make_print(demo_clips[0], RATE), np.uint8)
    alike = [np.clip(original + draw.integers(-1, 2, len(original)), 0, 255).astype(np.uint8) for _ in range(1_000)]
    with caplog.at_level("INFO", logger="hf_ser"):
        begun = time.process_time()
        groups = find_near_duplicates([sound_print.tobytes() for sound_print in alike])
        seconds = time.process_time() - begun
    assert groups == [list(range(1_000))]
    assert seconds < 10  # of half a million pairs, each compared in 0.2 ms, nearly all are not
    assert f"clips have more than {sound_prints.NEIGHBOURS} alike; only the nearest were compared" in caplog.text
