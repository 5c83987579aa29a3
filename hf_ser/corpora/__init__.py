"""Corpora by name: `load_corpus("emodb", data_dir)`; a new corpus is one file and one line here."""

from pathlib import Path

import datasets

from hf_ser.corpora.base import CorpusBuilder
from hf_ser.corpora.demo import Demo
from hf_ser.corpora.emodb import EmoDB
from hf_ser.corpora.fingerprints import check_fingerprint
from hf_ser.errors import CorpusError, suggest

CORPORA: dict[str, type[CorpusBuilder]] = {"demo": Demo, "emodb": EmoDB}


def load_corpus(name: str, data_dir: str | Path | None = None) -> datasets.Dataset:
    """Utterances of a corpus, one row each: audio (undecoded), label, speaker, sex, sentence, ..., duration.

    Args:
        name: Key of CORPORA.
        data_dir: Folder of the published files, or their zip.

    Raises:
        CorpusError: The name is unknown, the files are missing, or a file name cannot be read.
    """
    if name not in CORPORA:
        raise CorpusError(f"Unknown corpus `{name}`. {suggest(str(name), CORPORA)}")
    builder = CORPORA[name](data_dir=data_dir)
    dataset = builder.load()
    check_fingerprint(dataset, builder.card)
    return dataset
