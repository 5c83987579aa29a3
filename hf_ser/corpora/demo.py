"""Demo: 320 synthetic speech-like clips by eight made-up speakers in four emotions, made on the spot."""

import hashlib
from pathlib import Path

from hf_ser.corpora import synthesis
from hf_ser.corpora.base import CorpusBuilder, CorpusCard, Utterance, check_code

EMOTIONS = ("anger", "happiness", "neutral", "sadness")
SEXES = {f"{letter}{number}": sex for letter, sex in (("f", "female"), ("m", "male")) for number in range(1, 5)}
TAKES = 10  # each take has words of its own


class Demo(CorpusBuilder):
    """`wav/f1_anger_03.wav`, 16 kHz mono, 1 to 2 s; no person has spoken it."""

    card = CorpusCard(
        name="demo",
        title="Demo corpus of synthetic speech-like sounds",
        language="zxx",  # BCP-47: no language
        licence="Apache-2.0",
        home_page="",
        download="nothing to get, `hf_ser.corpora.synthesis` makes it.",
        citation="Made by the source-filter synthesiser of hf_ser; synthetic, no recording of a person.",
        emotions=EMOTIONS,
        emotion_counts=dict.fromkeys(EMOTIONS, len(SEXES) * TAKES),
        speaker_counts=dict.fromkeys(SEXES, len(EMOTIONS) * TAKES),
        synthetic=True,
    )

    def find_root(self, data_dir: str | Path | None) -> Path:
        """The folder given, or one in the cache that is filled on the first call."""
        if data_dir:
            return super().find_root(data_dir)
        # Another synthesiser makes other sounds: its source is the key.
        key = hashlib.blake2b(Path(synthesis.__file__).read_bytes(), digest_size=8).hexdigest()
        folder = self.cache_root / "synthetic" / f"demo-{key}"
        synthesis.write_demo_corpus(folder)
        return (folder / "wav").resolve()

    def read_utterance(self, path: Path) -> Utterance:
        """Read what `f1_anger_03.wav` tells: speaker f1, emotion anger, take (and sentence) 03."""
        speaker, emotion, take = (path.stem.split("_") + ["", "", ""])[:3]
        check_code(path, "speaker", speaker, SEXES, "f1_anger_03.wav")
        check_code(path, "emotion", emotion, EMOTIONS, "f1_anger_03.wav")
        return Utterance(path, speaker, SEXES[speaker], f"s{take}", emotion, source_label=emotion)
