# SPDX-License-Identifier: MIT
"""All parameters of a small network in one vector, so that an optimiser's step is one operation."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

_DECAYS = (0.9, 0.999)
_SMALLEST = 1e-5
"""Adam's β and ε."""


class FlatParameters:
    """Moves a module's parameters and gradients into one vector each; the module stays usable.

    With a few thousand weights in a dozen tensors, most of the time of an optimiser's step goes
    into starting operations.

    Parameters
    ----------
    module
        Its parameters become views of ``vector``, their gradients views of ``vector.grad``.

    Attributes
    ----------
    vector : Parameter, shape (parameters,)
        Give this to the optimiser.
    """

    def __init__(self, module: nn.Module) -> None:
        parameters = list(module.parameters())
        self.vector = nn.Parameter(torch.cat([each.detach().flatten() for each in parameters]))
        self.gradient = torch.zeros_like(self.vector)
        self.vector.grad = self.gradient
        start = 0
        for each in parameters:
            end = start + each.numel()
            each.data = self.vector.data[start:end].view_as(each)
            each.grad = self.gradient[start:end].view_as(each)
            start = end


class Learner:
    """Adam (Kingma and Ba 2015) on a network's parameters, with a bound on the gradient.

    The step is written out, on views of the parameters: `torch.optim.Adam` gives the same, but for
    a few thousand weights takes several times as long to start as to compute.

    Parameters
    ----------
    module
        Its parameters, on the CPU, are flattened, see `FlatParameters`.
    rate
        Step size at the start.
    highest_norm
        Gradients are scaled down to this norm.
    """

    def __init__(self, module: nn.Module, rate: float, highest_norm: float) -> None:
        self._parameters = FlatParameters(module)
        self._weights = self._parameters.vector.detach().numpy()
        self._gradient = self._parameters.gradient.numpy()
        self._first = rate
        self._rate = rate
        self._highest_norm = highest_norm
        # Fading sums of the gradients and their squares, and memory to compute in.
        self._sum = np.zeros_like(self._weights)
        self._squares = np.zeros_like(self._weights)
        self._scratch = np.zeros_like(self._weights)
        self._steps = 0
        self._average = np.zeros_like(self._weights)
        self._averaged = 0

    def set_rate(self, share: float) -> None:
        """Set the step size to a share of the first."""
        self._rate = self._first * share

    def step(self) -> None:
        """Go a step down the gradient."""
        gradient, scratch = self._gradient, self._scratch
        norm = math.sqrt(np.dot(gradient, gradient))
        if norm > self._highest_norm:
            gradient *= self._highest_norm / norm
        self._steps += 1
        self._sum *= _DECAYS[0]
        self._sum += gradient
        self._squares *= _DECAYS[1]
        self._squares += np.square(gradient, out=scratch)
        # Sums instead of means, and means that start at zero: both differ by known factors.
        first, second = ((1 - decay) / (1 - decay**self._steps) for decay in _DECAYS)
        root = math.sqrt(second)
        np.sqrt(self._squares, out=scratch)
        scratch += _SMALLEST / root
        np.divide(self._sum, scratch, out=scratch)
        scratch *= self._rate * first / root
        self._weights -= scratch

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {
            "weights": self._weights,
            "sum": self._sum,
            "squares": self._squares,
            "steps": self._steps,
            "average": self._average,
            "averaged": self._averaged,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was called, weights included."""
        self._weights[...] = state["weights"]
        self._sum[...] = state["sum"]
        self._squares[...] = state["squares"]
        self._steps = state["steps"]
        self._average[...] = state["average"]
        self._averaged = state["averaged"]

    def average(self) -> None:
        """Take the present weights into the average."""
        self._averaged += 1
        self._average += (self._weights - self._average) / self._averaged

    def use_average(self) -> None:
        """Replace the weights by their average, if there is one."""
        if self._averaged:
            self._weights[...] = self._average
