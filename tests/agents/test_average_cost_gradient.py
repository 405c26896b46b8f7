# SPDX-License-Identifier: MIT
import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ns3kan.agents.average_cost_ppo import surrogate_gradient
from ns3kan.agents.flat_parameters import FlatParameters, Learner
from ns3kan.agents.networks.encodings import single_hop_encoding
from ns3kan.agents.networks.mlp import Mlp
from ns3kan.agents.networks.switch_type_kan import SwitchTypeKan


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 20),
    queues=st.integers(1, 6),
    spread=st.sampled_from([0.1, 1.0, 10.0]),
    clip_range=st.sampled_from([0.05, 0.1, 0.3]),
    entropy_coefficient=st.sampled_from([0.0, 0.01, 1.0]),
)
def test_closed_form_is_the_automatic_gradient(
    seed: int,
    batch: int,
    queues: int,
    spread: float,
    clip_range: float,
    entropy_coefficient: float,
) -> None:
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    logits = (spread * normal(batch, queues)).requires_grad_()
    action = torch.randint(queues, (batch,), generator=rng)
    advantage = normal(batch)
    logs = torch.log_softmax(logits, -1)
    chosen = logs.gather(-1, action[:, None])[:, 0]
    # Some ratios inside of the clip range, some on either side of it.
    old = (chosen + 0.3 * normal(batch)).detach()
    ratio = (chosen - old).exp()
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip_range, 1 + clip_range) * advantage)
    entropy = -(logs.exp() * logs).sum(-1)
    loss = -gain.mean() - entropy_coefficient * entropy.mean()
    (expected,) = torch.autograd.grad(loss, logits)
    found = surrogate_gradient(
        logits.detach(), action, old, advantage, clip_range, entropy_coefficient
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def networks() -> tuple[Mlp, Mlp]:
    torch.manual_seed(0)
    network = Mlp((3, 5, 1))
    return network, copy.deepcopy(network)


def test_a_flattened_module_is_still_a_module() -> None:
    plain, flat = networks()
    parameters = FlatParameters(flat)
    x = torch.randn(7, 3)
    assert torch.equal(flat(x), plain(x))
    assert parameters.vector.numel() == sum(each.numel() for each in plain.parameters())
    # Gradients add up in the vector, however they come about.
    for module in (plain, flat):
        module(x).sum().backward()
        module(2 * x).square().sum().backward()
    expected = torch.cat([each.grad.flatten() for each in plain.parameters()])  # type: ignore[union-attr]
    torch.testing.assert_close(parameters.gradient, expected)
    assert parameters.vector.grad is parameters.gradient
    parameters.zero_grad()
    assert all(each.grad is not None and not each.grad.any() for each in flat.parameters())
    # The module sees what is written to the vector, and the vector what is loaded into the module.
    with torch.no_grad():
        parameters.vector.fill_(0.5)
    assert all((each == 0.5).all() for each in flat.parameters())
    flat.load_state_dict(plain.state_dict())
    whole = torch.cat([each.detach().flatten() for each in plain.parameters()])
    assert torch.equal(parameters.vector.detach(), whole)


def test_the_gradient_is_scaled_down_not_up() -> None:
    _, flat = networks()
    parameters = FlatParameters(flat)
    parameters.gradient.fill_(1.0)
    size = float(parameters.vector.numel()) ** 0.5
    assert float(parameters.clip_grad_norm(2.0)) == pytest.approx(size)
    assert float(parameters.gradient.norm()) == pytest.approx(2.0, rel=1e-5)
    parameters.clip_grad_norm(100.0)
    assert float(parameters.gradient.norm()) == pytest.approx(2.0, rel=1e-5)


def test_training_is_that_of_separate_parameters() -> None:
    plain, flat = networks()
    adam = torch.optim.Adam(plain.parameters(), lr=1e-2, eps=1e-5)
    learner = Learner(flat, 1e-2, 0.5)
    rng = np.random.default_rng(0)
    for step in range(30):
        x = torch.from_numpy(rng.normal(size=(16, 3))).float()
        share = 1 - step / 30
        adam.param_groups[0]["lr"] = 1e-2 * share
        learner.set_rate(share)
        adam.zero_grad()
        (plain(x)[:, 0] - x.sum(1)).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        adam.step()
        learner.zero_grad()
        (flat(x)[:, 0] - x.sum(1)).square().mean().backward()
        learner.step()
    for mine, other in zip(flat.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_weights_are_averaged() -> None:
    network = SwitchTypeKan(single_hop_encoding(), grid=2)
    learner = Learner(network, 1e-2, 1.0)
    learner.use_average()
    kept = []
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            network.raw_increments.fill_(value)
        kept.append(network.raw_increments.detach().clone())
        learner.average()
    learner.use_average()
    torch.testing.assert_close(network.raw_increments.detach(), torch.stack(kept).mean(0))
