# SPDX-License-Identifier: MIT
"""What it means to imitate a policy, for each kind of decision: ratios, choices, and indices."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ns3kan.agents.equations.artefact.controller import ControllerOutput
from ns3kan.agents.equations.choice.fidelity import choice_fidelity, ratio_fidelity
from ns3kan.agents.equations.expressions.algebra import from_sympy, to_sympy
from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.task import (
    PULL,
    Array,
    Logistic,
    Softmax,
    Task,
    Values,
    sigmoid,
    softmax,
)

# Ratios are taken to be this far from 0 and 1, where their logits are infinite.
_RATIO_MARGIN = 1e-3
_SATURATED_WEIGHT = 1e-4
# Differences between scores that decide, relative to their spread within a state.
_TEMPERATURE = 0.3


@dataclass(frozen=True)
class Imitation(ABC):
    """How a policy's answers become values to search formulas for, and formulas a decision.

    Attributes
    ----------
    names
        Features that vary; the formulas' inputs, in the order of `Task.columns`.
    outputs
        Names of the controller's outputs.
    """

    names: tuple[str, ...]
    outputs: tuple[str, ...]

    decision = ""

    @abstractmethod
    def task(self, states: Array, labels: Array) -> Task:
        """Say what formulas are to compute.

        Parameters
        ----------
        states
            Features that vary, (n, features); of components (n, K, features).
        labels
            The policy's answers: ratios (n, actions), scores (n, K) or choices (n,).
        """

    @abstractmethod
    def parts(self, task: Task) -> list[Task]:
        """Return the task of each formula alone."""

    @abstractmethod
    def written(self, formulas: Sequence[Expression]) -> list[ControllerOutput]:
        """Return the controller's outputs."""

    @abstractmethod
    def fidelity(self, predicted: Array, target: Array) -> dict[str, float]:
        """Say how well answers stand for the policy's, both (answers, states)."""


class Ratios(Imitation):
    """Each ratio is 1/(1 + exp(-logit)), its logit a formula."""

    decision = "ratio"

    def task(self, states: Array, labels: Array) -> Task:
        """See `Imitation`."""
        ratios = np.clip(labels.T, _RATIO_MARGIN, 1 - _RATIO_MARGIN)
        return Task(
            columns=dict(zip(self.names, states.T, strict=True)),
            targets=np.log(ratios / (1 - ratios)),
            target_answers=labels.T,
            answer=Logistic(),
            weights=((ratios * (1 - ratios)) ** 2).sum(axis=0) + _SATURATED_WEIGHT,
            pull=PULL,
        )

    def parts(self, task: Task) -> list[Task]:
        """See `Imitation`."""
        ratios = task.target_answers
        return [
            Task(
                task.columns,
                task.targets[[place]],
                ratios[[place]],
                Logistic(),
                (ratios[place] * (1 - ratios[place])) ** 2 + _SATURATED_WEIGHT,
                task.pull,
            )
            for place in range(len(ratios))
        ]

    def written(self, formulas: Sequence[Expression]) -> list[ControllerOutput]:
        """See `Imitation`."""
        return [
            ControllerOutput(name, str(self._squashed(formula)), (0.0, 1.0))
            for name, formula in zip(self.outputs, formulas, strict=True)
        ]

    def _squashed(self, logit: Expression) -> Expression:
        if not logit.inputs():
            ratio = float(sigmoid(logit.evaluate({})))
            return parse(f"{ratio:.4g}", self.names)
        texts = [f"-({logit})"]
        with contextlib.suppress(ValueError):
            # What cannot be rewritten stays as it is.
            texts.append(str(from_sympy(-to_sympy(logit), self.names)))
        return min(
            (parse(f"1/(1 + exp({text}))", self.names) for text in texts), key=Expression.nodes
        )

    def fidelity(self, predicted: Array, target: Array) -> dict[str, float]:
        """See `Imitation`."""
        return ratio_fidelity(predicted, target)


class Choices(Imitation):
    """One of K choices by its score; the first one's is 0, the others' are formulas.

    A number that is added to all scores of a state changes no decision, so that the first choice
    needs no formula.
    """

    decision = "argmax"

    def task(self, states: Array, labels: Array) -> Task:
        """See `Imitation`."""
        scores, temperature, choices = _soft(labels, len(self.outputs), self.decision == "softmax")
        columns = dict(zip(self.names, states.T, strict=True))
        return Task(
            columns=columns,
            targets=(scores[:, 1:] - scores[:, :1]).T,
            target_answers=choices.T,
            answer=Softmax(temperature),
            weights=np.ones(len(states)),
            pull=PULL / temperature,
        )

    def parts(self, task: Task) -> list[Task]:
        """See `Imitation`."""
        return [
            Task(task.columns, target[None], target[None], Values(), task.weights)
            for target in task.targets
        ]

    def written(self, formulas: Sequence[Expression]) -> list[ControllerOutput]:
        """See `Imitation`."""
        texts = ["0", *map(str, formulas)]
        return [
            ControllerOutput(name, text) for name, text in zip(self.outputs, texts, strict=True)
        ]

    def fidelity(self, predicted: Array, target: Array) -> dict[str, float]:
        """See `Imitation`."""
        return choice_fidelity(predicted, target)


class Probabilities(Choices):
    """K probabilities (or shares), the softmax of scores as those of `Choices`."""

    decision = "softmax"

    def fidelity(self, predicted: Array, target: Array) -> dict[str, float]:
        """See `Imitation`."""
        return ratio_fidelity(predicted, target) | choice_fidelity(predicted, target)


class Index(Imitation):
    """One formula of a component's own features; the component with the greatest value wins."""

    decision = "index"

    def task(self, states: Array, labels: Array) -> Task:
        """See `Imitation`."""
        components = states.shape[1]
        scores, temperature, choices = _soft(labels, components, False)
        rows = states.reshape(-1, states.shape[2])
        return Task(
            columns=dict(zip(self.names, rows.T, strict=True)),
            targets=scores.reshape(1, -1),
            target_answers=choices.T,
            answer=Softmax(temperature, components),
            weights=np.ones(len(rows)),
            pull=PULL / temperature,
        )

    def parts(self, task: Task) -> list[Task]:
        """See `Imitation`."""
        return [task]

    def written(self, formulas: Sequence[Expression]) -> list[ControllerOutput]:
        """See `Imitation`."""
        (name,), (formula,) = self.outputs, formulas
        return [ControllerOutput(name, str(formula))]

    def fidelity(self, predicted: Array, target: Array) -> dict[str, float]:
        """See `Imitation`."""
        return choice_fidelity(predicted, target)


def _soft(labels: Array, choices: int, exact: bool) -> tuple[Array, float, Array]:
    """Scores (n, K), the difference of scores that decides, and soft choices (n, K)."""
    if labels.ndim == 1:
        # Only the choices are known: certain ones.
        certain = np.eye(choices)[labels.astype(np.intp)]
        return certain, _TEMPERATURE * float(np.std(certain)), certain
    spread = float(labels.std(axis=1).mean())
    temperature = 1.0 if exact or not spread > 0 else _TEMPERATURE * spread
    return labels, temperature, softmax(labels.T / temperature).T
