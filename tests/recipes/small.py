"""What makes a recipe small enough for a test, its code path left as it is."""


def shrink(options, emotions):
    """The recipe with two steps on four clips of each emotion, small images, and weights begun at random.

    Args:
        options: of the recipe.
        emotions: of its corpus.
    """
    small = {"per_device_train_batch_size": 2, "max_steps": 2, "disable_tqdm": True}
    return options | small | shrink_split(options, emotions) | shrink_backbone(options)


def shrink_split(options, emotions):
    """One clip of each emotion, or one speaker of four, in each of the parts that are not trained on."""
    validation = {"validation": 0.25 if options.get("validation", 0.1) else 0.0}
    kind = options.get("split", "stratified")
    if kind == "stratified":
        test = {"test_counts": dict.fromkeys(emotions, 1)} if "test_counts" in options else {"test": 0.25}
        return validation | test | {"stratify_by": ["label"]}
    return validation | ({"fold": 0} if kind == "leave-one-speaker-out" else {})


def shrink_backbone(options):
    """Images of 32 x 32 for the networks of timm, of the same depth and width."""
    if options["backbone"].startswith("ser_"):
        return {}
    small = {"backbone_weights": None, "image_size": [32, 32]}
    if "img_size" in options.get("backbone_kwargs", {}):
        small["backbone_kwargs"] = options["backbone_kwargs"] | {"img_size": [32, 32]}
    return small
