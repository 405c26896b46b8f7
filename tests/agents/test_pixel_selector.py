# SPDX-License-Identifier: MIT
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn

from ns3kan.agents.feature_selection.budget import to_budget, top_pixels
from ns3kan.agents.feature_selection.pixel_selector import PixelMask, PixelSelector
from ns3kan.agents.feature_selection.selection import FeatureSelector
from ns3kan.agents.training.threads import torch_threads

KINDS = get_args(PixelMask)


@settings(deadline=None)
@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=20),
    st.integers(1, 20),
)
def test_shift_meets_the_budget(logits: list[float], budget: int) -> None:
    row = torch.tensor([logits], dtype=torch.float64)
    shifted = to_budget(row, budget)
    if budget >= len(logits):
        assert shifted is row
        return
    assert float(shifted.sigmoid().sum()) == pytest.approx(budget, abs=1e-4)
    # The same shift for all: differences stay.
    torch.testing.assert_close(shifted - shifted[:, :1], row - row[:, :1])


def test_gradient_of_the_shift() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: to_budget(x, 2), logits)


@given(st.integers(1, 6), st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=6, max_size=6))
def test_exactly_the_budget_is_kept(budget: int, scores: list[float]) -> None:
    kept = top_pixels(torch.tensor([scores]), budget)[0]
    assert int(kept.sum()) == budget
    inside = [score for score, keep in zip(scores, kept, strict=True) if keep]
    outside = [score for score, keep in zip(scores, kept, strict=True) if not keep]
    assert not outside or min(inside) >= max(outside)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("budget", [1, 8, 63, 64])
def test_masks_are_of_pixels_within_the_budget(kind: PixelMask, budget: int) -> None:
    torch.manual_seed(0)
    selector = PixelSelector(kind, budget)
    assert isinstance(selector, FeatureSelector)
    images = torch.randn(9, 64)
    output = selector(images)
    torch.testing.assert_close(output.features, images * output.mask)
    assert output.mask.min() >= 0
    assert output.mask.max() <= 1 + 1e-6
    assert output.log_prob is None
    if budget < 64:
        torch.testing.assert_close(output.relevance.sum(1), torch.full((9,), float(budget)))
    kept = selector.mean_mask(images) != 0
    assert kept.sum(1).max() <= budget
    # Those kept are those of the largest relevance.
    order = output.relevance.argsort(1, descending=True)
    assert not kept.gather(1, order)[:, budget:].any()
    features = selector.mean_features(images)
    torch.testing.assert_close(features, images * selector.mean_mask(images))
    torch.testing.assert_close(selector.mean_features(images), features, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_relevance_reach_the_logits(kind: PixelMask) -> None:
    torch.manual_seed(0)
    selector = PixelSelector(kind, 8)
    images = torch.randn(32, 64)
    for part in ("features", "relevance"):
        selector.zero_grad()
        getattr(selector(images), part).square().sum().backward()
        assert selector.fc1.weight.grad is not None
        assert torch.isfinite(selector.fc1.weight.grad).all()
        assert selector.fc1.weight.grad.abs().sum() > 0


def test_top_k_is_exact_and_noisy_in_training_only() -> None:
    torch.manual_seed(0)
    selector = PixelSelector("top_k", 8)
    images = torch.randn(20, 64)
    first, second = selector(images).mask, selector(images).mask
    torch.testing.assert_close(first.round(), first, atol=1e-6, rtol=0)
    assert (first.round().sum(1) == 8).all()
    assert (first.round() != second.round()).any()
    selector.eval()
    mean = selector.mean_mask(images)
    torch.testing.assert_close(selector(images).mask, mean)


def test_beta_has_the_relevance_as_its_mean() -> None:
    torch.manual_seed(0)
    selector = PixelSelector("beta", 16)
    image = torch.randn(1, 64)
    with torch.no_grad():
        output = selector(image.expand(20_000, -1))
    torch.testing.assert_close(output.mask.mean(0), output.relevance[0], atol=0.015, rtol=0)
    spread = output.relevance[0] * (1 - output.relevance[0]) / (selector.concentration + 1)
    torch.testing.assert_close(output.mask.var(0), spread, atol=0.01, rtol=0)


def test_hard_concrete_is_nonzero_with_its_relevance() -> None:
    torch.manual_seed(0)
    selector = PixelSelector("hard_concrete", 16, temperature=0.5)
    image = torch.randn(1, 64)
    with torch.no_grad():
        output = selector(image.expand(20_000, -1))
    share = (output.mask > 0).float().mean(0)
    torch.testing.assert_close(share, output.relevance[0], atol=0.015, rtol=0)
    assert (output.mask == 1).any()


@pytest.mark.parametrize("kind", ["hard_concrete", "beta"])
def test_without_a_budget_the_selector_is_free(kind: PixelMask) -> None:
    torch.manual_seed(0)
    selector = PixelSelector(kind)
    relevance = selector(torch.randn(5, 64)).relevance
    assert relevance.sum(1).std() > 0.1


def test_temperature_falls() -> None:
    selector = PixelSelector("top_k", 8, temperature=1.0, temperature_decay=0.5)
    selector.anneal(2)
    assert selector.temperature == 0.25
    selector.anneal(50)
    assert selector.temperature == 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mask": "top"}, "no pixel mask 'top'; choose top_k, hard_concrete, beta"),
        ({"mask": "top_k"}, "needs budget"),
        ({"budget": 0}, "budget=0 must be from 1 to 64"),
        ({"budget": 65}, "budget=65 must be from 1 to 64"),
        ({"budget": 8, "hidden": 0}, "hidden=0"),
        ({"budget": 8, "temperature": 0.0}, "temperature=0.0"),
        ({"mask": "beta", "concentration": 0.0}, "concentration=0.0"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PixelSelector(**arguments)  # type: ignore[arg-type]


def test_each_image_its_own_pixels_beat_the_same_for_all() -> None:
    """Eight pixels of each image against the eight most varying ones, same classifier."""
    digits = load_digits()
    images = torch.tensor(digits.data / 8 - 1, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    varying = np.argsort(-digits.data[:1400].var(axis=0))[:8]
    pixels = torch.zeros(64)
    pixels[torch.from_numpy(varying.copy())] = 1.0

    def accuracy(selector: PixelSelector | None) -> float:
        head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        modules = nn.ModuleList([head] if selector is None else [head, selector])
        optimiser = torch.optim.Adam(modules.parameters(), lr=3e-3)
        for _ in range(15):
            for batch in torch.randperm(1400).split(64):
                shown = images[batch]
                shown = shown * pixels if selector is None else selector(shown).features
                optimiser.zero_grad()
                nn.functional.cross_entropy(head(shown), labels[batch]).backward()
                optimiser.step()
        with torch.no_grad():
            test = images[1400:]
            shown = test * pixels if selector is None else selector.mean_features(test)
            assert (shown != 0).sum(1).max() <= 8
            return float((head(shown).argmax(1) == labels[1400:]).float().mean())

    torch.manual_seed(0)
    with torch_threads(1):
        same_for_all, own = accuracy(None), accuracy(PixelSelector("top_k", 8))
    assert own > same_for_all + 0.1, (own, same_for_all)
