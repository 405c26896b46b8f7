# SPDX-License-Identifier: MIT
import numpy as np
import pytest
import torch

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.distinct_states import rollout_inputs
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.flat_parameters import Learner
from ns3kan.agents.components.policy import ComponentArchitecture


@pytest.mark.parametrize("network", ["stn", "switch-type-kan"])
def test_distinct_states_give_the_numbers_of_all_states(network: str) -> None:
    torch.manual_seed(0)
    hidden = (8, 8) if network == "stn" else ()
    architecture = ComponentArchitecture(single_hop_encoding(), network, hidden=hidden)
    actor = ComponentActorCritic(architecture).actor
    Learner(actor, 1e-3, 0.5)
    generator = np.random.default_rng(0)
    observations = generator.integers(0, 4, (200, 3, 2)).astype(np.float32)
    inputs = rollout_inputs(actor, observations, 50)
    # Places in a table of the 16 states that there are, not the states themselves.
    assert inputs.rows.shape == (200, 3)
    assert set(inputs.rows.ravel().tolist()) == set(range(16))
    expected = actor.logits(torch.from_numpy(observations))
    torch.testing.assert_close(inputs.logits(), expected)
    chosen = generator.permutation(200)[:50]
    slope = generator.normal(size=(50, 3)).astype(np.float32)
    parameters = list(actor.parameters())
    gradients = torch.autograd.grad(expected[chosen], parameters, torch.from_numpy(slope))
    logits, set_gradients = inputs.pullback(inputs.rows[chosen])
    np.testing.assert_allclose(logits, expected[chosen].detach(), rtol=1e-5, atol=1e-6)
    set_gradients(slope)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-5)


def test_states_are_taken_as_they_are_where_few_repeat_or_order_matters() -> None:
    generator = np.random.default_rng(0)
    few = generator.integers(0, 2, (40, 3, 2)).astype(np.float32)
    many = generator.normal(size=(40, 3, 2)).astype(np.float32)
    shared = ComponentArchitecture(single_hop_encoding())
    whole = ComponentArchitecture(single_hop_encoding(), "mlp", components=3, hidden=(4,))
    for architecture, observations in ((shared, many), (whole, few)):
        actor = ComponentActorCritic(architecture).actor
        Learner(actor, 1e-3, 0.5)
        inputs = rollout_inputs(actor, observations, 10)
        expected = actor.logits(torch.from_numpy(observations))
        torch.testing.assert_close(inputs.logits(), expected)
        logits, _ = inputs.pullback(inputs.rows[:10])
        np.testing.assert_allclose(logits, expected[:10].detach(), rtol=1e-5, atol=1e-6)
