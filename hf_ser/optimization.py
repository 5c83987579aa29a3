"""Learning rates that Trainer does not know: steps down over epochs, and a rate of its own for the backbone.

The optimiser is transformers' `optim`. Adam needs no name of its own: AdamW, the default, differs from it in the
weight decay alone, so with `weight_decay: 0`, the default, it is Adam. SGD with momentum is `optim: sgd` with
`optim_args: momentum=0.9`.
"""

import copy
from collections.abc import Callable

import torch
from transformers import PreTrainedModel, SchedulerType, Trainer, TrainingArguments

from hf_ser.arguments import Recipe
from hf_ser.errors import RecipeError

STEPPED = (SchedulerType.CONSTANT, SchedulerType.CONSTANT_WITH_WARMUP)


def prepare_optimization(recipe: Recipe, model: PreTrainedModel) -> None:
    """Check the optimiser's options against each other and the model; what is stepped down is a constant rate.

    Raises:
        RecipeError: for options that contradict each other, or that the optimiser or the model does not take.
    """
    _check_optimizer(recipe.training, model)
    if recipe.fine_tuning.backbone_learning_rate is not None:
        _check_backbone(model)
    if recipe.fine_tuning.lr_decay_epochs is not None:
        _check_decay(recipe)
        if "lr_scheduler_type" not in recipe.options:
            recipe.training.lr_scheduler_type = SchedulerType.CONSTANT_WITH_WARMUP
    elif "lr_decay_factor" in recipe.options:
        raise RecipeError("`lr_decay_factor` needs `lr_decay_epochs`: the epochs after which the rate is multiplied.")


def separate_backbone(optimizer: torch.optim.Optimizer, model: PreTrainedModel, learning_rate: float) -> None:
    """Let the backbone's weights learn at a rate of their own; what decays, and what is frozen, stays so.

    Args:
        optimizer: Trainer's, before its first step.
        model: whose `base_model` is the backbone, and all else the head.
        learning_rate: of the backbone; the schedule multiplies it as it does the head's.
    """
    backbone = {id(weight) for weight in model.base_model.parameters()}
    for group in list(optimizer.param_groups):
        weights = group["params"]
        group["params"] = [weight for weight in weights if id(weight) not in backbone]
        chosen = [weight for weight in weights if id(weight) in backbone]
        optimizer.add_param_group({**group, "params": chosen, "lr": learning_rate})


def step_down(
    schedule: torch.optim.lr_scheduler.LambdaLR, factor: float, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """Multiply the rates by `factor` after every so many optimiser steps, on top of the schedule that there is."""

    def multiply(before: Callable[[int], float]) -> Callable[[int], float]:
        return lambda step: before(step) * factor ** (step // steps)

    schedule.lr_lambdas = [multiply(before) for before in schedule.lr_lambdas]
    return schedule


def _check_optimizer(arguments: TrainingArguments, model: PreTrainedModel) -> None:
    """transformers ignores names in `optim_args` that the optimiser does not take, such as a misspelt momentum."""
    plain = copy.copy(arguments)
    plain.optim_args = None
    try:
        kind, options = Trainer.get_optimizer_cls_and_kwargs(arguments, model)
        defaults = Trainer.get_optimizer_cls_and_kwargs(plain, model)[1]
    except (ValueError, ImportError) as error:  # ValueError: of text that is no `name=number`, too
        raise RecipeError(
            f"`optim: {arguments.optim.value}` with `optim_args: {arguments.optim_args}` cannot be made "
            f"({' '.join(str(error).split())}). Write `optim_args` as `momentum=0.9,nesterov=true`."
        ) from error
    if not getattr(kind, "__module__", "").startswith("torch.optim"):
        return
    names = [pair.split("=")[0].strip() for pair in (arguments.optim_args or "").split(",") if pair]
    taken = {name for name, value in options.items() if name not in defaults or value != defaults[name]}
    ignored = sorted(set(names) - (taken - {"weight_decay"}))  # Trainer gives its own `weight_decay` to each weight
    if ignored:
        raise RecipeError(
            f"`optim: {arguments.optim.value}` ignores {', '.join(f'`{name}`' for name in ignored)} of `optim_args`. "
            "Give `weight_decay`, `adam_beta1`, `adam_beta2` and `adam_epsilon` as keys of their own; `sgd` takes "
            "`momentum`, `dampening` and `nesterov`."
        )


def _check_backbone(model: PreTrainedModel) -> None:
    name = type(model).__name__
    if model.base_model is model:
        raise RecipeError(
            f"`backbone_learning_rate` needs a model with a backbone and a head; {name} has no such parts."
        )
    if not any(weight.requires_grad for weight in model.base_model.parameters()):
        raise RecipeError(
            f"`backbone_learning_rate` has nothing to train: the backbone of {name} is frozen. Leave it out, or "
            "unfreeze some of its layers."
        )


def _check_decay(recipe: Recipe) -> None:
    arguments = recipe.training
    if "lr_scheduler_type" in recipe.options and arguments.lr_scheduler_type not in STEPPED:
        kind = arguments.lr_scheduler_type.value
        raise RecipeError(
            f"`lr_decay_epochs` steps a constant rate down, and `lr_scheduler_type: {kind}` is none. "
            "Leave one of them out, or give `constant` or `constant_with_warmup`."
        )
    if arguments.max_steps > 0:
        raise RecipeError("`lr_decay_epochs` counts epochs: give `num_train_epochs` in place of `max_steps`.")
