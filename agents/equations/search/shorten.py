# SPDX-License-Identifier: MIT
"""From formulas to shorter ones: leave out a part, refine what is left, keep what is worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ns3kan.agents.equations.expressions.grammar import (
    Call,
    Chain,
    EvaluationError,
    Expression,
    Negative,
    Node,
    Number,
    Power,
)
from ns3kan.agents.equations.fitting.refine import refine
from ns3kan.agents.equations.fitting.task import Task
from ns3kan.agents.equations.fitting.template import Template
from ns3kan.agents.equations.proofs.answers import Box, NotProven, value_range

# Share of the answers' variance that a longer formula must explain beyond a shorter one.
_WORTH = 1e-6


@dataclass(frozen=True)
class Candidate:
    """Formulas that may stand for a policy, one for each output.

    Attributes
    ----------
    formulas
        One expression per formula of the task.
    loss
        Share of the variance of the policy's answers that they leave unexplained, on states held
        out from refining.
    digits
        Significant digits of their constants; 17 if they are not rounded.
    """

    formulas: tuple[Expression, ...]
    loss: float
    digits: int = 17

    @property
    def nodes(self) -> int:
        """Size of the formulas."""
        return sum(formula.nodes() for formula in self.formulas)


def judged(formulas: Sequence[Expression], held_out: Task) -> Candidate:
    """Measure the loss of formulas.

    Raises
    ------
    EvaluationError
        If one is not defined in a state.
    """
    return Candidate(tuple(formulas), held_out.loss(held_out.evaluate(formulas)))


def shortened(
    start: Iterable[Expression],
    fitted: Task,
    held_out: Task,
    box: Box,
    *,
    most_nodes: int,
    trials: int,
) -> list[Candidate]:
    """Refine formulas, and what is left of them without a part, and keep the best of each length.

    Parameters
    ----------
    start
        Formulas, the most promising first.
    fitted, held_out
        One output's task, at states to refine on and at others to judge by.
    box
        Where a formula must be defined, as `proofs.value_range` proves it.
    most_nodes
        Longest formula to keep.
    trials
        Most formulas to refine.

    Returns
    -------
    list of Candidate
        From short to long, with falling losses; may be empty.
    """
    front: list[Candidate] = []
    seen = {str(expression): expression for expression in start}
    queue = list(seen.values())
    while queue and trials > 0:
        trials -= 1
        candidate = _refined(queue.pop(0), fitted, held_out)
        if candidate is None or not _is_worth_it(candidate, front):
            continue
        (formula,) = candidate.formulas
        if not is_defined(formula, box):
            continue
        if candidate.nodes <= most_nodes:
            front = [other for other in front if _is_worth_it(other, [candidate])] + [candidate]
        for part in simpler(formula.root):
            shorter = Expression(part)
            if seen.setdefault(str(shorter), shorter) is shorter:
                queue.append(shorter)
    return sorted(front, key=lambda candidate: candidate.nodes)


def is_defined(expression: Expression, box: Box) -> bool:
    """Whether an expression is proven to be defined on a box."""
    try:
        value_range(expression, box)
    except NotProven:
        return False
    return True


def simpler(node: Node) -> Iterator[Node]:
    """Go over all trees in which one part is left out or a function is replaced by its argument."""
    match node:
        case Negative(operand):
            yield from (Negative(part) for part in simpler(operand))
        case Power(base, exponent):
            yield base
            yield from (Power(part, exponent) for part in simpler(base))
        case Call(function, arguments):
            yield from arguments
            for place, argument in enumerate(arguments):
                for part in simpler(argument):
                    changed = (*arguments[:place], part, *arguments[place + 1 :])
                    yield Call(function, changed)
        case Chain(first, rest):
            yield from _shorter_chains(node)
            yield from (Chain(part, rest) for part in simpler(first))
            for place, (operator, part) in enumerate(rest):
                for shorter in simpler(part):
                    yield Chain(first, (*rest[:place], (operator, shorter), *rest[place + 1 :]))


def _shorter_chains(chain: Chain) -> Iterator[Node]:
    """Leave out one term or factor."""
    for place in range(len(chain.rest)):
        left = (*chain.rest[:place], *chain.rest[place + 1 :])
        yield Chain(chain.first, left) if left else chain.first
    (operator, part), *others = chain.rest
    if operator == "/" and chain.first == Number(1.0):
        return
    if operator == "/":
        part = Chain(Number(1.0), (("/", part),))
    elif operator == "-":
        part = Negative(part)
    yield Chain(part, tuple(others)) if others else part


def _refined(expression: Expression, fitted: Task, held_out: Task) -> Candidate | None:
    try:
        fitted.evaluate([expression])
        refined = refine(Template.of([expression]), fitted).written(tuple(fitted.columns))
        return judged(refined, held_out)
    except (EvaluationError, ValueError):
        # Undefined in a state, or nowhere a real number.
        return None


def _is_worth_it(candidate: Candidate, others: Iterable[Candidate]) -> bool:
    """Whether no other candidate that is as short is as good, but for what is not worth a node."""
    return not any(
        other.nodes <= candidate.nodes and other.loss <= candidate.loss + _WORTH for other in others
    )
