# SPDX-License-Identifier: MIT
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ns3kan.agents.feature_selection.masks import (
    POLICY_FORM,
    MaskDistribution,
    mean_mask,
    sample_mask,
    sample_symmetric_beta,
)

NAMES = get_args(MaskDistribution)
RELEVANCE = (0.1, 0.35, 0.9)


def softplus(x: float) -> float:
    return float(np.log1p(np.exp(x)))


def many(name: MaskDistribution, count: int = 20_000, temperature: float = 1.0) -> torch.Tensor:
    torch.manual_seed(0)
    relevance = torch.tensor([RELEVANCE]).expand(count, -1)
    mask, _ = sample_mask(name, relevance, temperature)
    assert mask.shape == relevance.shape
    assert mask.dtype == relevance.dtype
    return mask


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("normal", lambda q: stats.norm(q, 1)),
        ("beta", lambda q: stats.beta(softplus(q) + 1, softplus(q) + 1)),
        (
            "dirichlet",
            lambda q: stats.beta(
                softplus(q) + 1, sum(softplus(other) + 1 for other in RELEVANCE) - softplus(q) - 1
            ),
        ),
        ("laplace", lambda q: stats.laplace(q, 1)),
        ("cauchy", lambda q: stats.cauchy(q, 1)),
        ("uniform", lambda q: stats.uniform()),
    ],
)
def test_continuous_masks_have_their_law(name: MaskDistribution, law: object) -> None:
    mask = many(name)
    for column, q in enumerate(RELEVANCE):
        # Eighteen comparisons: a right one in 100,000 may fail, a wrong law has far less.
        found = stats.kstest(mask[:, column].double().numpy(), law(q).cdf)  # type: ignore[operator]
        assert found.pvalue > 1e-5


def test_bernoulli_keeps_with_its_relevance() -> None:
    mask = many("bernoulli")
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(mask.mean(0), RELEVANCE, atol=0.015)


def test_multinomial_keeps_one_feature() -> None:
    mask = many("multinomial")
    assert (mask.sum(1) == 1).all()
    weights = np.exp(RELEVANCE)
    np.testing.assert_allclose(mask.mean(0), weights / weights.sum(), atol=0.015)


def test_gumbel_softmax_becomes_a_choice_when_cold() -> None:
    mask = many("gumbel_softmax", temperature=0.01)
    np.testing.assert_allclose(mask.sum(1), 1.0, atol=1e-5)
    # The Gumbel-max property: the largest entry is feature j with probability q_j / sum of q.
    share = np.bincount(mask.argmax(1), minlength=3) / len(mask)
    np.testing.assert_allclose(share, np.array(RELEVANCE) / sum(RELEVANCE), atol=0.015)
    assert (mask.max(1).values > 0.99).float().mean() > 0.95
    assert (many("gumbel_softmax", temperature=100.0) - 1 / 3).abs().max() < 0.1


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("cauchy",)])
def test_mean_mask_is_the_mean(name: MaskDistribution) -> None:
    # A cold gumbel_softmax is the categorical whose mean stands for its own.
    mean = many(name, temperature=0.01).mean(0)
    np.testing.assert_allclose(mean_mask(name, torch.tensor([RELEVANCE]))[0], mean, atol=0.04)


def test_cauchy_has_a_median_instead() -> None:
    np.testing.assert_allclose(many("cauchy").median(0).values, RELEVANCE, atol=0.04)
    assert mean_mask("cauchy", torch.tensor([RELEVANCE])).tolist()[0] == pytest.approx(RELEVANCE)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_where_it_is_said_to_be(name: MaskDistribution) -> None:
    torch.manual_seed(1)
    relevance = torch.rand(5, 4, requires_grad=True)
    mask, log_prob = sample_mask(name, relevance)
    if name in POLICY_FORM:
        assert not mask.requires_grad
        assert log_prob is not None
        assert log_prob.shape == (5,)
        log_prob.sum().backward()
    else:
        assert log_prob is None
        if name in ("uniform", "none"):
            assert not mask.requires_grad
            return
        (mask * torch.arange(4.0)).sum().backward()
    assert relevance.grad is not None
    assert torch.isfinite(relevance.grad).all()
    assert (relevance.grad != 0).any()


def moments(name: str, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (features,) and covariance (features, features) of the mask, from the textbook."""
    alpha = torch.log1p(q.exp()) + 1
    match name:
        case "bernoulli":
            return q, torch.diag(q * (1 - q))
        case "multinomial":
            p = q.softmax(0)
            return p, torch.diag(p) - torch.outer(p, p)
        case "normal":
            return q, torch.eye(len(q), dtype=q.dtype)
        case "laplace":
            return q, 2 * torch.eye(len(q), dtype=q.dtype)
        case "beta":
            return torch.full_like(q, 0.5), torch.diag(1 / (4 * (2 * alpha + 1)))
        case _:  # dirichlet
            p = alpha / alpha.sum()
            return p, (torch.diag(p) - torch.outer(p, p)) / (alpha.sum() + 1)


@pytest.mark.parametrize(
    ("name", "bound"),
    # About five deviations of each estimate.
    [
        ("bernoulli", 0.1),
        ("multinomial", 0.02),
        ("normal", 0.12),
        ("beta", 0.001),
        ("dirichlet", 0.003),
        ("laplace", 0.16),
    ],
)
def test_gradient_of_the_expectation(name: MaskDistribution, bound: float) -> None:
    """Both forms estimate the gradient of E[(w · mask − 1)²], which the moments give exactly."""
    torch.manual_seed(0)
    weights = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    q = torch.tensor([0.3, 0.6, 0.5], dtype=torch.float64, requires_grad=True)
    mean, covariance = moments(name, q)
    expectation = weights @ covariance @ weights + (weights @ mean - 1) ** 2
    (exact,) = torch.autograd.grad(expectation, q)

    mask, log_prob = sample_mask(name, q.expand(200_000, -1))
    values = (mask @ weights - 1) ** 2
    assert values.mean().item() == pytest.approx(expectation.item(), rel=0.03)
    if log_prob is not None:
        values = (values - values.mean()).detach() * log_prob
    (estimate,) = torch.autograd.grad(values.mean(), q)
    torch.testing.assert_close(estimate, exact, atol=bound, rtol=0)


def test_log_probability_by_hand() -> None:
    torch.manual_seed(0)
    relevance = torch.tensor([[0.2, 0.7]]).expand(50, -1)
    mask, log_prob = sample_mask("bernoulli", relevance)
    assert log_prob is not None
    expected = torch.where(mask == 1, relevance, 1 - relevance).prod(1)
    torch.testing.assert_close(log_prob.exp(), expected)
    mask, log_prob = sample_mask("multinomial", relevance)
    assert log_prob is not None
    torch.testing.assert_close(log_prob.exp(), (relevance.softmax(1) * mask).sum(1))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_certain_relevance_gives_numbers(name: MaskDistribution, edge: float) -> None:
    torch.manual_seed(0)
    relevance = torch.full((50, 8), edge, requires_grad=True)
    mask, log_prob = sample_mask(name, relevance, 0.1)
    total = mask.sum() + (0 if log_prob is None else log_prob.sum())
    assert torch.isfinite(total)
    assert torch.isfinite(mean_mask(name, relevance)).all()
    if total.requires_grad:
        total.backward()
        assert relevance.grad is not None
        assert torch.isfinite(relevance.grad).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0.6, 50.0))
def test_closed_form_of_the_symmetric_beta(concentration: float) -> None:
    torch.manual_seed(3)
    sample = sample_symmetric_beta(torch.full((4000,), concentration, dtype=torch.float64))
    law = stats.beta(concentration, concentration)
    assert sample.min() >= 0
    assert sample.max() <= 1
    # One example in 25 fails with a probability below 1 in 4,000.
    assert stats.kstest(sample.numpy(), law.cdf).pvalue > 1e-5


def test_closed_form_moves_with_its_parameter() -> None:
    """For fixed random numbers the sample is a smooth function, with the gradient it reports."""
    alpha = torch.linspace(0.8, 4.0, 500, dtype=torch.float64, requires_grad=True)

    def sample(shift: float) -> torch.Tensor:
        torch.manual_seed(5)
        return sample_symmetric_beta(alpha + shift)

    sample(0.0).sum().backward()
    slope = (sample(1e-6) - sample(-1e-6)).detach() / 2e-6
    assert alpha.grad is not None
    torch.testing.assert_close(alpha.grad, slope, atol=1e-6, rtol=1e-4)


def test_unknown_distribution() -> None:
    with pytest.raises(ValueError, match="no mask distribution 'betta'; choose bernoulli, gumbel"):
        sample_mask("betta", torch.rand(1, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no mask distribution 'betta'"):
        mean_mask("betta", torch.rand(1, 2))  # type: ignore[arg-type]
