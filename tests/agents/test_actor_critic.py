# SPDX-License-Identifier: MIT
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture, RatioActor
from ns3kan.agents.networks.mlp import Mlp
from ns3kan.agents.training.checkpoint import CheckpointError

NAMES = ("a", "b", "c")


def make(**architecture: object) -> ActorCritic:
    torch.manual_seed(0)
    shape = Architecture(features=3, **architecture)  # type: ignore[arg-type]
    return ActorCritic(shape, NAMES, ("1", "s", "1"), ("ratio",))


@pytest.mark.parametrize("actor", ["kan", "mlp"])
@pytest.mark.parametrize("start_mode", [0.2, 0.5, 0.8])
def test_untrained_policy_decides_the_start_mode(actor: str, start_mode: float) -> None:
    torch.manual_seed(0)
    policy = RatioActor(Architecture(8, actor=actor), start_mode=start_mode)
    mode = policy.mode(torch.rand(200, 8) * 2 - 1)
    assert (mode - start_mode).abs().max() < 0.1


def test_log_prob_and_entropy_are_those_of_the_beta_density() -> None:
    policy = make(actions=1).actor
    observation = torch.randn(50, 3)
    action = torch.rand(50, 1)
    log_prob, entropy = policy.evaluate(observation, action)
    mode = policy.mode(observation)
    k = policy.log_concentration.exp()
    alpha, beta = (1 + k * mode).detach().numpy(), (1 + k * (1 - mode)).detach().numpy()
    reference = scipy.stats.beta(alpha, beta)
    np.testing.assert_allclose(
        log_prob.detach().numpy(), reference.logpdf(action)[:, 0], atol=1e-4, rtol=1e-4
    )
    np.testing.assert_allclose(
        entropy.detach().numpy(), reference.entropy()[:, 0], atol=1e-4, rtol=1e-4
    )
    grid = np.linspace(1e-3, 1 - 1e-3, 999)
    most_likely = grid[reference.logpdf(grid[None, :]).argmax(1)]
    np.testing.assert_allclose(most_likely, mode.detach().numpy()[:, 0], atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    action=st.sampled_from([0.0, 1.0, 1e-12, 0.5]),
    observation=st.floats(-1e6, 1e6),
    log_concentration=st.floats(-50, 50),
)
def test_log_prob_is_finite_everywhere(
    action: float, observation: float, log_concentration: float
) -> None:
    policy = make().actor
    with torch.no_grad():
        policy.log_concentration.fill_(log_concentration)
    log_prob, entropy = policy.evaluate(torch.full((1, 3), observation), torch.full((1, 1), action))
    (log_prob + entropy).sum().backward()  # type: ignore[no-untyped-call]
    assert bool(log_prob.isfinite().all() and entropy.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in policy.parameters() if p.grad is not None)


def test_samples_follow_the_density() -> None:
    policy = make().actor
    observation = torch.randn(1, 3).expand(20_000, 3)
    drawn = policy.sample(observation, np.random.default_rng(0))
    mode, k = policy.mode(observation)[0].item(), policy.log_concentration.exp().item()
    assert drawn.shape == (20_000, 1)
    assert drawn.mean() == pytest.approx((1 + k * mode) / (2 + k), abs=0.01)


def test_edges_add_up_to_the_logit() -> None:
    policy = make().actor
    policy.shift.copy_(torch.tensor([1.0, 2.0, 3.0]))
    policy.scale.copy_(torch.tensor([0.5, 2.0, 0.1]))
    observation = torch.randn(7, 3)
    z = policy.normalise(observation)
    edges = sum(policy.body[0].edge_functions(z[:, i])[:, 0, i] for i in range(3))  # type: ignore[operator]
    torch.testing.assert_close(edges, policy.logit(observation)[:, 0])


@pytest.mark.parametrize("actor", ["kan", "mlp"])
def test_checkpoint_round_trip(tmp_path: Path, actor: str) -> None:
    policy = make(actor=actor, actor_hidden=(4,))
    policy.actor.shift.copy_(torch.tensor([1.0, 2.0, 3.0]))
    policy.critic.value_shift.fill_(-7.0)
    policy.provenance = {"steps": 5}
    policy.save(tmp_path / "p.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["p.safetensors"]
    loaded = ActorCritic.load(tmp_path / "p.safetensors")
    assert loaded.architecture == policy.architecture
    x = torch.randn(4, 3)
    assert torch.equal(loaded.actor.mode(x), policy.actor.mode(x))
    assert torch.equal(loaded.critic(x), policy.critic(x))
    assert loaded.feature_units == ("1", "s", "1")
    assert loaded.provenance == {"steps": 5}


def test_bad_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        ActorCritic.load(path)
    policy = make()
    policy.save(path)

    whole = path.read_bytes()
    for length in (0, 4, 200, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="truncated or damaged"):
            ActorCritic.load(path)

    damaged = whole.replace(b'\\"grid\\":3'.replace(b":", b": "), b'\\"grid\\": 5')
    assert damaged != whole
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        ActorCritic.load(path)

    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of ns3kan"):
        ActorCritic.load(path)


def test_failed_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    policy = make()
    policy.save(tmp_path / "p.safetensors")
    policy.provenance = {"unwritable": object()}
    with pytest.raises(TypeError):
        policy.save(tmp_path / "p.safetensors")
    assert ActorCritic.load(tmp_path / "p.safetensors").provenance == {}


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="actor is 'linear'; it must be 'kan' or 'mlp'"):
        make(actor="linear")
    with pytest.raises(ValueError, match="start_mode is 0"):
        RatioActor(Architecture(3), start_mode=0)
    with pytest.raises(ValueError, match="There are 2 feature names for 3"):
        ActorCritic(Architecture(3), ("a", "b"), NAMES, ("ratio",))
    with pytest.raises(ValueError, match="two or more positive widths"):
        Mlp((3, 0))
    with pytest.raises(ValueError, match="Only a KAN actor"):
        make(actor="mlp").actor.sparsity(torch.zeros(2, 3))
