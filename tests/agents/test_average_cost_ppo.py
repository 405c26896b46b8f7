# SPDX-License-Identifier: MIT
import csv
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import VectorWrapper

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.average_cost_ppo import AverageCostPPO, AverageCostPPOConfig
from ns3kan.agents.components.classical import make_policy
from ns3kan.agents.components.encodings import (
    Combination,
    Encoding,
    multi_path_encoding,
    single_hop_encoding,
)
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.components.runners import make_runner
from ns3kan.agents.training.shell import Progress
from ns3kan.bridge.queues.environment_sampling import mean_costs
from ns3kan.bridge.queues.vector_env import QueueVectorEnv

HOP, PATH = "ns3kan/SingleHopScheduling-v0", "ns3kan/MultiPathRouting-v0"
LOADED: dict[str, Any] = {
    "arrival_rates": [0.9, 0.35, 0.1],
    "service_rates": [3.0, 1.0, 0.4],
    "observe_rates": True,
}
SLOW_AND_FAST: dict[str, Any] = {"service_rates": [0.1, 0.2, 0.9], "observe_rates": True}
SCHEDULING = ComponentArchitecture(
    Encoding(
        single_hop_encoding(True).features,
        (Combination("minimum", "queue_length", "capacity", 6.0, 0.3),),
    )
)
ROUTING = ComponentArchitecture(multi_path_encoding(True))
SHORT = AverageCostPPOConfig(total_steps=2_000, rollout_steps=250, minibatch_size=100)


def make(name: str, lanes: int = 2, **arguments: Any) -> Any:
    return gymnasium.make_vec(name, lanes, vectorization_mode="vector_entry_point", **arguments)


def cost(name: str, policy: str | ComponentActorCritic, **arguments: Any) -> float:
    """Mean long-run cost of a step [packets]."""
    env: QueueVectorEnv = make(name, 50, **arguments)
    if isinstance(policy, str):
        return float(mean_costs(env, make_policy(policy, env, seed=0), 2_000, seed=900).mean())
    runner = make_runner(env, policy.actor, seed=0, env_seed=900)
    return float(runner.mean_costs(2_000).mean())


@pytest.mark.parametrize(
    ("name", "architecture", "rates", "usual", "margin"),
    [
        (HOP, SCHEDULING, LOADED, "max_weight", 0.93),
        (PATH, ROUTING, SLOW_AND_FAST, "shortest_queue", 0.85),
    ],
)
def test_it_learns_more_than_the_usual_policy(
    name: str, architecture: ComponentArchitecture, rates: dict[str, Any], usual: str, margin: float
) -> None:
    config = AverageCostPPOConfig(
        total_steps=60_000,
        rollout_steps=1_000,
        minibatch_size=500,
        learning_rate=1e-2,
        clip_range=0.3,
        entropy_coefficient=0.001,
        gae_lambda=0.6,
        averaging=0.3,
        smoothness=0.001,
        start_spread=40.0,
    )
    learned = cost(name, AverageCostPPO(architecture, config).learn(make(name, **rates)), **rates)
    assert learned < margin * cost(name, usual, **rates)
    assert learned < 0.7 * cost(name, "random", allow_unstable=True, **rates)


@pytest.mark.parametrize("critic", ["least-squares", "network"])
def test_equal_seeds_train_equal_policies(critic: str) -> None:
    def train(seed: int) -> torch.Tensor:
        config = AverageCostPPOConfig(
            total_steps=2_000, rollout_steps=250, critic=critic, seed=seed
        )
        policy = AverageCostPPO(SCHEDULING, config).learn(make(HOP, **LOADED))
        return torch.cat([each.detach().flatten() for each in policy.parameters()])

    before = torch.get_rng_state()
    first = train(0)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(train(0), first)
    assert not torch.equal(train(1), first)


@pytest.mark.parametrize(
    "architecture",
    [
        ComponentArchitecture(single_hop_encoding(True), "stn", hidden=(8,) * 4),
        ComponentArchitecture(single_hop_encoding(True), "mlp", 3, hidden=(8, 8)),
        ComponentArchitecture(single_hop_encoding(True), "kan", 3),
        SCHEDULING,
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_records_of_a_run(
    architecture: ComponentArchitecture, wrapped: bool, tmp_path: Path
) -> None:
    env = make(HOP, **LOADED)
    costs: list[np.ndarray] = []
    progress: list[Progress] = []
    config = AverageCostPPOConfig(
        total_steps=1_100, rollout_steps=250, minibatch_size=100, cut_length=5.0, cut_interval=100
    )
    policy = AverageCostPPO(architecture, config, costs.append).learn(
        VectorWrapper(env) if wrapped else env,
        run_dir=tmp_path / "run",
        on_progress=progress.append,
    )
    # Whole rollouts, 500 steps each.
    assert [each.shape for each in costs] == [(250, 2)] * 3
    assert [each.steps for each in progress] == [500, 1000, 1500]
    assert progress[-1].mean_reward == -costs[-1].mean()
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert [row["steps"] for row in rows] == [500, 1000, 1500]
    for row, seen in zip(rows, costs, strict=True):
        assert row["mean_cost"] == pytest.approx(seen.mean())
        assert [row["cost_0"], row["cost_1"]] == pytest.approx(seen.mean(0))
        assert 0 <= row["entropy"] <= np.log(3) + 1e-6
        assert row["approximate_kl"] >= -1e-6
        assert row["explained_variance"] <= 1
        # More than five packets is not rare here.
        assert row["cuts"] > 0
    loaded = ComponentActorCritic.load(tmp_path / "run" / "checkpoint.safetensors")
    assert loaded.architecture == architecture
    for mine, other in zip(loaded.parameters(), policy.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert loaded.provenance["algorithm"] == "average-cost ppo"
    assert loaded.provenance["config"]["cut_length"] == 5.0
    assert loaded.provenance["steps"] == 1_500
    assert loaded.provenance["environments"] == 2
    # It stays open.
    env.step(np.zeros(2, dtype=np.int64))


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("total_steps", 0, "be at least 1"),
        ("rollout_steps", 0, "be at least 1"),
        ("minibatch_size", -1, "be at least 1"),
        ("epochs", 0, "be at least 1"),
        ("critic_epochs", 0, "be at least 1"),
        ("torch_threads", 0, "be at least 1"),
        ("cut_interval", 0, "be at least 1"),
        ("learning_rate", 0.0, "be positive"),
        ("critic_learning_rate", float("nan"), "be positive"),
        ("clip_range", -0.1, "be positive"),
        ("max_grad_norm", 0.0, "be positive"),
        ("value_clip", 0.0, "be positive"),
        ("cut_length", float("nan"), "be positive"),
        ("start_spread", -1.0, "be positive"),
        ("entropy_coefficient", -0.1, "not be negative"),
        ("entropy_coefficient", float("inf"), "be finite"),
        ("smoothness", float("nan"), "not be negative"),
        ("gamma", 1.01, "lie between 0 and 1"),
        ("gae_lambda", -0.1, "lie between 0 and 1"),
        ("value_lambda", float("nan"), "lie between 0 and 1"),
        ("averaging", 1.5, "lie between 0 and 1"),
        ("critic", "quadratic", "be 'least-squares' or 'network'"),
        ("seed", -1, "not be negative"),
    ],
)
def test_bad_settings(field: str, value: Any, what: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is .*; it must {what}"):
        AverageCostPPOConfig(**{field: value})


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    env = make(HOP, **LOADED)
    with pytest.raises(ValueError, match="has 500 transitions, which minibatch_size 300 does not"):
        AverageCostPPO(
            SCHEDULING, AverageCostPPOConfig(rollout_steps=250, minibatch_size=300)
        ).learn(env)
    with pytest.raises(ValueError, match="only a switch-type KAN has splines to smooth"):
        AverageCostPPO(
            ComponentArchitecture(single_hop_encoding(True), "stn", hidden=(4,)),
            AverageCostPPOConfig(smoothness=0.1),
        ).learn(env)
    with pytest.raises(ValueError, match="but the policy takes queue_length, capacity, service"):
        AverageCostPPO(ROUTING, SHORT).learn(env)
    five = ComponentArchitecture(single_hop_encoding(True), "mlp", 5, hidden=(4,))
    with pytest.raises(ValueError, match="made for 5 components, but the environment has 3"):
        AverageCostPPO(five, SHORT).learn(env, tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()
    with pytest.raises(ValueError, match="without an end"):
        AverageCostPPO(SCHEDULING, SHORT).learn(make(HOP, max_steps=100, **LOADED))
    with pytest.raises(ValueError, match="without a time limit"):
        AverageCostPPO(SCHEDULING, SHORT).learn(VectorWrapper(make(HOP, max_steps=100, **LOADED)))
