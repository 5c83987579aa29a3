"""LoRA through peft: adapters beside dense layers of a frozen base, merged into them in the end (Hu et al., 2021).

The adapters are put into the model in place, which stays the class it was: Trainer keeps, resumes and reloads all of
its weights as ever, and after the merge nothing tells it from a model that was trained whole.
"""

import torch
from torch import nn
from transformers import PreTrainedModel

from hf_ser.errors import RecipeError
from hf_ser.waveform_arguments import WaveformArguments
from hf_ser.wording import list_some

# The projections of the attention in wav2vec2, HuBERT, WavLM, data2vec, UniSpeech, SEW and Whisper.
TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")


def add_adapters(model: PreTrainedModel, arguments: WaveformArguments) -> None:
    """Freeze the base and put adapters beside its `lora_targets`; the head is trained whole.

    Raises:
        RecipeError: for targets that the base has not, for a dropout that would do nothing, and without peft.
    """
    try:
        import peft
    except ImportError as error:
        raise RecipeError('`lora_rank` needs the package peft: `pip install "hf_ser[peft]"`.') from error
    base, targets = model.base_model, list(arguments.lora_targets or TARGETS)
    _check_targets(base, targets)
    _check_dropout(model, targets, arguments.lora_dropout)
    config = peft.LoraConfig(
        r=arguments.lora_rank,
        lora_alpha=arguments.lora_alpha or 2 * arguments.lora_rank,
        lora_dropout=arguments.lora_dropout,
        target_modules=targets,
    )
    config._register_custom_module({nn.Linear: _make_layer_class(peft.tuners.lora.Linear)})
    peft.inject_adapter_in_model(config, base)  # which freezes all other weights of the base


def merge_adapters(model: PreTrainedModel) -> None:
    """Add what the adapters have learnt to the weights beside them, and take them out; without any, do nothing."""
    adapted = [(name, module) for name, module in model.named_modules() if hasattr(module, "lora_A")]
    for name, module in adapted:
        module.merge()
        model.set_submodule(name, module.base_layer)
    if adapted:
        del model.base_model.peft_config


def _make_layer_class(linear: type) -> type:
    """peft's adapted dense layer, for networks that read its weights and do not call it, as WavLM's attention does.

    peft gives them the frozen weights alone, without a word, and the adapters would learn nothing.
    """

    class AdaptedLinear(linear):
        @property
        def weight(self) -> torch.Tensor:
            return self.base_layer.weight + sum(self.get_delta_weight(name) for name in self.active_adapters)

    return AdaptedLinear


def _check_targets(base: PreTrainedModel, targets: list[str]) -> None:
    """Every target is a dense layer of the base."""
    layers = {name for name, module in base.named_modules() if isinstance(module, nn.Linear)}
    names = {name.split(".")[-1] for name in layers}
    unknown = [target for target in targets if not any(f".{name}".endswith(f".{target}") for name in layers)]
    if unknown:
        raise RecipeError(
            f"`lora_targets` has {list_some(unknown)}, and {type(base).__name__} no dense layer of that name. "
            f"Its dense layers: {list_some(sorted(names))}."
        )


def _check_dropout(model: PreTrainedModel, targets: list[str], dropout: float) -> None:
    unreached = [target for target in targets if target.split(".")[-1] in TARGETS]
    if dropout and unreached and model.config.model_type == "wavlm":
        raise RecipeError(
            f"`lora_dropout: {dropout}` does nothing at {list_some(unreached)} of WavLM, whose attention reads the "
            "weights of its layers and does not call them. Leave it out."
        )
