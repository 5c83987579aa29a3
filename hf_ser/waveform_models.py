"""Networks of transformers that read waveforms: wav2vec2, HuBERT, WavLM, data2vec and their kin."""

import logging
from typing import Any

import transformers
from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification, PreTrainedModel
from transformers import Wav2Vec2FeatureExtractor as StockFeatureExtractor

from hf_ser.arguments import WaveformArguments
from hf_ser.errors import RecipeError
from hf_ser.models.waveform_extraction import WaveformFeatureExtractor
from hf_ser.wording import list_some

logger = logging.getLogger(__name__)

# What pretraining needs and recognition does not; it stays behind in the checkpoint.
PRETRAINING = (
    "quantizer.",
    "project_q.",
    "project_hid.",
    "lm_head.",
    "final_proj.",
    "label_embs_concat",
    "dropout_features.",
)
# What recognition needs and pretraining does not; it begins at random.
HEAD = ("projector.", "classifier.", "layer_weights")


def load_waveform_extractor(checkpoint: str, options: dict[str, Any]) -> WaveformFeatureExtractor:
    """The checkpoint's own feature extractor, with what a recipe says of offset, duration, padding and silence.

    Raises:
        RecipeError: for a checkpoint that has none, or reads something else than waveforms.
    """
    stock = _load(AutoFeatureExtractor, checkpoint)
    if not isinstance(stock, StockFeatureExtractor):
        raise RecipeError(
            f"`checkpoint: {checkpoint}` has a {type(stock).__name__}; expected a checkpoint that reads waveforms "
            f"through a {StockFeatureExtractor.__name__}, such as wav2vec2, HuBERT, WavLM or data2vec."
        )
    names = ("feature_size", "sampling_rate", "padding_value", "do_normalize", "return_attention_mask")
    try:
        return WaveformFeatureExtractor(**{name: getattr(stock, name) for name in names}, **options)
    except ValueError as error:
        raise RecipeError(str(error)) from error


def load_waveform_model(arguments: WaveformArguments, names: dict[str, dict]) -> PreTrainedModel:
    """The checkpoint's network, its head for our emotions.

    Args:
        arguments: which checkpoint, and what of it learns.
        names: `id2label` and `label2id`.

    Raises:
        RecipeError: for a checkpoint that is not there, lacks weights, or has a head for other emotions.
    """
    config = _load(AutoConfig, arguments.checkpoint)
    if not arguments.new_head:
        _check_head(arguments.checkpoint, config, names["id2label"])
    if arguments.weighted_layer_sum and not hasattr(config, "use_weighted_layer_sum"):
        raise RecipeError(
            f"`weighted_layer_sum` is nothing that `{arguments.checkpoint}` ({config.model_type}) can do."
        )
    options = {"use_weighted_layer_sum": True} if arguments.weighted_layer_sum else {}
    model, report = _load(
        AutoModelForAudioClassification,
        arguments.checkpoint,
        output_loading_info=True,
        ignore_mismatched_sizes=arguments.new_head,
        **names,
        **options,
    )
    _check_weights(arguments.checkpoint, report)
    _freeze(model, arguments)
    return model


def _load(auto_class: Any, checkpoint: str, **options: Any) -> Any:
    """What an Auto class makes of a checkpoint."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # we say ourselves what is new
    try:
        return auto_class.from_pretrained(checkpoint, **options)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(
            f"`checkpoint: {checkpoint}` cannot be loaded. Expected a folder, or a Hub id that can be reached, of a "
            f"network of transformers that classifies audio. transformers says: {reason}"
        ) from error
    finally:
        transformers.logging.set_verbosity(verbosity)


def _check_head(checkpoint: str, config: Any, id2label: dict[int, str]) -> None:
    """A head that was trained is for our emotions."""
    is_classifier = any("Classification" in name for name in config.architectures or ())
    if is_classifier and config.id2label != id2label:
        raise RecipeError(
            f"`checkpoint: {checkpoint}` has a head for {list_some(list(config.id2label.values()))}; the corpus has "
            f"{list_some(list(id2label.values()))}. Bring the corpus to these with `map_emotions`, or begin with "
            "another head: `new_head: true`."
        )


def _check_weights(checkpoint: str, report: dict[str, Any]) -> None:
    """Nothing begins at random but the head, and nothing is left behind but what pretraining needs."""
    missing = [name for name in report["missing_keys"] if not name.startswith(HEAD)]
    unknown = [name for name in report["unexpected_keys"] if not name.startswith((*PRETRAINING, *HEAD))]
    for names, fault in (
        (missing, "lacks the weights"),
        (unknown, "holds weights that its network has no place for:"),
    ):
        if names:
            raise RecipeError(
                f"`checkpoint: {checkpoint}` {fault} {list_some(sorted(names))}. Get the whole of it anew."
            )
    new = {name.split(".")[0] for name in report["missing_keys"]} | {str(key[0]) for key in report["mismatched_keys"]}
    if new:
        logger.info("New, and begun at random: %s.", ", ".join(sorted(new)))


def _freeze(model: PreTrainedModel, arguments: WaveformArguments) -> None:
    if arguments.freeze_feature_encoder:
        model.freeze_feature_encoder()
    if arguments.freeze_base:
        model.base_model.requires_grad_(False)
