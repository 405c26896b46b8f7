# SPDX-License-Identifier: MIT
"""Read a one-layer KAN actor out as an equation."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.choice.fidelity import ratio_fidelity
from ns3kan.agents.equations.choice.split import Parts, split
from ns3kan.agents.equations.expressions.algebra import from_sympy
from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.expressions.names import identifiers, label_of
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.reading.candidates import Candidate, fit_curve
from ns3kan.agents.equations.reading.refine import (
    Formula,
    Target,
    Term,
    is_safe,
    refine,
    round_constants,
)
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.training.names import known_units, repeated_name
from ns3kan.errors import InputError

if TYPE_CHECKING:
    from ns3kan.agents.networks.actor_critic import RatioActor

Array = NDArray[np.float64]

MIN_STATES = 100
"""Fewest states from which an equation is read."""
SPLINE_POINTS = 200
"""Points per feature in `Extraction.splines`."""

_SEARCH_STATES = 1_000
_FINAL_STATES = 5_000
_CURVE_POINTS = 300
_CANDIDATES = 5
_TERMS_PER_FEATURE = 2
_ROUNDS_PER_TERM = 4
_MOST_DIGITS = 8


class ExtractionError(InputError):
    """An equation cannot be read from this actor and these states."""


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
    edges = _Edges(actor, len(feature_names))
    lows, highs = values.min(axis=0), values.max(axis=0)
    varying = highs - lows > 1e-9 * np.maximum(np.abs(lows), np.abs(highs))
    if not varying.any():
        raise ExtractionError("all states are the same, collect them while the policy runs")

    parts = parts_of(len(values), episodes, seed)
    everything = Target(values, edges.logit(values), edges.mode(values), lows, highs)
    fitted = everything.subset(parts.fit[:_FINAL_STATES])
    judging = everything.subset(parts.choice)

    search = _Search(
        edges,
        fitted.subset(np.arange(min(len(fitted.states), _SEARCH_STATES))),
        judging.subset(np.arange(min(len(judging.states), _SEARCH_STATES))),
        [int(i) for i in np.flatnonzero(varying)],
        max_terms,
        price,
    )
    exact = refine(search.run(), fitted, steps=300)
    formula, digits = _rounded(exact, fitted, judging)
    formula = dataclasses.replace(
        formula, terms=tuple(sorted(formula.terms, key=lambda term: term.feature))
    )

    used = sorted({term.feature for term in formula.terms}) or [int(np.argmax(varying))]
    names = [feature_names[i] for i in used]
    logit_text = from_sympy(formula.to_sympy(feature_names), names)
    expression = parse(f"1/(1 + exp(-({logit_text})))", names)
    fidelity = _fidelity(expression, everything.subset(parts.report), feature_names, digits)
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
        judging.r2(formula),
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
        found = extract(
            actor, states, feature_names, feature_units, max_terms=terms, price=price, **settings
        )
        text = str(found.controller.expressions[0])
        if text not in seen:
            seen.add(text)
            yield found


def check_states(states: Array, feature_names: Sequence[str], feature_units: Sequence[str]) -> None:
    """Refuse states (n, features) that no equation can be read from.

    Raises
    ------
    ExtractionError
        If they are too few, of the wrong width, or not finite, or two features have one name.
    """
    if repeated := repeated_name(tuple(feature_names)):
        raise ExtractionError(f"two features are named '{repeated}', give each a name of its own")
    if len(feature_names) != len(feature_units):
        raise ExtractionError(
            f"there are {len(feature_names)} feature names but {len(feature_units)} units"
        )
    if states.ndim != 2 or states.shape[1] != len(feature_names):
        raise ExtractionError(
            f"states have shape {states.shape}, expected (n, {len(feature_names)}), "
            "one column per feature name"
        )
    if len(states) < MIN_STATES:
        raise ExtractionError(
            f"{len(states)} states are too few to read an equation from, collect at least "
            f"{MIN_STATES}"
        )
    finite = np.isfinite(states).all(axis=1)
    if not finite.all():
        raise ExtractionError(f"state {int(np.argmin(finite))} is not finite")


def parts_of(states: int, episodes: ArrayLike | None, seed: int) -> Parts:
    """Divide states as `ns3kan.agents.equations.choice.split.split`.

    Raises
    ------
    ExtractionError
        If there is not one episode's number per state.
    """
    try:
        return split(states, episodes, seed)
    except ValueError as error:
        raise ExtractionError(str(error).removesuffix(".")) from error


class _Edges:
    """The edge functions of an actor, in double precision."""

    def __init__(self, actor: RatioActor, features: int) -> None:
        body = actor.body
        if not isinstance(body, Kan) or len(body.layers) != 1:
            raise ExtractionError(
                "terms are read from a KAN without hidden layers, this actor is none; "
                "ns3kan.agents.equations.reading.readout takes one of any depth"
            )
        self.layer = copy.deepcopy(body.layers[0]).double()
        if self.layer.in_features != features or self.layer.out_features != 1:
            raise ExtractionError(
                f"the actor has {self.layer.in_features} features and {self.layer.out_features} "
                f"actions, expected {features} (as many as there are feature names) and one"
            )
        self.shift = actor.shift.detach().double()
        self.scale = actor.scale.detach().double()
        parameters = [*self.layer.parameters(), self.shift, self.scale]
        if not all(bool(tensor.isfinite().all()) for tensor in parameters):
            raise ExtractionError("the actor's weights are not finite, its training has diverged")

    def curve(self, feature: int, x: Array) -> Array:
        """Edge function of a feature at ``x`` (m,), in the feature's unit."""
        z = (torch.from_numpy(x) - self.shift[feature]) / self.scale[feature]
        with torch.no_grad():
            return np.asarray(self.layer.edge_functions(z)[:, 0, feature].numpy())

    def logit(self, states: Array) -> Array:
        """Logits (n,) of states (n, features)."""
        with torch.no_grad():
            z = (torch.from_numpy(states) - self.shift) / self.scale
            return np.asarray(self.layer(z)[:, 0].numpy())

    def mode(self, states: Array) -> Array:
        """Ratios (n,) of states (n, features)."""
        return np.asarray(torch.sigmoid(torch.from_numpy(self.logit(states))).numpy())


class _Search:
    """Descent over formulas: add, exchange or drop the term that helps most, until none does."""

    def __init__(
        self,
        edges: _Edges,
        fitted: Target,
        judging: Target,
        features: Sequence[int],
        max_terms: int,
        price: float,
    ) -> None:
        self.edges = edges
        self.fitted = fitted
        self.judging = judging
        self.features = features
        self.max_terms = max_terms
        self.price = price
        # Where the ratio is saturated, the logit does not matter.
        self.weights = (fitted.ratio * (1 - fitted.ratio)) ** 2 + 1e-4
        self.known: dict[tuple[int, tuple[Term, ...]], list[Candidate]] = {}
        self.refined = 0

    def run(self) -> Formula:
        """Return the best formula found."""
        formula = refine(Formula(float(np.mean(self.fitted.logit))), self.fitted)
        cost = self.cost(formula)
        # Each round lowers the cost; the number of rounds bounds the time on stubborn curves.
        for _ in range(_ROUNDS_PER_TERM * self.max_terms):
            trials = (refine(move, self.fitted, steps=10) for move in self.moves(formula))
            priced = [(self.cost(trial), trial) for trial in trials]
            self.refined += len(priced) + 1
            if not priced:
                break
            best_cost, best = min(priced, key=lambda pair: pair[0])
            if not best_cost < cost - 0.1 * self.price:
                break
            # A closer fit to one part of the states can be a worse one to the other.
            closer = refine(best, self.fitted, steps=60)
            cost, formula = min(
                (best_cost, best), (self.cost(closer), closer), key=lambda pair: pair[0]
            )
        return formula

    def cost(self, formula: Formula) -> float:
        """Unexplained variance of the ratio, plus what the expression's length costs."""
        if not is_safe(formula, self.judging):
            return np.inf
        risk = sum(term.function.risk for term in formula.terms)
        return 1.0 - self.judging.r2(formula) + self.price * (formula.nodes + risk)

    def moves(self, formula: Formula) -> Iterator[Formula]:
        """Formulas that differ in one term."""
        terms = formula.terms
        for i, term in enumerate(terms):
            others = (*terms[:i], *terms[i + 1 :])
            mean = float(np.mean(term.value(self.fitted.states[:, term.feature])))
            yield Formula(formula.constant + mean, others)
            for candidate in self.candidates(term.feature, others):
                if candidate.term.function is not term.function:
                    yield self.joined(formula.constant + mean, others, candidate)
        if len(terms) < self.max_terms:
            for feature in self.features:
                if sum(term.feature == feature for term in terms) < _TERMS_PER_FEATURE:
                    for candidate in self.candidates(feature, terms):
                        yield self.joined(formula.constant, terms, candidate)

    def joined(self, constant: float, terms: tuple[Term, ...], candidate: Candidate) -> Formula:
        """Add a term and keep the mean."""
        mean = float(np.mean(candidate.term.value(self.fitted.states[:, candidate.term.feature])))
        return Formula(constant - mean, (*terms, candidate.term))

    def candidates(self, feature: int, terms: tuple[Term, ...]) -> list[Candidate]:
        """Terms for what the others leave of a feature's edge function, most promising first."""
        own = tuple(term for term in terms if term.feature == feature)
        if (feature, own) not in self.known:
            x = self.fitted.states[:_CURVE_POINTS, feature]
            weights = self.weights[:_CURVE_POINTS]
            left = self.edges.curve(feature, x)
            for term in own:
                left = left - term.value(x)
            variance = float(np.average(self.fitted.logit**2, weights=self.weights)) + 1e-12
            found = []
            if x.max() > x.min() and np.isfinite(left).all():
                found = fit_curve(feature, x, left, weights)
            found.sort(key=lambda c: c.error / variance + self.price * c.term.function.nodes)
            self.known[feature, own] = found[:_CANDIDATES]
        return self.known[feature, own]


def _rounded(exact: Formula, fitted: Target, judging: Target) -> tuple[Formula, int]:
    """Round to the fewest digits that keep the ratio; also how many these are."""
    r2 = judging.r2(exact)
    largest = judging.largest_error(exact)
    for digits in range(2, _MOST_DIGITS + 1):
        rounded = round_constants(exact, digits, fitted)
        if (
            is_safe(rounded, fitted)
            and judging.r2(rounded) > r2 - 1e-4
            and judging.largest_error(rounded) < largest + 0.01
        ):
            return rounded, digits
    return exact, 17


def _fidelity(
    expression: Expression, reported: Target, feature_names: Sequence[str], digits: int
) -> dict[str, float]:
    columns = dict(zip(feature_names, reported.states.T, strict=True))
    return ratio_fidelity(expression.evaluate(columns), reported.ratio) | {
        "nodes": expression.nodes(),
        "digits": digits,
    }


def _splines(
    edges: _Edges, formula: Formula, states: Array, feature_names: Sequence[str]
) -> pd.DataFrame:
    tables = []
    for i, name in enumerate(feature_names):
        visited = states[:, i]
        x = np.linspace(visited.min(), visited.max(), SPLINE_POINTS)
        own = Formula(0.0, tuple(term for term in formula.terms if term.feature == i))
        grid = np.zeros((SPLINE_POINTS, len(feature_names)))
        grid[:, i] = x
        # Constants move freely between edges: compare the curves with equal means.
        level = float(np.mean(edges.curve(i, visited)) - np.mean(own.logit(states)))
        text = str(from_sympy(own.to_sympy(feature_names), [name])) if own.terms else ""
        tables.append(
            pd.DataFrame(
                {
                    "feature": name,
                    "x": x,
                    "spline": edges.curve(i, x),
                    "fit": own.logit(grid) + level,
                    "kept": bool(own.terms),
                    "formula": text,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
