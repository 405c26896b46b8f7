# SPDX-License-Identifier: MIT
import torch

from ns3kan.agents.networks.kan.grid import update_grids
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.networks.kan.pruning import edge_scales, neuron_scores, prune


def network_and_inputs() -> tuple[Kan, torch.Tensor]:
    torch.manual_seed(0)
    network = Kan([3, 4, 2], outside="linear")
    x = torch.rand(200, 3) * 2 - 1
    update_grids(network, x)
    with torch.no_grad():
        # Neuron 1 does not move, neuron 2 leads nowhere.
        network.layers[0].coefficients[1] = 0.0
        network.layers[0].base_weight[1] = 0.0
        network.layers[1].coefficients[:, 2] = 0.0
        network.layers[1].base_weight[:, 2] = 0.0
    return network, x


def test_scores_are_the_largest_scales_of_edges() -> None:
    network, x = network_and_inputs()
    (scores,) = neuron_scores(network, x)
    first = network.layers[0].edge_activations(x).abs().mean(0)
    second = network.layers[1].edge_activations(network.layers[0](x)).abs().mean(0)
    for neuron in range(4):
        assert float(scores.incoming[neuron]) == float(max(first[neuron]))
        assert float(scores.outgoing[neuron]) == float(max(second[:, neuron]))
    assert scores.matter().tolist() == [True, False, False, True]
    torch.testing.assert_close(edge_scales(network, x), [first, second])


def test_pruning_keeps_what_the_network_computes() -> None:
    network, x = network_and_inputs()
    with torch.no_grad():
        before = network(x)
        pruned = prune(network, x)
        assert [layer.out_features for layer in pruned.layers] == [2, 2]
        torch.testing.assert_close(pruned(x), before, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(network(x), before)
        # Without the constants of the neurons that went it would be another function.
        assert (
            network.layers[1].edge_activations(network.layers[0](x))[:, :, 1].abs() > 1e-3
        ).any()


def test_one_neuron_stays() -> None:
    network, x = network_and_inputs()
    pruned = prune(network, x, threshold=1e9)
    assert [layer.out_features for layer in pruned.layers] == [1, 2]
    with torch.no_grad():
        best = pruned.layers[0](x)[:, 0]
        wanted = network.layers[0](x)
    assert any(torch.allclose(best, wanted[:, neuron]) for neuron in (0, 3))
