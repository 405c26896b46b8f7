# SPDX-License-Identifier: MIT
"""Searches for a ratio without a network: constants of rules, of a weighted sum, of an equation.

Each takes a budget of episodes and gives expressions, the one that it believes in first. Whatever
is compared is run on the same episodes (common random numbers).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import suppress

import cma
import numpy as np
import numpy.typing as npt

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
MOST_RESULTS = 3
"""Candidates that a search gives, such as the means of its last generations."""
DIGITS = 3
"""Significant digits of the constants."""


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
        logistic(f"{steep:.3g}*({difference} {'-' if shift < 0 else '+'} {abs(shift):.3g})")
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
    scales = feature_scales(budget)
    return [_weighted_sum(each, scales) for each in search_weights(budget, seed, scales)]


def search_weights(budget: Budget, seed: int, scales: Scales, reserve: int = 0) -> list[Array]:
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
    return logistic(" ".join([_number(weights[0] - slopes @ mean), *terms]))


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
    return means[: -MOST_RESULTS - 1 : -1]


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
        (rounded,) = template.with_constants(start + sizes * moves).rounded(DIGITS, NAMES)
        return logistic(str(rounded)) if logit else str(rounded)

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


def feature_scales(budget: Budget) -> Scales:
    """Mean and standard deviation of each feature, under the equal split in one episode."""
    budget.returns([EQUAL], [0])
    states = budget.states()[list(NAMES)].to_numpy(float)
    deviation = states.std(axis=0)
    return states.mean(axis=0), np.where(deviation > 0, deviation, 1.0)


def logistic(negative_logit: str) -> str:
    """Write the ratio whose logit is the negative of an expression."""
    return f"1/(1 + exp({negative_logit}))"


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def _signed(value: float, rest: str) -> str:
    return f"{'-' if value < 0 else '+'} {_number(abs(value))}{rest}"
