# SPDX-License-Identifier: MIT
import math

import pytest
import torch

from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.kan.penalty import KanPenalty, penalised


def test_each_penalty_by_hand() -> None:
    network = Kan([2, 1]).double()
    layer = network.layers[0]
    with torch.no_grad():
        layer.base_weight.zero_()
        # Bases sum to one: constant edge functions 3 and -1.
        layer.coefficients[0, 0] = 3.0
        layer.coefficients[0, 1] = -1.0
        layer.coefficients[0, 1, 0] = -2.0
    x = torch.full((5, 2), 0.9, dtype=torch.float64)  # beyond the reach of the first basis

    def penalty(**weights: float) -> float:
        every = {"l1": 0.0, "entropy": 0.0, "coefficients": 0.0, "differences": 0.0}
        return penalised(network, x, KanPenalty(**(every | weights)))[1].item()

    assert penalty(l1=1.0) == pytest.approx(4.0)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert penalty(entropy=1.0) == pytest.approx(entropy)
    assert penalty(entropy=-2.0) == pytest.approx(-2 * entropy)
    assert penalty(coefficients=1.0) == pytest.approx(6 * 3 + 5 * 1 + 2)
    assert penalty(differences=1.0) == pytest.approx(1.0)
    assert penalty() == 0.0


def test_outputs_and_gradients_are_the_networks_own() -> None:
    torch.manual_seed(0)
    network = Kan([6, 4, 3]).double()
    x = torch.randn(9, 6, dtype=torch.float64, requires_grad=True)
    outputs, _ = penalised(network, x, KanPenalty())
    torch.testing.assert_close(outputs, network(x))
    parameters = (x, *network.parameters())
    ours = torch.autograd.grad(outputs.square().sum(), parameters)
    theirs = torch.autograd.grad(network(x).square().sum(), parameters)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_penalties_make_a_network_sparse() -> None:
    """Of ten inputs only two matter; with a penalty the others' edges go towards zero."""

    def useless_share(weight: float) -> float:
        torch.manual_seed(0)
        network = Kan([10, 1])
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        x = torch.rand(256, 10) * 2 - 1
        y = x[:, :1] + x[:, 1:2] ** 2
        for _ in range(300):
            optimiser.zero_grad()
            outputs, penalty = penalised(network, x, KanPenalty())
            loss = torch.nn.functional.mse_loss(outputs, y) + weight * penalty
            loss.backward()
            optimiser.step()
        scales = network.layers[0].edge_activations(x).abs().mean(0)[0]
        return (scales[2:].sum() / scales.sum()).item()

    assert useless_share(3e-3) < 0.5 * useless_share(0.0)


def test_bad_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="l1 is -1"):
        KanPenalty(l1=-1.0)
    with pytest.raises(ValueError, match="entropy is nan"):
        KanPenalty(entropy=math.nan)
