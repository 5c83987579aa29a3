"""Folders with the names and counts of published corpora, in which every file is the same twentieth of a second."""

import itertools
import os
from collections import defaultdict

import numpy as np
import soundfile

DEMOS = {
    "col": 1129,
    "dis": 1678,
    "gio": 1395,
    "neu": 332,
    "pau": 1156,
    "rab": 1477,
    "sor": 1000,
    "tri": 1530,
}
DEMOS_PROTOTYPICAL = 1564
NEMO = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprised": 669}
NEMO_SPEAKERS = ("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0")
IEMOCAP = {
    "ang": 1103,
    "dis": 2,
    "exc": 1041,
    "fea": 40,
    "fru": 1849,
    "hap": 595,
    "neu": 1708,
    "oth": 3,
    "sad": 1084,
    "sur": 107,
    "xxx": 2507,
}
IEMOCAP_DIALOGUES = ("impro01", "impro02", "impro05a", "script01_1", "script01_1b", "script02_2")
BALLOTS = "C-E1:\tNeutral;\t()\nC-E2:\tAnger;\t(tired)\nA-E1:\tval 3; act 2; dom  2;\t()\n\n"


def write_clips(folder, names, sampling_rate, channels=1):
    """One tone under many names."""
    paths = [folder / name for name in names]
    for parent in {path.parent for path in paths}:
        parent.mkdir(parents=True, exist_ok=True)
    tone = 0.3 * np.sin(np.arange(sampling_rate // 20) * 0.05)
    soundfile.write(paths[0], np.stack([tone] * channels, axis=1), sampling_rate, subtype="PCM_16")
    for path in paths[1:]:
        os.link(paths[0], path)
    return folder


def write_demos(folder):
    """Women 01 to 23 and men 24 to 68; the neutral clips are apart and unmarked."""
    speakers = itertools.cycle([f"{'f' if number <= 23 else 'm'}_{number:02d}" for number in range(1, 69)])
    names, takes = [], itertools.count(1)
    for code in DEMOS:
        clips = [f"{next(speakers)}_{code}{next(takes):04d}a.wav" for _ in range(DEMOS[code])]
        names += [f"NEU/{clip}" for clip in clips] if code == "neu" else [f"DEMOS/NP_{clip}" for clip in clips]
    marked = [index for index, name in enumerate(names) if name.startswith("DEMOS")][:DEMOS_PROTOTYPICAL]
    for index in marked:
        names[index] = names[index].replace("NP_", "PR_")
    return write_clips(folder, names, 44_100)


def write_emovo(folder):
    """One folder per speaker; `dis-f1-b1.wav` is mono."""
    emotions = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
    sentences = ("b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5")
    clips = itertools.product(("f1", "f2", "f3", "m1", "m2", "m3"), emotions, sentences)
    first, *names = [f"{speaker}/{code}-{speaker}-{sentence}.wav" for speaker, code, sentence in clips]
    write_clips(folder, names, 48_000, channels=2)
    return write_clips(folder, [first], 48_000)


def write_nemo(folder):
    """`samples`, and the table of texts beside it."""
    keys = [f"{speaker}_{{}}_{sentence}.wav" for sentence in range(1, 91) for speaker in NEMO_SPEAKERS]
    names = [f"samples/{key.format(code)}" for code, count in NEMO.items() for key in keys[:count]]
    write_clips(folder, names, 24_000)
    (folder / "data.tsv").write_text("file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n")
    return folder


def write_iemocap(folder):
    """Five sessions with labels, single turns, whole dialogues, and the hidden files of macOS."""
    heads = [f"Ses{session:02d}{sex}_{name}" for name in IEMOCAP_DIALOGUES for session in range(1, 6) for sex in "FM"]
    dialogues, numbers, lines = itertools.cycle(heads), defaultdict(itertools.count), defaultdict(str)
    names = [f"Session{head[4]}/dialog/wav/{head}.wav" for head in heads]
    for label in (label for label, count in IEMOCAP.items() for _ in range(count)):
        head = next(dialogues)
        number = next(numbers[head])
        turn = f"{head}_{'FM'[number % 2]}{number // 2:03d}"
        lines[head] += f"[{number}.2901 - {number}.9000]\t{turn}\t{label}\t[2.5000, 3.0000, 2.5000]\n{BALLOTS}"
        names.append(f"Session{head[4]}/sentences/wav/{head}/{turn}.wav")
    write_clips(folder, names, 16_000)
    for head, text in lines.items():
        labels = folder / f"Session{head[4]}" / "dialog" / "EmoEvaluation"
        (labels / "Categorical").mkdir(parents=True, exist_ok=True)
        (labels / f"{head}.txt").write_text(f"% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n{text}")
        (labels / "Categorical" / f"{head}_e1_cat.txt").write_text(f"{head}_F000 :Neutral state; ()\n")
        (labels / f"._{head}.txt").write_bytes(b"\x00\x05\x16\x07")
    return folder
