# SPDX-License-Identifier: MIT
"""The method of Levenberg and Marquardt, with results that depend on its arguments alone.

SciPy's is not used: its ``least_squares(method="lm")`` gives other results for the same arguments,
by what lies in memory (SciPy 1.17), and an equation would not come out twice. Its other methods end
early where constants differ in size by orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Linearised = Callable[[Array], tuple[float, Array, Array]]
"""From parameters (p,) to the sum of the squared residuals, infinite where they are not defined,
the residuals (n,), and their slopes in the parameters (n, p)."""

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-9, 1e6


def levenberg_marquardt(
    linearised: Linearised,
    start: Array,
    *,
    steps: int,
    settled: float,
    free: NDArray[np.intp] | None = None,
    allowed: Callable[[Array], Array] = lambda parameters: parameters,
) -> Array:
    """Move parameters to where the sum of squared residuals is least (Marquardt 1963).

    Parameters
    ----------
    linearised
        What is made small.
    start
        Shape (p,); residuals are defined there.
    steps
        Most steps to try.
    settled
        Ends when a step lowers the sum by less than this share of it.
    free
        Places of the parameters that may move; all by default.
    allowed
        Moves parameters to allowed ones.

    Returns
    -------
    array of shape (p,)
        Never worse than at the start.
    """
    current = allowed(start)
    places = np.arange(len(start)) if free is None else free
    loss, residuals, slopes = linearised(current)
    damping = _FIRST_DAMPING
    for _ in range(steps):
        jacobian = slopes[:, places]
        # Each parameter is measured by how much it moves the residuals: units do not matter.
        sizes = np.sqrt(np.sum(jacobian**2, axis=0)) + 1e-30
        scaled = jacobian / sizes
        normal = scaled.T @ scaled + damping * np.eye(len(places))
        parameters = current.copy()
        parameters[places] -= np.linalg.solve(normal, scaled.T @ residuals) / sizes
        trial = allowed(parameters)
        trial_loss, trial_residuals, trial_slopes = linearised(trial)
        if trial_loss < loss:
            is_settled = loss - trial_loss < settled * loss
            current, loss = trial, trial_loss
            residuals, slopes = trial_residuals, trial_slopes
            damping = max(damping / 5, _LEAST_DAMPING)
            if is_settled:
                break
        else:
            damping *= 5
            if damping > _MOST_DAMPING:
                break
    return current
