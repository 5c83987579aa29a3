"""Mixup and CutMix, by hand."""

import numpy as np
import pytest
import torch

from hf_ser.augmentation.mixing import cutmix, mixup


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


@pytest.fixture
def large_batch():
    """Four clips of 30 x 12 values; all of clip k are k, which is its emotion too."""
    return torch.arange(4.0)[:, None, None].expand(4, 30, 12).clone(), torch.eye(4)


def test_a_label_has_exactly_the_share_of_the_image_that_its_clip_has(large_batch):
    shares = set()
    for seed in range(300):
        features, labels = cutmix(*large_batch, 0.4, np.random.default_rng(seed))
        for clip, label in zip(features, labels, strict=True):
            areas = [(clip == emotion).float().mean(dtype=torch.float64) for emotion in range(4)]
            torch.testing.assert_close(label.double(), torch.stack(areas), rtol=0, atol=1e-7)
        shares.add(round(float(labels[0].max()), 4))
    assert len(shares) > 50


def test_what_is_pasted_is_one_box_at_the_place_where_it_was(large_batch):
    features = torch.arange(4.0 * 30 * 12).reshape(4, 30, 12)
    pasted = 0
    for seed in range(100):
        mixed, _ = cutmix(features, large_batch[1], 1.0, np.random.default_rng(seed))
        changed = (mixed != features).any(dim=0)
        frames, rows = changed.any(dim=1), changed.any(dim=0)
        assert (changed == frames[:, None] & rows).all()  # a product of two sides
        for side in (frames, rows):
            places = side.nonzero().flatten().tolist()
            assert places == list(range(places[0], places[0] + len(places))) if places else True
        assert (mixed % 360 == features % 360).all()  # 360 values a clip: each from its own place
        pasted += bool(changed.any())
    assert pasted > 50


class Box(Hand):
    """A share of three quarters, and a centre in the first frame and the sixth row."""

    def permutation(self, size):
        return np.roll(np.arange(size), 1)

    def integers(self, length):
        return {30: 0, 12: 6}[length]


def test_the_box_has_the_drawn_area_less_what_is_cut_at_the_edge(large_batch):
    box = Box()
    features, labels = cutmix(*large_batch, 0.4, box)
    # sqrt(1 - 0.75) = 1/2 of each side: 15 x 6, of which 7 frames lie behind the first.
    assert (features[1] == 0).nonzero().tolist() == [[frame, row] for frame in range(7) for row in range(3, 9)]
    assert labels[1].tolist() == pytest.approx([42 / 360, 318 / 360, 0, 0])
    assert box.parameters == (0.4, 0.4)


def test_cutmix_changes_nothing_that_was_given(large_batch):
    before = [tensor.clone() for tensor in large_batch]
    cutmix(*large_batch, 1.0, np.random.default_rng(0))
    assert all(torch.equal(now, then) for now, then in zip(large_batch, before, strict=True))


def test_the_same_seed_gives_the_same_box(large_batch):
    first, again, other = (cutmix(*large_batch, 1.0, np.random.default_rng(seed))[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
