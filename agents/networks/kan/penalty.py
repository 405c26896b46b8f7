# SPDX-License-Identifier: MIT
"""What makes a KAN sparse and smooth while it learns: penalties on its edges."""

import torch
from torch import Tensor

from ns3kan.agents.networks.kan.layer import Kan, KanLayer
from ns3kan.agents.training.settings import Finite, NotNegative, settings


@settings(frozen=True)
class KanPenalty:
    """Weights of the four penalties (Jahin, Mridha, Dey, eq. 23 to 28).

    The scale of an edge is the mean magnitude of what it adds to its output over a batch.

    Raises
    ------
    ValueError
        If a weight is not finite, or one other than ``entropy`` is negative.
    """

    l1: NotNegative = 1.0
    """Weight of the sum of the scales of all edges."""
    entropy: Finite = 2.0
    """Weight of the entropy of the scales, layer by layer, as in the KAN paper (Liu et al. 2024,
    eq. 2.20), where few large edges are better than many small ones. Equation 26 prints a minus,
    which asks for the opposite; a negative weight does that."""
    coefficients: NotNegative = 0.0
    """Weight of the sum of the magnitudes of the spline coefficients (eq. 27)."""
    differences: NotNegative = 0.0
    """Weight of the sum of the magnitudes of the differences of neighbouring coefficients."""


def penalised(network: Kan, x: Tensor, weights: KanPenalty) -> tuple[Tensor, Tensor]:
    """Return outputs (batch, outputs) of inputs (batch, inputs), and the penalty, a scalar.

    Both come from one evaluation of the edges.
    """
    columns = x.t()
    penalty = x.new_zeros(())
    for layer in network.layers:
        columns, scales = _outputs_and_scales(layer, columns)
        if weights.l1 or weights.entropy:
            total = scales.sum()
            penalty = penalty + weights.l1 * total
            if weights.entropy:
                share = scales / (total + 1e-12)
                penalty = (
                    penalty - weights.entropy * torch.special.xlogy(share, share + 1e-12).sum()
                )
        if weights.coefficients:
            penalty = penalty + weights.coefficients * layer.coefficients.abs().sum()
        if weights.differences:
            penalty = penalty + weights.differences * layer.coefficients.diff(dim=-1).abs().sum()
    return columns.t(), penalty


def _outputs_and_scales(layer: KanLayer, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Return outputs (out, batch) of inputs (in, batch), and the scale of each edge (in, out)."""
    features = layer.features(columns).view(-1, layer.in_features, columns.shape[1])
    weight = layer.weight.view(layer.out_features, -1, layer.in_features)
    edges = torch.bmm(weight.permute(2, 0, 1), features.transpose(0, 1))
    return edges.sum(0), edges.abs().mean(-1)
