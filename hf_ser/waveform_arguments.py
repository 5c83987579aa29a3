"""What a recipe says of a network of transformers that reads waveforms, checked by itself."""

from dataclasses import dataclass, field

from hf_ser.errors import RecipeError, suggest

HEADS = ("projected", "report")
LORA_KEYS = ("lora_alpha", "lora_dropout", "lora_targets")


@dataclass
class WaveformArguments:
    """A network of transformers that reads waveforms, in place of an image network."""

    checkpoint: str | None = field(
        default=None, metadata={"help": "Hub id or folder: wav2vec2, HuBERT, WavLM, data2vec, Whisper, ..."}
    )
    freeze_feature_encoder: bool = field(default=True, metadata={"help": "its convolutions keep their weights"})
    freeze_base: bool = field(default=False, metadata={"help": "only the head learns"})
    weighted_layer_sum: bool = field(default=False, metadata={"help": "the head reads all layers, in learnt shares"})
    new_head: bool = field(default=False, metadata={"help": "begin with another head than the checkpoint's own"})
    waveform_head: str = field(
        default="projected",
        metadata={
            "help": "`projected`: transformers' own, or `report`: mean, dropout 0.5, one dense layer (wav2vec2)"
        },
    )
    lora_rank: int | None = field(
        default=None, metadata={"help": "LoRA in place of the base's own weights; null: off"}
    )
    lora_alpha: float | None = field(
        default=None, metadata={"help": "what the adapters add is multiplied by alpha / rank; null: twice the rank"}
    )
    lora_dropout: float = field(default=0.0, metadata={"help": "of what the adapters read"})
    lora_targets: list[str] | None = field(
        default=None, metadata={"help": "dense layers with adapters; null: q_proj, k_proj, v_proj, out_proj"}
    )

    def __post_init__(self) -> None:
        if self.waveform_head not in HEADS:
            raise RecipeError(f"`waveform_head` is `{self.waveform_head}`. {suggest(self.waveform_head, HEADS)}")
        if self.waveform_head == "report" and self.weighted_layer_sum:
            raise RecipeError(
                "`waveform_head: report` reads the last layer, and `weighted_layer_sum` all of them. Leave one out."
            )
        self._check_lora()

    def _check_lora(self) -> None:
        given = [key for key in LORA_KEYS if getattr(self, key) not in (None, 0)]
        if given and self.lora_rank is None:
            raise RecipeError(f"`{given[0]}` is for LoRA, which `lora_rank` turns on. Give one, such as 8.")
        if self.lora_targets == []:
            raise RecipeError("`lora_targets` names no layer. Leave it out for those of the attention.")
        if self.lora_rank is None:
            return
        if self.freeze_base:
            raise RecipeError(
                f"`lora_rank: {self.lora_rank}` trains adapters in the base, and `freeze_base` nothing there. "
                "Leave one of them out: LoRA keeps the base's own weights as they are."
            )
        if not self.freeze_feature_encoder:
            raise RecipeError(
                f"`lora_rank: {self.lora_rank}` keeps the base's own weights as they are, those of the convolutions "
                "too, and `freeze_feature_encoder: false` trains them. Leave one of them out."
            )
