# SPDX-License-Identifier: MIT
"""A KAN of any depth as formulas of features, with many edges or few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import sympy
from numpy.typing import NDArray
from torch import Tensor

from ns3kan.agents.equations.algebra import symbol
from ns3kan.agents.equations.kan_formulas import KanFormulas, read_formulas
from ns3kan.agents.equations.library import LIBRARY
from ns3kan.agents.networks.kan import Kan

Array = NDArray[np.float64]

FUNCTIONS = tuple(each for each in LIBRARY if not each.risk or each.is_positive_only)
"""Those that do not come back beyond the states that they were fitted to."""

# From a term per output on; formulas of more edges than the last are too long to be read.
_EDGES = (1, 2, 3, 4, 6, 8, 12, 16)


def network_formulas(
    network: Kan, x: Tensor, shift: Array, scale: Array, names: Sequence[str]
) -> list[list[sympy.Expr]]:
    """Read formulas of the outputs with growing numbers of edges.

    Edges are kept by how much of the outputs' spread comes through them, and what goes becomes a
    constant (`ns3kan.agents.equations.kan_formulas.read_formulas`).

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
    list of lists
        The formulas of all outputs, from few edges to many; different ones.
    """
    features: list[sympy.Expr] = [
        (symbol(name) - float(low)) / float(width)
        for name, low, width in zip(names, shift, scale, strict=True)
    ]
    every = sum(layer.in_features * layer.out_features for layer in network.layers)
    least = len(network.layers) - 1 + network.layers[-1].out_features
    found: list[list[sympy.Expr]] = []
    for most in _budgets(least, every):
        own = _composed(read_formulas(network, x, most, FUNCTIONS), features)
        if own not in found:
            found.append(own)
    return found


def _budgets(least: int, every: int) -> Iterator[int]:
    for count in _EDGES:
        if count + least - 1 < every:
            yield count + least - 1
    if every <= _EDGES[-1] + least - 1:
        yield every


def _composed(formulas: KanFormulas, columns: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """Put formulas of neurons into those of the next layer."""
    for layer in formulas.layers:
        slots = [f"neuron{place}" for place in range(len(columns))]
        reached = {symbol(slot): column for slot, column in zip(slots, columns, strict=True)}
        columns = [formula.to_sympy(slots).xreplace(reached) for formula in layer]
    return list(columns)
