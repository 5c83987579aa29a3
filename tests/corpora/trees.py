"""Folders with all the names of a published corpus, and one tiny sound in place of each recording."""

import io
import itertools

import numpy as np
import soundfile

CREMAD_SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
# Stands in for `1076_MTI_SAD_XX.wav`, which has no audio.
NO_SAMPLES = np.zeros(0)


def encode(samples=None, sampling_rate=16_000, container="WAV"):
    """Content of a sound file; 50 ms of a tone unless samples are given, (samples,) or (samples, channels)."""
    content = io.BytesIO()
    samples = 0.3 * np.sin(np.arange(800) * 0.1) if samples is None else samples
    soundfile.write(content, samples, sampling_rate, format=container, subtype="PCM_16")
    return content.getvalue()


def write_files(folder, names):
    """One sound under each name, which may hold folders."""
    content = encode()
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(content)
    return folder


def write_ravdess(folder):
    """1440 files: neutral is never strong."""
    emotions = [("01", "01"), *itertools.product([f"{emotion:02d}" for emotion in range(2, 9)], ("01", "02"))]
    names = [
        f"Actor_{actor:02d}/03-01-{emotion}-{intensity}-{statement}-{repetition}-{actor:02d}.wav"
        for actor in range(1, 25)
        for emotion, intensity in emotions
        for statement, repetition in itertools.product(("01", "02"), repeat=2)
    ]
    return write_files(folder, names)


def write_savee(folder, flat=True):
    """480 files, `DC_a01.wav` or `DC/a01.wav`."""
    sentences = [
        f"{code}{number:02d}"
        for code in ("a", "d", "f", "h", "n", "sa", "su")
        for number in range(1, 31 if code == "n" else 16)
    ]
    pairs = itertools.product(("DC", "JE", "JK", "KL"), sentences)
    return write_files(folder, [f"{speaker}{'_' if flat else '/'}{sentence}.wav" for speaker, sentence in pairs])


def write_tess(folder, flat=False):
    """2800 files, `OAF_angry/OAF_back_angry.wav` or flat, with 198 words made up, and the one misspelt name."""
    words = ["back", "bite", *(f"word{number:03d}" for number in range(198))]
    emotions = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
    names = [
        f"{'' if flat else f'{speaker}_{emotion}/'}{speaker}_{word}_{emotion}.wav"
        for speaker, emotion, word in itertools.product(("OAF", "YAF"), emotions, words)
    ]
    return write_files(folder, [name.replace("OAF_bite_neutral.wav", "OA_bite_neutral.wav") for name in names])


def write_cremad(folder):
    """7442 files, the one misspelt name and the one without audio among them, and the actors' sexes by turns.

    Each actor speaks twelve sentences in six emotions, the first at three levels except in neutral; of these 7462
    files 3 of each emotion and 5 of neutral are not there: which, is made up.
    """
    names = []
    for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
        levels = {"IEO": ("LO", "MD", "HI")} if emotion != "NEU" else {}
        takes = [(sentence, level) for sentence in CREMAD_SENTENCES for level in levels.get(sentence, ("XX",))]
        clips = [f"{actor}_{sentence}_{emotion}_{level}" for actor in range(1001, 1092) for sentence, level in takes]
        names += clips[: -5 if emotion == "NEU" else -3]
    names[names.index("1040_ITH_SAD_XX")] = "1040_ITH_SAD_X"
    write_files(folder, [f"AudioWAV/{name}.wav" for name in names])
    (folder / "AudioWAV" / "1076_MTI_SAD_XX.wav").write_bytes(encode(NO_SAMPLES))
    write_demographics(folder / "VideoDemographics.csv")
    return folder


def write_demographics(path):
    """The table of CREMA-D: odd actors are male."""
    rows = [f'{actor},30,"{"Male" if actor % 2 else "Female"}","","Not Hispanic"' for actor in range(1001, 1092)]
    path.write_text("\n".join(['"ActorID","Age","Sex","Race","Ethnicity"', *rows, ""]))
