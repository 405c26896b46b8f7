# SPDX-License-Identifier: MIT
"""Networks of this package inside Stable-Baselines3, trained by it on real environments."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.components.switch_type_kan import SwitchTypeKan
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.reading.index import read_index
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.networks.kan.layer import Kan
from ns3kan.agents.training.threads import torch_threads
from ns3kan.analysis.comparison.simulate import Simulation, simulate

stable_baselines3 = pytest.importorskip("stable_baselines3")

from ns3kan.agents.stable_baselines import (  # noqa: E402 - only where it is installed
    ComponentPolicy,
    QPolicy,
    RatioDistribution,
    RatioPolicy,
    observation_scales,
    ratio_policy_kwargs,
)

IDS = sorted(name for name in gymnasium.registry if name.startswith("ns3kan/"))
SHORT: dict[str, dict[str, Any]] = {
    "ns3kan/SdWan-v0": {"duration": 10},
    "ns3kan/ParallelPaths-v0": {"duration": 10},
    # Its warm-up by default is made for flows to come and go, and takes seconds.
    "ns3kan/LeafSpine-v0": {"warmup": 0.005, "duration": 0.05},
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


@pytest.mark.parametrize("name", IDS)
def test_every_registered_environment_passes_both_checkers(name: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines

    env = gymnasium.make(name, **SHORT.get(name, {}))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for advice in (
                # Queues and delays have no largest value.
                ".*maximum value is infinity.*",
                ".*minimum value is -infinity.*",
                # Ratios go to C++ as they are, in double precision, from 0 to 1.
                # An axis for queues; policies for vectors flatten it.
                ".*unconventional shape.*",
                ".*action space has dtype float64.*",
                ".*symmetric and normalized Box.*",
            ):
                warnings.filterwarnings("ignore", message=advice)
            check_env(env.unwrapped, skip_render_check=True)
            check_for_stable_baselines(env.unwrapped)
    finally:
        env.close()


def test_ratios_are_learned_read_out_and_deployed(tmp_path: Path) -> None:
    env = gymnasium.make("ns3kan/SdWan-v0", duration=20)
    try:
        kwargs = ratio_policy_kwargs(env, steps=64)
        model = stable_baselines3.PPO(
            RatioPolicy, env, n_steps=64, batch_size=32, n_epochs=2, policy_kwargs=kwargs, seed=1
        )
        actor = model.policy.agent.actor
        assert isinstance(actor.body, Kan)
        before = {name: value.clone() for name, value in actor.body.named_parameters()}
        model.learn(128)
        assert all(
            not torch.equal(value, before[name]) for name, value in actor.body.named_parameters()
        )

        states = []
        observation, _ = env.reset(seed=3)
        for _ in range(120):
            states.append(observation)
            action, _ = model.predict(observation, deterministic=True)
            assert env.action_space.contains(action)
            observation, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                observation, _ = env.reset()
        agent = model.policy.agent
        assert agent.feature_names == env.unwrapped.feature_names
        controller = read_equations(agent, states)[-1]
        controller.save(tmp_path / "controller.json")
        columns = [agent.feature_names.index(name) for name in controller.input_names]
        decided, _ = model.predict(np.array(states), deterministic=True)
        read = np.array([controller(np.asarray(state)[columns]) for state in states])
        # The equation's own record says how far it may be from its network; single precision adds.
        allowed = controller.fidelity["largest_absolute_error"] + 1e-5
        assert np.max(np.abs(read - decided)) <= allowed

        model.save(tmp_path / "model.zip")
        again = stable_baselines3.PPO.load(tmp_path / "model.zip")
        np.testing.assert_array_equal(
            again.predict(np.array(states), deterministic=True)[0], decided
        )
        model.policy.save(tmp_path / "policy.pth")
        alone = RatioPolicy.load(tmp_path / "policy.pth")
        np.testing.assert_array_equal(
            alone.predict(np.array(states), deterministic=True)[0], decided
        )
        agent.save(tmp_path / "checkpoint.safetensors")
        assert ActorCritic.load(tmp_path / "checkpoint.safetensors").feature_names
    finally:
        env.close()
    path = tmp_path / "controller.json"
    intervals = simulate(Simulation(path, 5, {"duration": "10s"}))
    name = Controller.load(path).outputs[0].name
    assert intervals[name].between(0, 1).all()


def test_components_are_learned_and_read_as_an_index() -> None:
    env = gymnasium.make("ns3kan/SingleHopScheduling-v0")
    encoding = single_hop_encoding()
    model = stable_baselines3.PPO(
        ComponentPolicy,
        env,
        n_steps=128,
        batch_size=64,
        n_epochs=1,
        policy_kwargs={"architecture": ComponentArchitecture(encoding)},
        seed=1,
    )
    network = model.policy.agent.actor.network
    assert isinstance(network, SwitchTypeKan)
    before = [value.clone() for value in network.parameters()]
    model.learn(256)
    assert any(
        not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True)
    )
    observation, _ = env.reset(seed=2)
    states = []
    for _ in range(200):
        states.append(observation)
        action, _ = model.predict(observation, deterministic=True)
        observation, *_ = env.step(int(action))
    components = np.concatenate([np.reshape(one, (-1, len(encoding.features))) for one in states])
    assert read_index(network, components.astype(float)).index.nodes > 0
    env.close()


def test_dqn_learns_with_a_kan(tmp_path: Path) -> None:
    env = gymnasium.make("ns3kan/MultiPathRouting-v0")
    kwargs = {"network": "kan", "hidden": (4,), **observation_scales(env, 200)}
    model = stable_baselines3.DQN(
        QPolicy, env, learning_starts=32, batch_size=16, policy_kwargs=kwargs, seed=1
    )
    body = model.policy.q_net.q_net.body
    assert isinstance(body, Kan)
    before = [value.clone() for value in body.parameters()]
    model.learn(128)
    assert any(
        not torch.equal(old, new) for old, new in zip(before, body.parameters(), strict=True)
    )
    observation, _ = env.reset(seed=2)
    decided, _ = model.predict(observation, deterministic=True)
    model.save(tmp_path / "model.zip")
    again = stable_baselines3.DQN.load(tmp_path / "model.zip")
    assert again.predict(observation, deterministic=True)[0] == decided
    env.close()


def test_the_distribution_is_the_actors_own() -> None:
    alpha, beta = torch.tensor([[2.0], [5.0]]), torch.tensor([[3.0], [1.0]])
    distribution = RatioDistribution().proba_distribution(alpha, beta)
    # (a - 1) / (a + b - 2), and the density of Beta(2, 3) is 12 x (1 - x)^2.
    torch.testing.assert_close(distribution.mode(), torch.tensor([[1 / 3], [1.0]]))
    at = torch.tensor([[0.25], [0.5]])
    expected = torch.tensor([12 * 0.25 * 0.75**2, 5 * 0.5**4]).log()
    torch.testing.assert_close(distribution.log_prob(at), expected)


def test_what_does_not_fit_is_refused() -> None:
    unbounded = spaces.Box(-np.inf, np.inf, (3,), np.float64)
    ratio, choice = spaces.Box(0.0, 1.0, (1,)), spaces.Discrete(2)

    def rate(_: float) -> float:
        return 1e-3

    with pytest.raises(ValueError, match="take ComponentPolicy or QPolicy"):
        RatioPolicy(unbounded, choice, rate)
    with pytest.raises(ValueError, match="give shift and scale"):
        RatioPolicy(unbounded, ratio, rate)
    with pytest.raises(ValueError, match="Give both"):
        RatioPolicy(unbounded, ratio, rate, shift=[0.0] * 3)
    with pytest.raises(ValueError, match="hold 3 numbers each"):
        QPolicy(unbounded, choice, rate, shift=[0.0] * 3, scale=[1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="take RatioPolicy"):
        ComponentPolicy(
            unbounded, ratio, rate, architecture=ComponentArchitecture(single_hop_encoding())
        )
