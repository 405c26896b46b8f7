# SPDX-License-Identifier: MIT
"""Direct search: formulas for the ratio by genetic programming on the return inside ns-3."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from deap import gp

from ns3kan.agents.equations.expressions.algebra import simplified
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.template import Template
from ns3kan.analysis.studies.load_balancing.episodes import Budget
from ns3kan.analysis.studies.load_balancing.searches import (
    DIGITS,
    MOST_RESULTS,
    NAMES,
    Array,
    Scales,
    feature_scales,
    logistic,
    search_weights,
    tuned_expression,
)


def direct_search(budget: Budget, seed: int, most_nodes: int) -> list[str]:
    """Search formulas by genetic programming (DEAP), and constants before and after by CMA-ES.

    Half of the budget goes into a weighted sum of all features. Its longest terms, and random
    formulas, are where the genetic search begins; the constants of the best formula are then
    searched. Formulas are logits over all features, of ``+ - *``, ``min``, ``max``, ``tanh``,
    ``exp`` and squares, as those of PPO-DS. Leaves are numbers and features, shifted and scaled.

    Parameters
    ----------
    budget
        All of it is spent.
    seed
        Of the formulas.
    most_nodes
        Of the whole expression.

    Returns
    -------
    list of str
        Tuned ones, and the best of the genetic search.
    """
    whole = budget.left
    scales = feature_scales(budget)
    weights = search_weights(budget, seed, scales, reserve=whole // 2)
    population = _Formulas(scales, most_nodes)
    with _seeded(seed):
        # All on one episode at first: most of what is random decides badly.
        trees = population.sums(weights[0]) if weights else {}
        trees |= population.fresh(max(2, round(_FRESH * whole)))
        trees = dict(itertools.islice(trees.items(), budget.left))
        if not trees:
            return []
        found = dict(zip(trees, budget.returns(list(trees), [0])[:, 0], strict=True))
        for _ in range(_GENERATIONS):
            parents = [trees[text] for text in _best(found, max(2, round(_PARENTS * whole)))]
            children = population.children(parents, trees, round(_CHILDREN * whole))
            if not children or budget.left < len(children):
                break
            trees |= children
            returns = budget.returns(list(children), [0])[:, 0]
            found |= dict(zip(children, returns, strict=True))
    # Chosen on one episode, so compared once more on others.
    best = _best(found, max(1, round(_COMPARED * whole)))
    places = range(1 + _PLACES)
    if budget.left >= _PLACES * len(best):
        order = np.argsort(-budget.returns(best, places).mean(axis=1), kind="stable")
        best = [best[index] for index in order]
    return [*tuned_expression(best[0], budget, seed, first_place=places.stop), *best[:MOST_RESULTS]]


# Parts of the episodes: of random formulas, of each generation's children and of their parents, and
# of those that are compared once more, each on so many episodes beside the first.
_FRESH, _GENERATIONS, _CHILDREN, _PARENTS = 0.08, 4, 0.04, 0.03
_COMPARED, _PLACES = 0.02, 2


class _Formulas:
    """Random formulas, and what becomes of them, by their texts."""

    def __init__(self, scales: Scales, most_nodes: int) -> None:
        self._scales = scales
        self._most_nodes = most_nodes
        self._set = gp.PrimitiveSet("logit", 0)
        for name, arguments in _ARITIES.items():
            self._set.addPrimitive(_never_called, arguments, name)
        self._set.addEphemeralConstant("leaf", _draw_leaf)
        self._set.addEphemeralConstant("number", _draw_number)

    def fresh(self, count: int) -> dict[str, gp.PrimitiveTree]:
        """Draw different formulas."""
        return self._collected(
            lambda: gp.PrimitiveTree(gp.genHalfAndHalf(self._set, 1, 3)), count, {}
        )

    def sums(self, weights: Array) -> dict[str, gp.PrimitiveTree]:
        """Write the terms of a weighted sum that move it most: one, two, and so on."""
        found: dict[str, gp.PrimitiveTree] = {}
        nodes: list[object] = []
        for place in np.argsort(-np.abs(weights[1:]), kind="stable"):
            leaf = self._set.mapping["leaf"]()
            leaf.value = (int(place), float(weights[1 + place]), 0.0 if nodes else weights[0])
            nodes = [self._set.mapping["add"], *nodes, leaf] if nodes else [leaf]
            tree = gp.PrimitiveTree(nodes)
            text = self._text(tree)
            if text is None:
                break
            found[text] = tree
        return found

    def children(
        self,
        parents: Sequence[gp.PrimitiveTree],
        known: dict[str, gp.PrimitiveTree],
        count: int,
    ) -> dict[str, gp.PrimitiveTree]:
        """Cross and change formulas; none that is known."""

        def child() -> gp.PrimitiveTree:
            first, second = (copy.deepcopy(random.choice(parents)) for _ in range(2))
            change = random.choice(("cross", "add", "add", "branch", "leaf", "node", "shrink"))
            if change == "cross":
                first, _ = gp.cxOnePoint(first, second)
            elif change == "add":
                more = gp.genGrow(self._set, 0, 1)
                first = gp.PrimitiveTree([self._set.mapping["add"], *first, *more])
            elif change == "branch":
                (first,) = gp.mutUniform(
                    first, lambda pset, type_: gp.genGrow(pset, 0, 2, type_), self._set
                )
            elif change == "leaf":
                (first,) = gp.mutEphemeral(first, "one")
            elif change == "node":
                (first,) = gp.mutNodeReplacement(first, self._set)
            else:
                (first,) = gp.mutShrink(first)
            return first

        return self._collected(child, count, known)

    def _collected(
        self,
        draw: Callable[[], gp.PrimitiveTree],
        count: int,
        known: dict[str, gp.PrimitiveTree],
    ) -> dict[str, gp.PrimitiveTree]:
        found: dict[str, gp.PrimitiveTree] = {}
        for _ in range(_TRIES * count):
            tree = draw()
            text = self._text(tree)
            if text is not None and text not in known:
                found.setdefault(text, tree)
            if len(found) == count:
                break
        return found

    def _text(self, tree: gp.PrimitiveTree) -> str | None:
        """Write the ratio; None if it is too long, no real number, or the same everywhere."""
        try:
            logit = simplified(parse(self._infix(tree), NAMES), NAMES)
            (rounded,) = Template.of([logit]).rounded(DIGITS, NAMES)
        except ValueError:
            return None
        ratio = parse(logistic(str(rounded)), NAMES)
        return str(ratio) if ratio.inputs() and ratio.nodes() <= self._most_nodes else None

    def _infix(self, tree: gp.PrimitiveTree) -> str:
        parts = iter(tree)

        def following() -> str:
            node = next(parts)
            if node.arity == 0:
                return self._leaf(node.value)
            return _WRITTEN[node.name].format(*(following() for _ in range(node.arity)))

        return following()

    def _leaf(self, value: float | tuple[int, float, float]) -> str:
        if isinstance(value, float):
            return f"({value:.3g})"
        mean, deviation = self._scales
        place, weight, shift = value
        slope = weight / deviation[place]
        return f"({slope:.3g}*{NAMES[place]} + ({shift - slope * mean[place]:.3g}))"


_TRIES = 50
_WRITTEN = {
    "add": "({} + {})",
    "subtract": "({} - {})",
    "multiply": "({}*{})",
    "min": "min({}, {})",
    "max": "max({}, {})",
    "tanh": "tanh({})",
    "exp": "exp({})",
    "square": "({})^2",
}
_ARITIES = {name: text.count("{}") for name, text in _WRITTEN.items()}


def _never_called() -> None:
    """Stand for a function: formulas are written, and it is ns-3 that evaluates them."""
    raise NotImplementedError


def _draw_leaf() -> tuple[int, float, float]:
    """Draw a feature, and its weight and the shift in units of its standard deviation."""
    return random.randrange(len(NAMES)), random.gauss(0, 1.5), random.gauss(0, 1)


def _draw_number() -> float:
    return random.gauss(0, 1.5)


def _best(found: dict[str, float], count: int) -> list[str]:
    return sorted(found, key=lambda text: -found[text])[:count]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """DEAP draws from the one generator of `random`; leave it as it was found."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
