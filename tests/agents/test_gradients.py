# SPDX-License-Identifier: MIT
"""Gradients and steps that are written out must be those of PyTorch."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.flat_parameters import Learner
from ns3kan.agents.components.gradients import add_roughness, make_pullback, surrogate_gradient
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan

_FLAT: dict[str, Any] = {"network": "mlp", "components": 3, "hidden": (16, 8), "critic": "flat"}


@pytest.mark.parametrize("part", ["actor", "critic"])
@pytest.mark.parametrize(
    "arguments",
    [
        _FLAT,
        {"network": "mlp", "components": 3, "hidden": ()},
        {"network": "kan", "components": 3, "hidden": (4,)},
        {"network": "stn", "hidden": (8, 8)},
        {"network": "switch-type-kan"},
    ],
)
def test_gradients_are_those_of_automatic_differentiation(
    part: str, arguments: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    policy = ComponentActorCritic(ComponentArchitecture(single_hop_encoding(), **arguments))
    network = policy.actor.network if part == "actor" else policy.critic
    learner = Learner(network, 1e-3, 0.5)
    pullback = make_pullback(network)
    generator = np.random.default_rng(0)
    for batch in (7, 7, 5):
        # Weights that a step has changed must be seen.
        learner.step()
        states = torch.from_numpy(generator.integers(0, 9, (batch, 3, 2))).float()
        prepared = network.prepare(states).detach()
        expected = network.evaluate(prepared)
        slope = generator.normal(size=expected.shape).astype(np.float32)
        parameters = list(network.parameters())
        gradients = torch.autograd.grad(expected, parameters, torch.from_numpy(slope))

        outputs, set_gradients = pullback(prepared.numpy())
        np.testing.assert_allclose(outputs, expected.detach(), rtol=1e-5, atol=1e-6)
        set_gradients(slope)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-5)


def test_gradient_of_roughness_is_added() -> None:
    torch.manual_seed(0)
    network = SwitchTypeKan(single_hop_encoding())
    Learner(network, 1e-3, 0.5)
    roughness = network.raw_increments.diff(dim=1).square().mean()
    (expected,) = torch.autograd.grad(0.3 * roughness, [network.raw_increments])
    assert network.raw_increments.grad is not None
    network.raw_increments.grad.fill_(2.0)
    add_roughness(network, 0.3)
    torch.testing.assert_close(network.raw_increments.grad, expected + 2.0)


def test_surrogate_gradient_is_that_of_the_loss() -> None:
    generator = np.random.default_rng(1)
    logits = torch.from_numpy(generator.normal(size=(64, 4))).requires_grad_()
    action = torch.from_numpy(generator.integers(0, 4, 64))
    advantage = torch.from_numpy(generator.normal(size=64))
    log_probability = torch.log_softmax(logits, -1)
    chosen = log_probability.gather(-1, action[:, None])[:, 0]
    old = chosen.detach() + torch.from_numpy(generator.normal(0, 0.2, 64))
    ratio = (chosen - old).exp()
    clipped = ratio.clamp(0.9, 1.1)
    # Both sides of the clipping must come up, and what is not clipped.
    assert 0 < int((ratio != clipped).sum()) < 64
    entropy = -(log_probability.exp() * log_probability).sum(-1)
    loss = -torch.minimum(ratio * advantage, clipped * advantage).mean() - 0.03 * entropy.mean()
    (expected,) = torch.autograd.grad(loss, logits)

    gradient = surrogate_gradient(
        logits.detach().numpy(), action.numpy(), old.numpy(), advantage.numpy(), 0.1, 0.03
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-12)


def test_steps_are_those_of_adam() -> None:
    torch.manual_seed(2)
    mine, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(mine.state_dict())
    learner = Learner(mine, 2e-2, 0.5)
    learner.set_rate(0.5)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-2, eps=1e-5)
    for step in range(50):
        # Gradients on both sides of the bound.
        scale = 10.0 if step % 2 else 0.01
        for own, other in zip(mine.parameters(), theirs.parameters(), strict=True):
            other.grad = scale * torch.randn_like(other)
            assert own.grad is not None
            own.grad.copy_(other.grad)
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        adam.step()
        learner.step()
    torch.testing.assert_close(mine.weight, theirs.weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mine.bias, theirs.bias, rtol=1e-5, atol=1e-6)


def test_average_of_weights() -> None:
    module = nn.Linear(2, 1)
    learner = Learner(module, 1e-3, 1.0)
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(module.weight, value)
        learner.average()
    learner.use_average()
    torch.testing.assert_close(module.weight.detach(), torch.full((1, 2), 3.0))


def test_flat_critic_is_saved_with_the_policy(tmp_path: Any) -> None:
    policy = ComponentActorCritic(ComponentArchitecture(single_hop_encoding(), **_FLAT))
    policy.save(tmp_path / "policy.safetensors")
    again = ComponentActorCritic.load(tmp_path / "policy.safetensors")
    assert again.architecture == policy.architecture
    states = torch.rand(6, 3, 2)
    assert policy.critic(states).shape == (6,)
    torch.testing.assert_close(again.critic(states), policy.critic(states))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"critic": "deep"}, "no critic 'deep'; choose one of shared, flat"),
        ({"critic": "flat"}, "a switch-type-kan serves any K; take the shared critic"),
    ],
)
def test_critics_that_cannot_be_built(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ComponentArchitecture(single_hop_encoding(), **arguments)
