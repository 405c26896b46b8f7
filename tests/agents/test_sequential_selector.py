# SPDX-License-Identifier: MIT
import math
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_images import planted

from ns3kan.agents.feature_selection.descent import DescentConfig
from ns3kan.agents.feature_selection.mask_classifier import MaskClassifier, random_masks
from ns3kan.agents.feature_selection.mask_training import accuracy_under, train_on_random_masks
from ns3kan.agents.feature_selection.sequential_selector import SequentialSelector
from ns3kan.agents.feature_selection.sequential_training import train_sequential
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.studies.feature_selection.baselines import pixels_of


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of PyTorch only wait for each other on so little work."""
    with torch_threads(1):
        yield


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp", "kan"]), st.sampled_from([1.0, 1e6, math.nan]))
def test_unseen_pixels_change_no_choice(seed: int, network: str, level: float) -> None:
    torch.manual_seed(seed)
    selector = SequentialSelector([3, 9], network=network)
    images = torch.randn(4, 64)
    masks = random_masks(4)
    other = torch.where(masks > 0, images, level * torch.randn(4, 64))
    ratings = selector(images, masks)
    assert torch.equal(ratings, selector(other, masks))
    assert (ratings[masks > 0] == -math.inf).all()
    assert ratings[masks == 0].isfinite().all()
    # Nor do pixels that are not chosen change the whole choice.
    chosen = selector.select(images, 6)
    other = torch.where(chosen > 0, images, level * torch.randn(4, 64))
    assert torch.equal(chosen, selector.select(other, 6))


@settings(deadline=None, max_examples=5)
@given(st.lists(st.integers(0, 63), max_size=5, unique=True), st.sampled_from([1, 2, 9, 64]))
def test_budget_and_first_pixels(first: list[int], budget: int) -> None:
    torch.manual_seed(0)
    selector = SequentialSelector(first)
    chosen = selector.select(torch.randn(3, 64), budget)
    assert (chosen.sum(1) == budget).all()
    assert (chosen[:, first[:budget]] == 1).all()
    # What is chosen with a smaller budget belongs to the choice with a larger one.
    images = torch.randn(3, 64)
    assert (selector.select(images, budget) >= selector.select(images, max(1, budget // 2))).all()


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="different pixels"):
        SequentialSelector([1, 1])
    with pytest.raises(ValueError, match="different pixels"):
        SequentialSelector([64])
    selector = SequentialSelector([1])
    with pytest.raises(ValueError, match="budget=65"):
        selector.select(torch.zeros(1, 64), 65)
    data = planted(10, 0)
    with pytest.raises(ValueError, match="above the 1 first pixels"):
        train_sequential(selector, MaskClassifier(), data, 1, DescentConfig(steps=1))
    with pytest.raises(ValueError, match="candidates=0"):
        train_sequential(selector, MaskClassifier(), data, 2, DescentConfig(steps=1), candidates=0)


def test_looks_where_the_first_pixel_points() -> None:
    learn, test = planted(4000, 0), planted(1000, 1)
    torch.manual_seed(0)
    classifier = MaskClassifier(classes=2, hidden=(64,))
    train_on_random_masks(classifier, learn, DescentConfig(steps=400))
    selector = SequentialSelector([0], hidden=(32,))
    config = DescentConfig(steps=150)
    train_sequential(selector, classifier, learn, 2, config, candidates=63)
    masks = selector.select(test.images, 2)
    assert (masks[:, 0] == 1).all()
    right = torch.where(test.images[:, 0] > 0, masks[:, 20], masks[:, 10])
    assert right.mean() > 0.95
    same = max(
        accuracy_under(classifier, test, torch.from_numpy(pixels_of(pair)))
        for pair in ([0, 10], [0, 20], [10, 20])
    )
    assert same < 0.85
    assert accuracy_under(classifier, test, masks) > 0.95
