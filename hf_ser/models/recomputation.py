"""Batch norm under gradient checkpointing: the second, recomputing pass must not update the statistics again."""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def hold_statistics_while_recomputing(model: nn.Module) -> None:
    """Make every batch norm of `model` update its running statistics in the forward pass only.

    Checkpointed segments run once in the forward pass and again, for their gradients, in the backward pass. A batch
    norm that is called while the model itself is not running is being recomputed; with momentum 0 it then normalises
    by the batch, as before, and leaves the statistics as they are.
    """
    if hasattr(model, "_running"):
        return
    model._running = False
    model.register_forward_pre_hook(lambda *_: setattr(model, "_running", True))
    model.register_forward_hook(lambda *_: setattr(model, "_running", False), always_call=True)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            _hold(module, model)


def _hold(batch_norm: _BatchNorm, model: nn.Module) -> None:
    momentum = batch_norm.momentum

    def choose_momentum(module: _BatchNorm, inputs: Any) -> None:
        module.momentum = momentum if model._running else 0.0

    batch_norm.register_forward_pre_hook(choose_momentum)
