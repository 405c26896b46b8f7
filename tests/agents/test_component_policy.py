# SPDX-License-Identifier: MIT
from pathlib import Path

import numpy as np
import pytest
import torch

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.encodings import (
    Combination,
    Encoding,
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.policy import ComponentActor, ComponentArchitecture
from ns3kan.agents.training.checkpoint import CheckpointError, save_checkpoint

ARCHITECTURES = {
    "stn": ComponentArchitecture(multi_path_encoding(rates=True), "stn", hidden=(8,) * 4),
    "switch-type-kan": ComponentArchitecture(
        Encoding(
            multi_path_encoding(rates=True).features,
            (Combination("excess", "queue_length", "capacity", 100.0, 1.0),),
        ),
        grid=5,
    ),
    "kan": ComponentArchitecture(multi_path_encoding(rates=True), "kan", components=4),
    "mlp": ComponentArchitecture(multi_path_encoding(rates=True), "mlp", 4, hidden=(16, 16)),
}


def drawn(batch: int, components: int = 4, seed: int = 0) -> torch.Tensor:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 50, (batch, components, 1)).astype(float)
    return torch.from_numpy(np.concatenate((lengths, generator.random((batch, components, 2))), -1))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_networks_have_one_interface(name: str) -> None:
    torch.manual_seed(0)
    policy = ComponentActorCritic(ARCHITECTURES[name])
    x = drawn(7)
    generator = np.random.default_rng(0)
    probabilities = policy.actor.probabilities(x)
    assert probabilities.shape == (7, 4)
    torch.testing.assert_close(policy.actor.probabilities(x.flatten(1)), probabilities)
    for action in (
        policy.actor.decide(x, "first"),
        policy.actor.decide(x, "random", generator),
        policy.actor.sample(x, generator),
    ):
        assert action.shape == (7,)
        assert set(action) <= {0, 1, 2, 3}
        log_prob, entropy = policy.actor.evaluate(x, torch.from_numpy(action))
        expected = torch.distributions.Categorical(probabilities)
        torch.testing.assert_close(log_prob, expected.log_prob(torch.from_numpy(action)))
        torch.testing.assert_close(entropy, expected.entropy())
    assert policy.critic(x).shape == (7,)
    torch.testing.assert_close(policy.critic(x.flatten(1)), policy.critic(x))


@pytest.mark.parametrize("name", ["stn", "switch-type-kan"])
@pytest.mark.parametrize("components", [1, 2, 3, 32])
def test_switch_type_networks_serve_any_number_and_any_order(name: str, components: int) -> None:
    torch.manual_seed(0)
    policy = ComponentActorCritic(ARCHITECTURES[name])
    x = drawn(20, components)
    order = torch.randperm(components)
    torch.testing.assert_close(
        policy.actor.probabilities(x[:, order]), policy.actor.probabilities(x)[:, order]
    )
    torch.testing.assert_close(policy.critic(x[:, order]), policy.critic(x))


def test_sampling_follows_the_probabilities() -> None:
    torch.manual_seed(0)
    actor = ComponentActor(ARCHITECTURES["switch-type-kan"])
    x = drawn(1).expand(200_000, -1, -1)
    share = np.bincount(actor.sample(x, np.random.default_rng(0)), minlength=4) / len(x)
    expected = actor.probabilities(x[:1])[0].detach().numpy()
    np.testing.assert_allclose(share, expected, atol=5 * 0.5 / np.sqrt(len(x)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["stn", "switch-type-kan"])
def test_ties_are_broken_by_the_rule(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    actor = ComponentActor(ARCHITECTURES[name]).to(dtype)
    # The first queue is longer; the others are equal, so each of them attracts the same.
    x = torch.tensor([[9.0, 0.5, 0.3]] + [[4.1, 0.7, 0.4]] * 3).expand(3001, 4, 3)
    assert (actor.decide(x, "first") == 1).all()
    assert (actor.decide(x, "last") == 3).all()
    counts = np.bincount(actor.decide(x, "random", np.random.default_rng(0)), minlength=4)
    assert counts[0] == 0
    assert (abs(counts[1:] - 1000) < 150).all()


@pytest.mark.parametrize("length", [1e4, 1e8, 1e15])
@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("logarithmic", [True, False])
def test_long_queues_stay_finite(name: str, length: float, logarithmic: bool) -> None:
    torch.manual_seed(0)
    old = ARCHITECTURES[name]
    encoding = multi_path_encoding(True, logarithmic)
    actor = ComponentActor(ComponentArchitecture(encoding, old.network, old.components, old.hidden))
    x = drawn(6)
    x[:3, 0, 0] = length
    x[1, :, 0] = length
    for chosen in range(4):
        log_prob, entropy = actor.evaluate(x, torch.full((6,), chosen))
        assert log_prob.isfinite().all()
        assert (entropy >= 0.0).all()
        actor.zero_grad()
        (log_prob.sum() + entropy.sum()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in actor.parameters())
    actor.sample(x, np.random.default_rng(0))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_checkpoint_round_trip(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    policy = ComponentActorCritic(ARCHITECTURES[name])
    policy.critic.value_shift.fill_(-7.0)
    policy.provenance = {"steps": 5}
    policy.save(tmp_path / "p.safetensors")
    loaded = ComponentActorCritic.load(tmp_path / "p.safetensors")
    assert loaded.architecture == policy.architecture
    x = drawn(9)
    assert torch.equal(loaded.actor.logits(x), policy.actor.logits(x))
    assert torch.equal(loaded.critic(x), policy.critic(x))
    assert loaded.provenance == {"steps": 5}
    policy.double().save(tmp_path / "q.safetensors")
    assert torch.equal(
        ComponentActorCritic.load(tmp_path / "q.safetensors").actor.logits(x),
        policy.actor.logits(x),
    )


def test_bad_checkpoints_are_refused(tmp_path: Path) -> None:
    policy = ComponentActorCritic(ARCHITECTURES["stn"])
    path = tmp_path / "p.safetensors"
    save_checkpoint(path, policy.state_dict(), {"kind": "actor-critic"})
    with pytest.raises(CheckpointError, match="holds 'actor-critic', not 'component-actor-critic'"):
        ComponentActorCritic.load(path)
    save_checkpoint(path, {}, {"kind": "component-actor-critic", "architecture": {}})
    with pytest.raises(CheckpointError, match="do not fit"):
        ComponentActorCritic.load(path)
    other = ComponentActorCritic(ARCHITECTURES["switch-type-kan"])
    other.architecture = policy.architecture
    other.save(path)
    with pytest.raises(CheckpointError, match="do not fit"):
        ComponentActorCritic.load(path)


def test_observations_that_do_not_fit_are_refused() -> None:
    actor = ComponentActor(ARCHITECTURES["mlp"])
    with pytest.raises(ValueError, match="made for 4 components, but the observation has 5"):
        actor.logits(drawn(2, 5))
    with pytest.raises(ValueError, match="needs \\(batch, K, 3\\)"):
        actor.logits(torch.zeros(2, 4, 2))
    with pytest.raises(ValueError, match="needs \\(batch, K, 3\\)"):
        actor.logits(torch.zeros(2, 7))
    shared = ComponentActor(ARCHITECTURES["stn"])
    with pytest.raises(ValueError, match="not finite"):
        shared.decide(torch.full((1, 2, 3), torch.nan), "first")
    with pytest.raises(ValueError, match="Random ties need a generator"):
        shared.decide(drawn(1))
    with pytest.raises(ValueError, match="no tie rule 'lowest'"):
        shared.decide(drawn(1), "lowest")


def test_bad_architectures_are_refused() -> None:
    encoding = single_hop_encoding()
    with pytest.raises(ValueError, match="no network 'rnn'"):
        ComponentArchitecture(encoding, "rnn")
    with pytest.raises(ValueError, match="needs the number of components"):
        ComponentArchitecture(encoding, "mlp")
    with pytest.raises(ValueError, match="serves any K"):
        ComponentArchitecture(encoding, "switch-type-kan", components=4)
    with pytest.raises(ValueError, match="leave hidden empty"):
        ComponentArchitecture(encoding, "switch-type-kan", hidden=(4,))
    with pytest.raises(ValueError, match="needs hidden layers"):
        ComponentArchitecture(encoding, "stn")
    with pytest.raises(ValueError, match="critic_hidden"):
        ComponentArchitecture(encoding, critic_hidden=(0, 4))
