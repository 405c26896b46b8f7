# SPDX-License-Identifier: MIT
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_images import planted

from ns3kan.agents.feature_selection.descent import DescentConfig, minimise
from ns3kan.agents.feature_selection.mask_classifier import MaskClassifier, random_masks
from ns3kan.agents.feature_selection.mask_training import (
    accuracy_under,
    cross_entropy_under,
    train_on_random_masks,
    train_selector,
)
from ns3kan.agents.feature_selection.pixel_selector import PixelSelector
from ns3kan.agents.training.threads import torch_threads


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of PyTorch only wait for each other on so little work."""
    with torch_threads(1):
        yield


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_random_masks_are_of_all_sizes_and_pixels(power: float) -> None:
    torch.manual_seed(0)
    masks = random_masks(65_000, sizes_power=power)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    sizes = masks.sum(1).long().bincount(minlength=65)
    assert sizes.shape == (65,)
    # P(size >= k) = 1 - (k / 65) ** (1 / power), five deviations at most.
    for size in range(65):
        share = ((size + 1) / 65) ** (1 / power) - (size / 65) ** (1 / power)
        assert abs(int(sizes[size]) - 65_000 * share) < 5 * (65_000 * share) ** 0.5
    # Within a size no pixel comes before another.
    small = masks[masks.sum(1) == 8]
    assert len(small) > 500
    often = small.mean(0) * 64 / 8
    assert (often - 1).abs().max() < 5 * (64 / 8 / len(small)) ** 0.5


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000))
def test_hidden_pixels_do_not_matter(seed: int) -> None:
    torch.manual_seed(seed)
    classifier = MaskClassifier(hidden=(8,))
    images, masks = torch.randn(5, 64), random_masks(5)
    changed = torch.where(masks > 0, images, torch.randn(5, 64))
    torch.testing.assert_close(classifier(images, masks), classifier(changed, masks))
    # A level of 0 that is shown is not a hidden pixel.
    shown, hidden = torch.ones(1, 64), torch.zeros(1, 64)
    black = torch.zeros(1, 64)
    assert not torch.equal(classifier(black, shown), classifier(black, hidden))


def test_bad_sizes() -> None:
    with pytest.raises(ValueError, match="widths are"):
        MaskClassifier(hidden=(0,))
    with pytest.raises(ValueError, match="no examples"):
        minimise(MaskClassifier(), lambda _, __: torch.zeros(()), 0, DescentConfig())
    with pytest.raises(ValueError, match="steps=0"):
        DescentConfig(steps=0)


@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_selector_learns_against_a_classifier_that_stays(network: str) -> None:
    learn, test = planted(4000, 0), planted(1000, 1)
    torch.manual_seed(0)
    classifier = MaskClassifier(classes=2, hidden=(64,))
    train_on_random_masks(classifier, learn, DescentConfig(steps=400))
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    selector = PixelSelector("top_k", 2, network=network)
    untrained = accuracy_under(classifier, test, selector.mean_mask(test.images))
    loss = cross_entropy_under(classifier, test, selector.mean_mask(test.images))
    train_selector(selector, classifier, learn, DescentConfig(steps=200))
    for name, value in classifier.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.requires_grad for parameter in classifier.parameters())
    masks = selector.mean_mask(test.images)
    assert (masks.sum(1) == 2).all()
    assert accuracy_under(classifier, test, masks) > max(0.85, untrained + 0.2)
    assert cross_entropy_under(classifier, test, masks) < 0.5 * loss
