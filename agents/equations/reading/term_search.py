# SPDX-License-Identifier: MIT
"""The search for the terms of a one-layer KAN: added, exchanged and dropped one at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ns3kan.agents.equations.choice.states import ExtractionError
from ns3kan.agents.equations.fitting.task import Task
from ns3kan.agents.equations.reading.curves import CurveFit, fit_curve
from ns3kan.agents.equations.reading.terms import Formula, Ranges, Term, refine_formula
from ns3kan.agents.networks.kan.layer import Kan

if TYPE_CHECKING:
    from ns3kan.agents.networks.actor_critic import RatioActor

Array = NDArray[np.float64]

_CURVE_POINTS = 300
_CURVE_FITS = 5
_TERMS_PER_FEATURE = 2
_ROUNDS_PER_TERM = 4


class Edges:
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

    def ratio(self, logit: Array) -> Array:
        """Ratios (n,) of logits (n,)."""
        return np.asarray(torch.sigmoid(torch.from_numpy(logit)).numpy())


class TermSearch:
    """Descent over formulas: add, exchange or drop the term that helps most, until none does."""

    def __init__(
        self,
        edges: Edges,
        fitted: Task,
        judging: Task,
        ranges: Ranges,
        features: Sequence[int],
        max_terms: int,
        price: float,
    ) -> None:
        self.edges = edges
        self.fitted = fitted
        self.judging = judging
        self.ranges = ranges
        self.columns = list(fitted.columns.values())
        self.features = features
        self.max_terms = max_terms
        self.price = price
        self.known: dict[tuple[int, tuple[Term, ...]], list[CurveFit]] = {}
        self.refined = 0

    def run(self) -> Formula:
        """Return the best formula found."""
        formula = self.refined_formula(Formula(float(np.mean(self.fitted.targets))))
        cost = self.cost(formula)
        # Each round lowers the cost; the number of rounds bounds the time on stubborn curves.
        for _ in range(_ROUNDS_PER_TERM * self.max_terms):
            trials = (self.refined_formula(move, steps=10) for move in self.moves(formula))
            priced = [(self.cost(trial), trial) for trial in trials]
            self.refined += len(priced) + 1
            if not priced:
                break
            best_cost, best = min(priced, key=lambda pair: pair[0])
            if not best_cost < cost - 0.1 * self.price:
                break
            # A closer fit to one part of the states can be a worse one to the other.
            closer = self.refined_formula(best)
            cost, formula = min(
                (best_cost, best), (self.cost(closer), closer), key=lambda pair: pair[0]
            )
        return formula

    def cost(self, formula: Formula) -> float:
        """Unexplained variance of the ratio, plus what the expression's length costs."""
        if not formula.clearance(self.ranges) > 0:
            return np.inf
        risk = sum(term.function.risk for term in formula.terms)
        return formula.loss(self.judging) + self.price * (formula.nodes + risk)

    def refined_formula(self, formula: Formula, steps: int = 60) -> Formula:
        """Move all constants to where the formula is closest."""
        return refine_formula(formula, self.fitted, self.ranges, steps=steps)

    def moves(self, formula: Formula) -> Iterator[Formula]:
        """Formulas that differ in one term."""
        terms = formula.terms
        for i, term in enumerate(terms):
            others = (*terms[:i], *terms[i + 1 :])
            mean = float(np.mean(term.value(self.columns[term.feature])))
            yield Formula(formula.constant + mean, others)
            for fit in self.fits(term.feature, others):
                if fit.term.function is not term.function:
                    yield self.joined(formula.constant + mean, others, fit.term)
        if len(terms) < self.max_terms:
            for feature in self.features:
                if sum(term.feature == feature for term in terms) < _TERMS_PER_FEATURE:
                    for fit in self.fits(feature, terms):
                        yield self.joined(formula.constant, terms, fit.term)

    def joined(self, constant: float, terms: tuple[Term, ...], term: Term) -> Formula:
        """Add a term and keep the mean."""
        mean = float(np.mean(term.value(self.columns[term.feature])))
        return Formula(constant - mean, (*terms, term))

    def fits(self, feature: int, terms: tuple[Term, ...]) -> list[CurveFit]:
        """Terms for what the others leave of a feature's edge function, most promising first."""
        fitted = tuple(term for term in terms if term.feature == feature)
        if (feature, fitted) not in self.known:
            x = self.columns[feature][:_CURVE_POINTS]
            weights = self.fitted.weights[:_CURVE_POINTS]
            left = self.edges.curve(feature, x)
            for term in fitted:
                left = left - term.value(x)
            logit = self.fitted.targets[0]
            variance = float(np.average(logit**2, weights=self.fitted.weights)) + 1e-12
            fits = []
            if x.max() > x.min() and np.isfinite(left).all():
                fits = fit_curve(feature, x, left, weights)
            fits.sort(key=lambda fit: fit.error / variance + self.price * fit.term.function.nodes)
            self.known[feature, fitted] = fits[:_CURVE_FITS]
        return self.known[feature, fitted]
