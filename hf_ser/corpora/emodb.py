"""EMO-DB: acted German sentences by ten speakers in seven emotions (Burkhardt et al., 2005)."""

from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code

# Sixth letter of a file name, from the German word: W = Wut = anger.
EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}
SEXES = {
    "03": "male",
    "08": "female",
    "09": "female",
    "10": "male",
    "11": "male",
    "12": "male",
    "13": "female",
    "14": "female",
    "15": "male",
    "16": "female",
}
SENTENCES = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")


class EmoDB(CorpusBuilder):
    """`wav/*.wav` as published: 535 files of 1.2 to 9.0 s, 16 kHz mono."""

    card = CorpusCard(
        name="emodb",
        title="Berlin Database of Emotional Speech (EMO-DB)",
        language="de",
        licence="Free for research; cite Burkhardt et al. (2005), see the home page.",
        home_page="http://emodb.bilderbar.info/",
        download="http://emodb.bilderbar.info/ offers a zip with a folder `wav` of 535 files.",
        citation=(
            "F. Burkhardt, A. Paeschke, M. Rolfes, W. F. Sendlmeier and B. Weiss, "
            "A Database of German Emotional Speech, Interspeech 2005."
        ),
        emotion_counts={
            "anger": 127,
            "boredom": 81,
            "disgust": 46,
            "fear": 69,
            "happiness": 71,
            "neutral": 79,
            "sadness": 62,
        },
        n_speakers=10,
        hours=0.41,
        speaker_counts={
            "03": 49,
            "08": 58,
            "09": 43,
            "10": 38,
            "11": 55,
            "12": 35,
            "13": 61,
            "14": 69,
            "15": 56,
            "16": 71,
        },
    )

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `03a01Fa.wav` tells: speaker 03, sentence a01, emotion F, version a."""
        speaker, sentence, code = path.stem[:2], path.stem[2:5], path.stem[5:6]
        check_code(path, "speaker", speaker, SEXES, "03a01Fa.wav")
        check_code(path, "sentence", sentence, SENTENCES, "03a01Fa.wav")
        check_code(path, "emotion", code, EMOTIONS, "03a01Fa.wav")
        return Utterance(path, speaker, SEXES[speaker], sentence, EMOTIONS[code], source_label=code)
