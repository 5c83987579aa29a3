"""EMOVO: acted Italian sentences by six speakers in seven emotions (Costantini et al., 2014)."""

from pathlib import Path

from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code
from hf_ser.corpora.labels import ITALIAN_CODES as EMOTIONS

SEXES = {"f1": "female", "f2": "female", "f3": "female", "m1": "male", "m2": "male", "m3": "male"}
# Short ones (breve), questions (domanda), long ones (lunga), and grammatical ones without sense (nonsense).
SENTENCES = ("b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5")
EXAMPLE = "dis-f1-b1.wav"


class Emovo(CorpusBuilder):
    """One folder per speaker as published: 588 files, 48 kHz stereo but for one that is mono."""

    card = CorpusCard(
        name="emovo",
        title="EMOVO Corpus: an Italian Emotional Speech Database",
        language="it",
        licence="",
        home_page="http://voice.fub.it/activities/corpora/emovo/index.html",
        download=(
            "http://voice.fub.it/activities/corpora/emovo/index.html is its home page; the archive holds one folder "
            "per speaker, f1 to m3, 588 files in all."
        ),
        citation=(
            "G. Costantini, I. Iaderola, A. Paoloni and M. Todisco, "
            "EMOVO Corpus: an Italian Emotional Speech Database, LREC 2014."
        ),
        emotion_counts=dict.fromkeys(sorted(EMOTIONS.values()), len(SEXES) * len(SENTENCES)),
        n_speakers=len(SEXES),
        hours=0.5,
        speaker_counts=dict.fromkeys(SEXES, len(EMOTIONS) * len(SENTENCES)),
    )

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `dis-f1-b1.wav` tells: emotion dis, speaker f1, sentence b1."""
        code, speaker, sentence = (*path.stem.split("-", maxsplit=2), "", "")[:3]
        check_code(path, "emotion", code, EMOTIONS, EXAMPLE)
        check_code(path, "speaker", speaker, SEXES, EXAMPLE)
        check_code(path, "sentence", sentence, SENTENCES, EXAMPLE)
        return Utterance(path, speaker, SEXES[speaker], sentence, EMOTIONS[code], source_label=code)
