"""Make our models known to the Auto classes of transformers, but only once transformers itself loads them."""

import importlib
from types import ModuleType

import wrapt


def register_when_transformers_is_imported() -> None:
    """Register with each Auto class when its module is imported, or now if it already is."""
    for module, register in HOOKS.items():
        wrapt.register_post_import_hook(register, module)


def _register_config(module: ModuleType) -> None:
    for config in (_ours("configuration").SpectrogramConfig, _ours("report_configuration").ReportWav2Vec2Config):
        module.AutoConfig.register(config.model_type, config, exist_ok=True)


def _register_feature_extractor(module: ModuleType) -> None:
    config = _ours("configuration").SpectrogramConfig
    extractor = _ours("feature_extraction").SpectrogramFeatureExtractor
    module.AutoFeatureExtractor.register(config, extractor, exist_ok=True)
    # These are looked up by name and belong to no configuration; the place of one is taken by themselves.
    waveforms = _ours("waveform_extraction").WaveformFeatureExtractor
    whisper = _ours("whisper_extraction").WhisperExcerptFeatureExtractor
    for extractor in (waveforms, whisper):
        module.AutoFeatureExtractor.register(extractor, extractor, exist_ok=True)


def _register_model(module: ModuleType) -> None:
    spectrograms = _ours("modeling").SpectrogramForAudioClassification
    for model in (spectrograms, _ours("report_wav2vec2").ReportWav2Vec2ForAudioClassification):
        config = model.config_class
        module.AutoModelForAudioClassification.register(config, model, exist_ok=True)
        # The pipeline checks a model's class by this list of names, which `register` does not extend.
        module.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES.setdefault(config.model_type, model.__name__)


HOOKS = {
    "transformers.models.auto.configuration_auto": _register_config,
    "transformers.models.auto.feature_extraction_auto": _register_feature_extractor,
    "transformers.models.auto.modeling_auto": _register_model,
}


def _ours(name: str) -> ModuleType:
    return importlib.import_module(f"hf_ser.models.{name}")
