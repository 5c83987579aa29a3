"""Mixup, by hand."""

import numpy as np
import pytest
import torch

from hf_ser.augmentation.mixing import mixup


class Hand:
    """Stands in for a generator, with a share and an order of our choice."""

    def beta(self, a, b):
        self.parameters = (a, b)
        return 0.75

    def permutation(self, size):
        assert size == 3
        return np.array([2, 0, 1])


@pytest.fixture
def batch():
    features = torch.tensor([0.0, 4.0, 8.0])[:, None, None].expand(3, 2, 2).clone()
    return features, torch.eye(3)


def test_each_clip_and_its_label_are_blended_with_one_other_in_the_same_share(batch):
    hand = Hand()
    features, labels = mixup(*batch, 0.3, hand)
    # 0.75 of each own value and 0.25 of the other's: clip 0 with 2, 1 with 0, 2 with 1.
    assert features[:, 0, 0].tolist() == [2.0, 3.0, 7.0]
    assert (features == features[:, :1, :1]).all()
    assert labels.tolist() == [[0.75, 0.0, 0.25], [0.25, 0.75, 0.0], [0.0, 0.25, 0.75]]
    assert hand.parameters == (0.3, 0.3)


def test_the_same_seed_gives_the_same_mixture_and_another_gives_another(batch):
    first, again, other = (mixup(*batch, 1.0, np.random.default_rng(seed))[1] for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert (first != other).any()


def test_labels_stay_probabilities(batch):
    for seed in range(50):
        labels = mixup(*batch, 0.2, np.random.default_rng(seed))[1]
        torch.testing.assert_close(labels.sum(dim=1), torch.ones(3))
        assert (labels >= 0).all()


def test_the_batch_that_was_given_is_not_changed(batch):
    before = [tensor.clone() for tensor in batch]
    mixup(*batch, 1.0, np.random.default_rng(0))
    assert all(torch.equal(now, then) for now, then in zip(batch, before, strict=True))
