"""Networks of transformers that read waveforms: wav2vec2, HuBERT, WavLM, data2vec and their kin, and Whisper."""

import logging
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForAudioClassification,
    PreTrainedModel,
    SequenceFeatureExtractor,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
)

from hf_ser.arguments import WaveformArguments
from hf_ser.errors import RecipeError
from hf_ser.lora import add_adapters
from hf_ser.models.report_configuration import ReportWav2Vec2Config
from hf_ser.models.report_wav2vec2 import ReportWav2Vec2ForAudioClassification
from hf_ser.models.waveform_extraction import WaveformFeatureExtractor
from hf_ser.models.whisper_extraction import WhisperExcerptFeatureExtractor
from hf_ser.wording import list_some

logger = logging.getLogger(__name__)

# Feature extractors of transformers: ours in front of each, and what it takes over.
EXTRACTORS = {
    Wav2Vec2FeatureExtractor: (
        WaveformFeatureExtractor,
        ("feature_size", "sampling_rate", "padding_value", "do_normalize", "return_attention_mask"),
    ),
    WhisperFeatureExtractor: (
        WhisperExcerptFeatureExtractor,
        ("feature_size", "sampling_rate", "padding_value", "hop_length", "chunk_length", "n_fft", "dither"),
    ),
}
# What pretraining needs and recognition does not; it stays behind in the checkpoint.
PRETRAINING = (
    *("quantizer.", "project_q.", "project_hid.", "lm_head.", "final_proj.", "dropout_features."),
    *("label_embs_concat", "label_embeddings_concat", "layer_norm_for_extract.", "speaker_proj.", "ctc_proj."),
    *("model.decoder.", "decoder.", "proj_out."),  # Whisper's
)
# What recognition needs and pretraining does not; it begins at random.
HEAD = ("projector.", "classifier.", "layer_weights")
# What SpecAugment puts in place of frames it hides; checkpoints that were fine-tuned without, such as
# facebook/wav2vec2-base-960h, lack it, and it begins at random too.
MASK = "masked_spec_embed"
# Networks with convolutions over time that heed no mask, so that zeros behind a clip reach its last frames.
LEAKY = ("data2vec-audio", "wav2vec2-conformer")


def load_waveform_extractor(
    checkpoint: str, options: dict[str, Any]
) -> WaveformFeatureExtractor | WhisperExcerptFeatureExtractor:
    """The checkpoint's own feature extractor, with what a recipe says of offset, duration, padding and silence.

    Raises:
        RecipeError: for a checkpoint that has none, or reads something else than waveforms.
    """
    stock = _load(AutoFeatureExtractor, checkpoint)
    kind = next((kind for kind in EXTRACTORS if isinstance(stock, kind)), None)
    if kind is None:
        raise RecipeError(
            f"`checkpoint: {checkpoint}` has a {type(stock).__name__}; expected a checkpoint that reads waveforms "
            f"through a {' or a '.join(kind.__name__ for kind in EXTRACTORS)}, such as wav2vec2, HuBERT, WavLM, "
            "data2vec or Whisper."
        )
    if kind is WhisperFeatureExtractor:
        _check_spectrogram(checkpoint, stock)
    ours, names = EXTRACTORS[kind]
    try:
        return ours(**{name: getattr(stock, name) for name in names}, **options)
    except ValueError as error:
        raise RecipeError(str(error)) from error


def load_waveform_model(arguments: WaveformArguments, names: dict[str, dict]) -> PreTrainedModel:
    """The checkpoint's network, its head for our emotions.

    Args:
        arguments: which checkpoint, which head, and what of it learns.
        names: `id2label` and `label2id`.

    Raises:
        RecipeError: for a checkpoint that is not there, lacks weights, or has another head or one for other emotions.
    """
    config = _load(AutoConfig, arguments.checkpoint)
    _check_kind(arguments, config)
    if not arguments.new_head:
        _check_head(arguments, config, names["id2label"])
    if arguments.waveform_head == "report" and not isinstance(config, ReportWav2Vec2Config):
        model = _load_under_report_head(arguments.checkpoint, names)
    else:
        model = _load_classifier(arguments, names)
    if isinstance(model, WhisperForAudioClassification):
        model.base_model_prefix = "encoder"  # its class says `model`, which a classifier has not
        model.encoder.embed_positions.requires_grad_(False)  # sines, which loading would let learn
    _freeze(model, arguments)
    if arguments.lora_rank is not None:
        add_adapters(model, arguments)
    return model


def depends_on_padding(model: PreTrainedModel, feature_extractor: SequenceFeatureExtractor) -> bool:
    """Whether a clip's scores depend on the zeros behind it, and so on the batch it is in."""
    if isinstance(feature_extractor, WhisperFeatureExtractor):  # whose clips are all of one length
        return False
    return model.config.model_type in LEAKY or not getattr(feature_extractor, "return_attention_mask", False)


def _load_classifier(arguments: WaveformArguments, names: dict[str, dict]) -> PreTrainedModel:
    """The checkpoint as a network that classifies audio."""
    options = {"use_weighted_layer_sum": True} if arguments.weighted_layer_sum else {}
    model = _load_weights(AutoModelForAudioClassification, arguments.checkpoint, **names, **options)
    if arguments.new_head:  # loaded with the checkpoint's own, where that is for as many emotions
        model.classifier.reset_parameters()
        logger.info("New, as asked for, and begun at random: classifier.")
    return model


def _load_under_report_head(checkpoint: str, names: dict[str, dict]) -> PreTrainedModel:
    """The checkpoint without any head it may have, under the report's."""
    base = _load_weights(AutoModel, checkpoint)
    config = ReportWav2Vec2Config(base.config.to_dict(), **names)
    logger.info("New, and begun at random: classifier.")
    return ReportWav2Vec2ForAudioClassification(config, base)


def _load_weights(auto_class: Any, checkpoint: str, **options: Any) -> PreTrainedModel:
    """The weights of a checkpoint, all of them and in float32."""
    # Whisper's larger checkpoints are float16, which is too coarse for the steps of an optimiser.
    options |= {"dtype": torch.float32, "ignore_mismatched_sizes": True}  # we name them ourselves
    model, report = _load(auto_class, checkpoint, output_loading_info=True, **options)
    _check_weights(checkpoint, report)
    if "layer_weights" in report["missing_keys"]:  # which most networks leave as they lie in memory
        torch.nn.init.constant_(model.layer_weights, 1 / len(model.layer_weights))
    return model


def _load(auto_class: Any, checkpoint: str, **options: Any) -> Any:
    """What an Auto class makes of a checkpoint."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # we say ourselves what is new
    try:
        return auto_class.from_pretrained(checkpoint, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(
            f"`checkpoint: {checkpoint}` cannot be loaded. Expected a folder, or a Hub id that can be reached, of a "
            f"network of transformers that classifies audio. transformers says: {reason}"
        ) from error
    finally:
        transformers.logging.set_verbosity(verbosity)


def _check_spectrogram(checkpoint: str, stock: WhisperFeatureExtractor) -> None:
    """What Whisper's feature extractor makes is what its network reads."""
    config = _load(AutoConfig, checkpoint)
    if not isinstance(config, WhisperConfig):
        raise RecipeError(
            f"`checkpoint: {checkpoint}` is a {config.model_type}, and of the networks that read waveforms through a "
            "WhisperFeatureExtractor only `whisper` itself classifies audio. Give one of those."
        )
    makes = (stock.feature_size, stock.nb_max_frames)
    reads = (config.num_mel_bins, 2 * config.max_source_positions)  # its second convolution halves the frames
    if makes != reads:
        raise RecipeError(
            f"`checkpoint: {checkpoint}` reads {reads[0]} mels in {reads[1]} frames, and its feature extractor gives "
            f"{makes[0]} mels in {makes[1]} frames ({stock.chunk_length} s). Get the whole of it anew."
        )


def _check_kind(arguments: WaveformArguments, config: Any) -> None:
    """The network can do what is asked of it, and its head is the one that is asked for."""
    checkpoint, kind = arguments.checkpoint, config.model_type
    if arguments.weighted_layer_sum and not hasattr(config, "use_weighted_layer_sum"):
        raise RecipeError(f"`weighted_layer_sum` is nothing that `{checkpoint}` ({kind}) can do.")
    if arguments.waveform_head == "report" and not isinstance(config, Wav2Vec2Config | ReportWav2Vec2Config):
        raise RecipeError(
            f"`waveform_head: report` is for wav2vec2, and `checkpoint: {checkpoint}` is a {kind}. "
            "Leave one of them out."
        )
    if arguments.waveform_head == "projected" and isinstance(config, ReportWav2Vec2Config):
        raise RecipeError(f"`checkpoint: {checkpoint}` has the report's head. Give `waveform_head: report`.")


def _check_head(arguments: WaveformArguments, config: Any, id2label: dict[int, str]) -> None:
    """A head that was trained is of the kind that is asked for, and for our emotions."""
    checkpoint = arguments.checkpoint
    is_classifier = any("Classification" in name for name in config.architectures or ())
    if is_classifier and arguments.waveform_head == "report" and not isinstance(config, ReportWav2Vec2Config):
        raise RecipeError(
            f"`checkpoint: {checkpoint}` has a head, and it is not the report's. Leave out `waveform_head: report`, "
            "or begin with another head: `new_head: true`."
        )
    if is_classifier and config.id2label != id2label:
        raise RecipeError(
            f"`checkpoint: {checkpoint}` has a head for {list_some(list(config.id2label.values()))}; the corpus has "
            f"{list_some(list(id2label.values()))}. Bring the corpus to these with `map_emotions`, or begin with "
            "another head: `new_head: true`."
        )


def _check_weights(checkpoint: str, report: dict[str, Any]) -> None:
    """Nothing begins at random but the head, and nothing is left behind but what pretraining needs."""
    reshaped = {str(key[0]) for key in report["mismatched_keys"]}
    for names, kept, fault in (
        (report["missing_keys"], HEAD, "lacks the weights"),
        (report["unexpected_keys"], (*PRETRAINING, *HEAD), "holds weights that its network has no place for:"),
        (reshaped, HEAD, "has other shapes than its `config.json` says:"),
    ):
        faulty = sorted(name for name in names if not name.startswith(kept) and not name.endswith(MASK))
        if faulty:
            raise RecipeError(f"`checkpoint: {checkpoint}` {fault} {list_some(faulty)}. Get the whole of it anew.")
    new = {name.split(".")[-1 if name.endswith(MASK) else 0] for name in report["missing_keys"] | reshaped}
    if new:
        logger.info("New, and begun at random: %s.", ", ".join(sorted(new)))


def _freeze(model: PreTrainedModel, arguments: WaveformArguments) -> None:
    if arguments.freeze_feature_encoder and isinstance(model, WhisperForAudioClassification):
        model.encoder.conv1.requires_grad_(False)  # its own `freeze_encoder` freezes all layers
        model.encoder.conv2.requires_grad_(False)
    elif arguments.freeze_feature_encoder:
        model.freeze_feature_encoder()
    if arguments.freeze_base:
        model.base_model.requires_grad_(False)
