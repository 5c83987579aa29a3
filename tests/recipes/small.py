"""What makes a recipe small enough for a test, its code path left as it is."""

import torch
from transformers import AutoModel, Wav2Vec2Config, WavLMConfig

from tests.checkpoints import TINY, save_checkpoint

# Networks that read waveforms, with the sizes of those that are published, and whether those take a mask.
WAVLM_LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
CHECKPOINTS = {
    "facebook/wav2vec2-base": (Wav2Vec2Config, {}, False),  # its sizes are the defaults
    "microsoft/wavlm-large": (WavLMConfig, WAVLM_LARGE, True),
}
# Of Badshah's network the least that its pools leave something of, and all others go to 1 x 1.
IMAGE_SIZES = {"ser_badshah_cnn": [160, 160], "ser_alexnet": [64, 64]}


def shrink(options, emotions, folder):
    """The recipe with some steps on four clips of each emotion, small images, and weights begun at random.

    Args:
        options: of the recipe.
        emotions: that it tells apart.
        folder: for a checkpoint that takes the place of a large one.
    """
    counts_epochs = options.get("retrain") or "lr_decay_epochs" in options  # and so takes no `max_steps`
    steps = {"num_train_epochs": 1} if counts_epochs else {"max_steps": 2}
    small = {"per_device_train_batch_size": 7 if counts_epochs else 2, "pool": None, "disable_tqdm": True}
    network = shrink_checkpoint(options, folder) if "checkpoint" in options else shrink_backbone(options)
    search = {"trials": 2, "num_train_epochs": 2} if "tune" in options else {}
    return options | small | steps | shrink_split(options, emotions) | network | search


def shrink_split(options, emotions):
    """One clip of each emotion, or one speaker of four, in each of the parts that are not trained on."""
    validation = {"validation": 0.25 if options.get("validation", 0.1) else 0.0}
    kind = options.get("split", "stratified")
    if kind == "stratified":
        test = {"test_counts": dict.fromkeys(emotions, 1)} if "test_counts" in options else {"test": 0.25}
        return validation | test | {"stratify_by": ["label"]}
    if kind == "k-fold":
        return validation | {"folds": 4, "fold": 0, "stratify_by": ["label"]}
    return validation | ({"fold": 0} if kind == "leave-one-speaker-out" else {})


def shrink_backbone(options):
    """Small images for networks that take any, of the same depth, and dense layers of eight where they are wide."""
    name = options["backbone"].split(".")[0]
    if name.startswith("ser_") and name not in IMAGE_SIZES:
        return {}
    size = IMAGE_SIZES.get(name, [32, 32])
    small = {"backbone_weights": None, "image_size": size}
    if name == "ser_badshah_cnn" or "img_size" in options.get("backbone_kwargs", {}):
        small["backbone_kwargs"] = options.get("backbone_kwargs", {}) | {"img_size": size}
    if options.get("pooling") == "flatten_7x7":
        small["hidden_sizes"] = [8] * len(options["hidden_sizes"])
    if name.startswith(("vgg", "ser_alexnet")) and options.get("pooling", "backbone") == "backbone":
        small["pooling"] = "avg"  # without the dense layers of their own, which hold most of the weights
    return small


def shrink_checkpoint(options, folder):
    """Two narrow layers of the same kind, saved as a checkpoint is, and clips of a second where they get a length."""
    config, _, takes_mask = CHECKPOINTS[options["checkpoint"]]
    torch.manual_seed(0)
    network = AutoModel.from_config(config(**TINY))
    durations = {key: 1.0 for key in ("min_duration", "max_duration") if key in options}
    return {"checkpoint": save_checkpoint(folder, network, return_attention_mask=takes_mask)} | durations


def full_config(checkpoint, **names):
    """Configuration of a published checkpoint, without its weights."""
    config, sizes, _ = CHECKPOINTS[checkpoint]
    return config(**sizes, **names)
