# SPDX-License-Identifier: MIT
"""What formulas are to say: the answers of a policy in the states that it was asked in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import Expression

Array = NDArray[np.float64]
Answer = Callable[[Array], Array]
"""From values of formulas (…, formulas, rows) to what they decide (…, answers, states)."""

# A policy that always answers nearly the same is matched by a constant.
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True)
class Task:
    """Values that formulas are searched for, and answers that they are judged by.

    A formula is evaluated in ``rows``: a state each, or a component of a state each.

    Attributes
    ----------
    columns
        Features by name, each of shape (rows,).
    targets
        Values that the formulas would have ideally, shape (formulas, rows).
    wanted
        The policy's answers, shape (answers, states).
    answer
        How values become answers.
    weights
        How much each row matters for the search, shape (rows,).
    pull
        Weight of the targets beside the answers: it keeps formulas bounded whose answer is
        saturated.
    """

    columns: Mapping[str, Array]
    targets: Array
    wanted: Array
    answer: Answer
    weights: Array
    pull: float = 0.0

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.wanted.shape[1])

    @property
    def variance(self) -> float:
        """Variance of the answers, summed over them."""
        return max(float(self.wanted.var(axis=1).sum()), _LEAST_VARIANCE)

    def evaluate(self, expressions: Sequence[Expression]) -> Array:
        """Values (formulas, rows) of one expression per formula.

        Raises
        ------
        EvaluationError
            If one is not defined in a row.
        """
        return np.stack([expression.evaluate(self.columns) for expression in expressions])

    def residuals(self, values: Array) -> Array:
        """Return what least squares make small, (…, residuals), of values (…, formulas, rows)."""
        leading = values.shape[:-2]
        parts = [(self.answer(values) - self.wanted).reshape(*leading, -1)]
        if self.pull:
            parts.append(self.pull * (values - self.targets).reshape(*leading, -1))
        return np.concatenate(parts, axis=-1)

    def loss(self, values: Array) -> float:
        """Share of the variance of the answers that values (formulas, rows) leave unexplained."""
        errors = self.answer(values) - self.wanted
        return float((errors**2).sum(axis=0).mean()) / self.variance

    def subset(self, states: NDArray[np.intp]) -> Task:
        """Return the same at some of the states."""
        each = self.targets.shape[1] // self.states
        rows = (states[:, None] * each + np.arange(each)).reshape(-1)
        return dataclasses.replace(
            self,
            columns={name: column[rows] for name, column in self.columns.items()},
            targets=self.targets[:, rows],
            wanted=self.wanted[:, states],
            weights=self.weights[rows],
        )
