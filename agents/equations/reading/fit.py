# SPDX-License-Identifier: MIT
"""Read a one-layer KAN actor out as an equation."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.choice.fidelity import ratio_fidelity
from ns3kan.agents.equations.choice.split import split
from ns3kan.agents.equations.choice.states import ExtractionError, check_states
from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.expressions.names import identifiers, label_of
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.task import PULL, Logistic, Task
from ns3kan.agents.equations.fitting.template import fewest_digits
from ns3kan.agents.equations.reading.term_search import Edges, TermSearch
from ns3kan.agents.equations.reading.terms import Formula, Ranges, refine_formula, round_formula
from ns3kan.agents.training.names import known_units

if TYPE_CHECKING:
    from ns3kan.agents.networks.actor_critic import RatioActor

Array = NDArray[np.float64]

SPLINE_POINTS = 200
"""Points per feature in `Extraction.splines`."""

_SEARCH_STATES = 1_000
_FINAL_STATES = 5_000
# Weight of states where the ratio is saturated, so that the logit does not matter.
_SATURATED_WEIGHT = 1e-4


@dataclass(frozen=True)
class Extraction:
    """An equation and how well it stands for its network.

    Attributes
    ----------
    controller
        The equation as a controller with decision "ratio"; its inputs are the features it uses.
    splines
        The learned edge functions and their fits, 200 rows per feature: ``feature``, ``x`` (in the
        feature's unit), ``spline``, ``fit`` (both in units of the logit), ``kept`` (whether the
        equation uses the feature) and ``formula`` (its terms; empty if not kept).
    fidelity
        On states that the equation was neither fitted to nor chosen by: ``r2``,
        ``mean_absolute_error`` and ``largest_absolute_error`` of the ratio, ``states`` (how many),
        and ``nodes`` and ``digits`` of the expression.
    closeness
        Share of the variance of the ratio that it explains on the states that it was chosen by;
        greater than ``r2`` by that choice, and for a choice among several equations only.
    refined
        How many formulas were refined on the way: what reading cost, the same on every machine.
    notes
        What the reader should know, in sentences: features that were left out, and why.
    """

    controller: Controller
    splines: pd.DataFrame
    fidelity: Mapping[str, float]
    notes: tuple[str, ...]
    closeness: float
    refined: int


def extract(
    actor: RatioActor,
    states: ArrayLike,
    feature_names: Sequence[str],
    feature_units: Sequence[str],
    *,
    episodes: ArrayLike | None = None,
    action_name: str = "ratio",
    provenance: Mapping[str, Any] | None = None,
    max_terms: int = 8,
    price: float = 3e-5,
    seed: int = 0,
) -> Extraction:
    """Read a one-layer KAN actor out as an equation.

    Each edge function is fitted by every function of the library on the visited states. Terms are
    then added, exchanged and dropped one at a time, all constants being refined together after each
    change, as long as the ratio gains more than the longer expression costs. At last the constants
    are rounded to the fewest digits that keep the fidelity. (Liu et al. 2024, section 2.5, fits the
    splines one by one.)

    Parameters
    ----------
    actor
        The trained actor; its KAN has one layer and one action.
    states
        Observations (n, features) that the policy visits, at least 100.
    feature_names, feature_units
        What the columns are, as in ``env.unwrapped.feature_names``.
    episodes
        Of each state the number of its episode, (n,): half of the episodes are fitted to, a quarter
        chooses terms and digits, and a quarter is reported on. See
        `ns3kan.agents.equations.choice.split` for states whose episodes nobody knows.
    action_name
        Name of the output.
    provenance
        Goes into the controller.
    max_terms
        Most terms of the logit.
    price
        How much of the variance of the ratio one more node of the expression must explain.
    seed
        Seed of the division of the states.

    Raises
    ------
    ExtractionError
        If the states are too few, of the wrong width, not finite or all the same, two features have
        one name, or the actor has hidden layers, several actions or gives NaN.
    """
    values = np.asarray(states, dtype=np.float64)
    check_states(values, feature_names, feature_units)
    feature_units = known_units(feature_units)
    labels, feature_names = tuple(feature_names), identifiers(feature_names)
    (output,) = identifiers([action_name])
    edges = Edges(actor, len(feature_names))
    lows, highs = values.min(axis=0), values.max(axis=0)
    varying = highs - lows > 1e-9 * np.maximum(np.abs(lows), np.abs(highs))
    if not varying.any():
        raise ExtractionError("all states are the same, collect them while the policy runs")

    parts = split(len(values), episodes, seed)
    task, ranges = _task(edges, values, feature_names), list(zip(lows, highs, strict=True))
    fitted, judging = task.subset(parts.fit[:_FINAL_STATES]), task.subset(parts.choice)
    search = TermSearch(
        edges,
        fitted.subset(np.arange(min(fitted.states, _SEARCH_STATES))),
        judging.subset(np.arange(min(judging.states, _SEARCH_STATES))),
        ranges,
        [int(i) for i in np.flatnonzero(varying)],
        max_terms,
        price,
    )
    exact = refine_formula(search.run(), fitted, ranges, steps=300)
    formula, digits = _rounded(exact, fitted, judging, ranges)
    formula = dataclasses.replace(
        formula, terms=tuple(sorted(formula.terms, key=lambda term: term.feature))
    )

    used = sorted({term.feature for term in formula.terms}) or [int(np.argmax(varying))]
    logit = formula.written(feature_names)
    expression = parse(f"1/(1 + exp(-({logit})))", feature_names)
    fidelity = _fidelity(expression, task.subset(parts.report), digits)
    controller = Controller(
        [
            ControllerInput(
                feature_names[i],
                feature_units[i],
                (float(lows[i]), float(highs[i])),
                label_of(feature_names[i], labels[i]),
            )
            for i in used
        ],
        [ControllerOutput(output, str(expression), (0.0, 1.0), label_of(output, action_name))],
        provenance=provenance,
        fidelity=fidelity,
    )
    notes = [
        f"{labels[i]} never changed in the states and is taken as a constant"
        for i in range(len(feature_names))
        if not varying[i]
    ]
    notes += [
        f"{labels[i]} moves the ratio too little to be worth its place"
        for i in range(len(feature_names))
        if varying[i] and i not in used
    ]
    return Extraction(
        controller,
        _splines(edges, formula, values, feature_names),
        fidelity,
        tuple(notes),
        1.0 - formula.loss(judging),
        search.refined,
    )


def extract_several(
    actor: RatioActor,
    states: ArrayLike,
    feature_names: Sequence[str],
    feature_units: Sequence[str],
    *,
    prices: Sequence[float],
    most_terms: Sequence[int] = (8,),
    **settings: Any,
) -> Iterator[Extraction]:
    """Read several equations, with each of ``most_terms`` and each of ``prices``.

    Parameters
    ----------
    actor, states, feature_names, feature_units, **settings
        As for `extract`, which says what is raised.
    prices, most_terms
        What ``price`` and ``max_terms`` are in turn.

    Yields
    ------
    Extraction
        Different ones: of settings that give the same equation the first.
    """
    seen = set[str]()
    for terms, price in itertools.product(most_terms, prices):
        extraction = extract(
            actor, states, feature_names, feature_units, max_terms=terms, price=price, **settings
        )
        text = str(extraction.controller.expressions[0])
        if text not in seen:
            seen.add(text)
            yield extraction


def _task(edges: Edges, states: Array, names: Sequence[str]) -> Task:
    """Say what a formula of the logit is to compute at states (n, features)."""
    logit = edges.logit(states)
    ratio = edges.ratio(logit)
    return Task(
        columns=dict(zip(names, states.T, strict=True)),
        targets=logit[None],
        target_answers=ratio[None],
        answer=Logistic(),
        weights=(ratio * (1 - ratio)) ** 2 + _SATURATED_WEIGHT,
        pull=PULL,
    )


def _rounded(exact: Formula, fitted: Task, judging: Task, ranges: Ranges) -> tuple[Formula, int]:
    """Round to the fewest digits that keep the ratio; also how many these are."""
    most_loss, most_error = exact.loss(judging) + 1e-4, exact.largest_error(judging) + 0.01
    rounded = fewest_digits(
        lambda digits: round_formula(exact, digits, fitted, ranges),
        lambda formula: (
            formula.clearance(ranges) > 0
            and formula.loss(judging) < most_loss
            and formula.largest_error(judging) < most_error
        ),
        least=2,
    )
    return rounded or (exact, 17)


def _fidelity(expression: Expression, reported: Task, digits: int) -> dict[str, float]:
    predicted = expression.evaluate(reported.columns)
    return ratio_fidelity(predicted, reported.target_answers[0]) | {
        "nodes": expression.nodes(),
        "digits": digits,
    }


def _splines(
    edges: Edges, formula: Formula, states: Array, feature_names: Sequence[str]
) -> pd.DataFrame:
    tables = []
    for i, name in enumerate(feature_names):
        visited = states[:, i]
        x = np.linspace(visited.min(), visited.max(), SPLINE_POINTS)
        part = Formula(0.0, tuple(term for term in formula.terms if term.feature == i))
        grid = np.zeros((SPLINE_POINTS, len(feature_names)))
        grid[:, i] = x
        # Constants move freely between edges: compare the curves with equal means.
        level = float(np.mean(edges.curve(i, visited)) - np.mean(part.values(states)))
        tables.append(
            pd.DataFrame(
                {
                    "feature": name,
                    "x": x,
                    "spline": edges.curve(i, x),
                    "fit": part.values(grid) + level,
                    "kept": bool(part.terms),
                    "formula": str(part.written(feature_names)) if part.terms else "",
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
