# SPDX-License-Identifier: MIT
"""Keeps a selection within a number of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Three or four are enough mostly; halving alone would need some thirty.
_MOST_ROUNDS = 50
_EXACT = 1e-4
# Least slope: below it a Newton step would leave any bracket.
_FLAT = 1e-6


def top_pixels(scores: Tensor, budget: int) -> Tensor:
    """Mark the largest scores of each row, shape (batch, features), bool.

    Exactly ``budget`` of each row, whatever is equal.
    """
    mask = torch.zeros_like(scores, dtype=torch.bool)
    return mask.scatter_(1, scores.topk(budget, dim=1).indices, True)


def to_budget(logits: Tensor, budget: int) -> Tensor:
    """Shift each row of logits so that its sigmoids add up to a budget.

    The shift is found by Newton steps, by halving its bracket where a step would leave it, and
    differentiated implicitly, through one more step.

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
    odds = math.log(budget / (features - budget))
    with torch.no_grad():
        # With all logits equal to the largest (smallest) one the answer would be low (high).
        low = odds - logits.amax(1, keepdim=True)
        high = odds - logits.amin(1, keepdim=True)
        # The answer in the limit of large logits, and near it mostly.
        edge = logits.topk(budget + 1, dim=1).values[:, -2:].mean(1, keepdim=True)
        shift = edge.neg_().clamp(low, high)
        for _ in range(_MOST_ROUNDS):
            excess, slope = _excess(logits, shift, budget)
            if float(excess.abs().max()) < _EXACT:
                break
            high = torch.where(excess > 0, shift, high)
            low = torch.where(excess > 0, low, shift)
            step = shift - excess / slope
            # The ends belong to it: a row that is right already stays where it is.
            inside = (step >= low) & (step <= high)
            shift = torch.where(inside, step, (low + high) / 2)
        _, slope = _excess(logits, shift, budget)
    excess = (logits + shift).sigmoid().sum(1, keepdim=True) - budget
    return logits + (shift - excess / slope)


def _excess(logits: Tensor, shift: Tensor, budget: int) -> tuple[Tensor, Tensor]:
    """How much the sum exceeds the budget, and its derivative with the shift, both (batch, 1)."""
    shares = (logits + shift).sigmoid_()
    total = shares.sum(1, keepdim=True)
    slope = total - shares.square_().sum(1, keepdim=True)
    return total - budget, slope.clamp_min_(_FLAT)
