# SPDX-License-Identifier: MIT
"""Gradients of the networks over components, the quickest way that each of them has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ns3kan.agents.networks.component_actor_critic import ComponentCritic, FlatCritic
from ns3kan.agents.networks.component_policy import ComponentNetwork
from ns3kan.agents.networks.flat_network import FlatNetwork
from ns3kan.agents.networks.mlp import Mlp

Floats = npt.NDArray[np.floating[Any]]
SetGradients = Callable[[Floats], None]
"""Takes a loss's gradient with respect to the outputs, of their shape, and writes those with
respect to the weights into their ``grad``, in place of what was there."""
Pullback = Callable[[Floats], tuple[Floats, SetGradients]]
"""From what a network's ``prepare`` returned to its outputs and what a training step needs beside
them; the latter is to be called once."""


def make_pullback(network: ComponentNetwork | ComponentCritic) -> Pullback:
    """Prepare a network for training.

    Parameters
    ----------
    network
        On the CPU, each of its parameters with a ``grad``. Perceptrons over the whole state are
        differentiated in closed form, all others automatically. Its parameters must stay where
        they are in memory.
    """
    if isinstance(network, FlatNetwork) and isinstance(network.body, Mlp):
        return PerceptronPullback(network.body)
    if isinstance(network, FlatCritic):
        perceptron = PerceptronPullback(network.body)

        def values(prepared: Floats) -> tuple[Floats, SetGradients]:
            outputs, set_gradients = perceptron(prepared)
            return outputs[:, 0], lambda slope: set_gradients(slope[:, None])

        return values

    def recorded(prepared: Floats) -> tuple[Floats, SetGradients]:
        outputs = network.evaluate(torch.from_numpy(prepared))

        def set_gradients(slope: Floats) -> None:
            for parameter in network.parameters():
                assert parameter.grad is not None
                parameter.grad.zero_()
            outputs.backward(torch.from_numpy(slope))  # type: ignore[no-untyped-call]

        return outputs.detach().numpy(), set_gradients

    return recorded


class PerceptronPullback:
    """Back-propagation through a perceptron in closed form and with NumPy.

    PyTorch gives the same, but for small networks and batches takes longer to start its operations,
    and to keep a record of them, than to compute.

    Parameters
    ----------
    perceptron
        As in `make_pullback`.
    """

    def __init__(self, perceptron: Mlp) -> None:
        linears = [module for module in perceptron if isinstance(module, nn.Linear)]
        self._layers = [(_view(each.weight), _view(each.bias)) for each in linears]
        self._gradients = [(_view(each.weight.grad), _view(each.bias.grad)) for each in linears]
        # Memory is kept, because to ask for it anew takes as long as to compute.
        self._outputs: list[Floats] = []
        self._slopes: list[Floats] = []
        self._ones = np.ones(0)

    def __call__(self, inputs: Floats) -> tuple[Floats, SetGradients]:
        """Return outputs (batch, widths[-1]) of inputs (batch, widths[0]), as wide as the weights.

        They are overwritten in the next call.
        """
        if len(inputs) != len(self._ones):
            widths = [len(bias) for _, bias in self._layers]
            self._outputs = [np.empty((len(inputs), width), inputs.dtype) for width in widths]
            self._slopes = [np.empty_like(output) for output in self._outputs[:-1]]
            self._ones = np.ones(len(inputs), inputs.dtype)
        seen = inputs
        for place, (weight, bias) in enumerate(self._layers):
            output = self._outputs[place]
            np.matmul(seen, weight.T, out=output)
            output += bias
            if place < len(self._layers) - 1:
                np.tanh(output, out=output)
            seen = output
        return seen, lambda slope: self._set_gradients(inputs, slope)

    def _set_gradients(self, inputs: Floats, slope: Floats) -> None:
        for place in range(len(self._layers) - 1, -1, -1):
            weight_gradient, bias_gradient = self._gradients[place]
            seen = self._outputs[place - 1] if place else inputs
            np.matmul(slope.T, seen, out=weight_gradient)
            np.matmul(self._ones, slope, out=bias_gradient)
            if place:
                slope = np.matmul(slope, self._layers[place][0], out=self._slopes[place - 1])
                # tanh' = 1 - tanh²; what the layer before returned is not needed any more.
                np.square(seen, out=seen)
                np.subtract(1.0, seen, out=seen)
                slope *= seen


def _view(tensor: torch.Tensor | None) -> Floats:
    assert tensor is not None
    view: Floats = tensor.detach().numpy()
    return view
