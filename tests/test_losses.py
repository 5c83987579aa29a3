"""The loss, against torch's cross-entropy and scikit-learn's class weights."""

import numpy as np
import pytest
import torch
import transformers
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy

from hf_ser.losses import EmotionLoss, balance_classes

WEIGHTS = [0.5, 1.25, 2.0]


@pytest.fixture
def logits():
    return torch.randn(10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float32) * 3


@pytest.fixture
def labels():
    return torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2, 0])


@pytest.fixture
def soft():
    return torch.rand(10, 3, generator=torch.Generator().manual_seed(1)).softmax(dim=1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_hard_labels_give_the_cross_entropy_of_torch(logits, labels, weights, smoothing):
    weight = None if weights is None else torch.tensor(weights)
    # torch's weighted mean divides by the sum of the weights; ours by the clips.
    expected = cross_entropy(logits, labels, weight, reduction="sum", label_smoothing=smoothing) / 10
    torch.testing.assert_close(EmotionLoss(3, weights, smoothing)({"logits": logits}, labels), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_soft_labels_give_the_cross_entropy_of_torch(logits, soft, weights, smoothing):
    weight = None if weights is None else torch.tensor(weights)
    expected = cross_entropy(logits, soft, weight, label_smoothing=smoothing)
    torch.testing.assert_close(EmotionLoss(3, weights, smoothing)({"logits": logits}, soft), expected)


def test_balanced_weights_equal_those_of_scikit_learn_and_average_one_over_the_clips(labels):
    weights = balance_classes(labels.tolist(), 3)
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy()))
    assert np.mean([weights[label] for label in labels.tolist()]) == pytest.approx(1)


def test_half_precision_logits_lose_nothing_more(logits, labels):
    loss = EmotionLoss(3)({"logits": logits.half()}, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, cross_entropy(logits.half().float(), labels))


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_micro_batches_add_up_to_the_whole_batch(logits, labels, soft, kind):
    targets = labels if kind == "hard" else soft
    loss = EmotionLoss(3, WEIGHTS, 0.1)
    entries = targets.numel()  # what Trainer counts: every entry of `labels` that is not -100
    parts = [loss({"logits": logits[s]}, targets[s], entries) for s in (slice(0, 4), slice(4, 7), slice(7, 10))]
    torch.testing.assert_close(sum(parts), loss({"logits": logits}, targets))


def test_class_weights_follow_the_logits_to_their_device():
    loss = EmotionLoss(3, WEIGHTS)({"logits": torch.zeros(2, 3, device="meta")}, torch.zeros(2, 3, device="meta"))
    assert loss.device.type == "meta"


class Linear(torch.nn.Module):
    """Logits of a linear map, in the form that Trainer expects."""

    def __init__(self):
        super().__init__()
        self.map = torch.nn.Linear(4, 3)
        torch.nn.init.constant_(self.map.weight, 0.1)
        torch.nn.init.zeros_(self.map.bias)

    def forward(self, inputs, labels=None):
        return {"logits": self.map(inputs)}


def weights_after_one_step(folder, rows, batch_size, accumulation):
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=1,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        learning_rate=0.1,
        optim="sgd",
        max_grad_norm=0.0,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
    )
    trainer = transformers.Trainer(Linear(), arguments, train_dataset=rows, compute_loss_func=EmotionLoss(3, WEIGHTS))
    trainer.train()
    return trainer.model.map.weight.detach()


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_trainer_steps_alike_with_and_without_gradient_accumulation(tmp_path, labels, soft, kind):
    targets = labels if kind == "hard" else soft
    inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(2))
    rows = [{"inputs": clip, "labels": target} for clip, target in zip(inputs, targets[:8], strict=True)]
    whole = weights_after_one_step(tmp_path / "whole", rows, 8, 1)
    torch.testing.assert_close(weights_after_one_step(tmp_path / "parts", rows, 2, 4), whole)
    # By hand: one step of 0.1 down the gradient of the mean.
    model = Linear()
    cross = cross_entropy(model(inputs)["logits"], targets[:8], torch.tensor(WEIGHTS), reduction="sum") / 8
    cross.backward()
    torch.testing.assert_close(whole, model.map.weight.detach() - 0.1 * model.map.weight.grad)
