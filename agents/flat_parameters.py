# SPDX-License-Identifier: MIT
"""All parameters of a small network in one vector, so that an optimiser's step is one operation."""

import torch
from torch import Tensor, nn


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

    def zero_grad(self) -> None:
        """Set the gradient to zero, in place."""
        self.gradient.zero_()

    def clip_grad_norm(self, highest: float) -> Tensor:
        """Scale the gradient down to a norm of at most ``highest``; returns the norm before."""
        norm: Tensor = torch.linalg.vector_norm(self.gradient)
        self.gradient.mul_((highest / (norm + 1e-6)).clamp_max(1.0))
        return norm


class Learner:
    """Adam on a network's parameters, with a bound on the gradient.

    Parameters
    ----------
    module
        Its parameters are flattened, see `FlatParameters`.
    rate
        Step size at the start.
    highest_norm
        Gradients are scaled down to this norm.
    """

    def __init__(self, module: nn.Module, rate: float, highest_norm: float) -> None:
        self._parameters = FlatParameters(module)
        self._rate = rate
        self._highest_norm = highest_norm
        self._adam = torch.optim.Adam([self._parameters.vector], lr=rate, eps=1e-5, fused=True)
        self.zero_grad = self._parameters.zero_grad
        self._average = torch.zeros_like(self._parameters.vector.data)
        self._averaged = 0

    def set_rate(self, share: float) -> None:
        """Set the step size to a share of the first."""
        self._adam.param_groups[0]["lr"] = self._rate * share

    def step(self) -> None:
        """Go a step down the gradient."""
        self._parameters.clip_grad_norm(self._highest_norm)
        self._adam.step()

    def average(self) -> None:
        """Take the present weights into the average."""
        self._averaged += 1
        self._average.lerp_(self._parameters.vector.data, 1.0 / self._averaged)

    def use_average(self) -> None:
        """Replace the weights by their average, if there is one."""
        if self._averaged:
            self._parameters.vector.data.copy_(self._average)
