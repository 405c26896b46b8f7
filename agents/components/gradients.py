# SPDX-License-Identifier: MIT
"""Gradients of the networks over components, in closed form where there is one.

Closed forms in NumPy stay beside PyTorch's automatic differentiation because they are faster, and
the tests compare both. A gradient step of 100 states of four queues, with `surrogate_gradient` and
the optimiser of `ns3kan.agents.components.flat_parameters`, against autograd with
`torch.optim.Adam`, on one thread: 16 times for a switch-type KAN, 8 for a perceptron of two layers
of 64, 3 for a switch-type network of four layers of 32. The pass through the network and back
alone: 5, 4 and 2 times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from torch import nn

from ns3kan.agents.components.actor_critic import ComponentCritic, FlatCritic
from ns3kan.agents.components.flat_network import FlatNetwork
from ns3kan.agents.components.policy import ComponentNetwork
from ns3kan.agents.components.switch_type import SwitchTypeNetwork
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
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
        On the CPU, each of its parameters with a ``grad``. Plain KANs are differentiated
        automatically, all others in closed form. Its parameters must stay where they are in memory.
    """
    if isinstance(network, FlatNetwork) and isinstance(network.body, Mlp):
        return PerceptronPullback(network.body)
    if isinstance(network, SwitchTypeNetwork):
        return SwitchTypePullback(network)
    if isinstance(network, SwitchTypeKan):
        return SwitchTypeKanPullback(network)
    if isinstance(network, FlatCritic):
        perceptron = PerceptronPullback(network.body)

        def values(prepared: Floats) -> tuple[Floats, SetGradients]:
            outputs, set_gradients = perceptron(prepared)
            return outputs[:, 0], lambda slope: set_gradients(slope[:, None])

        return values
    if isinstance(network, ComponentCritic):
        return DeepSetPullback(network)

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

        def set_gradients(slope: Floats) -> None:
            self.set_gradients(inputs, slope)

        return seen, set_gradients

    def set_gradients(self, inputs: Floats, slope: Floats) -> Floats:
        """Write the weights' gradients after a call with these inputs.

        Returns the slope at what the first layer's weights give, (batch, widths[1]).
        """
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
        return slope

    def of_inputs(self, slope: Floats) -> Floats:
        """Gradient with respect to the inputs, from what `set_gradients` returned."""
        return slope @ self._layers[0][0]


class DeepSetPullback:
    """Back-propagation through a critic over components, as `PerceptronPullback`.

    Parameters
    ----------
    critic
        As in `make_pullback`.
    """

    def __init__(self, critic: ComponentCritic) -> None:
        self._body = PerceptronPullback(critic.body)
        self._head = PerceptronPullback(critic.head)
        self._own = (_view(critic.own.weight), _view(critic.own.bias))
        self._own_gradients = (_view(critic.own.weight.grad), _view(critic.own.bias.grad))

    def __call__(self, inputs: Floats) -> tuple[Floats, SetGradients]:
        """Return values (batch,) of scaled terms (batch, K, terms)."""
        flat = inputs.reshape(-1, inputs.shape[-1])
        each, _ = self._body(flat)
        each = each.reshape(*inputs.shape[:2], -1)
        sums = each.sum(1)
        count = inputs.shape[1]
        means = sums / count
        weight, bias = self._own
        together, _ = self._head(means)
        values = together[:, 0] + sums @ weight[0] + count * bias

        def set_gradients(slope: Floats) -> None:
            weight_gradient, bias_gradient = self._own_gradients
            np.matmul(slope, sums, out=weight_gradient[0])
            bias_gradient[0] = count * slope.sum()
            of_means = self._head.of_inputs(self._head.set_gradients(means, slope[:, None]))
            of_each = of_means / count + slope[:, None] * weight
            self._body.set_gradients(flat, np.repeat(of_each, count, axis=0))

        return values, set_gradients


class SwitchTypePullback:
    """Back-propagation through a switch-type network, as `PerceptronPullback` for a perceptron.

    Parameters
    ----------
    network
        As in `make_pullback`.
    """

    def __init__(self, network: SwitchTypeNetwork) -> None:
        pairs = list(zip(network.log_weights, network.biases, strict=True))
        self._layers = [(_view(weight), _view(bias)) for weight, bias in pairs]
        self._gradients = [(_view(weight.grad), _view(bias.grad)) for weight, bias in pairs]
        self._ceiling = network.ceiling

    def __call__(self, inputs: Floats) -> tuple[Floats, SetGradients]:
        """Return values (batch, K) of scaled attractions (batch, K, terms)."""
        seen = inputs.reshape(-1, inputs.shape[-1])
        layers = [seen]
        weights = []
        for log_weight, bias in self._layers:
            weights.append(np.exp(log_weight))
            seen = seen @ weights[-1].T
            seen += bias
            if len(weights) < len(self._layers):
                np.clip(seen, 0.0, self._ceiling, out=seen)
            layers.append(seen)
        shape = inputs.shape[:-1]
        return seen.reshape(shape), lambda slope: self._set_gradients(layers, weights, slope)

    def _set_gradients(self, layers: list[Floats], weights: list[Floats], slope: Floats) -> None:
        slope = slope.reshape(-1, 1)
        for place in range(len(weights) - 1, -1, -1):
            weight_gradient, bias_gradient = self._gradients[place]
            seen = layers[place]
            np.matmul(slope.T, seen, out=weight_gradient)
            weight_gradient *= weights[place]
            slope.sum(0, out=bias_gradient)
            if place:
                slope = slope @ weights[place]
                # Nothing passes a unit at either end of its range.
                slope *= (seen > 0.0) & (seen < self._ceiling)


class SwitchTypeKanPullback:
    """Gradients of a switch-type KAN, whose value is linear in the increments of its splines.

    Parameters
    ----------
    network
        As in `make_pullback`.
    """

    def __init__(self, network: SwitchTypeKan) -> None:
        self._raw, self._bias = _view(network.raw_increments), _view(network.bias)
        self._raw_gradient = _view(network.raw_increments.grad)
        self._bias_gradient = _view(network.bias.grad)
        self._directions = np.array(network.encoding.directions, self._raw.dtype)[:, None]

    def __call__(self, inputs: Floats) -> tuple[Floats, SetGradients]:
        """Return values (batch, K) of ramps (batch, K, terms · (grid + 2))."""
        weights = np.logaddexp(self._raw, 0.0, dtype=self._raw.dtype) * self._directions
        values = inputs @ weights.ravel() + self._bias

        def set_gradients(slope: Floats) -> None:
            of_weights = slope.reshape(-1) @ inputs.reshape(-1, inputs.shape[-1])
            # The derivative of softplus.
            np.multiply(
                of_weights.reshape(self._raw.shape) * self._directions,
                expit(self._raw),
                out=self._raw_gradient,
            )
            self._bias_gradient[...] = slope.sum()

        return values, set_gradients


def add_roughness(network: SwitchTypeKan, weight: float) -> None:
    """Add to the gradients those of a penalty on the roughness of a network's splines.

    It is ``weight`` times the mean square of the differences between neighbouring raw increments,
    which keeps splines smooth, and lifts increments that noise has brought so near to zero that
    they no longer have a gradient of their own.
    """
    raw, gradient = _view(network.raw_increments), _view(network.raw_increments.grad)
    differences = np.diff(raw, axis=1)
    differences *= 2.0 * weight / differences.size
    gradient[:, 1:] += differences
    gradient[:, :-1] -= differences


def _view(tensor: torch.Tensor | None) -> Floats:
    assert tensor is not None
    view: Floats = tensor.detach().numpy()
    return view


def surrogate_gradient(
    logits: Floats,
    action: npt.NDArray[np.int64],
    old_log_probability: Floats,
    advantage: Floats,
    clip_range: float,
    entropy_coefficient: float,
) -> Floats:
    """Gradient of PPO's loss with respect to the logits, in closed form.

    The loss is −mean(min(ρA, clip(ρ, 1 − ε, 1 + ε)A)) − c·mean(entropy) (Schulman et al. 2017,
    eq. 7 and 9). With p the softmax of the logits, dρ/dlogits = ρ(onehot(a) − p), and the
    entropy's gradient is −p(log p + H). Automatic differentiation gives the same, but slower.

    Parameters
    ----------
    logits
        Shape (batch, K).
    action, old_log_probability, advantage
        Shape (batch,).
    clip_range, entropy_coefficient
        ε and c.

    Returns
    -------
    shape (batch, K)
    """
    # Sums over K are quicker along the first axis.
    log_probability = logits.T.copy()
    log_probability -= log_probability.max(0)
    probability = np.exp(log_probability)
    total = probability.sum(0)
    probability /= total
    log_probability -= np.log(total)
    chosen = (action, np.arange(len(action)))
    ratio = np.exp(log_probability[chosen] - old_log_probability)
    # Clipping stops the gradient where the ratio has moved too far in the advantage's direction.
    weight = ratio * advantage
    weight *= (ratio - 1.0) * np.sign(advantage) <= clip_range
    log_probability -= (probability * log_probability).sum(0)
    log_probability *= entropy_coefficient
    log_probability += weight
    probability *= log_probability
    probability[chosen] -= weight
    probability /= len(action)
    return probability.T
