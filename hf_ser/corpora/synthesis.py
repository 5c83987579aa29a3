"""Speech-like utterances from a small source-filter synthesiser: the sound of the demo corpus, which is synthetic.

A train of glottal pulses and breath noise (the source) passes through moving formants (the filter), as in Fant (1960)
and Klatt (1980). Emotions differ in how the voice moves: pitch contour, tempo, onsets and tremor, in the directions
that Scherer (2003) and Juslin & Laukka (2003) report. Mean pitch, spectral tilt, level, pauses and background noise
vary more by speaker and by take than by emotion, so that a spectrum averaged over time tells little about it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

SAMPLING_RATE = 16_000
SEED = 1952  # another value makes another corpus; caches are named after it, so change it with the sound
HOP, FFT_LENGTH = 256, 1024  # samples; the vocal tract moves in steps of 16 ms and rings for at most 32 ms
FREQUENCIES = np.fft.rfftfreq(FFT_LENGTH, 1 / SAMPLING_RATE)  # Hz
TICK = 0.005  # s, step of the pitch contour

# First three formants in Hz, averages over men: Peterson & Barney (1952), table II.
VOWELS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
MURMUR = (270, 1100, 2200)  # Hz: what formants bend to around a consonant, and a nasal's own
HIGHER_FORMANTS = (3300, 3750, 4900)  # Hz, F4 to F6: after Klatt (1980)
BANDWIDTHS = (60, 90, 150, 250, 200, 1000)  # Hz, F1 to F6: after Klatt (1980)
# Share of the syllable, level of the noise, centre of the noise in Hz. Without noise a consonant is voiced.
CONSONANTS = {
    "f": (0.26, 0.3, 4200),
    "s": (0.30, 0.5, 5500),
    "p": (0.12, 0.6, 1200),
    "t": (0.12, 0.8, 4000),
    "k": (0.14, 0.8, 2000),
    "l": (0.20, 0.0, 1000),
    "m": (0.22, 0.0, 1000),
    "n": (0.22, 0.0, 1000),
}
# Without meaning, as those of Banse & Scherer (1996), so that nothing but the voice carries emotion. One per take.
SENTENCES = (
    "ta mi so le na ku",
    "pe lu ka ni mo sa",
    "no ti fa se lo mi",
    "ki ma tu le so pa",
    "sa ne po li ta mu",
    "lu se mi ka no te",
    "fi la mo te ku na",
    "ma so ti pe la nu",
    "te ku na fi lo sa",
    "ni pa le mu si to",
)
TAKES = len(SENTENCES)


@dataclass(frozen=True)
class Speaker:
    """A voice, whatever it feels."""

    sex: str
    pitch: float  # Hz, mean
    tract: float  # formants relative to the men of Peterson & Barney, whose women lie about 1.15 times higher
    tempo: float  # factor
    liveliness: float  # factor of every pitch movement
    tilt: float  # dB per octave by which the source falls faster
    breath: float  # level of the breath noise


SPEAKERS = {
    "f1": Speaker("female", 205, 1.16, 1.00, 1.00, 0.0, 0.02),
    "f2": Speaker("female", 228, 1.12, 1.06, 0.90, 2.0, 0.05),
    "f3": Speaker("female", 190, 1.20, 0.95, 1.12, -1.5, 0.03),
    "f4": Speaker("female", 245, 1.14, 1.03, 1.05, 1.0, 0.04),
    "m1": Speaker("male", 140, 1.00, 1.00, 1.00, -1.0, 0.02),
    "m2": Speaker("male", 160, 0.96, 0.95, 1.10, 1.5, 0.04),
    "m3": Speaker("male", 150, 1.04, 1.05, 0.92, 0.0, 0.05),
    "m4": Speaker("male", 172, 1.02, 1.02, 1.06, -2.0, 0.03),
}


@dataclass(frozen=True)
class Manner:
    """How an emotion moves the voice; pitch in semitones."""

    tempo: float  # syllables per second
    attack: float  # share of the vowel in which its energy rises
    steps: tuple[float, ...]  # pitch of each of the six syllables, around the mean
    glide: tuple[float, float, float]  # pitch at start, middle and end of a syllable, around its own
    height: float  # shift of the mean pitch, less than takes differ
    tilt: float  # dB per octave by which the source falls faster, less than takes differ
    tremor: float = 0.0  # semitones of wobble
    jitter: float = 0.006  # standard deviation of a glottal period, as a share of it


MANNERS = {
    # Fast, sharp onsets, pitch that falls in steps and within each syllable, a bright and rough voice.
    "anger": Manner(5.5, 0.06, (2, 1, 2, 0, -1, -3), (3, 1, -4), 1.0, -1.0, jitter=0.012),
    # Lively: wide pitch movements, up and down on each syllable and from one to the next.
    "happiness": Manner(5.0, 0.25, (-2, 3, -2, 4, -1, 1), (-4, 3, -2), 1.0, -0.5),
    # Even: onsets and tempo in the middle, pitch that declines a little.
    "neutral": Manner(4.6, 0.25, (1, 0.6, 0.2, -0.2, -0.6, -1), (0.2, 0, -0.2), 0.0, 0.0),
    # Slow, soft onsets, slight downward glides, a voice that trembles and is dull.
    "sadness": Manner(3.9, 0.55, (1, 0.5, 0.5, -0.3, -0.7, -1.5), (0.5, 0, -1), -0.5, 1.0, tremor=0.6, jitter=0.01),
}
EMOTIONS = tuple(MANNERS)


@dataclass(frozen=True)
class Timing:
    """When each syllable of a clip is spoken, in seconds."""

    starts: np.ndarray  # of the consonants
    onsets: np.ndarray  # of the vowels
    ends: np.ndarray  # of the vowels
    duration: float  # of the clip


def synthesise(speaker: str, emotion: str, take: int) -> np.ndarray:
    """Utterance as mono float32 in [-1, 1] at 16 kHz, 1 to 2 s long, the same at every call; `take` is 0 to 9."""
    voice, manner, syllables = SPEAKERS[speaker], MANNERS[emotion], SENTENCES[take].split()
    generator = np.random.default_rng([SEED, list(SPEAKERS).index(speaker), EMOTIONS.index(emotion), take])
    timing = _plan(syllables, voice, manner, generator)
    time = np.arange(int(timing.duration * SAMPLING_RATE)) / SAMPLING_RATE
    voicing, frication = _envelopes(time, timing, syllables, manner, generator)
    pulses = _glottal_pulses(_pitch(time, timing, voice, manner, generator), manner.jitter, generator)
    breath = voice.breath * generator.uniform(0.5, 1.5) * generator.standard_normal(len(time))
    voiced = _through(voicing * (pulses + breath), _vocal_tract(timing, syllables, voice, manner, generator))
    noise = _through(frication * generator.standard_normal(len(time)), _constriction(timing, syllables, voice))
    return _record(voiced / _level(voiced) + noise, generator)


def _plan(syllables: list[str], voice: Speaker, manner: Manner, generator: np.random.Generator) -> Timing:
    """Syllables of uneven length, the last one longer, between two silences of random length."""
    lengths = generator.uniform(0.85, 1.15, len(syllables))
    lengths[-1] *= 1.25
    tempo = manner.tempo * voice.tempo * generator.uniform(0.9, 1.1)
    lengths *= len(syllables) / tempo / lengths.sum()
    before, after = generator.uniform(0.03, 0.15, 2)
    starts = before + np.cumsum(lengths) - lengths
    onsets = starts + lengths * [CONSONANTS[consonant][0] for consonant, _ in syllables]
    ends = starts + lengths * generator.uniform(0.88, 0.98, len(syllables))
    return Timing(starts, onsets, ends, duration=float(np.clip(ends[-1] + after, 1.0, 2.0)))


def _pitch(time, timing: Timing, voice: Speaker, manner: Manner, generator: np.random.Generator) -> np.ndarray:
    """Fundamental frequency in Hz at each sample; the height of the whole contour belongs to the take."""
    count = len(timing.starts)
    steps = np.add(manner.steps, generator.normal(0, 0.3, count))
    glides = np.multiply.outer(generator.uniform(0.7, 1.3, count), manner.glide)
    contour = (steps[:, None] + glides) * voice.liveliness * generator.uniform(0.55, 1.2)  # (syllables, 3)
    knots = np.stack([timing.starts, (timing.onsets + timing.ends) / 2, timing.ends], axis=1)
    ticks = np.arange(0, timing.duration + TICK, TICK)
    semitones = gaussian_filter1d(np.interp(ticks, knots.ravel(), contour.ravel()), 0.012 / TICK)  # a larynx is slow
    wobble = manner.tremor * np.sin(2 * np.pi * (generator.uniform(5, 7) * ticks + generator.random()))
    semitones += wobble - semitones.mean() + manner.height + generator.normal(0, 2)
    return voice.pitch * 2 ** (np.interp(time, ticks, semitones) / 12)


def _glottal_pulses(pitch: np.ndarray, jitter: float, generator: np.random.Generator) -> np.ndarray:
    """One impulse per glottal period, uneven in time and height, shared between the two nearest samples."""
    cycles = np.cumsum(pitch) / SAMPLING_RATE
    numbers = np.arange(1, int(cycles[-1]))
    places = np.interp(numbers + generator.normal(0, jitter, len(numbers)), cycles, np.arange(len(cycles)))
    heights = 1 + generator.normal(0, 0.05, len(numbers))  # shimmer
    samples, shares = places.astype(int), places % 1
    pulses = np.bincount(samples, heights * (1 - shares), len(pitch) + 1)
    return (pulses + np.bincount(samples + 1, heights * shares, len(pitch) + 1))[: len(pitch)]


def _envelopes(time, timing: Timing, syllables, manner: Manner, generator) -> tuple[np.ndarray, np.ndarray]:
    """Level of the voice and of the consonants' noise at each sample.

    A vowel rises and decays along quarter sines. A sharp attack has a long decay and a slow one a short decay, so that
    each emotion spends equal time at each level, only in another order.
    """
    voicing, frication = np.zeros_like(time), np.zeros_like(time)
    attack = manner.attack * generator.uniform(0.8, 1.2)
    for (consonant, _), start, onset, end in zip(syllables, timing.starts, timing.onsets, timing.ends, strict=True):
        vowel = np.clip((time - onset) / (end - onset), 0, 1)
        rise_and_decay = np.minimum(vowel / attack, (1 - vowel) / (1 - attack))
        voicing += generator.uniform(0.7, 1) * np.sin(np.pi / 2 * rise_and_decay)
        hill = np.sin(np.pi * np.clip((time - start) / (onset - start), 0, 1))
        _, noise_level, _ = CONSONANTS[consonant]
        frication += noise_level * hill**2
        voicing += 0 if noise_level else 0.25 * hill
    return voicing, frication


def _vocal_tract(timing: Timing, syllables, voice: Speaker, manner: Manner, generator) -> np.ndarray:
    """Response of the source's tilt and of six formants in cascade at each hop: (hops, frequencies)."""
    targets = np.array([(MURMUR, VOWELS[vowel], VOWELS[vowel]) for _, vowel in syllables])  # (syllables, 3, formants)
    knots = np.stack([timing.starts, 0.7 * timing.onsets + 0.3 * timing.ends, timing.ends], axis=1)
    moving = [np.interp(_hops(timing), knots.ravel(), formant) for formant in targets.reshape(-1, 3).T]
    size = voice.tract * generator.uniform(0.97, 1.03)
    tilt = 6 + voice.tilt + manner.tilt + generator.uniform(-3, 3)  # dB per octave: the glottis 12, less 6 at the lips
    response = (1 + 1j * FREQUENCIES / 200) ** (-tilt / 6)
    for formant, bandwidth in zip([*moving, *HIGHER_FORMANTS], BANDWIDTHS, strict=True):
        centre = size * np.reshape(formant, (-1, 1))
        response = response * centre**2 / (centre**2 - FREQUENCIES**2 + 1j * FREQUENCIES * bandwidth)
    return response


def _constriction(timing: Timing, syllables, voice: Speaker) -> np.ndarray:
    """Response of the mouth to a consonant's noise, one wide resonance at each hop: (hops, frequencies)."""
    centres = voice.tract * np.array([CONSONANTS[consonant][2] for consonant, _ in syllables])
    syllable = np.clip(np.searchsorted(timing.starts, _hops(timing)) - 1, 0, None)
    centre, bandwidth = centres[syllable, None], 1500
    return 1j * FREQUENCIES * bandwidth / (centre**2 - FREQUENCIES**2 + 1j * FREQUENCIES * bandwidth)


def _hops(timing: Timing) -> np.ndarray:
    """Moments in seconds at which a filter is known."""
    samples = int(timing.duration * SAMPLING_RATE)
    return np.arange(-(-samples // HOP) + 1) * HOP / SAMPLING_RATE


def _through(source: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Pass `source` through a filter that changes at each hop, by overlap-add of filtered frames."""
    padded = np.zeros((len(response) + 1) * HOP)
    padded[HOP : HOP + len(source)] = source
    blocks = padded.reshape(-1, HOP)
    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * HOP) / HOP)  # neighbours add up to one
    frames = np.hstack([blocks[:-1], blocks[1:]]) * window  # (hops, 2 * HOP)
    rings = np.fft.irfft(np.fft.rfft(frames, FFT_LENGTH) * response, FFT_LENGTH)
    pieces = rings.reshape(len(frames), -1, HOP)  # -> (hops, pieces, HOP)
    output = np.zeros((len(frames) + pieces.shape[1], HOP))
    for place in range(pieces.shape[1]):
        output[place : place + len(frames)] += pieces[:, place]
    return output.ravel()[HOP : HOP + len(source)]


def _record(utterance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Recording at a level and over a background noise that belong to the take, whatever the emotion."""
    noise = generator.standard_normal(len(utterance)) * 10 ** (generator.uniform(-38, -22) / 20)
    level = 10 ** (generator.uniform(-32, -22) / 20)  # dB below full scale
    recording = level * (utterance / _level(utterance) + noise)
    return np.clip(recording, -1, 1).astype(np.float32)


def _level(waveform: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(waveform**2)))
