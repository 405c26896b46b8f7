# SPDX-License-Identifier: MIT
"""Reading an index equation out of a switch-type KAN.

A switch-type KAN over logarithms is f = Σ d_i φ_i(x_i), and argmax does not change under the
monotone map exp: the policy is also that of the product Π exp(φ_i(x_i))^{d_i}. Where each φ_i is
close to a_i log(x_i + b_i), this is the formula Π (x_i + b_i)^{± a_i}. Positive exponents for
attracting terms and negative ones for repelling terms keep it switch-type by construction.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import least_squares

from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.equations.expressions.grammar import Expression
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.errors import InputError

FloatArray = npt.NDArray[np.float64]

# A term that moves f by less than this share of what the strongest one does is left out.
_WEAKEST = 0.03


@dataclass(frozen=True)
class Factor:
    """``(term + offset)^exponent``, multiplied with where more of it attracts, else divided by.

    Attributes
    ----------
    term
        Expression over feature names, never negative.
    direction
        1 or −1.
    exponent
        Positive; 1 is not written.
    offset
        Not negative; 0 is not written.
    """

    term: str
    direction: int
    exponent: float
    offset: float

    def __str__(self) -> str:
        return self.write(repr(self.exponent), repr(self.offset))

    def write(self, exponent: str, offset: str) -> str:
        """Text with these numbers in place of the exponent and the offset."""
        base = self.term
        if self.offset:
            base = f"({base} + {offset})"
        elif "*" in base:
            # A product of features is one base, and one divisor.
            base = f"({base})"
        if self.exponent == 1:
            return base
        return f"{base}^{exponent}"


@dataclass(frozen=True)
class ProductIndex:
    """A product of powers of features: the index of a component.

    Attributes
    ----------
    names
        Features of a component, in order.
    factors
        At least one.
    """

    names: tuple[str, ...]
    factors: tuple[Factor, ...]

    @functools.cached_property
    def expression(self) -> Expression:
        """In the grammar of controllers."""
        return parse(str(self), self.names)

    @property
    def nodes(self) -> int:
        """Size of the expression, as `Expression.nodes` counts."""
        return self.expression.nodes()

    @property
    def constants(self) -> FloatArray:
        """Logarithms of the exponents that are not 1 and of the offsets that are not 0."""
        return np.log([value for pair in map(_free, self.factors) for value in pair.values()])

    def with_constants(self, logarithms: Sequence[float] | FloatArray) -> ProductIndex:
        """Return the same structure with other constants, in the order of `constants`."""
        left = [math.exp(value) for value in logarithms]
        factors = []
        for factor in self.factors:
            exponent = left.pop(0) if factor.exponent != 1 else 1.0
            offset = left.pop(0) if factor.offset != 0 else 0.0
            factors.append(dataclasses.replace(factor, exponent=exponent, offset=offset))
        return ProductIndex(self.names, tuple(factors))

    def rounded(self, digits: int) -> ProductIndex:
        """Return it with constants of so many significant digits."""
        return ProductIndex(
            self.names,
            tuple(
                dataclasses.replace(
                    factor,
                    exponent=float(f"{factor.exponent:.{digits}g}"),
                    offset=float(f"{factor.offset:.{digits}g}"),
                )
                for factor in self.factors
            ),
        )

    def simpler(self) -> list[ProductIndex]:
        """All indices with one factor, exponent or offset less.

        An exponent is saved by raising the whole index to a power under which it becomes 1, which
        changes no decision, where no other has been saved so.
        """
        shorter = []
        for i, factor in enumerate(self.factors):
            others = (*self.factors[:i], *self.factors[i + 1 :])
            if others:
                shorter.append(ProductIndex(self.names, others))
            if factor.offset and factor.direction > 0:
                shorter.append(self._replaced(i, offset=0.0))
            if factor.exponent != 1:
                if all(each.exponent != 1 for each in self.factors):
                    shorter.append(self.raised(1 / factor.exponent, i))
                else:
                    shorter.append(self._replaced(i, exponent=1.0))
        # A term that leaves the numerator leaves a 1 behind.
        return [each for each in shorter if each.nodes < self.nodes]

    def raised(self, power: float, exact: int) -> ProductIndex:
        """Raise to a power, factor ``exact`` to exponent 1."""
        factors = [
            dataclasses.replace(each, exponent=1.0 if i == exact else each.exponent * power)
            for i, each in enumerate(self.factors)
        ]
        return ProductIndex(self.names, tuple(factors))

    def _replaced(self, place: int, **changes: float) -> ProductIndex:
        factors = list(self.factors)
        factors[place] = dataclasses.replace(factors[place], **changes)  # type: ignore[arg-type]
        return ProductIndex(self.names, tuple(factors))

    def __str__(self) -> str:
        above = [str(factor) for factor in self.factors if factor.direction > 0]
        below = [str(factor) for factor in self.factors if factor.direction < 0]
        text = "*".join(above) or "1"
        return "/".join((text, *below))

    def __call__(self, states: FloatArray) -> FloatArray:
        """Values (n,) of states of single components (n, features)."""
        columns = dict(zip(self.names, np.asarray(states, np.float64).T, strict=True))
        return self.expression.evaluate(columns)


@dataclass(frozen=True)
class Reading:
    """An index and how well it stands for the network's splines.

    Attributes
    ----------
    index
        The product formula.
    r_squared
        Share of each term's variance that its factor explains, by term.
    shares
        Standard deviation of each term's part of f over the states, relative to the greatest.
    """

    index: ProductIndex
    r_squared: dict[str, float]
    shares: dict[str, float]


def read_index(
    network: SwitchTypeKan, states: FloatArray, reported: FloatArray | None = None
) -> Reading:
    """Fit a power of each term, or nothing where it hardly matters, to its spline.

    Parameters
    ----------
    network
        Trained.
    states
        States of components that the policy visits, (n, features).
    reported
        Others, on which ``r_squared`` is measured; by default the same.

    Returns
    -------
    Reading
        The index's strongest factor has the exponent 1.

    Raises
    ------
    ValueError
        If no term moves f over these states.
    """
    encoding = network.encoding
    points, parts = _terms(network, states)
    others = (points, parts) if reported is None else _terms(network, reported)
    spreads = parts.std(axis=0)
    if not spreads.max() > 1e-9 * np.abs(parts).max():
        raise InputError("The network's value is the same in all states; train it first.")
    factors, quality = [], {}
    for i, (term, direction) in enumerate(
        zip(encoding.expressions, encoding.directions, strict=True)
    ):
        if spreads[i] < _WEAKEST * spreads.max():
            continue
        exponent, offset = _fit_power(points[:, i], direction * parts[:, i])
        quality[term] = _explained(others[0][:, i], direction * others[1][:, i], exponent, offset)
        if exponent > 0:
            factors.append((spreads[i], Factor(term, direction, exponent, offset)))
    index = ProductIndex(encoding.names, tuple(factor for _, factor in factors))
    strongest = int(np.argmax([spread for spread, _ in factors]))
    index = index.raised(1 / index.factors[strongest].exponent, strongest)
    shares = dict(zip(encoding.expressions, (spreads / spreads.max()).tolist(), strict=True))
    return Reading(index, quality, shares)


def _terms(network: SwitchTypeKan, states: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values of the terms in states (n, features) and what each adds to f, both (n, terms)."""
    with torch.no_grad():
        values = network.encoding.values(torch.from_numpy(np.asarray(states, np.float64)))
        parts = network.component_functions(values).double().numpy()
    return np.maximum(values.numpy(), 0.0), parts


def _explained(x: FloatArray, y: FloatArray, slope: float, offset: float) -> float:
    """R² of y ≈ a log(x + b) + c, where c, which no decision depends on, is the best one."""
    errors = slope * np.log(x + offset) - y
    return 1 - float(errors.var()) / max(float(y.var()), 1e-300)


def _fit_power(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Return a and b of the least squares fit y ≈ a log(x + b) + c, a not negative."""
    scale = max(float(x.mean()), 1e-6)

    def solve(log_offset: float) -> tuple[float, FloatArray]:
        basis = np.log(x + math.exp(log_offset))
        basis = basis - basis.mean()
        slope = max(float(basis @ y) / max(float(basis @ basis), 1e-300), 0.0)
        return slope, slope * basis - (y - y.mean())

    low, high = math.log(1e-3 * scale), math.log(1e2 * scale)
    fits = [
        least_squares(lambda v: solve(float(v[0]))[1], [start], bounds=([low], [high]))
        for start in np.linspace(low, high, 5)[1:-1]
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    return solve(float(best.x[0]))[0], math.exp(float(best.x[0]))


def _free(factor: Factor) -> dict[str, float]:
    """Constants of a factor that are written."""
    free = {}
    if factor.exponent != 1:
        free["exponent"] = factor.exponent
    if factor.offset != 0:
        free["offset"] = factor.offset
    return free
