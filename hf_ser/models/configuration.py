"""Configuration of a spectrogram model: how features become images, the backbone, its head and its windows."""

from typing import Any

from transformers import PretrainedConfig

from .choices import check_choice, check_positive
from .colormaps import COLORMAPS
from .freezing import FREEZES
from .images import TIME_AXES


class SpectrogramConfig(PretrainedConfig):
    """Configuration of `SpectrogramForAudioClassification`.

    Args:
        backbone: a network of timm's registry; ours start with `ser_`.
        backbone_kwargs: further arguments of timm.create_model, `in_chans` among them (default 3).
        value_range: features that map to 0 and 1, such as [-80, 0] for dB; None leaves the values as they are.
        colormap: `magma` or `jet`, or None for the same values in every channel.
        time_axis: `across` (low frequencies at the bottom) or `up` (each row of the image is a frame).
        image_size: [height, width] to resize to; None keeps the features' own size, whatever the clip's length.
        image_mean, image_std: of each channel; None takes the backbone's own data configuration.
        pooling: `backbone` (the network's own), `avg`, `max`, or `flatten_7x7`: averaged to 7 x 7 cells and flattened.
        hidden_sizes: widths of the dense ReLU layers before the last one.
        dropout: before each dense layer, the last one too; a list gives each its own rate. The papers' heads:
            [512, 256] with [0, 0.5, 0] (Chakhtouna et al., Table 1), `flatten_7x7`, [512, 192] with [0, 0.5, 0] (the
            report's VGG-16), `flatten_7x7`, [4096, 4096] with [0, 0.5, 0.5] (Ragheb et al., random dense layers).
        freeze: `none`, or `all` for a backbone that is not trained.
        unfreeze_last_blocks, unfreeze_last_layers: with `freeze: all`, how many at the end are trained all the same.
        unfreeze_from: with `freeze: all`, the module from which on the backbone is trained, such as `blocks.5.3`.
        window_frames, window_hop: cut a clip into windows of so many frames every so many, and average their
            probabilities (Badshah et al., section IV); None takes the clip whole.
    """

    model_type = "ser_spectrogram"

    def __init__(
        self,
        backbone: str = "ser_small_cnn",
        backbone_kwargs: dict[str, Any] | None = None,
        value_range: list[float] | None = None,
        colormap: str | None = None,
        time_axis: str = "across",
        image_size: list[int] | None = None,
        image_mean: list[float] | None = None,
        image_std: list[float] | None = None,
        pooling: str = "backbone",
        hidden_sizes: list[int] | None = None,
        dropout: float | list[float] = 0.0,
        freeze: str = "none",
        unfreeze_last_blocks: int = 0,
        unfreeze_last_layers: int = 0,
        unfreeze_from: str | None = None,
        window_frames: int | None = None,
        window_hop: int | None = None,
        **kwargs: Any,
    ):
        self.backbone = backbone
        self.backbone_kwargs = dict(backbone_kwargs or {})
        self.value_range = value_range
        self.colormap = colormap
        self.time_axis = time_axis
        self.image_size = image_size
        self.image_mean = image_mean
        self.image_std = image_std
        self.pooling = pooling
        self.hidden_sizes = list(hidden_sizes or [])
        self.dropout = dropout
        self.freeze = freeze
        self.unfreeze_last_blocks = unfreeze_last_blocks
        self.unfreeze_last_layers = unfreeze_last_layers
        self.unfreeze_from = unfreeze_from
        self.window_frames = window_frames
        self.window_hop = window_hop
        super().__init__(**kwargs)
        self._check()

    @property
    def dropouts(self) -> list[float]:
        """Rate before each dense layer of the head."""
        one_rate = isinstance(self.dropout, int | float)
        return [self.dropout] * (len(self.hidden_sizes) + 1) if one_rate else list(self.dropout)

    @property
    def num_channels(self) -> int:
        """Channels of the image."""
        return self.backbone_kwargs.get("in_chans", 3)

    def _check(self) -> None:
        check_choice("time_axis", self.time_axis, TIME_AXES)
        check_choice("freeze", self.freeze, FREEZES)
        check_positive(window_frames=self.window_frames, window_hop=self.window_hop)
        if self.window_hop is not None and self.window_frames is None:
            raise ValueError(f"`window_hop` is {self.window_hop}, and there are no windows. Give `window_frames` too.")
        for width in self.hidden_sizes:
            check_positive(hidden_sizes=width)
        self._check_dropout()
        self._check_image()
        self._check_frozen()

    def _check_dropout(self) -> None:
        if not all(0 <= rate < 1 for rate in self.dropouts):
            raise ValueError(f"`dropout` is {self.dropout}; it must lie in 0 to 1, 1 excluded.")
        layers = len(self.hidden_sizes) + 1
        if len(self.dropouts) != layers:
            raise ValueError(
                f"`dropout` has {len(self.dropouts)} rates for {layers} dense layers: `hidden_sizes` "
                f"{self.hidden_sizes} and the last one. Give one rate for each, or one number for all."
            )

    def _check_image(self) -> None:
        if self.colormap is not None:
            check_choice("colormap", self.colormap, COLORMAPS)
            if self.value_range is None or self.num_channels != 3:
                raise ValueError(f"`colormap: {self.colormap}` needs a `value_range` and a backbone of 3 channels.")
        for option in ("value_range", "image_size"):
            value = getattr(self, option)
            if value is not None and len(value) != 2:
                raise ValueError(f"`{option}` is {value}; it must be two numbers.")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            raise ValueError(f"`value_range` is {self.value_range}; the second number must be the larger one.")
        for option in ("image_mean", "image_std"):
            value = getattr(self, option)
            if value is not None and len(value) != self.num_channels:
                raise ValueError(f"`{option}` has {len(value)} numbers for an image of {self.num_channels} channels.")

    def _check_frozen(self) -> None:
        for option in ("unfreeze_last_blocks", "unfreeze_last_layers"):
            if getattr(self, option) < 0:
                raise ValueError(f"`{option}` is {getattr(self, option)}; it must be 0 or more.")
        options = ("unfreeze_last_blocks", "unfreeze_last_layers", "unfreeze_from")
        given = [f"`{option}`" for option in options if getattr(self, option)]
        if len(given) > 1:
            raise ValueError(f"Give {' or '.join(given)}, not both.")
        if given and self.freeze != "all":
            raise ValueError(f"{given[0]} needs `freeze: all`.")


SpectrogramConfig.register_for_auto_class()
