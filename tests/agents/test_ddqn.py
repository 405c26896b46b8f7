# SPDX-License-Identifier: MIT
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.ddqn import DDQN, DDQNConfig
from ns3kan.agents.discretise import DiscretiseRatios
from ns3kan.agents.networks.q_network import QNetwork
from ns3kan.agents.training.shell import Progress

Array = np.ndarray[Any, np.dtype[Any]]


class Chain(gymnasium.Env[Array, np.int64]):
    """Five places in a row; only the right end, three steps away, pays, and ends the episode."""

    observation_space = spaces.Box(0.0, 4.0, (1, 1), np.float64)
    action_space = spaces.Discrete(2, start=1)

    def reset(self, **_: Any) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=_.get("seed"))
        self.place, self.steps = 1, 0
        return np.array([[float(self.place)]]), {}

    def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.place = max(0, min(4, self.place + (1 if action == 2 else -1)))
        self.steps += 1
        ended = self.place == 4
        seen = np.array([[float(self.place)]])
        return seen, float(ended), ended, self.steps >= 12, {}


def chains(mode: AutoresetMode) -> SyncVectorEnv:
    return SyncVectorEnv([Chain] * 4, autoreset_mode=mode)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_values_of_a_chain_are_exact_in_any_autoreset_mode(mode: AutoresetMode) -> None:
    config = DDQNConfig(total_steps=4_000, warm_up_steps=400, gamma=0.5, epsilon_end=0.3)
    network = DDQN(config).learn(chains(mode))
    with torch.no_grad():
        values = network(torch.tensor([[1.0], [2.0], [3.0]]))
    # Going right pays γ^(steps to go); going left costs two more steps.
    torch.testing.assert_close(values[:, 1], torch.tensor([0.25, 0.5, 1.0]), rtol=0.0, atol=0.06)
    torch.testing.assert_close(values[1:, 0], torch.tensor([0.125, 0.25]), rtol=0.0, atol=0.06)


def mean_reward(
    env: gymnasium.vector.VectorEnv[Any, Any, Any], choose: Callable[[Array], Array], steps: int
) -> float:
    observation, _ = env.reset(seed=1000)
    total = 0.0
    for _ in range(steps):
        observation, reward, *_ = env.step(choose(observation))
        total += float(np.mean(reward))
    return total / steps


def greedy(network: QNetwork) -> Callable[[Array], Array]:
    def choose(observation: Array) -> Array:
        flat = np.asarray(observation, np.float32).reshape(len(observation), -1)
        return network.choose(torch.from_numpy(flat)).numpy()

    return choose


@pytest.mark.parametrize("kind", ["kan", "mlp"])
def test_learns_to_route(kind: str) -> None:
    def make(lanes: int) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
        rates = [0.8, 0.4, 0.2]
        return gymnasium.make_vec(
            "ns3kan/MultiPathRouting-v0", num_envs=lanes, service_rates=rates, buffer=20
        )

    network = DDQN(DDQNConfig(total_steps=12_000, updates_per_step=3, network=kind)).learn(make(16))
    rng = np.random.default_rng(0)
    random = mean_reward(make(32), lambda seen: rng.integers(3, size=len(seen)), 200)
    learned = mean_reward(make(32), greedy(network), 200)
    # Rewards are minus the packets that wait: random choices let 15 wait.
    assert random < -12
    assert learned > random / 2


def test_runs_are_repeatable_and_recorded(tmp_path: Path) -> None:
    config = DDQNConfig(
        total_steps=600,
        warm_up_steps=100,
        log_every=100,
        penalty=1e-4,
        grid_update_every=20,
        target_every=1,
        target_rate=0.05,
        updates_per_step=2,
    )
    rows: list[Progress] = []
    first = DDQN(config).learn(chains(AutoresetMode.NEXT_STEP), tmp_path, rows.append)
    second = DDQN(config).learn(chains(AutoresetMode.NEXT_STEP))
    loaded = QNetwork.load(tmp_path / "checkpoint.safetensors")
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
        assert torch.equal(value, loaded.state_dict()[name])
    assert "body.0.ranges" in first.state_dict()
    with (tmp_path / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["steps"]) for row in table] == [row.steps for row in rows]
    assert float(table[-1]["steps"]) >= 600
    assert np.isfinite(float(table[-1]["td_loss"]))
    assert float(table[-1]["epsilon"]) < float(table[0]["epsilon"])


def test_other_spaces_are_refused() -> None:
    with pytest.raises(ValueError, match="DiscretiseRatios"):
        DDQN().learn(gymnasium.make_vec("Pendulum-v1", num_envs=1))
    with pytest.raises(ValueError, match="DDQN observes a Box"):
        DDQN().learn(gymnasium.make_vec("FrozenLake-v1", num_envs=1))
    env = chains(AutoresetMode.NEXT_STEP)
    del env.metadata["autoreset_mode"]
    with pytest.raises(ValueError, match="does not say how it resets"):
        DDQN().learn(env)


def test_rewards_that_are_not_finite_are_refused() -> None:
    class Broken(Chain):
        def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
            seen, _, *rest = super().step(action)
            return seen, float("nan"), *rest  # type: ignore[return-value]

    with pytest.raises(ValueError, match="returned the reward nan at step 1"):
        DDQN().learn(SyncVectorEnv([Broken]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"total_steps": 0}, "total_steps is 0; it must be at least 1"),
        ({"gamma": 1.0}, "gamma is 1.0"),
        ({"target_rate": 0.0}, "target_rate"),
        ({"epsilon_end": 1.5}, "epsilon_end"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate_schedule": "step"}, "be 'constant', 'exponential' or 'cosine'"),
        ({"network": "cnn"}, "network is 'cnn'"),
        ({"network": "mlp", "penalty": 0.1}, "on a KAN's edges"),
    ],
)
def test_bad_configurations_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DDQNConfig(**arguments)


class Ratios(gymnasium.Env[Array, Array]):
    """Two ratios; what was decided comes back as the observation."""

    observation_space = spaces.Box(0.0, 1.0, (2,), np.float64)
    action_space = spaces.Box(0.0, 1.0, (2,), np.float64)

    def reset(self, **_: Any) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=_.get("seed"))
        return np.zeros(2), {}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        return np.array(action), 0.0, False, False, {}


def test_choices_are_levels_of_ratios() -> None:
    env = DiscretiseRatios(SyncVectorEnv([Ratios] * 3), levels=3)
    assert env.single_action_space == spaces.Discrete(9)
    env.reset()
    observation, *_ = env.step(np.array([0, 5, 7]))
    np.testing.assert_array_equal(observation, [[0.0, 0.0], [0.5, 1.0], [1.0, 0.5]])
    with pytest.raises(ValueError, match="1 levels of 2 ratios"):
        DiscretiseRatios(SyncVectorEnv([Ratios]), levels=1)
    with pytest.raises(ValueError, match="10201 choices"):
        DiscretiseRatios(SyncVectorEnv([Ratios]), levels=101)
    with pytest.raises(ValueError, match="Only ratios"):
        DiscretiseRatios(SyncVectorEnv([Chain]))
