# SPDX-License-Identifier: MIT
"""From formulas to shorter ones: leave out a part, refine what is left, keep what is worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ns3kan.agents.equations.expressions.constants import Template, refine
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
from ns3kan.agents.equations.proofs.answers import Box, NotProven, value_range
from ns3kan.agents.equations.search.task import Task

# Share of the answers' variance that a longer formula must explain beyond a shorter one.
_WORTH = 1e-6


@dataclass(frozen=True)
class Formula:
    """A formula of one output, refined, and the loss on states held out from refining."""

    expression: Expression
    loss: float

    @property
    def nodes(self) -> int:
        """Size of the expression."""
        return self.expression.nodes()


def shortened(
    start: Iterable[Expression],
    fitted: Task,
    held_out: Task,
    box: Box,
    *,
    most_nodes: int,
    trials: int,
) -> list[Formula]:
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
    list of Formula
        From short to long, with falling losses; may be empty.
    """
    names = tuple(fitted.columns)
    kept: list[Formula] = []
    seen = {str(expression): expression for expression in start}
    queue = list(seen.values())
    while queue and trials > 0:
        trials -= 1
        found = _refined(queue.pop(0), fitted, held_out, names)
        if found is None or not _is_worth_it(found, kept) or not is_defined(found.expression, box):
            continue
        if found.nodes <= most_nodes:
            kept = [each for each in kept if _is_worth_it(each, [found])] + [found]
        for part in simpler(found.expression.root):
            shorter = Expression(part)
            if seen.setdefault(str(shorter), shorter) is shorter:
                queue.append(shorter)
    return sorted(kept, key=lambda each: each.nodes)


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
            yield from (Negative(each) for each in simpler(operand))
        case Power(base, exponent):
            yield base
            yield from (Power(each, exponent) for each in simpler(base))
        case Call(function, arguments):
            yield from arguments
            for place, argument in enumerate(arguments):
                for each in simpler(argument):
                    changed = (*arguments[:place], each, *arguments[place + 1 :])
                    yield Call(function, changed)
        case Chain(first, rest):
            yield from _shorter_chains(node)
            yield from (Chain(each, rest) for each in simpler(first))
            for place, (operator, part) in enumerate(rest):
                for each in simpler(part):
                    yield Chain(first, (*rest[:place], (operator, each), *rest[place + 1 :]))


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


def _refined(
    expression: Expression, fitted: Task, held_out: Task, names: tuple[str, ...]
) -> Formula | None:
    try:
        fitted.evaluate([expression])
        template = Template([expression])
        (refined,) = template.written(refine(template, fitted), names)
        return Formula(refined, held_out.loss(held_out.evaluate([refined])))
    except (EvaluationError, ValueError):
        # Undefined in a state, or nowhere a real number.
        return None


def _is_worth_it(one: Formula, others: Iterable[Formula]) -> bool:
    """Whether no other formula that is as short is as good, but for what is not worth a node."""
    return not any(each.nodes <= one.nodes and each.loss <= one.loss + _WORTH for each in others)
