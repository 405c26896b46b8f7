# SPDX-License-Identifier: MIT
"""Gradients of the networks over components, the quickest way that each of them has."""

from collections.abc import Callable

from torch import Tensor

from ns3kan.agents.networks.component_actor_critic import ComponentCritic, FlatCritic
from ns3kan.agents.networks.component_policy import ComponentNetwork
from ns3kan.agents.networks.flat_network import FlatNetwork
from ns3kan.agents.networks.mlp import Mlp


def pullback(
    network: ComponentNetwork | ComponentCritic, prepared: Tensor
) -> tuple[Tensor, Callable[[Tensor], None]]:
    """Evaluate a network, and return what a training step needs beside its outputs.

    Parameters
    ----------
    network
        Perceptrons over the whole state are differentiated in closed form, see `Mlp.pullback`, all
        others automatically.
    prepared
        What the network's ``prepare`` returned.

    Returns
    -------
    outputs, add_gradients
        What ``evaluate`` returns; and a function that takes a loss's gradient with respect to it,
        and adds those with respect to the weights to their ``grad``. Call it once.
    """
    if isinstance(network, FlatNetwork) and isinstance(network.body, Mlp):
        return network.body.pullback(prepared)
    if isinstance(network, FlatCritic):
        values, add_gradients = network.body.pullback(prepared)
        return values[:, 0], lambda slope: add_gradients(slope[:, None])
    outputs = network.evaluate(prepared)
    return outputs.detach(), outputs.backward
