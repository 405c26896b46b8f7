# SPDX-License-Identifier: MIT
"""Multi-layer perceptrons with orthogonal initial weights."""

import itertools
import math
from collections.abc import Sequence

from torch import nn

from ns3kan.errors import InputError


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
            raise InputError(
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
