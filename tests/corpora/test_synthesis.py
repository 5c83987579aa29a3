"""The synthetic voices: deterministic, within bounds, and with emotion in their movement instead of their average."""

import hashlib
import subprocess
import sys

import librosa
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hf_ser.corpora.synthesis import EMOTIONS, SAMPLING_RATE, SENTENCES, SPEAKERS, TAKES, synthesise

DIGEST_IN_ANOTHER_PROCESS = """
import hashlib
from hf_ser.corpora.synthesis import synthesise
samples = synthesise("f2", "happiness", 3).tobytes() + synthesise("m4", "sadness", 9).tobytes()
print(hashlib.sha256(samples).hexdigest())
"""


@pytest.fixture(scope="module")
def clips():
    keys = [(speaker, emotion, take) for speaker in SPEAKERS for emotion in EMOTIONS for take in range(TAKES)]
    return {key: synthesise(*key) for key in keys}


def pitch_spread(waveform):
    """Semitones between the quartiles of a woman's pitch, over the louder half of the frames (librosa's YIN)."""
    pitch = librosa.yin(waveform, fmin=130, fmax=400, sr=SAMPLING_RATE, frame_length=1024, hop_length=256)
    loudness = librosa.feature.rms(y=waveform, frame_length=1024, hop_length=256)[0]
    semitones = 12 * np.log2(pitch[loudness > np.median(loudness)])
    return np.subtract(*np.percentile(semitones, [75, 25]))


def test_eight_speakers_of_both_sexes_say_ten_sentences_in_four_emotions():
    assert sorted(SPEAKERS) == ["f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4"]
    assert all(voice.sex == {"f": "female", "m": "male"}[name[0]] for name, voice in SPEAKERS.items())
    assert EMOTIONS == ("anger", "happiness", "neutral", "sadness")
    assert len(set(SENTENCES)) == TAKES == 10


def test_all_320_clips_differ(clips):
    assert len({waveform.tobytes() for waveform in clips.values()}) == 320


def test_a_clip_lasts_one_to_two_seconds(clips):
    seconds = [len(waveform) / 16_000 for waveform in clips.values()]
    assert min(seconds) >= 1.0
    assert max(seconds) <= 2.0


def test_a_clip_is_finite_float32_at_a_fair_level_without_clipping(clips):
    for waveform in clips.values():
        assert waveform.dtype == np.float32
        assert waveform.ndim == 1
        assert np.isfinite(waveform).all()
        assert np.abs(waveform).max() < 1
        assert -33 < 20 * np.log10(np.sqrt(np.mean(waveform**2))) < -21  # dB below full scale


def test_another_process_makes_the_same_samples(clips):
    samples = clips["f2", "happiness", 3].tobytes() + clips["m4", "sadness", 9].tobytes()
    command = [sys.executable, "-c", DIGEST_IN_ANOTHER_PROCESS]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(samples).hexdigest()


def test_anger_is_fast_and_sadness_slow(clips):
    seconds = {
        emotion: np.mean([len(clips[s, emotion, t]) for s in SPEAKERS for t in range(10)]) for emotion in EMOTIONS
    }
    assert sorted(EMOTIONS, key=seconds.get) == ["anger", "happiness", "neutral", "sadness"]


def test_pitch_moves_more_in_anger_and_happiness_than_in_neutral_and_sad_speech(clips):
    spread = {
        emotion: np.median([pitch_spread(clips["f1", emotion, take]) for take in range(10)]) for emotion in EMOTIONS
    }
    assert min(spread["anger"], spread["happiness"]) > 1.5 * max(spread["neutral"], spread["sadness"])


def test_women_speak_higher_than_men():
    pitches = {sex: [voice.pitch for voice in SPEAKERS.values() if voice.sex == sex] for sex in ("female", "male")}
    assert min(pitches["female"]) > max(pitches["male"])


def test_the_time_averaged_spectrum_of_an_unseen_speaker_tells_little_of_the_emotion(clips):
    options = {"sr": 16_000, "n_fft": 512, "hop_length": 160, "n_mels": 64}
    mels = [librosa.feature.melspectrogram(y=waveform, **options) for waveform in clips.values()]
    averages = np.array([np.log(mel + 1e-6).mean(axis=1) for mel in mels])
    speakers, labels, _ = zip(*clips, strict=True)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    predicted = cross_val_predict(classifier, averages, labels, groups=speakers, cv=LeaveOneGroupOut())
    assert recall_score(labels, predicted, average="macro") < 0.60
