"""RAVDESS, its speech: two sentences acted by 24 North Americans in eight emotions (Livingstone and Russo, 2018)."""

import logging
from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, read_codes
from hf_ser.errors import CorpusError

logger = logging.getLogger(__name__)

AUDIO_ONLY = "03"  # 01 is sound with video, 02 video alone
SPEECH = "01"
SONG = "02"
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
INTENSITIES = {"01": "normal", "02": "strong"}
ACTORS = tuple(f"{actor:02d}" for actor in range(1, 25))
# In the order of a file name.
CODES = {
    "modality": (AUDIO_ONLY,),
    "channel": (SPEECH,),
    "emotion": EMOTIONS,
    "intensity": INTENSITIES,
    "statement": ("01", "02"),
    "repetition": ("01", "02"),
    "actor": ACTORS,
}


class Ravdess(CorpusBuilder):
    """`Actor_*/*.wav` as published: 1440 files of 3 to 5 s, 48 kHz; five of them are stereo."""

    card = CorpusCard(
        name="ravdess",
        title="Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), speech",
        language="en",
        licence="CC BY-NC-SA 4.0; commercial licences are sold.",
        home_page="https://zenodo.org/records/1188976",
        download="https://zenodo.org/records/1188976 offers `Audio_Speech_Actors_01-24.zip`.",
        citation=(
            "S. R. Livingstone and F. A. Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song "
            "(RAVDESS), PLoS ONE 13(5), 2018."
        ),
        emotion_counts={
            "anger": 192,
            "calm": 192,
            "disgust": 192,
            "fear": 192,
            "happiness": 192,
            "neutral": 96,  # never strong
            "sadness": 192,
            "surprise": 192,
        },
        n_speakers=24,
        hours=1.5,
        speaker_counts=dict.fromkeys(ACTORS, 60),
    )

    def find_files(self) -> list[Path]:
        """The files of speech; those of song or of a video are left out, counted in one warning."""
        files = super().find_files()
        speech = [path for path in files if not _is_other(path)]
        if not speech:
            raise CorpusError(f"`{self.root}` holds song or video only ({len(files)} files). {self.card.download}")
        if len(speech) < len(files):
            logger.warning(
                "ravdess: left out %d files of song or video, whose names do not start with `%s-%s-`; %d are speech",
                len(files) - len(speech),
                AUDIO_ONLY,
                SPEECH,
                len(speech),
            )
        return speech

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `03-01-05-02-01-01-12.wav` tells: emotion 05, intensity 02, statement 01, actor 12."""
        codes = read_codes(path, "-", CODES, "03-01-05-02-01-01-12.wav")
        emotion, actor = codes["emotion"], codes["actor"]
        return Utterance(
            path,
            speaker=actor,
            sex="male" if int(actor) % 2 else "female",
            sentence=codes["statement"],
            emotion=EMOTIONS[emotion],
            source_label=emotion,
            intensity=INTENSITIES[codes["intensity"]],
        )


def _is_other(path: Path) -> bool:
    """Whether a name is of a song or a video of the same database."""
    modality, _, rest = path.stem.partition("-")
    return modality in ("01", "02") or rest.startswith(f"{SONG}-")
