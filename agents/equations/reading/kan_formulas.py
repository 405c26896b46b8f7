# SPDX-License-Identifier: MIT
"""A whole KAN as formulas: one for each hidden neuron, of inputs, and one for each output.

Every edge y ≈ c·f(a·x + b) + d of a network gets a function f of the library; edges that matter
least may be left out. `ns3kan.agents.equations.reading.kan_refinement` then moves all constants
together.

References
----------
Jahin, Mridha, Dey, Section V-D3.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.fitting.template import rounded_to
from ns3kan.agents.equations.reading.curves import fit_curve
from ns3kan.agents.equations.reading.library import LIBRARY, LibraryFunction
from ns3kan.agents.equations.reading.terms import Formula, Term
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.errors import InputError
from ns3kan.io.numbers import limits_text

Array = NDArray[np.float64]

_PAPER_NAMES = ("x", "x^2", "x^3", "exp", "log", "sqrt", "sin", "abs")
PAPER_FUNCTIONS = tuple(function for function in LIBRARY if function.name in _PAPER_NAMES)
"""The candidates of the paper."""

# Points of a curve that functions are fitted to: quantiles of the samples.
_POINTS = 60
# A simpler function is taken if it leaves so much more of a curve's variance unexplained.
_FOR_SIMPLICITY = 0.005
# Edges that move less than this, relative to the largest, are constants.
_CONSTANT = 1e-9


@dataclass(frozen=True)
class KanFormulas:
    """Formulas of all neurons, layer by layer.

    Attributes
    ----------
    layers
        For each layer of the network one formula for each of its outputs; the features of a
        formula are the outputs of the layer before. Of neurons that nothing leads to or that
        nothing depends on there are no terms.
    """

    layers: tuple[tuple[Formula, ...], ...]

    def values(self, states: Array) -> Array:
        """Evaluate outputs (n, outputs) at inputs (n, inputs); NaN where one is not defined."""
        columns = np.asarray(states, dtype=np.float64)
        for layer in self.layers:
            columns = np.stack([formula.values(columns) for formula in layer], axis=1)
        return columns

    def choose(self, states: Array) -> NDArray[np.intp]:
        """Index of the largest output, (n,)."""
        return np.asarray(self.values(states).argmax(axis=1))

    @property
    def edges(self) -> int:
        """Terms of all formulas."""
        return sum(len(formula.terms) for layer in self.layers for formula in layer)

    @property
    def neurons(self) -> int:
        """Hidden neurons that are used."""
        return sum(
            len({term.feature for formula in layer for term in formula.terms})
            for layer in self.layers[1:]
        )

    def expressions(self, names: Sequence[str]) -> dict[str, Expression]:
        """Write the formulas in the grammar of controllers.

        Parameters
        ----------
        names
            Of the inputs.

        Returns
        -------
        by name, in the order in which they can be evaluated: hidden neurons ``h1``, ``h2``, … (in
        networks with more hidden layers ``h1_1``, … ``h2_1``, …), then outputs ``q0``, ``q1``, …
        """
        texts: dict[str, Expression] = {}
        for number, layer in enumerate(self.layers, start=1):
            if number == len(self.layers):
                layer_names = [f"q{place}" for place in range(len(layer))]
                needed = set(range(len(layer)))
            else:
                start = "h" if len(self.layers) == 2 else f"h{number}_"
                layer_names = [f"{start}{place}" for place in range(1, len(layer) + 1)]
                after = self.layers[number]
                needed = {term.feature for formula in after for term in formula.terms}
            for place in sorted(needed):
                texts[layer_names[place]] = layer[place].written(names)
            names = layer_names
        return texts

    def rounded(self, digits: int) -> KanFormulas:
        """Return the same with all constants rounded to significant digits."""
        return KanFormulas(
            tuple(
                tuple(
                    formula.with_constants(rounded_to(formula.constants, digits))
                    for formula in layer
                )
                for layer in self.layers
            )
        )

    def importance(self, states: Array) -> tuple[NDArray[np.int64], Array]:
        """How often and how strongly the inputs occur in the formulas of the outputs.

        Parameters
        ----------
        states
            Inputs (n, inputs) over which the spread of each term is taken.

        Returns
        -------
        occurrences
            Shape (inputs,): terms of an input, each as often as outputs depend on it.
        strength
            Shape (inputs,): spreads of its terms, passed on by the share that the neuron's spread
            has in its outputs, summed over all of them.
        """
        spreads = self._spreads(states)
        outputs = len(self.layers[-1])
        often, strongly = np.ones(outputs, dtype=np.int64), np.ones(outputs)
        for spread in reversed(spreads):
            totals = np.sqrt((spread**2).sum(axis=1, keepdims=True))
            share = np.divide(spread, totals, out=np.zeros_like(spread), where=totals > 0)
            # An output's own scale counts in the last layer only.
            weight = spread if spread is spreads[-1] else share
            often = np.asarray(often @ (spread > 0), dtype=np.int64)
            strongly = np.asarray(strongly @ weight, dtype=np.float64)
        return often, strongly

    def _spreads(self, states: Array) -> list[Array]:
        """Measure the standard deviation of what each term adds, (out, in) of each layer."""
        columns = np.asarray(states, dtype=np.float64)
        spreads = []
        for layer in self.layers:
            spread = np.zeros((len(layer), columns.shape[1]))
            for row, formula in enumerate(layer):
                for term in formula.terms:
                    spread[row, term.feature] += term.value(columns[:, term.feature]).std()
            spreads.append(spread)
            columns = np.stack([formula.values(columns) for formula in layer], axis=1)
        return spreads


def read_formulas(
    network: Kan,
    x: torch.Tensor,
    most_edges: int | None = None,
    functions: Sequence[LibraryFunction] = PAPER_FUNCTIONS,
) -> KanFormulas:
    """Fit a function to every edge of a network that matters.

    Functions that need a positive argument are fitted to the inputs' edges only, and stay defined
    half a width beyond the inputs' range; what comes to later layers has no such bounds once
    constants move.

    Parameters
    ----------
    network
        The network.
    x
        Inputs that it sees, shape (samples, inputs).
    most_edges
        How many edges to keep, in each layer those through which most of the outputs' spread
        comes; the others become constants. None keeps all.
    functions
        To choose from.

    Raises
    ------
    ValueError
        If ``x`` has no rows, fewer than one edge is to be kept, or no function is defined on the
        values of an edge.
    """
    if not len(x) or (most_edges is not None and most_edges < 1):
        raise InputError(
            f"Formulas are to be read at {len(x)} samples with at most {most_edges} edges; give "
            "one at least of both."
        )
    everywhere = [function for function in functions if not function.is_positive_only]
    inputs, activations = _record(network, x)
    kept_edges = _kept(activations, most_edges)
    layers = []
    for number, (columns, edges, chosen) in enumerate(
        zip(inputs, activations, kept_edges, strict=True)
    ):
        fit = functools.partial(_fit, functions=everywhere if number else tuple(functions))
        layer = []
        for row in range(edges.shape[1]):
            constant = float(edges[:, row][:, ~chosen[row]].mean(axis=0).sum())
            terms = []
            for feature in np.flatnonzero(chosen[row]):
                term, offset = fit(int(feature), columns[:, feature], edges[:, row, feature])
                terms.append(term)
                constant += offset
            layer.append(Formula(constant, tuple(terms)))
        layers.append(tuple(layer))
    return KanFormulas(tuple(layers))


def _record(network: Kan, x: torch.Tensor) -> tuple[list[Array], list[Array]]:
    """Return inputs (n, in) of each layer, and what its edges add (n, out, in)."""
    inputs, activations = [], []
    with torch.no_grad():
        for layer in network.layers:
            inputs.append(x.double().numpy())
            edges = layer.edge_activations(x)
            activations.append(edges.double().numpy())
            x = edges.sum(-1)
    return inputs, activations


def _kept(activations: Sequence[Array], most_edges: int | None) -> list[NDArray[np.bool_]]:
    """Which edges (out, in) of each layer get a term, chosen from the outputs backwards."""
    shares = _shares([edges[0].size for edges in activations], most_edges)
    kept: list[NDArray[np.bool_]] = []
    # The spread that a neuron gives to what comes after it.
    passed_on = activations[-1].sum(axis=2).std(axis=0)
    for edges, share in zip(reversed(activations), reversed(shares), strict=True):
        spread = edges.sum(axis=2).std(axis=0)
        factor = np.divide(passed_on, spread, out=np.zeros_like(spread), where=spread > 0)
        scores = edges.std(axis=0) * factor[:, None]
        chosen = np.zeros(scores.shape, dtype=np.bool_)
        chosen.flat[np.argsort(-scores, axis=None, kind="stable")[:share]] = True
        chosen &= scores > _CONSTANT * scores.max()
        kept.insert(0, chosen)
        passed_on = np.where(chosen, scores, 0.0).max(axis=0)
    for before, after in itertools.pairwise(kept):
        # What nothing leads to only passes on a constant.
        after &= before.any(axis=1)
    for before, after in reversed(list(itertools.pairwise(kept))):
        before &= np.asarray(after.any(axis=0))[:, None]
    return kept


def _shares(sizes: Sequence[int], most_edges: int | None) -> list[int]:
    """How many edges each layer may keep: by the root of its size.

    By the size itself, ten outputs would soon share a handful of edges; by what an edge adds, the
    many of the first layer would all go first.
    """
    if most_edges is None or most_edges >= sum(sizes):
        return list(sizes)
    shares = [0] * len(sizes)
    for _ in range(most_edges):
        free = [place for place, size in enumerate(sizes) if shares[place] < size]
        shares[min(free, key=lambda place: (shares[place] + 1) / sizes[place] ** 0.5)] += 1
    return shares


def _fit(
    feature: int, x: Array, y: Array, functions: Sequence[LibraryFunction]
) -> tuple[Term, float]:
    """Choose a function for an edge's values ``y`` at ``x``, both (n,); the term and a constant."""
    order = np.argsort(x, kind="stable")
    places = order[np.linspace(0, len(x) - 1, min(_POINTS, len(x))).round().astype(int)]
    points, curve = x[places], y[places]
    if np.ptp(points) == 0.0:
        # Rare levels, which the quantiles have missed.
        points, curve = x, y
    candidates = fit_curve(feature, points, curve, np.ones(len(points)), functions)
    if not candidates:
        raise InputError(
            f"None of the functions {', '.join(function.name for function in functions)} is "
            f"defined on the values {limits_text(points.min(), points.max())} of input {feature}; "
            "add one that is."
        )
    enough = candidates[0].error + _FOR_SIMPLICITY * float(curve.var())
    best = min(
        (candidate for candidate in candidates if candidate.error <= enough),
        key=lambda candidate: (candidate.term.function.nodes, candidate.error),
    )
    return best.term, best.offset
