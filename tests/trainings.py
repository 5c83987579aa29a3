"""A recipe of a few seconds, clips of made-up features, and the trainer of both."""

import numpy as np
from datasets import ClassLabel, Dataset

from hf_ser.arguments import parse_recipe
from hf_ser.splits import make_split
from hf_ser.training import build_feature_extractor, build_model, build_trainer

RECIPE = """
n_fft: 256
hop_length: 128
n_mels: 16
min_duration: 0.4
backbone: ser_small_cnn
backbone_kwargs: {in_chans: 1, widths: [4, 8]}
value_range: [-80.0, 0.0]
window_frames: 40
crop_frames: 40
time_masks: 1
time_mask_frames: 5
mixup_alpha: 0.4
dropout: 0.3
num_train_epochs: 3
per_device_train_batch_size: 8
learning_rate: 5.0e-03
use_cpu: true
disable_tqdm: true
"""
LABELS = ["anger", "neutral", "sadness"]


def parse_small_recipe(parent, folder, *overrides):
    """The recipe above, for the run folder `parent / folder`."""
    path = parent / "recipe.yaml"
    path.write_text(RECIPE)
    return parse_recipe([str(path), "--output_dir", str(parent / folder), *overrides])


def make_image_split():
    """Sixty clips of made-up features; the emotion is a band of loud rows."""
    generator = np.random.default_rng(0)
    labels = [index % 3 for index in range(60)]
    images = [generator.normal(-50, 10, (50 + index, 16)).clip(-80, 0).astype(np.float16) for index in range(60)]
    for image, label in zip(images, labels, strict=True):
        image[:, 5 * label : 5 * label + 5] += 25
    columns = {
        "input_features": images,
        "label": labels,
        "speaker": [f"s{index % 5}" for index in range(60)],
        "sex": ["female", "male"] * 30,
        "sentence": [""] * 60,
        "utterance": [f"clip-{index}" for index in range(60)],
    }
    dataset = Dataset.from_dict(columns).cast_column("label", ClassLabel(names=LABELS))
    return make_split(dataset, "stratified", 0, test=0.2, validation=0.2)


def make_trainer(recipe, split):
    """Feature extractor, network and trainer of a recipe."""
    extractor = build_feature_extractor(recipe, split["train"])
    return build_trainer(recipe, build_model(recipe, LABELS, extractor), extractor, split)
