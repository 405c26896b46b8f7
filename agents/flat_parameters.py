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
        norm = torch.linalg.vector_norm(self.gradient)
        self.gradient.mul_((highest / (norm + 1e-6)).clamp_max(1.0))
        return norm
