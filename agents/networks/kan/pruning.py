# SPDX-License-Identifier: MIT
"""Which neurons of a KAN matter, and the KAN without those that do not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from ns3kan.agents.networks.kan.layer import Kan, KanLayer

THRESHOLD = 1e-2
"""The paper's, for both scores."""


@dataclass(frozen=True)
class NeuronScores:
    """How strongly the neurons of one hidden layer are connected, each (neurons,).

    Attributes
    ----------
    incoming
        Largest scale of an edge that leads to the neuron.
    outgoing
        Largest scale of an edge that starts at it.
    """

    incoming: Tensor
    outgoing: Tensor

    def matter(self, threshold: float = THRESHOLD) -> Tensor:
        """Whether both scores exceed a threshold, shape (neurons,)."""
        return (self.incoming > threshold) & (self.outgoing > threshold)


def edge_scales(network: Kan, x: Tensor) -> list[Tensor]:
    """Mean magnitudes of what edges add, over inputs (samples, inputs): (out, in) of each layer."""
    with torch.no_grad():
        return [layer.edge_activations(inputs).abs().mean(0) for layer, inputs in _each(network, x)]


def neuron_scores(network: Kan, x: Tensor) -> list[NeuronScores]:
    """Score the neurons of all hidden layers by inputs (samples, inputs).

    References
    ----------
    Jahin, Mridha, Dey, equation 34.
    """
    scales = edge_scales(network, x)
    return [
        NeuronScores(before.amax(1), after.amax(0)) for before, after in itertools.pairwise(scales)
    ]


def prune(network: Kan, x: Tensor, threshold: float = THRESHOLD) -> Kan:
    """Copy a network without the hidden neurons that do not matter.

    What a neuron that goes adds to the next layer on average is kept as a constant. Of a layer in
    which no neuron matters, the one with the largest product of its scores stays.

    Parameters
    ----------
    network
        Stays as it is.
    x
        Inputs that it is judged by, shape (samples, inputs).
    threshold
        For incoming and outgoing scores, see `neuron_scores`.
    """
    remaining = [torch.arange(network.layers[0].in_features)]
    for scores in neuron_scores(network, x):
        places = scores.matter(threshold).nonzero()[:, 0]
        remaining.append(
            places if len(places) else (scores.incoming * scores.outgoing).argmax()[None]
        )
    remaining.append(torch.arange(network.layers[-1].out_features))
    first = network.layers[0]
    pruned = Kan(
        [len(places) for places in remaining],
        first.grid,
        first.order,
        first.low,
        first.high,
        first.outside,
    )
    with torch.no_grad():
        for number, (layer, inputs) in enumerate(_each(network, x)):
            columns, rows = remaining[number], remaining[number + 1]
            target = pruned.layers[number]
            target.coefficients.copy_(layer.coefficients[rows][:, columns])
            target.base_weight.copy_(layer.base_weight[rows][:, columns])
            if layer.knots is not None:
                target.set_knots(layer.knots[columns])
            elif layer.ranges is not None:
                target.set_grid(*layer.ranges[:, columns])
            gone = torch.ones(layer.in_features, dtype=torch.bool)
            gone[columns] = False
            lost = layer.edge_activations(inputs)[:, :, gone].mean(0).sum(1)
            target.add_constant(lost[rows])
    return pruned


def _each(network: Kan, x: Tensor) -> list[tuple[KanLayer, Tensor]]:
    """Pair every layer with its inputs (samples, in)."""
    pairs = []
    with torch.no_grad():
        for layer in network.layers:
            pairs.append((layer, x))
            x = layer(x)
    return pairs
