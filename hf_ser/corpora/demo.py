"""Demo corpus: synthetic speech-like utterances of eight voices in four emotions, written on first use."""

import io
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance
from hf_ser.corpora.synthesis import EMOTIONS, SAMPLING_RATE, SEED, SENTENCES, SPEAKERS, TAKES, synthesise
from hf_ser.errors import CorpusError, writing


class Demo(CorpusBuilder):
    """320 synthetic clips of 1 to 2 s, 16 kHz mono; without `data_dir` they are made in seconds beside the cache."""

    card = CorpusCard(
        name="demo",
        title="Synthetic demo corpus of hf_ser (no human speech)",
        language="zxx",  # BCP-47: no linguistic content
        licence="Apache-2.0; synthetic sound, no recordings of people.",
        home_page="",
        download="Leave out `--data_dir`: the corpus is then synthesised.",
        citation=(
            "Synthesised by hf_ser after D. H. Klatt, Software for a cascade/parallel formant synthesizer, "
            "Journal of the Acoustical Society of America 67 (1980)."
        ),
        emotion_counts=dict.fromkeys(EMOTIONS, len(SPEAKERS) * TAKES),
        n_speakers=len(SPEAKERS),
        hours=0.13,
        speaker_counts=dict.fromkeys(SPEAKERS, len(EMOTIONS) * TAKES),
        synthetic=True,
    )

    def find_root(self, data_dir: str | Path | None) -> Path:
        """Folder given, or the one in the cache, where the corpus is written first."""
        if data_dir:
            return super().find_root(data_dir)
        folder = self.cache_root / f"hf_ser_demo_{SEED}"
        write_demo_corpus(folder)
        return (folder / "wav").resolve()

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `f1_anger_03.wav` tells: speaker f1, emotion anger, take and sentence 3."""
        clip = _names().get(path.name)
        if clip is None:
            raise CorpusError(
                f"`{path}` is no clip of the demo corpus, whose names are like `f1_anger_03.wav` with speakers "
                f"{sorted(SPEAKERS)}, emotions {sorted(EMOTIONS)} and takes 00 to {TAKES - 1:02d}. "
                f"{self.card.download}"
            )
        speaker, emotion, take = clip
        return Utterance(path, speaker, SPEAKERS[speaker].sex, SENTENCES[take], emotion, source_label=emotion)


def write_demo_corpus(folder: Path) -> None:
    """Write every clip to `folder/wav` as 16-bit PCM, unless all are there; `wav` appears whole or not at all."""
    if _is_whole(folder / "wav"):
        return
    with writing(folder, "The demo corpus needs 16 MB: free some space, or set `HF_DATASETS_CACHE` to another disk."):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as scratch:
            made = Path(scratch) / "wav"
            made.mkdir()
            for name, clip in _names().items():
                (made / name).write_bytes(_encode(synthesise(*clip)))
            _deliver(made, folder / "wav")


def _names() -> dict[str, tuple[str, str, int]]:
    """File name -> speaker, emotion and take of each clip."""
    clips = ((speaker, emotion, take) for speaker in SPEAKERS for emotion in EMOTIONS for take in range(TAKES))
    return {f"{speaker}_{emotion}_{take:02d}.wav": (speaker, emotion, take) for speaker, emotion, take in clips}


def _is_whole(folder: Path) -> bool:
    """Whether every clip is there; each got its name in this folder only when it was complete."""
    return all((folder / name).is_file() for name in _names())


def _encode(waveform: np.ndarray) -> bytes:
    """Content of a 16-bit WAV file, made in memory so that a full disk shows as the system's own error."""
    content = io.BytesIO()
    soundfile.write(content, waveform, SAMPLING_RATE, format="WAV", subtype="PCM_16")
    return content.getvalue()


def _deliver(made: Path, target: Path) -> None:
    """Rename `made` to `target`; where a folder is there already, fill it up and delete nothing."""
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        for path in made.iterdir():
            path.replace(target / path.name)
