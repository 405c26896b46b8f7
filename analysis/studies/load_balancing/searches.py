# SPDX-License-Identifier: MIT
"""Searches for a ratio without a network: constants of rules, of a weighted sum, and formulas.

Each takes a budget of episodes and gives expressions, the one that it believes in first. Whatever
is compared is run on the same episodes (common random numbers).
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import cma
import numpy as np
import numpy.typing as npt
from deap import gp

from ns3kan.agents.equations.expressions.algebra import simplified
from ns3kan.agents.equations.expressions.grammar import Call, Chain, Expression, Number
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.template import Template
from ns3kan.analysis.studies.load_balancing.episodes import EQUAL, Budget
from ns3kan.analysis.studies.load_balancing.settings import FEATURES, Rival
from ns3kan.errors import InputError

Array = npt.NDArray[np.float64]
Scales = tuple[Array, Array]
"""Mean and standard deviation of each feature."""
NAMES = tuple(FEATURES)

_KEEP = 3  # a third of the candidates stays after each round
# Standard deviation of the first samples: of weights for features in units of their own standard
# deviation, and of constants relative to where they begin.
_STEP = 0.3
_MEANS = 3  # means of the last generations that are given
_DIGITS = 3


def rule_expressions(rival: Rival) -> list[str]:
    """List the expressions that a rule is chosen from.

    ``primary`` overflows at a load of 0.3375 where it is not tuned; the rules that compare the
    paths become steps where their steepness is greatest and the shift is 0.
    """
    if rival == "tuned constant":
        return [f"{ratio:.3g}" for ratio in np.linspace(0, 1, 21)]
    if rival == "tuned primary":
        return [f"1 - {limit:.3g}/max(load, 0.001)" for limit in np.linspace(0.1, 0.6, 26)]
    if rival == "soft least-utilised":
        feature, steepest = "utilisation", np.array([1, 2, 3, 5, 8, 16, 64])
        shifts = np.linspace(-0.6, 0.6, 7)
    elif rival == "soft least-delay":
        feature, steepest = "delay", np.array([5, 10, 20, 40, 80, 160, 640])
        shifts = np.linspace(-0.09, 0.09, 7)
    else:
        raise InputError(f"{rival!r} is no rule with free constants.")
    difference = f"internet_{feature} - mpls_{feature}"
    return [
        _logistic(f"{steep:.3g}*({difference} {'-' if shift < 0 else '+'} {abs(shift):.3g})")
        for steep, shift in itertools.product(steepest, shifts)
    ]


def successive_halving(expressions: Sequence[str], budget: Budget, episodes: int) -> list[str]:
    """Compare expressions on more and more episodes, the better third of them each time.

    Parameters
    ----------
    expressions
        Any number; if there are more than episodes in a round, only some of them are compared.
    budget
        Runs them, on places from 0 on.
    episodes
        About how many may be run; each round takes the same part of them (Jamieson and
        Talwalkar 2016).

    Returns
    -------
    list of str
        Those of the last round, the best first.
    """
    rounds = max(1, math.ceil(math.log(len(expressions), _KEEP)))
    each = max(1, min(episodes, budget.left) // rounds)
    alive = list(expressions)[:: math.ceil(len(expressions) / each)]
    totals, place = np.zeros(len(alive)), 0
    for remaining in reversed(range(rounds)):
        places = range(place, place + each // len(alive))
        totals += budget.returns(alive, places).sum(axis=1)
        place = places.stop
        order = np.argsort(-totals, kind="stable")
        if remaining:
            order = order[: math.ceil(len(alive) / _KEEP)]
        alive, totals = [alive[index] for index in order], totals[order]
    return alive


def linear_logistic(budget: Budget, seed: int) -> list[str]:
    """Search the weights of all features by CMA-ES (Hansen 2016), from the equal split on."""
    scales = _scales(budget)
    return [_weighted_sum(each, scales) for each in _weights(budget, seed, scales)]


def _weights(budget: Budget, seed: int, scales: Scales, reserve: int = 0) -> list[Array]:
    """Search a constant and a weight of each feature, in units of its standard deviation."""
    return search_constants(
        np.zeros(1 + len(NAMES)),
        functools.partial(_weighted_sum, scales=scales),
        budget,
        seed,
        first_place=1,
        reserve=reserve,
    )


def _weighted_sum(weights: Array, scales: Scales) -> str:
    mean, deviation = scales
    slopes = weights[1:] / deviation
    terms = [_signed(slope, f"*{name}") for slope, name in zip(slopes, NAMES, strict=True)]
    return _logistic(" ".join([_number(weights[0] - slopes @ mean), *terms]))


def search_constants(
    start: Array,
    write: Callable[[Array], str],
    budget: Budget,
    seed: int,
    *,
    first_place: int,
    reserve: int = 0,
) -> list[Array]:
    """Search constants by CMA-ES until the budget is spent.

    Parameters
    ----------
    start
        Where to begin, (constants,).
    write
        Writes constants as an expression; a ValueError says that they are none.
    budget
        What is left of it is spent; each generation has an episode of its own.
    seed
        Of the samples.
    first_place
        Of the episode of the first generation.
    reserve
        Episodes that are left.

    Returns
    -------
    list of array
        The means of the last generations, the last one first.
    """
    # CMA-ES needs two dimensions; what is added does nothing.
    size = max(len(start), 2)
    population = max(2, min(4 + int(3 * math.log(size)), (budget.left - reserve) // 2))
    strategy = cma.CMAEvolutionStrategy(
        np.pad(start, (0, size - len(start))),
        _STEP,
        {"seed": seed + 1, "popsize": population, "verbose": -9},
    )
    place = first_place
    means: list[Array] = []
    while budget.left - reserve >= population:
        samples = [np.asarray(each) for each in strategy.ask()]
        values = _values([each[: len(start)] for each in samples], write, budget, place)
        strategy.tell(samples, (-values).tolist())
        place += 1
        means.append(np.array(strategy.mean)[: len(start)])
    return means[: -_MEANS - 1 : -1]


def _values(
    samples: Sequence[Array],
    write: Callable[[Array], str],
    budget: Budget,
    place: int,
) -> Array:
    values = np.full(len(samples), -np.inf)
    for index, sample in enumerate(samples):
        try:
            expression = write(sample)
        except ValueError:
            continue
        values[index] = budget.returns([expression], [place])[0, 0]
    finite = values[np.isfinite(values)]
    # What has no value is worse than the worst.
    worst = finite.min() - np.ptp(finite) - 1e-3 if finite.size else 0.0
    return np.where(np.isfinite(values), values, worst)


def tuned_expression(expression: str, budget: Budget, seed: int, first_place: int) -> list[str]:
    """Search the constants of an expression by CMA-ES, each relative to where it is.

    Returns
    -------
    list of str
        Means of the last generations, the last one first.
    """
    logit = _logit_of(parse(expression, NAMES))
    template = Template.of([logit or parse(expression, NAMES)])
    start = template.constants
    if not start.size:
        return []
    sizes = np.where(start == 0, 0.1, np.abs(start))

    def write(moves: Array) -> str:
        (rounded,) = template.with_constants(start + sizes * moves).rounded(_DIGITS, NAMES)
        return _logistic(str(rounded)) if logit else str(rounded)

    found = []
    for moves in search_constants(
        np.zeros(len(start)), write, budget, seed, first_place=first_place
    ):
        with suppress(ValueError):
            found.append(write(moves))
    return found


def _logit_of(ratio: Expression) -> Expression | None:
    """Give what is in the exponent of 1/(1 + exp(...)); None if it is another shape."""
    match ratio.root:
        case Chain(Number(1.0), (("/", Chain(Number(1.0), (("+", Call("exp", (logit,))),))),)):
            return Expression(logit)
        case _:
            return None


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
    scales = _scales(budget)
    weights = _weights(budget, seed, scales, reserve=whole // 2)
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
    return [*tuned_expression(best[0], budget, seed, first_place=places.stop), *best[:_MEANS]]


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
            (rounded,) = Template.of([logit]).rounded(_DIGITS, NAMES)
        except ValueError:
            return None
        ratio = parse(_logistic(str(rounded)), NAMES)
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


def _scales(budget: Budget) -> Scales:
    """Mean and standard deviation of each feature, under the equal split in one episode."""
    budget.returns([EQUAL], [0])
    states = budget.states()[list(NAMES)].to_numpy(float)
    deviation = states.std(axis=0)
    return states.mean(axis=0), np.where(deviation > 0, deviation, 1.0)


def _logistic(negative_logit: str) -> str:
    return f"1/(1 + exp({negative_logit}))"


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}g}"


def _signed(value: float, rest: str) -> str:
    return f"{'-' if value < 0 else '+'} {_number(abs(value))}{rest}"


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """DEAP draws from the one generator of `random`; leave it as it was found."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
