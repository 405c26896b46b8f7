# SPDX-License-Identifier: MIT
"""Which way each feature of a component pulls, and the monotone scales on which networks see it.

The paper on switch-type networks (Wigmore, Shrader and Modiano) gives each feature of a component
s_k the sign with which it attracts the decision: (q, y, lambda, -mu) for single-hop scheduling and
(-q, y, mu) for multi-path routing (section V-B). Here the sign is the feature's ``direction``, and
networks are given the features themselves, which are not negative.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ns3kan.errors import InputError

# operation: directions of its two parts for a result of direction 1, and its expression.
_OPERATIONS = {
    "product": ((1, 1), "{0}*{1}"),
    "minimum": ((1, 1), "min({0}, {1})"),
    "maximum": ((1, 1), "max({0}, {1})"),
    "excess": ((1, -1), "max({0} - {1}, 0)"),
}


def _check_scale(what: str, high: float, log_offset: float | None) -> None:
    if not (math.isfinite(high) and high > 0):
        raise InputError(
            f"The greatest usual value of {what} is {high}; it must be positive and finite."
        )
    if log_offset is not None and not (math.isfinite(log_offset) and log_offset > 0):
        raise InputError(
            f"The log_offset of {what} is {log_offset}; it must be positive and finite, or None."
        )


@dataclass(frozen=True)
class Feature:
    """A feature of each component, such as the length of its queue.

    Attributes
    ----------
    name
        As in the environment's feature names.
    direction
        1 if more of it can only attract the decision to the component, -1 if it can only repel.
    high
        Greatest usual value, in the feature's own unit; it is scaled to 1. Greater ones are fine.
    log_offset
        The feature x is seen as log(1 + x / log_offset) (odd in x) where this is given, and as it
        is otherwise. Both are monotone, so either keeps a policy switch-type.
    """

    name: str
    direction: int
    high: float
    log_offset: float | None = None

    def __post_init__(self) -> None:
        if self.direction not in (1, -1):
            raise InputError(
                f"The direction of {self.name} is {self.direction}; it must be 1 or -1."
            )
        _check_scale(self.name, self.high, self.log_offset)


@dataclass(frozen=True)
class Combination:
    """A function of two features that is monotone in both, as one more input of a switch-type KAN.

    Attributes
    ----------
    operation
        ``"product"``, ``"minimum"`` or ``"maximum"`` of two features of the same direction, or
        ``"excess"``, [first - second]+, of two of opposite directions. The result has the first
        feature's direction. Negative values count as zero in a product, which is not monotone
        otherwise.
    first, second
        Names of features.
    high, log_offset
        As of a `Feature`.
    """

    operation: str
    first: str
    second: str
    high: float
    log_offset: float | None = None

    def __post_init__(self) -> None:
        if self.operation not in _OPERATIONS:
            raise InputError(
                f"There is no combination {self.operation!r}; choose one of "
                f"{', '.join(_OPERATIONS)}."
            )
        _check_scale(self.expression, self.high, self.log_offset)

    @property
    def expression(self) -> str:
        """As a formula over the names of the features."""
        return _OPERATIONS[self.operation][1].format(self.first, self.second)


@dataclass(frozen=True)
class Encoding:
    """Features of a component and, by choice, combinations of them: the terms of an index.

    Parameters
    ----------
    features
        In the order of the last axis of observations.
    combinations
        Further terms; only those that are monotone in the directions declared are accepted.

    Raises
    ------
    ValueError
        If there is no feature, a name repeats or is unknown, or a combination is not monotone in
        the directions of its features.

    Examples
    --------
    >>> encoding = Encoding(
    ...     (Feature("queue_length", 1, 100.0, log_offset=1.0), Feature("capacity", 1, 5.0)),
    ...     (Combination("minimum", "queue_length", "capacity", 5.0),),
    ... )
    >>> encoding.expressions
    ('queue_length', 'capacity', 'min(queue_length, capacity)')
    >>> encoding.values(torch.tensor([[7.0, 3.0]]))
    tensor([[7., 3., 3.]])
    """

    features: tuple[Feature, ...]
    combinations: tuple[Combination, ...] = ()

    def __post_init__(self) -> None:
        if not self.features:
            raise InputError("An encoding has no features; name at least one.")
        known = {feature.name: feature.direction for feature in self.features}
        if len(known) != len(self.features):
            raise InputError(f"The names of an encoding's features repeat: {list(self.names)}.")
        for combination in self.combinations:
            for name in (combination.first, combination.second):
                if name not in known:
                    raise InputError(
                        f"{combination.expression} uses {name}, which is not a feature; the "
                        f"features are {list(known)}."
                    )
            wanted, _ = _OPERATIONS[combination.operation]
            sign = known[combination.first]
            if known[combination.second] * sign != wanted[1]:
                raise InputError(
                    f"{combination.expression} is not monotone in the directions declared "
                    f"({combination.first} {sign:+d}, {combination.second} "
                    f"{known[combination.second]:+d}); "
                    f"{'an' if combination.operation == 'excess' else 'a'} {combination.operation} "
                    f"needs {'equal' if wanted[1] == 1 else 'opposite'} directions."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(feature.name for feature in self.features)

    @property
    def terms(self) -> tuple[Feature | Combination, ...]:
        """Features, then combinations."""
        return (*self.features, *self.combinations)

    @property
    def expressions(self) -> tuple[str, ...]:
        """Each term as a formula over the names of the features."""
        return (*self.names, *(combination.expression for combination in self.combinations))

    @property
    def directions(self) -> tuple[int, ...]:
        """Direction of each term."""
        known = {feature.name: feature.direction for feature in self.features}
        return (
            *known.values(),
            *(known[combination.first] for combination in self.combinations),
        )

    def values(self, states: Tensor) -> Tensor:
        """Values (..., terms) of states (..., features), in the features' own units."""
        if states.shape[-1] != len(self.features):
            raise InputError(
                f"A state has {states.shape[-1]} numbers for the features {list(self.names)}."
            )
        columns = dict(zip(self.names, states.unbind(-1), strict=True))
        result = list(columns.values())
        for combination in self.combinations:
            first, second = columns[combination.first], columns[combination.second]
            if combination.operation == "product":
                result.append(first.clamp_min(0.0) * second.clamp_min(0.0))
            elif combination.operation == "minimum":
                result.append(torch.minimum(first, second))
            elif combination.operation == "maximum":
                result.append(torch.maximum(first, second))
            else:
                result.append((first - second).clamp_min(0.0))
        return torch.stack(result, -1)

    def scale(self, values: Tensor) -> Tensor:
        """Scale values (..., terms) monotonically, so that the usual ones lie between 0 and 1."""
        columns = []
        for term, column in zip(self.terms, values.unbind(-1), strict=True):
            if term.log_offset is None:
                columns.append(column / term.high)
            else:
                above = torch.log1p(column.clamp_min(0.0) / term.log_offset)
                below = -torch.log1p(-column.clamp_max(0.0) / term.log_offset)
                size = math.log1p(term.high / term.log_offset)
                columns.append(torch.where(column >= 0.0, above, below) / size)
        return torch.stack(columns, -1)

    def attractions(self, states: Tensor) -> Tensor:
        """Return what monotone networks see: scaled values times directions, (..., terms)."""
        scaled = self.scale(self.values(states))
        return scaled * scaled.new_tensor(self.directions)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make an encoding from what `dataclasses.asdict` returned."""
        return cls(
            tuple(Feature(**feature) for feature in values["features"]),
            tuple(Combination(**combination) for combination in values["combinations"]),
        )


def single_hop_encoding(rates: bool = False, logarithmic: bool = True) -> Encoding:
    """Return the paper's signs for single-hop scheduling: (q, y) or (q, y, lambda, -mu).

    Parameters
    ----------
    rates
        Whether the mean arrival and service rates are observed.
    logarithmic
        Whether lengths, capacities and rates are seen through a logarithm, so that a sum of
        functions of them can be a product formula.
    """
    unit, tenth = (1.0, 0.1) if logarithmic else (None, None)
    features = [Feature("queue_length", 1, 100.0, unit), Feature("capacity", 1, 6.0, unit)]
    if rates:
        features += [
            Feature("arrival_rate", 1, 3.0, tenth),
            Feature("service_rate", -1, 3.0, tenth),
        ]
    return Encoding(tuple(features))


def multi_path_encoding(rates: bool = False, logarithmic: bool = True) -> Encoding:
    """Return the paper's signs for multi-path routing: (-q, y) or (-q, y, mu).

    The parameters are those of `single_hop_encoding`.
    """
    unit, tenth = (1.0, 0.1) if logarithmic else (None, None)
    features = [Feature("queue_length", -1, 100.0, unit), Feature("capacity", 1, 4.0, unit)]
    if rates:
        features.append(Feature("service_rate", 1, 1.0, tenth))
    return Encoding(tuple(features))
