# SPDX-License-Identifier: MIT
"""Keeps a selection within a number of features."""

from __future__ import annotations

import torch
from torch import Tensor

_ROUNDS = 30


def top_pixels(scores: Tensor, budget: int) -> Tensor:
    """Mark the largest scores of each row, shape (batch, features), bool.

    Exactly ``budget`` of each row, whatever is equal.
    """
    kept = torch.zeros_like(scores, dtype=torch.bool)
    return kept.scatter_(1, scores.topk(budget, dim=1).indices, True)


def to_budget(logits: Tensor, budget: int) -> Tensor:
    """Shift each row of logits so that its sigmoids add up to a budget.

    The shift is found by bisection and differentiated implicitly, through a last Newton step.

    Parameters
    ----------
    logits
        Shape (batch, features).
    budget
        Above 0; with all features or more there is nothing to divide, and the logits are returned
        as they are.
    """
    features = logits.shape[1]
    if budget >= features:
        return logits
    with torch.no_grad():
        # With all logits equal to the largest (smallest) one the answer would be low (high).
        odds = torch.logit(torch.tensor(budget / features, dtype=logits.dtype))
        low = odds - logits.amax(1, keepdim=True)
        high = odds - logits.amin(1, keepdim=True)
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            above = (logits + middle).sigmoid().sum(1, keepdim=True) > budget
            high = torch.where(above, middle, high)
            low = torch.where(above, low, middle)
        shift = (low + high) / 2
        at_shift = (logits + shift).sigmoid()
        slope = (at_shift * (1 - at_shift)).sum(1, keepdim=True).clamp_min(1e-6)
    excess = (logits + shift).sigmoid().sum(1, keepdim=True) - budget
    return logits + (shift - excess / slope)
