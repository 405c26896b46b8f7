# SPDX-License-Identifier: MIT
"""A KAN of any depth as formulas of features, with many edges or few."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ns3kan.agents.equations.expressions.algebra import MOST_NODES, number, simplified
from ns3kan.agents.equations.expressions.grammar import Chain, Expression, Input, Node
from ns3kan.agents.equations.fitting.template import with_leaves
from ns3kan.agents.equations.reading.kan_formulas import KanFormulas, read_formulas
from ns3kan.agents.equations.reading.library import LIBRARY
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.errors import InputError

Array = NDArray[np.float64]

FUNCTIONS = tuple(each for each in LIBRARY if not each.risk or each.is_positive_only)
"""Those that do not come back beyond the states that they were fitted to."""

# From a term per output on; formulas of more edges than the last are too long to be read.
_EDGES = (1, 2, 3, 4, 6, 8, 12, 16)


def network_formulas(
    network: Kan, x: Tensor, shift: Array, scale: Array, names: Sequence[str]
) -> list[tuple[Expression, ...]]:
    """Read formulas of the outputs with growing numbers of edges.

    Edges are kept by how much of the outputs' spread comes through them, and what goes becomes a
    constant (`ns3kan.agents.equations.reading.kan_formulas.read_formulas`).

    Parameters
    ----------
    network
        The network, in double precision.
    x
        Its inputs in the states that the policy visits, (n, features).
    shift, scale
        A feature enters as ``(feature - shift) / scale``.
    names
        Of the features.

    Returns
    -------
    list of tuple of Expression
        The formulas of all outputs, from few edges to many; different ones. What cannot be
        simplified, as it is too long or has numbers beyond those of doubles, is left out.
    """
    features: list[Node] = [
        Chain(Chain(Input(name), (("-", number(float(low))),)), (("/", number(float(width))),))
        for name, low, width in zip(names, shift, scale, strict=True)
    ]
    every = sum(layer.in_features * layer.out_features for layer in network.layers)
    least = len(network.layers) - 1 + network.layers[-1].out_features
    readings: list[tuple[Expression, ...]] = []
    for most in _budgets(least, every):
        formulas = read_formulas(network, x, most, FUNCTIONS)
        with contextlib.suppress(ValueError):
            reading = tuple(simplified(one, names) for one in _composed(formulas, features))
            if reading not in readings:
                readings.append(reading)
    return readings


def _budgets(least: int, every: int) -> Iterator[int]:
    for count in _EDGES:
        if count + least - 1 < every:
            yield count + least - 1
    if every <= _EDGES[-1] + least - 1:
        yield every


def _composed(formulas: KanFormulas, columns: Sequence[Node]) -> Iterator[Expression]:
    """Put formulas of neurons into those of the next layer.

    Raises
    ------
    ValueError
        If they grow too long.
    """
    for layer in formulas.layers:
        slots = [f"neuron{place}" for place in range(len(columns))]
        place = functools.partial(_placed, dict(zip(slots, columns, strict=True)))
        columns = [with_leaves(formula.written(slots).root, place) for formula in layer]
        if sum(Expression(column).nodes() for column in columns) > MOST_NODES:
            raise InputError("the formulas are too long")
    return map(Expression, columns)


def _placed(columns: Mapping[str, Node], leaf: Node) -> Node:
    return columns[leaf.name] if isinstance(leaf, Input) else leaf
