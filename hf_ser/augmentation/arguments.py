"""Which augmentations a recipe asks for, checked by themselves and against each other."""

import dataclasses
from dataclasses import dataclass, field

from hf_ser.errors import RecipeError, suggest

ROUTES = ("map", "collator", "device")
BATCH_PADDINGS = ("reflect",)
# Lowest and highest value of each key that is a range.
LIMITS = {
    "noise_snr": (-40, 100),
    "background_snr": (-40, 100),
    "pitch_semitones": (-24, 24),
    "stretch_rates": (0.25, 4),
    "speed_rates": (0.25, 4),
    "gain_db": (-60, 60),
    "zoom_range": (0.25, 4),
}
# Keys that change waveforms in training; features that were mapped before it have none.
CHANGE_KEYS = (
    *("noise_snr", "pitch_semitones", "stretch_rates", "speed_rates"),
    *("gain_db", "background_dir", "room_dir"),
)


@dataclass
class AugmentationArguments:
    """What is done to the training part, and to nothing else."""

    features: str = field(
        default="map", metadata={"help": "where those of the training part come from: `map`, `collator` or `device`"}
    )
    noise_snr: list[float] | None = field(default=None, metadata={"help": "white noise: least and largest SNR (dB)"})
    noise_copies: int = field(
        default=0, metadata={"help": "noisy copies beside each clean clip, the same in all epochs; 0: at random"}
    )
    pitch_semitones: list[float] | None = field(default=None, metadata={"help": "least and largest shift of pitch"})
    stretch_rates: list[float] | None = field(default=None, metadata={"help": "tempo, pitch kept; above 1 is faster"})
    speed_rates: list[float] | None = field(default=None, metadata={"help": "tempo and pitch; above 1 is faster"})
    gain_db: list[float] | None = field(default=None, metadata={"help": "least and largest gain (dB)"})
    background_dir: str | None = field(default=None, metadata={"help": "folder of background noises"})
    background_snr: list[float] | None = field(default=None, metadata={"help": "their least and largest SNR (dB)"})
    room_dir: str | None = field(default=None, metadata={"help": "folder of the impulse responses of rooms"})
    waveform_probability: float = field(default=0.5, metadata={"help": "chance of each change of the waveform"})
    batch_padding: str | None = field(default=None, metadata={"help": "`reflect`: pad to the longest of the batch"})
    crop_frames: int | None = field(default=None, metadata={"help": "random crop of so many frames"})
    flip: bool = field(default=False, metadata={"help": "half of the clips, at random, backwards in time"})
    rotate_degrees: float = field(
        default=0.0, metadata={"help": "the largest turn of frames and rows (before a resize), either way"}
    )
    zoom_range: list[float] | None = field(default=None, metadata={"help": "least and largest; above 1 magnifies"})
    time_masks: int = field(default=0, metadata={"help": "SpecAugment stripes over time"})
    time_mask_frames: int = field(default=20, metadata={"help": "the widest such stripe"})
    frequency_masks: int = field(default=0, metadata={"help": "SpecAugment stripes over frequency"})
    frequency_mask_rows: int = field(default=12, metadata={"help": "the widest such stripe"})
    mixup_alpha: float = field(default=0.0, metadata={"help": "mixup's Beta parameter; 0 is off"})
    cutmix_alpha: float = field(default=0.0, metadata={"help": "CutMix's Beta parameter; 0 is off"})

    def __post_init__(self) -> None:
        self._check_numbers()
        for name, limits in LIMITS.items():
            _check_range(name, getattr(self, name), limits)
        self._check_choices()
        self._check_together()

    def _check_numbers(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            least = 1 if name == "crop_frames" else 0
            if isinstance(value, int | float) and not value >= least:
                raise RecipeError(f"`{name}` is {value}; it must be at least {least}.")
        if self.waveform_probability > 1:
            raise RecipeError(f"`waveform_probability` is {self.waveform_probability}; it must be at most 1.")

    def _check_choices(self) -> None:
        if self.features not in ROUTES:
            raise RecipeError(f"`features` is `{self.features}`. {suggest(self.features, ROUTES)}")
        if self.batch_padding not in (None, *BATCH_PADDINGS):
            raise RecipeError(
                f"`batch_padding` is `{self.batch_padding}`. {suggest(self.batch_padding, BATCH_PADDINGS)}"
            )

    def _check_together(self) -> None:
        given = [name for name in (*CHANGE_KEYS, "batch_padding") if getattr(self, name) is not None]
        if given and self.features == "map":
            raise RecipeError(
                f"`{given[0]}` changes waveforms, but with `features: map` all features are computed before training. "
                "Give `features: collator`, or `features: device`."
            )
        if self.noise_copies and self.noise_snr is None:
            raise RecipeError(f"`noise_copies: {self.noise_copies}` needs a `noise_snr`, such as [15, 30].")
        if (self.background_snr is None) != (self.background_dir is None):
            raise RecipeError(
                "`background_dir` and `background_snr`, such as [5, 20], are given together or not at all."
            )
        if self.waveform_probability != type(self).waveform_probability and not self._changes_waveforms():
            raise RecipeError(
                f"`waveform_probability: {self.waveform_probability}` is the chance of a change that no key asks for "
                "(`noise_copies` are made without). "
                f"Give one of {', '.join(CHANGE_KEYS)}, or leave it out."
            )
        if self.mixup_alpha and self.cutmix_alpha:
            raise RecipeError("`mixup_alpha` and `cutmix_alpha` both mix the labels of a batch. Give one of them.")

    def _changes_waveforms(self) -> bool:
        """Whether there is a change that happens by chance."""
        given = [name for name in CHANGE_KEYS if getattr(self, name) is not None]
        return bool(given) and not (given == ["noise_snr"] and self.noise_copies)


def _check_range(name: str, value: list[float] | None, limits: tuple[float, float]) -> None:
    """Two numbers, the smaller one first, within what makes sense."""
    if value is None:
        return
    if len(value) != 2 or not limits[0] <= value[0] <= value[1] <= limits[1]:
        raise RecipeError(
            f"`{name}` is {value}; expected the least and the largest value, two numbers from {limits[0]} to "
            f"{limits[1]}."
        )
