"""Fine-tune speech emotion recognition models on the Hugging Face stack.

Importing this package is quick: each name below loads its module, and with it torch, when it is first used. The Auto
classes and `pipeline()` of transformers learn of our model when they themselves are first used.
"""

import importlib
from importlib.metadata import version
from typing import Any

from hf_ser.registration import register_when_transformers_is_imported

__version__ = version("hf_ser")

_MODULES = {
    "AudioError": "errors",
    "CardError": "errors",
    "CorpusError": "errors",
    "HfSerError": "errors",
    "RecipeError": "errors",
    "RunError": "errors",
    "SpectrogramConfig": "models.configuration",
    "SpectrogramFeatureExtractor": "models.feature_extraction",
    "SpectrogramForAudioClassification": "models.modeling",
    "SplitError": "errors",
    "StorageError": "errors",
    "build_feature_extractor": "training",
    "build_model": "training",
    "build_trainer": "training",
    "drop_bad_audio": "checks",
    "evaluate_run": "evaluation",
    "extract_features": "features",
    "load_corpus": "corpora",
    "make_split": "splits",
    "parse_recipe": "arguments",
    "predict": "inference",
    "read_audio": "audio",
    "render_model_card": "model_card",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module `hf_ser` has no `{name}`; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"hf_ser.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


register_when_transformers_is_imported()
