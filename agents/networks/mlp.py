# SPDX-License-Identifier: MIT
"""Multi-layer perceptrons with orthogonal initial weights."""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class Mlp(nn.Sequential):
    """A perceptron with tanh between its layers: (batch, widths[0]) to (batch, widths[-1]).

    Weights start orthogonal with gain sqrt(2), those of the last layer with ``last_gain``, and
    biases at zero, which is what PPO implementations have in common (Huang et al. 2022, "The 37
    implementation details of proximal policy optimization", detail 2).

    Parameters
    ----------
    widths
        Number of inputs, of nodes of each hidden layer, and of outputs.
    last_gain
        Gain of the last layer: small for a policy, so that it starts indifferent.

    Raises
    ------
    ValueError
        If there are fewer than two widths or one of them is not positive.
    """

    def __init__(self, widths: Sequence[int], last_gain: float = 1.0) -> None:
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(
                f"A perceptron needs two or more positive widths, inputs to outputs; got {widths}."
            )
        modules: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            linear = nn.Linear(inputs, outputs)
            nn.init.orthogonal_(linear.weight, math.sqrt(2.0))
            nn.init.zeros_(linear.bias)
            modules += [linear, nn.Tanh()]
        nn.init.orthogonal_(linear.weight, last_gain)
        super().__init__(*modules[:-1])

    def pullback(self, inputs: Tensor) -> tuple[Tensor, Callable[[Tensor], None]]:
        """Outputs, and a function that adds gradients to those of the weights and biases.

        Back-propagation in closed form. Automatic differentiation gives the same, but for small
        networks and batches takes longer to keep its record than to compute.

        Parameters
        ----------
        inputs
            Shape (batch, widths[0]).

        Returns
        -------
        outputs, add_gradients
            Shape (batch, widths[-1]), without a record for automatic differentiation; the function
            takes a loss's gradient with respect to them.
        """
        linears = [module for module in self if isinstance(module, nn.Linear)]
        with torch.no_grad():
            # What each linear layer sees, then the outputs.
            seen = [inputs]
            for linear in linears:
                if len(seen) > 1:
                    seen[-1].tanh_()
                seen.append(torch.addmm(linear.bias, seen[-1], linear.weight.t()))

        @torch.no_grad()
        def add_gradients(slope: Tensor) -> None:
            for place in range(len(linears) - 1, -1, -1):
                linear = linears[place]
                _gradient(linear.weight).addmm_(slope.t(), seen[place])
                _gradient(linear.bias).add_(slope.sum(0))
                if place:
                    slope = torch.ops.aten.tanh_backward(slope @ linear.weight, seen[place])

        return seen[-1], add_gradients


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad
