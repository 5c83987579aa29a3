"""Which weights of a backbone are trained: all, none, or those at its end, by blocks, by layers or from a module on.

What the papers train beside the head, on top of `freeze: all`:

| paper                                | networks                | option                               |
|--------------------------------------|-------------------------|--------------------------------------|
| Chakhtouna, C1; report, 1 and 2      | all                     |                                      |
| Chakhtouna, C2: blocks 4 and 5       | VGG-16, VGG-19          | `unfreeze_last_blocks: 2`            |
| Chakhtouna, C2: the last 32 layers   | EfficientNet-B0         | `unfreeze_from: blocks.5.3`          |
|                                      | EfficientNetV2-B0       | `unfreeze_from: blocks.5.6.bn1`      |
| report, 3 to 5, corrected            | VGG-16                  | `unfreeze_last_blocks: 1`, 2, 3      |
| report, 3 to 5, as its counts show   | VGG-16                  | `unfreeze_last_layers: 1`, 2, 3      |

(With `pooling: backbone` VGG keeps its dense layers, which are then its last block and its last two layers.)

Keras counts 32 layers from the end so: its residual block has 15 (expansion, batch norm, activation; depthwise
convolution, batch norm, activation; five of squeeze and excitation; projection, batch norm, dropout, addition), block
7a of EfficientNet-B0 is not residual and has 13, the top has 3. So 32 = 3 + 13 + 15 + 1 (the addition of 6c, which has
no weights) there, and 3 + 15 + 14 (6g without its expansion) in EfficientNetV2-B0.
"""

from timm.models import group_modules
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .choices import check_choice

FREEZES = ("none", "all")


def freeze_backbone(backbone: nn.Module, last_blocks: int, last_layers: int, first_module: str | None = None) -> None:
    """Freeze a backbone but for its last blocks or layers, or what comes from one module on.

    Args:
        backbone: a timm network.
        last_blocks: blocks at the end that stay trainable: timm's coarse groups; for VGG, between two pools.
        last_layers: convolutions and dense layers at the end that stay trainable, with their normalisation.
        first_module: name of a module that stays trainable with all that is defined after it, such as `blocks.5.3`.

    Raises:
        ValueError: when more are asked for than there are, and for a module that is unknown or that no
            weights follow.
    """
    backbone.requires_grad_(False)
    if last_blocks:
        _unfreeze(find_blocks(backbone), last_blocks, "unfreeze_last_blocks")
    if last_layers:
        _unfreeze(find_layers(backbone), last_layers, "unfreeze_last_layers")
    if first_module:
        names = [name for name, _ in backbone.named_modules() if name]
        check_choice("unfreeze_from", first_module, names)
        for name in names[names.index(first_module) :]:
            backbone.get_submodule(name).requires_grad_(True)
        if not any(weight.requires_grad for weight in backbone.parameters()):
            raise ValueError(
                f"`unfreeze_from: {first_module}` trains nothing: the backbone has no weights from there on, and the "
                "head is always trained. Name an earlier module, or leave it out."
            )


def hold_frozen_statistics(backbone: nn.Module) -> None:
    """Put every frozen batch norm into evaluation mode, so that its running statistics stand still."""
    for module in backbone.modules():
        if isinstance(module, _BatchNorm) and not any(weight.requires_grad for weight in module.parameters()):
            module.eval()


def find_blocks(backbone: nn.Module) -> list[list[nn.Module]]:
    """Blocks in the order of the data, each a list of leaf modules with weights."""
    pools = [name for name, module in backbone.named_modules() if isinstance(module, nn.MaxPool2d)]
    if type(backbone).__name__ == "VGG":
        return _split_at(backbone, pools)
    matcher = backbone.group_matcher(coarse=True)
    blocks = group_modules(backbone, matcher)
    modules = dict(backbone.named_modules())
    groups = [[modules[name] for name in names if _has_weights(modules[name])] for _, names in sorted(blocks.items())]
    return [group for group in groups if group]


def find_layers(backbone: nn.Module) -> list[list[nn.Module]]:
    """Convolutions and dense layers in the order of the data, each with the normalisations that follow it."""
    layers: list[list[nn.Module]] = []
    for module in backbone.modules():
        if not _has_weights(module):
            continue
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd) or not layers:
            layers.append([module])
        else:
            layers[-1].append(module)
    return layers


def _split_at(backbone: nn.Module, ends: list[str]) -> list[list[nn.Module]]:
    """Leaf modules with weights, cut after each module named in `ends`."""
    blocks: list[list[nn.Module]] = [[]]
    for name, module in backbone.named_modules():
        if name in ends:
            blocks.append([])
        elif _has_weights(module):
            blocks[-1].append(module)
    return [block for block in blocks if block]


def _unfreeze(groups: list[list[nn.Module]], count: int, option: str) -> None:
    if count > len(groups):
        raise ValueError(f"`{option}` is {count}, but the backbone has {len(groups)}; use at most that.")
    for group in groups[-count:]:
        for module in group:
            module.requires_grad_(True)


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None
