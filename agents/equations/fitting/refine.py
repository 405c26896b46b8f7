# SPDX-License-Identifier: MIT
"""Constants moved to where the answers are closest, and rounded to the fewest digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.fitting.least_squares import levenberg_marquardt
from ns3kan.agents.equations.fitting.task import Task
from ns3kan.agents.equations.fitting.template import Template, fewest_digits, rounded_to

Array = NDArray[np.float64]


def refine(
    template: Template,
    task: Task,
    *,
    free: NDArray[np.bool_] | None = None,
    steps: int = 100,
    settled: float = 1e-10,
    allowed: Callable[[Array], Array] = lambda constants: constants,
) -> Template:
    """Move constants to where answers are closest, by the method of Levenberg and Marquardt.

    Parameters
    ----------
    template
        Where to start.
    task
        What the expressions are to compute.
    free
        Which constants may move, shape (constants,); all by default.
    steps, settled, allowed
        As for `ns3kan.agents.equations.fitting.least_squares.levenberg_marquardt`.

    Returns
    -------
    Template
        Never worse than at the start.
    """
    places = np.arange(len(template.constants)) if free is None else np.flatnonzero(free)
    count = task.target_answers.size + (task.targets.size if task.pull else 0)
    if not places.size or count < places.size:
        return template
    undefined = math.inf, np.zeros(count), np.zeros((count, len(template.constants)))

    def linearised(constants: Array) -> tuple[float, Array, Array]:
        try:
            values, slopes = template.with_constants(constants).linearise(task.columns)
        except EvaluationError:
            return undefined
        residuals, jacobian = task.residuals(values, slopes)
        loss = float(residuals @ residuals)
        if not (math.isfinite(loss) and np.isfinite(jacobian[:, places]).all()):
            return undefined
        return loss, residuals, jacobian

    with np.errstate(all="ignore"):
        return template.with_constants(
            levenberg_marquardt(
                linearised,
                template.constants,
                steps=steps,
                settled=settled,
                free=places,
                allowed=allowed,
            )
        )


def round_constants(
    expressions: Sequence[Expression],
    fitted: Task,
    accept: Callable[[tuple[Expression, ...]], bool],
) -> tuple[tuple[Expression, ...], int]:
    """Round to the fewest significant digits that are accepted; also how many these are.

    Constants are rounded one after the other, and those that are left make up for it.

    Parameters
    ----------
    expressions
        Refined ones.
    fitted
        What they are to compute.
    accept
        Whether rounded ones are good enough.
    """

    def rounded(digits: int) -> tuple[Expression, ...]:
        template = Template.of(expressions)
        free = np.ones(len(template.constants), dtype=np.bool_)
        for place in range(len(free)):
            constants = template.constants.copy()
            constants[place] = rounded_to(constants[[place]], digits)[0]
            free[place] = False
            template = refine(template.with_constants(constants), fitted, free=free, steps=5)
        return template.rounded(digits, tuple(fitted.columns))

    return fewest_digits(rounded, accept) or (tuple(expressions), 17)
