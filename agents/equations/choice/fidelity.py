# SPDX-License-Identifier: MIT
"""How well decisions stand for others, in numbers that go into an artefact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ratio_fidelity(predicted: Array, target: Array) -> dict[str, float]:
    """Say how well ratios stand for others: r2, mean and largest absolute error, states.

    Both have shape (states,) or (ratios, states).
    """
    error = predicted - target
    # A ratio that never moves by more than 1e-4 is matched by a constant.
    variance = max(float(np.mean(np.var(target, axis=-1))), 1e-8)
    return {
        "r2": 1.0 - float(np.mean(error**2)) / variance,
        "mean_absolute_error": float(np.mean(np.abs(error))),
        "largest_absolute_error": float(np.max(np.abs(error))),
        "states": error.shape[-1],
    }


def choice_fidelity(predicted: Array, target: Array) -> dict[str, float]:
    """Say how well choices stand for others: agreement, the share of equal ones, and states.

    Both are scores or probabilities of shape (choices, states); the first of equals is chosen.
    """
    same = predicted.argmax(axis=0) == target.argmax(axis=0)
    return {"agreement": float(same.mean()), "states": len(same)}
