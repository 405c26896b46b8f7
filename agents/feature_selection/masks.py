# SPDX-License-Identifier: MIT
"""The nine distributions of feature masks, with relevance q̂ as their parameter.

How a loss on the masked features reaches q̂ depends on the distribution:

==================  ==========================================  =================================
name                mask (equations 8 to 16)                    gradient
==================  ==========================================  =================================
``bernoulli``       Bernoulli(q̂)                                score function (policy form)
``gumbel_softmax``  softmax((log q̂ + g) / τ), g Gumbel          reparameterised
``normal``          N(q̂, 1)                                     reparameterised
``beta``            Beta(α, α), α = softplus(q̂) + 1             reparameterised, closed form
``dirichlet``       Dirichlet(softplus(q̂) + 1)                  reparameterised, implicit
``multinomial``     one feature, drawn from softmax(q̂)          score function (policy form)
``laplace``         Laplace(q̂, 1)                               reparameterised
``cauchy``          Cauchy(q̂, 1)                                reparameterised
``uniform``         Uniform(0, 1)                               none, q̂ plays no part
==================  ==========================================  =================================

Reparameterised masks carry the gradient themselves. The policy form is for the discrete ones: the
log probability of the mask is returned, and its product with a detached loss of each image, less a
baseline, has the right gradient on average (REINFORCE, Williams 1992).

``none`` is a mask of ones: what a network does without selection.

References
----------
Jahin, Mridha, Dey, Section III-A3.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor
from torch.nn.functional import one_hot, softplus

from ns3kan.errors import InputError

MaskDistribution = Literal[
    "bernoulli",
    "gumbel_softmax",
    "normal",
    "beta",
    "dirichlet",
    "multinomial",
    "laplace",
    "cauchy",
    "uniform",
    "none",
]

POLICY_FORM = frozenset({"bernoulli", "multinomial"})
"""Distributions whose gradient comes from the score function."""

# Keeps logarithms finite where a relevance is 0.
_TINY = 1e-12


def check_distribution(name: str) -> None:
    """Raise ValueError unless there is a distribution of this name; the message lists all."""
    if name not in get_args(MaskDistribution):
        raise InputError(
            f"There is no mask distribution {name!r}; choose "
            f"{', '.join(get_args(MaskDistribution))}."
        )


def sample_mask(
    name: MaskDistribution, relevance: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor | None]:
    """Draw a mask for each row of q̂.

    Parameters
    ----------
    name
        The distribution.
    relevance
        q̂ in [0, 1], shape (batch, features).
    temperature
        τ of ``gumbel_softmax``; the others have none.

    Returns
    -------
    mask, log_prob
        Shape (batch, features); shape (batch,) for distributions in policy form, otherwise None.

    Raises
    ------
    ValueError
        If there is no such distribution.
    """
    check_distribution(name)
    log_prob: Tensor | None = None
    match name:
        case "bernoulli":
            with torch.no_grad():
                mask = torch.bernoulli(relevance)
            # The probability of what was drawn, in a form whose gradient stays finite.
            log_prob = (1 - (mask - relevance).abs()).clamp_min(_TINY).log().sum(1)
        case "gumbel_softmax":
            # Minus the logarithm of an exponential number is a Gumbel number.
            gumbel = _exponential(relevance).log_().neg_()
            logits = relevance.clamp_min(_TINY).log()
            mask = torch.softmax((logits + gumbel) / temperature, dim=1)
        case "normal":
            mask = relevance + torch.randn_like(relevance)
        case "beta":
            mask = sample_symmetric_beta(softplus(relevance) + 1)
        case "dirichlet":
            mask = torch.distributions.Dirichlet(
                softplus(relevance) + 1, validate_args=False
            ).rsample()
        case "multinomial":
            log_probs = relevance.log_softmax(1)
            with torch.no_grad():
                chosen = torch.multinomial(log_probs.exp(), 1)
            mask = one_hot(chosen[:, 0], relevance.shape[1]).to(relevance.dtype)
            log_prob = log_probs.gather(1, chosen)[:, 0]
        case "laplace":
            # The difference of two exponential numbers.
            mask = relevance + (_exponential(relevance) - _exponential(relevance))
        case "cauchy":
            mask = relevance + torch.empty_like(relevance).cauchy_()
        case "uniform":
            mask = torch.rand_like(relevance)
        case "none":
            mask = torch.ones_like(relevance)
    return mask, log_prob


def mean_mask(name: MaskDistribution, relevance: Tensor) -> Tensor:
    """Mean of the mask, shape (batch, features).

    Two of the distributions need a substitute: ``gumbel_softmax`` has no mean in closed form, so
    that of the categorical it approximates, q̂ / Σ q̂, stands for it; ``cauchy`` has no mean at all,
    so its median q̂ does.

    Parameters
    ----------
    name
        The distribution.
    relevance
        q̂ in [0, 1], shape (batch, features).

    Raises
    ------
    ValueError
        If there is no such distribution.
    """
    check_distribution(name)
    match name:
        case "bernoulli" | "normal" | "laplace" | "cauchy":
            return relevance
        case "gumbel_softmax":
            return relevance / relevance.sum(1, keepdim=True).clamp_min(_TINY)
        case "beta" | "uniform":
            return torch.full_like(relevance, 0.5)
        case "dirichlet":
            concentration = softplus(relevance) + 1
            return concentration / concentration.sum(1, keepdim=True)
        case "multinomial":
            return relevance.softmax(1)
        case "none":
            return torch.ones_like(relevance)


def sample_symmetric_beta(concentration: Tensor) -> Tensor:
    """Draw from Beta(α, α) in closed form, differentiable in α.

    a = ½ + ½ cos(2πV) √(1 − U^(2 / (2α − 1))) with U, V uniform on (0, 1) is exact for α > ½
    (Ulrich 1984): a point with this radius and a uniform angle has Beta(α, α) as its shadow on an
    axis. For a fixed U and V it is a smooth function of α, hence reparameterised.

    Parameters
    ----------
    concentration
        α > ½, any shape.

    Returns
    -------
    same shape
        In [0, 1].

    References
    ----------
    G. Ulrich, "Computer generation of distributions on the m-sphere", Applied Statistics 33,
    1984; L. Devroye, "Random variate generation in one line of code", 1996.
    """
    return cast(Tensor, _SymmetricBeta.apply(concentration))  # type: ignore[no-untyped-call]


class _SymmetricBeta(torch.autograd.Function):
    """`sample_symmetric_beta`, with its derivative computed along with it."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        # U = exp(-e) with an exponential number e, never 0, where the root has no slope.
        exponent = _exponential(concentration)
        half_cosine = torch.rand_like(concentration).mul_(2 * math.pi).cos_().mul_(0.5)
        width = 2 * concentration - 1
        power = exponent.mul_(-2).div_(width)
        square = power.expm1().neg_()
        radius = square.sqrt()
        if ctx.needs_input_grad[0]:
            # d radius / d alpha = (1 - radius^2) * power / (width * radius).
            slope = power.div_(width).mul_(1 - square).div_(radius)
            ctx.save_for_backward(slope.mul_(half_cosine))
        return half_cosine.mul_(radius).add_(0.5)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        slope: Tensor = ctx.saved_tensors[0]
        return gradients[0] * slope


def _exponential(like: Tensor) -> Tensor:
    """Positive exponential numbers; four times as fast as ``exponential_``."""
    return torch.rand_like(like).neg_().log1p_().neg_().clamp_min_(_TINY)
