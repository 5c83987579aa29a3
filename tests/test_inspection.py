"""What `hf-ser check` finds before any training: leaks, impossible labels, imbalance, sounds to listen to."""

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from hf_ser.arguments import parse_recipe
from hf_ser.cli import app
from hf_ser.corpora.emodb import EMOTIONS
from hf_ser.inspection import inspect_recipe
from tests.conftest import ROOT

RATE = 16_000
LETTERS = {code: word for word, code in EMOTIONS.items()}
SPEAKERS = ("03", "08", "09", "10")


def voice(seed):
    """A second of sound unlike that of any other seed: syllables of a gliding voice, as a print needs them."""
    generator = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    pitch = np.interp(time, np.linspace(0, 1, 6), generator.uniform(90, 300, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tones = sum(generator.uniform(0.1, 1) * np.sin(order * phase) for order in range(1, 12))
    loudness = np.interp(time, np.linspace(0, 1, 12), generator.uniform(0, 1, 12) ** 2)
    return 0.05 * (tones * loudness + generator.normal(0, 0.01, RATE))


@pytest.fixture
def clips(tmp_path):
    """EMO-DB's names for four speakers, seven emotions and three sentences each: 84 different sounds."""
    folder = tmp_path / "emodb"
    folder.mkdir()
    names = [f"{s}{text}{LETTERS[e]}a" for s in SPEAKERS for e in LETTERS for text in ("a01", "a02", "b01")]
    for seed, name in enumerate(names):
        soundfile.write(folder / f"{name}.wav", voice(seed), RATE)
    return folder


def inspect(folder, *options):
    recipe = [str(ROOT / "recipes/quickstart.yaml"), "--corpus", "emodb", "--data_dir", str(folder)]
    return inspect_recipe(parse_recipe([*recipe, "--speaker_independent", "false", *options]))


def texts(report, kind):
    return [finding.text for finding in report.findings if finding.kind == kind]


HELD_OUT = ("--split", "held-out-speakers", "--test_speakers", "10", "--validation", "0.25")
STRATIFIED = ("--split", "stratified", "--test_speakers", "null", "--test", "0.25")


def test_windows_that_are_split_leak_where_clips_are_parted_at_random(clips):
    windows = ("--train_on", "windows", "--window_frames", "40", "--split_windows", "true")
    sentence = "`split_windows` splits single windows: those of a clip are in training and in test"
    assert sentence in texts(inspect(clips, *STRATIFIED, *windows), "leak")
    assert sentence not in texts(inspect(clips, *HELD_OUT, *windows), "leak")


def test_the_parts_are_counted_by_speaker_emotion_and_sex(clips):
    report = inspect(clips, *HELD_OUT)
    assert report.parts["test"]["clips"] == 21
    assert report.parts["test"]["speakers"] == 1
    assert [report.parts["test"][emotion] for emotion in LETTERS] == [3] * 7
    assert report.parts["test"]["sex: male"] == 21
    assert sum(part["clips"] for part in report.parts.values()) == 84


def test_the_same_sound_under_two_names_across_parts_is_a_leak_that_names_both(clips):
    (clips / "10a01Wb.wav").write_bytes((clips / "03a01Wa.wav").read_bytes())
    report = inspect(clips, *HELD_OUT)
    assert texts(report, "leak") == ["one recording in training and in test: emodb-03a01Wa = emodb-10a01Wb"]
    assert "the same sound under several names: emodb-03a01Wa = emodb-10a01Wb" in texts(report, "quality")


def test_a_quieter_copy_across_parts_is_a_leak_too(clips):
    sound, rate = soundfile.read(clips / "03a01Wa.wav")
    soundfile.write(clips / "10a01Wb.wav", 0.3 * sound, rate)
    report = inspect(clips, *HELD_OUT)
    assert texts(report, "leak") == ["one recording in training and in test: emodb-03a01Wa = emodb-10a01Wb"]
    assert any("one recording, changed" in text for text in texts(report, "quality"))


def test_speakers_on_both_sides_are_a_leak_where_the_recipe_claims_that_there_are_none(clips):
    report = inspect(clips, *STRATIFIED)
    assert texts(report, "leak") == []
    assert any(text.startswith("speakers in training and in test: 03, 08") for text in texts(report, "note"))
    claimed = inspect(clips, *STRATIFIED, "--speaker_independent", "true")
    assert any("claims `speaker_independent: true`, but 03, 08" in text for text in texts(claimed, "leak"))


def test_speakers_apart_are_no_finding_and_shared_sentences_are_a_note(clips):
    report = inspect(clips, *HELD_OUT)
    assert texts(report, "leak") == []
    assert texts(report, "note") == [
        "sentences in training and in test: a01, a02, b01; the score is none for new words"
    ]


def test_all_folds_are_looked_at(clips):
    (clips / "10a01Wb.wav").write_bytes((clips / "09a01Wa.wav").read_bytes())
    report = inspect(clips, "--split", "leave-one-speaker-out", "--test_speakers", "null", "--validation", "0.25")
    assert report.n_folds == 4
    assert texts(report, "leak") == ["one recording in training and in test: emodb-09a01Wa = emodb-10a01Wb"]


NO_SPEAKERS = ("--test_speakers", "null", "--validation", "0")
CLIPS = [(word, who) for word in ("happy", "sad") for who in ("Ada", "Ada", "")]


@pytest.fixture
def two_corpora(tmp_path):
    """SAVEE and TESS as published, but few: three clips of each of two speakers in each emotion."""
    codes, words = ("a", "d", "f", "h", "n", "sa", "su"), ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
    names = {
        "savee": [f"{who}_{code}0{take}" for who in ("DC", "JE") for code in codes for take in (1, 2, 3)],
        "tess": [
            f"{who}_{take}_{word}" for who in ("OAF", "YAF") for word in words for take in ("back", "bar", "base")
        ],
    }
    for corpus, stems in names.items():
        (tmp_path / corpus).mkdir()
        for seed, stem in enumerate(stems):
            soundfile.write(tmp_path / corpus / f"{stem}.wav", voice(100 * len(corpus) + seed), RATE)
    return f"{tmp_path / 'savee'},{tmp_path / 'tess'}"


POOL = ("--corpus", "savee,tess", *STRATIFIED)


def test_the_error_of_the_report_is_found_and_named(two_corpora):
    findings = texts(inspect(two_corpora, *POOL, "--pool", "paper"), "label")
    assert (
        "all 42 clips of corpus `savee` are labelled surprise, though its files say a, d, f, h, n, sa, su" in findings
    )
    assert any("`savee` has not the counts that were published: anger 0 in place of 60" in text for text in findings)
    corrected = texts(inspect(two_corpora, *POOL, "--pool", "corrected"), "label")
    assert not any("all 42 clips" in text for text in corrected)


def test_namesakes_in_two_corpora_of_ones_own_are_a_note(tmp_path):
    tables = []
    for corpus in ("here", "there"):
        (tmp_path / corpus).mkdir()
        rows = [f"{corpus}{index}.wav,{word},{who}" for index, (word, who) in enumerate(CLIPS)]
        for index in range(len(rows)):
            seed = 50 * len(corpus) + index
            soundfile.write(tmp_path / corpus / f"{corpus}{index}.wav", voice(seed), RATE)
        tables.append(tmp_path / corpus / f"{corpus}.csv")
        tables[-1].write_text("\n".join(["file,label,speaker", *rows]))
    folders = ",".join(map(str, tables))
    report = inspect(
        folders, "--corpus", "csv,csv", "--split", "cross-corpus", "--test_corpora", "there", *NO_SPEAKERS
    )
    assert any(text.startswith("speakers of one name in here and there count as") for text in texts(report, "note"))
    assert any(
        text.endswith("different people: Ada; give them names of their own, or one corpus if they are the same")
        for text in texts(report, "note")
    )


def test_clipped_and_bad_files_are_to_be_listened_to(clips):
    sound, rate = soundfile.read(clips / "03a01Wa.wav")
    soundfile.write(clips / "03a01Wa.wav", np.clip(40 * sound, -0.9, 0.9), rate)
    (clips / "03a02Wa.wav").write_bytes(b"")
    report = inspect(clips, *HELD_OUT)
    assert any(text.startswith("emodb-03a01Wa: ") and "clipped" in text for text in texts(report, "quality"))
    assert [text.partition(":")[0] for text in texts(report, "stop")] == ["03a02Wa.wav"]
    skipped = inspect(clips, *HELD_OUT, "--on_bad_audio", "skip")
    assert texts(skipped, "stop") == []
    assert any(text.startswith("03a02Wa.wav: an empty file") for text in texts(skipped, "quality"))


def test_rare_emotions_and_one_sex_are_imbalance(clips):
    for path in clips.glob("*Fa.wav"):
        if path.name not in ("03a01Fa.wav", "10a01Fa.wav"):
            path.unlink()
    report = inspect(clips, *HELD_OUT)
    assert texts(report, "balance") == ["fear has 12 clips, happiness 2: consider `class_weights: balanced`"]


def test_the_command_prints_the_parts_and_ends_with_status_1_for_a_leak(clips):
    recipe = ["check", str(ROOT / "recipes/quickstart.yaml"), "--corpus", "emodb", "--data_dir", str(clips)]
    call = CliRunner(env={"COLUMNS": "200"}).invoke
    done = call(app, [*recipe, *HELD_OUT])
    assert "leaks: none" in done.stdout
    assert done.exit_code == 1  # the counts are not those of EMO-DB
    assert "labels that cannot be right: 1" in done.stdout
    (clips / "10a01Wb.wav").write_bytes((clips / "03a01Wa.wav").read_bytes())
    done = call(app, [*recipe, *HELD_OUT, "--format", "json"])
    assert '"one recording in training and in test: emodb-03a01Wa = emodb-10a01Wb"' in done.stdout
