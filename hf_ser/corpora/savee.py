"""SAVEE: British English sentences acted by four men in seven emotions (Haq and Jackson, 2010)."""

from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code

# The letters before the number; two of them are needed for sadness and surprise.
EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = ("DC", "JE", "JK", "KL")
SENTENCES = {code: 30 if code == "n" else 15 for code in EMOTIONS}  # of each speaker
EXAMPLE = "DC_a01.wav` or `DC/a01.wav"


class Savee(CorpusBuilder):
    """`AudioData/DC/a01.wav` as published, or `DC_a01.wav` in one folder: 480 files, 44.1 kHz mono."""

    card = CorpusCard(
        name="savee",
        title="Surrey Audio-Visual Expressed Emotion (SAVEE)",
        language="en",
        licence="",
        home_page="http://kahlan.eps.surrey.ac.uk/savee/",
        download="http://kahlan.eps.surrey.ac.uk/savee/ gives the folder `AudioData` of 480 files on registration.",
        citation=(
            "S. Haq and P. J. B. Jackson, Multimodal Emotion Recognition, in W. Wang (ed.), Machine Audition: "
            "Principles, Algorithms and Systems, IGI Global, 2010."
        ),
        emotion_counts={
            "anger": 60,
            "disgust": 60,
            "fear": 60,
            "happiness": 60,
            "neutral": 120,
            "sadness": 60,
            "surprise": 60,
        },
        n_speakers=4,
        hours=0.5,
        speaker_counts=dict.fromkeys(SPEAKERS, 120),
    )

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `DC_sa01.wav`, or `sa01.wav` in the folder `DC`, tells: speaker DC, emotion sa, sentence sa01."""
        name = path.stem if "_" in path.stem else f"{path.parent.name}_{path.stem}"
        speaker, _, sentence = name.partition("_")
        code = sentence.rstrip("0123456789")
        check_code(path, "speaker", speaker, SPEAKERS, EXAMPLE)
        check_code(path, "emotion", code, EMOTIONS, EXAMPLE)
        numbers = (f"{number:02d}" for number in range(1, SENTENCES[code] + 1))
        check_code(path, "sentence", sentence.removeprefix(code), numbers, EXAMPLE)
        return Utterance(path, speaker, "male", sentence, EMOTIONS[code], source_label=code, name=name)
