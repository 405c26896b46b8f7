# SPDX-License-Identifier: MIT
"""From a task to formulas of all lengths: searched output by output, then put together."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ns3kan.agents.equations.choice.front import undominated
from ns3kan.agents.equations.expressions.algebra import number
from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.fitting.refine import refine, round_constants
from ns3kan.agents.equations.fitting.task import Task
from ns3kan.agents.equations.fitting.template import Template
from ns3kan.agents.equations.proofs.answers import Box
from ns3kan.agents.equations.search.imitation import Imitation
from ns3kan.agents.equations.search.shorten import (
    Candidate,
    is_defined,
    judged,
    shortened,
    simpler,
)
from ns3kan.agents.equations.search.symbolic_regression import FUNCTIONS, evolve_formulas
from ns3kan.agents.training.settings import WHOLE, Count, settings
from ns3kan.errors import InputError

Array = NDArray[np.float64]

# How much of the answers' variance rounding may cost, as in `fit`.
_ROUNDING = 1e-4
# What a constant leaves unexplained, at other states than it was fitted to.
_CONSTANT_LOSS = 1.01
# A target that moves less than this, relative to its size, is a constant.
_CONSTANT = 1e-9


@settings(frozen=True)
class SearchConfig:
    """How formulas are searched; the defaults take about ten seconds per output and search."""

    functions: tuple[str, ...] = ("/", "^2", "exp", "tanh", "abs", "min", "max")
    """What formulas may use besides ``+ - *``."""
    max_nodes: Annotated[int, Field(ge=7), WHOLE] = 40
    """Longest formula of an output; of a ratio it is the logit."""
    population: Count = 500
    """Formulas at a time in the genetic search."""
    generations: Count = 40
    """How often they are renewed."""
    restarts: Count = 1
    """Independent genetic searches."""
    trials: Count = 150
    """Formulas of an output whose constants are refined, from the search and with parts left
    out."""
    candidates: Count = 12
    """Most controllers to end with."""
    states: Annotated[int, Field(ge=10), WHOLE] = 1_000
    """Most states to search and refine with."""

    def __post_init__(self) -> None:
        known = ", ".join(FUNCTIONS)
        if not set(self.functions) <= set(FUNCTIONS):
            raise InputError(
                f"The search's functions is {self.functions!r}; it must hold some of {known}."
            )


class FormulaSearch:
    """Searches formulas for one task.

    Parameters
    ----------
    config
        How.
    imitation
        Of what kind of decision.
    fitted, held_out
        The task at states to fit and at others to judge by.
    box
        Where formulas must be defined.
    seed
        Of the search.
    """

    def __init__(
        self,
        config: SearchConfig,
        imitation: Imitation,
        fitted: Task,
        held_out: Task,
        box: Box,
        seed: int,
    ) -> None:
        self.config = config
        self.imitation = imitation
        self.fitted = fitted
        self.held_out = held_out
        self.box = box
        self.seed = seed

    def run(
        self, known: Sequence[Sequence[Expression]] = (), *, evolve: bool = True
    ) -> list[Candidate]:
        """Search formulas.

        Parameters
        ----------
        known
            For each formula of the task, expressions that may be good.
        evolve
            Whether further ones are searched by symbolic regression.

        Returns
        -------
        list of Candidate
            From short to long, with falling losses; at least one, a constant.
        """
        fitted = self.imitation.parts(self.fitted)
        held_out = self.imitation.parts(self.held_out)
        pools = [
            self._pool(place, part, judge, known[place] if known else (), evolve)
            for place, (part, judge) in enumerate(zip(fitted, held_out, strict=True))
        ]
        candidates = _undominated(
            [judged(formulas, self.held_out) for formulas in self._combined(pools)]
        )
        places = np.linspace(0, len(candidates) - 1, min(len(candidates), self.config.candidates))
        chosen = [candidates[place] for place in sorted(set(places.round().astype(int).tolist()))]
        if len(pools) == 1:
            return chosen
        # Formulas that decide together are refined together.
        return _undominated([*chosen, *map(self._refined, chosen)])

    def rounded(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Leave out what changes no answer, and round constants to the fewest digits that do."""
        rounded = []
        for candidate in candidates:
            will_do = functools.partial(self._will_do, candidate.loss + _ROUNDING)
            plain = _without_idle_parts(candidate.formulas, will_do)
            formulas, digits = round_constants(plain, self._small(self.fitted), will_do)
            rounded.append(dataclasses.replace(judged(formulas, self.held_out), digits=digits))
        useful = [candidate for candidate in rounded if candidate.loss <= _CONSTANT_LOSS]
        return _undominated(useful or rounded)

    def _will_do(self, most: float, formulas: tuple[Expression, ...]) -> bool:
        try:
            return judged(formulas, self.held_out).loss <= most and self._are_defined(formulas)
        except EvaluationError:
            return False

    def _are_defined(self, formulas: Iterable[Expression]) -> bool:
        return all(is_defined(formula, self.box) for formula in formulas)

    def _pool(
        self,
        place: int,
        fitted: Task,
        held_out: Task,
        known: Sequence[Expression],
        evolve: bool,
    ) -> list[Candidate]:
        """Formulas of one output."""
        config = self.config
        names = tuple(fitted.columns)
        target = fitted.targets[0]
        mean = Expression(number(float(target.mean())))
        start = [mean, *(formula for formula in known if formula.inputs() <= set(names))]
        if evolve and target.std() > _CONSTANT * max(abs(float(target.mean())), 1e-300):
            rows = self._rows(place, fitted)
            features = np.stack([fitted.columns[name][rows] for name in names], axis=1)
            varying = np.ptp(features, axis=0) > 0
            if varying.any() and np.ptp(target[rows]) > 0:
                start += evolve_formulas(
                    features[:, varying],
                    target[rows],
                    [name for name, varies in zip(names, varying, strict=True) if varies],
                    functions=config.functions,
                    population=config.population,
                    generations=config.generations,
                    restarts=config.restarts,
                    max_length=max(7, 2 * config.max_nodes // 3),
                    seed=1_000 * self.seed + 100 * place + 1,
                )
        front = shortened(
            start,
            self._small(fitted),
            held_out,
            self.box,
            most_nodes=config.max_nodes,
            trials=config.trials,
        )
        return front or [judged([mean], held_out)]

    def _rows(self, place: int, task: Task) -> NDArray[np.intp]:
        """Rows for the search, the more often the more they matter."""
        generator = np.random.default_rng([self.seed, place])
        count = min(len(task.weights), self.config.states)
        weights = task.weights / task.weights.sum()
        return np.sort(generator.choice(len(weights), count, p=weights))

    def _small(self, task: Task) -> Task:
        # States are in random order already.
        return task.subset(np.arange(min(task.states, self.config.states)))

    def _combined(self, pools: Sequence[Sequence[Candidate]]) -> list[tuple[Expression, ...]]:
        """Take longer formulas output by output, each time where a node brings most."""
        values = [
            [self.held_out.evaluate(candidate.formulas)[0] for candidate in pool] for pool in pools
        ]
        places = [0] * len(pools)
        combined = []

        def loss(places: Sequence[int]) -> float:
            chosen = [pool[place] for pool, place in zip(values, places, strict=True)]
            return self.held_out.loss(np.stack(chosen))

        current = loss(places)
        while True:
            combined.append(
                tuple(pool[place].formulas[0] for pool, place in zip(pools, places, strict=True))
            )
            steps = []
            for output, pool in enumerate(pools):
                if places[output] + 1 < len(pool):
                    ahead = [*places[:output], places[output] + 1, *places[output + 1 :]]
                    after = loss(ahead)
                    added = pool[places[output] + 1].nodes - pool[places[output]].nodes
                    steps.append(((after - current) / added, output, after))
            if not steps:
                return combined
            _, output, current = min(steps)
            places[output] += 1

    def _refined(self, candidate: Candidate) -> Candidate:
        template = refine(Template.of(candidate.formulas), self._small(self.fitted))
        try:
            formulas = template.written(self.imitation.names)
            if self._are_defined(formulas):
                return judged(formulas, self.held_out)
        except (EvaluationError, ValueError):
            pass
        return candidate


def _without_idle_parts(
    formulas: tuple[Expression, ...], will_do: Callable[[tuple[Expression, ...]], bool]
) -> tuple[Expression, ...]:
    """Leave out parts as long as what is left will do; constants stay as they are."""
    for place, formula in enumerate(formulas):
        for part in simpler(formula.root):
            shorter = (*formulas[:place], Expression(part), *formulas[place + 1 :])
            if will_do(shorter):
                return _without_idle_parts(shorter, will_do)
    return formulas


def _undominated(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those than which no shorter or equally short one is as close, from short to long."""
    places = undominated([one.nodes for one in candidates], [-one.loss for one in candidates])
    return [candidates[place] for place in places]
