# SPDX-License-Identifier: MIT
"""What formulas are to compute: the answers of a policy in the states that it was asked in."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import Expression

Array = NDArray[np.float64]

PULL = 2e-3
"""Weight of a logit beside its ratio: a saturated ratio says nothing about its logit."""
# A policy whose answers hardly vary, by 1e-4, is matched by a constant.
_LEAST_VARIANCE = 1e-8


class Answer(ABC):
    """How values of formulas become what they decide."""

    @abstractmethod
    def __call__(self, values: Array) -> Array:
        """Answers (answers, states) of values (formulas, rows)."""

    @abstractmethod
    def slopes(self, answers: Array, slopes: Array) -> Array:
        """Differentiate answers: (answers, states, p) of slopes (formulas, rows, p) of values."""


class Values(Answer):
    """The values themselves."""

    def __call__(self, values: Array) -> Array:
        """See `Answer`."""
        return values

    def slopes(self, answers: Array, slopes: Array) -> Array:
        """See `Answer`."""
        return slopes


class Logistic(Answer):
    """Ratios whose logits the values are."""

    def __call__(self, values: Array) -> Array:
        """See `Answer`."""
        return sigmoid(values)

    def slopes(self, answers: Array, slopes: Array) -> Array:
        """See `Answer`."""
        return np.asarray((answers * (1 - answers))[..., None] * slopes)


@dataclass(frozen=True)
class Softmax(Answer):
    """Probabilities of choices by their scores.

    Attributes
    ----------
    temperature
        Difference between scores that decides.
    components
        How many components a state has, whose scores are the rows of one formula. None if each
        choice but the first, whose score is 0, has a formula of its own.
    """

    temperature: float
    components: int | None = None

    def __call__(self, values: Array) -> Array:
        """See `Answer`."""
        return softmax(self._scores(values) / self.temperature)

    def slopes(self, answers: Array, slopes: Array) -> Array:
        """See `Answer`."""
        scores, weights = self._scores(slopes), answers[..., None]
        mean = (weights * scores).sum(axis=0)
        return np.asarray(weights * (scores - mean) / self.temperature)

    def _scores(self, values: Array) -> Array:
        """Arrange values (formulas, rows, …) as scores (choices, states, …)."""
        if self.components is None:
            return np.concatenate([np.zeros_like(values[:1]), values])
        return np.moveaxis(values.reshape(-1, self.components, *values.shape[2:]), 1, 0)


def sigmoid(logit: Array) -> Array:
    """1 / (1 + exp(-logit)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))


def softmax(scores: Array) -> Array:
    """Probabilities (choices, …) in proportion to the exp of scores (choices, …)."""
    weights = np.exp(scores - scores.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0))


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
    target_answers
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
    target_answers: Array
    answer: Answer
    weights: Array
    pull: float = 0.0

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.target_answers.shape[1])

    @property
    def variance(self) -> float:
        """Variance of the answers, summed over them."""
        return max(float(self.target_answers.var(axis=1).sum()), _LEAST_VARIANCE)

    def evaluate(self, expressions: Sequence[Expression]) -> Array:
        """Values (formulas, rows) of one expression per formula.

        Raises
        ------
        EvaluationError
            If one is not defined in a row.
        """
        return np.stack([expression.evaluate(self.columns) for expression in expressions])

    def residuals(self, values: Array, slopes: Array) -> tuple[Array, Array]:
        """Return what least squares make small, and its slopes in p constants.

        Parameters
        ----------
        values
            Of the formulas, (formulas, rows).
        slopes
            Of the values, (formulas, rows, p).

        Returns
        -------
        residuals : (residuals,)
        slopes : (residuals, p)
        """
        answers, count = self.answer(values), slopes.shape[-1]
        residuals = [(answers - self.target_answers).reshape(-1)]
        moved = [self.answer.slopes(answers, slopes).reshape(-1, count)]
        if self.pull:
            residuals.append(self.pull * (values - self.targets).reshape(-1))
            moved.append(self.pull * slopes.reshape(-1, count))
        return np.concatenate(residuals), np.concatenate(moved)

    def loss(self, values: Array) -> float:
        """Share of the variance of the answers that values (formulas, rows) leave unexplained."""
        errors = self.answer(values) - self.target_answers
        return float((errors**2).sum(axis=0).mean()) / self.variance

    def subset(self, states: NDArray[np.intp]) -> Task:
        """Return the same at some of the states."""
        per_state = self.targets.shape[1] // self.states
        rows = (states[:, None] * per_state + np.arange(per_state)).reshape(-1)
        return dataclasses.replace(
            self,
            columns={name: column[rows] for name, column in self.columns.items()},
            targets=self.targets[:, rows],
            target_answers=self.target_answers[:, states],
            weights=self.weights[rows],
        )
