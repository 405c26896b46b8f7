# SPDX-License-Identifier: MIT
"""Expressions as differentiable modules whose constants are parameters."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ns3kan.agents.equations.expressions.grammar import (
    UNARY_FUNCTIONS,
    Call,
    Chain,
    Expression,
    Input,
    Negative,
    Node,
    Number,
    Power,
)
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.fitting.template import Template, slots
from ns3kan.errors import InputError

_FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    name: getattr(torch, name) for name in UNARY_FUNCTIONS
}
_OF_SEVERAL: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "min": torch.minimum,
    "max": torch.maximum,
}
_OPERATORS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": torch.div,
}
# Ratios of other expressions than logistic ones are taken to be this far from 0 and 1.
_RATIO_MARGIN = 1e-3


class FormulaModule(nn.Module):
    """Expressions: features (batch, features) to values (batch, expressions).

    Each constant is a parameter relative to its size at the start, so that one step size suits a
    factor of 3e-4 as well as one of 50. Exponents stay.

    Parameters
    ----------
    expressions
        Where to start.
    feature_names
        Of the columns, in order.

    Raises
    ------
    ValueError
        If an expression has an input that is no feature.
    """

    start: Tensor
    size: Tensor

    def __init__(self, expressions: Sequence[Expression], feature_names: Sequence[str]) -> None:
        super().__init__()
        for expression in expressions:
            unknown = sorted(expression.inputs() - set(feature_names))
            if unknown:
                raise InputError(
                    f"The expression {expression} takes {', '.join(unknown)}, but the features are "
                    f"{', '.join(feature_names)}; name those of its environment."
                )
        self.feature_names = tuple(feature_names)
        self.template = Template.of(expressions)
        constants = torch.from_numpy(self.template.constants).float()
        self.register_buffer("start", constants)
        self.register_buffer("size", torch.where(constants == 0, 1.0, constants.abs()))
        self.change = nn.Parameter(torch.zeros_like(constants))

    def forward(self, features: Tensor) -> Tensor:
        """Values (batch, expressions); not finite where an expression is not defined."""
        inputs = dict(zip(self.feature_names, features.unbind(-1), strict=True))
        inputs |= slots((self.start + self.size * self.change).unbind())
        values = [tensor_value(root, inputs) for root in self.template.roots]
        return torch.stack([value.expand(features.shape[:-1]) for value in values], dim=-1)

    def constants(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the constants as they are now, shape (constants,)."""
        change = self.change.detach().double().cpu().numpy()
        sizes = np.where(self.template.constants == 0, 1.0, np.abs(self.template.constants))
        return np.asarray(self.template.constants + sizes * change)

    def written(self) -> tuple[Expression, ...]:
        """Return the expressions with the constants as they are now, simplified.

        Raises
        ------
        ValueError
            If one is not a real number anywhere.
        """
        return self.template.with_constants(self.constants()).written(self.feature_names)


class LogitModule(nn.Module):
    """Ratios of a controller as their logits: features (batch, features) to (batch, ratios).

    Of ``1/(1 + exp(x))`` the x is learned, so that it stays a ratio; any other expression as it is.

    Parameters
    ----------
    expressions
        One per ratio.
    feature_names
        As for `FormulaModule`, which says what is raised.
    """

    def __init__(self, expressions: Sequence[Expression], feature_names: Sequence[str]) -> None:
        super().__init__()
        self.inner = [_inside_of_logistic(expression.root) for expression in expressions]
        self.formulas = FormulaModule(
            [
                expression if inner is None else Expression(inner)
                for expression, inner in zip(expressions, self.inner, strict=True)
            ],
            feature_names,
        )

    def forward(self, features: Tensor) -> Tensor:
        """Logits (batch, ratios)."""
        values = self.formulas(features)
        logits = [
            torch.logit(value, eps=_RATIO_MARGIN) if inner is None else -value
            for inner, value in zip(self.inner, values.unbind(-1), strict=True)
        ]
        return torch.stack(logits, dim=-1)

    def written(self) -> tuple[Expression, ...]:
        """Return the expressions of the ratios; see `FormulaModule.written`."""
        names = self.formulas.feature_names
        return tuple(
            written if inner is None else parse(f"1/(1 + exp({written}))", names)
            for inner, written in zip(self.inner, self.formulas.written(), strict=True)
        )


def _inside_of_logistic(root: Node) -> Node | None:
    """X of ``1/(1 + exp(X))``; None of anything else."""
    match root:
        case Chain(Number(1.0), (("/", Chain(Number(1.0), (("+", Call("exp", (inner,))),))),)):
            return inner
    return None


def tensor_value(node: Node, inputs: Mapping[str, Tensor]) -> Tensor:
    """Evaluate a tree on tensors, differentiably; not finite where it is not defined."""
    match node:
        case Number(value):
            return next(iter(inputs.values())).new_tensor(value)
        case Input(name):
            return inputs[name]
        case Negative(operand):
            return -tensor_value(operand, inputs)
        case Power(base, Number(exponent)):
            return tensor_value(base, inputs) ** exponent
        case Power(base, Negative(Number(exponent))):
            return tensor_value(base, inputs) ** -exponent
        case Power(base, exponent):
            return tensor_value(base, inputs) ** tensor_value(exponent, inputs)
        case Call(function, arguments):
            parts = [tensor_value(argument, inputs) for argument in arguments]
            if function in _OF_SEVERAL:
                return functools.reduce(_OF_SEVERAL[function], parts)
            return _FUNCTIONS[function](parts[0])
        case Chain(first, rest):
            result = tensor_value(first, inputs)
            for operator, part in rest:
                result = _OPERATORS[operator](result, tensor_value(part, inputs))
            return result
