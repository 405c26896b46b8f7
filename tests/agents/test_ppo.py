# SPDX-License-Identifier: MIT
import csv
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.agents.training.rollout import Collector
from ns3kan.agents.training.shell import Progress

LENGTH = 60


class TwoPaths(gymnasium.Env[np.ndarray, np.ndarray]):
    """A toy of the network scenario: the best ratio follows the load and the last delay.

    Feature 0 is a slowly varying load in [0, 2], 1 its change, 2 and 3 delays of two paths in
    seconds that the last action determines, 4 a loss that is nearly always zero, 5 a constant, 6
    and 7 noise. The reward is minus the squared distance from the best ratio.
    """

    feature_names = ("load", "load_delta", "delay_a", "delay_b", "loss", "constant", "n0", "n1")

    def __init__(self, broken: str = "", terminates: bool = False) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (8,), np.float64)
        self.action_space = spaces.Box(0.0, 1.0, (1,), np.float64)
        self.broken = broken
        self.load = 1.0
        self.terminates = terminates

    @staticmethod
    def best(observation: np.ndarray) -> np.ndarray:
        load, delay_a = observation[..., 0], observation[..., 2]
        return np.clip(0.15 + 0.15 * load**2 + 4.0 * (delay_a - 0.05), 0.05, 0.95)

    def _observe(self, action: float) -> np.ndarray:
        before, self.load = self.load, self.load + 0.3 * (1.0 - self.load) * 0.2
        self.load = float(np.clip(self.load + 0.25 * self.np_random.normal(), 0.0, 2.0))
        loss = max(0.0, self.load - 1.9)
        noise = self.np_random.normal(size=2)
        delays = (0.02 + 0.04 * self.load * (1 - action), 0.03 + 0.02 * self.load * action)
        self.seen = np.array([self.load, self.load - before, *delays, loss, 3.0, *noise])
        return self.seen.copy()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        self.load = self.np_random.uniform(0.0, 2.0)
        return self._observe(0.5), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        reward = -float((action[0] - self.best(self.seen)) ** 2)
        self.t += 1
        observation = self._observe(float(action[0]))
        if self.broken == "observation" and self.t == 5:
            observation[3] = np.nan
        if self.broken == "reward" and self.t == 5:
            reward = np.inf
        over = self.t >= LENGTH
        return observation, reward, over and self.terminates, over and not self.terminates, {}


def make(
    count: int = 2, mode: AutoresetMode = AutoresetMode.NEXT_STEP, **arguments: Any
) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: TwoPaths(**arguments)] * count, autoreset_mode=mode)


def mean_reward(policy: ActorCritic, episodes: int = 5) -> float:
    env = TwoPaths()
    rewards = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=1000 + episode)
        over = False
        while not over:
            with torch.no_grad():
                action = policy.actor.mode(torch.from_numpy(observation)[None])[0].numpy()
            observation, reward, _, over, _ = env.step(action)
            rewards.append(reward)
    return float(np.mean(rewards))


def test_learns_a_nonlinear_controller() -> None:
    # A constant ratio reaches -0.043 at best, the best ratio 0.
    policy = PPO(PPOConfig(total_steps=6_000, seed=1)).learn(make())
    assert mean_reward(policy) > -0.002


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_rollouts_know_where_episodes_end(mode: AutoresetMode) -> None:
    collector = Collector(make(count=2, mode=mode, terminates=True), seed=0)
    drawn = np.random.default_rng(0)
    first, second = (
        collector.collect(lambda seen: drawn.uniform(size=(len(seen), 1)), 100) for _ in range(2)
    )
    done = np.concatenate([first.done, second.done])
    valid = np.concatenate([first.valid, second.valid])
    seen = np.concatenate([first.observations, second.observations])
    after = np.concatenate([first.next_observations, second.next_observations])
    rewards = np.concatenate([first.rewards, second.rewards])
    period = LENGTH + (mode == AutoresetMode.NEXT_STEP)
    assert np.flatnonzero(done[:, 0]).tolist() == list(range(LENGTH - 1, 200, period))
    idle = np.flatnonzero(~valid[:, 0]).tolist()
    assert idle == (list(range(LENGTH, 200, period)) if period > LENGTH else [])
    assert np.array_equal(done, np.concatenate([first.terminated, second.terminated]))
    # Within an episode one step's end is the next one's start; the last observation of an episode
    # is what the environment saw with its load one step on, not the first of the next episode.
    same = (after[:-1] == seen[1:]).all(-1)
    if mode == AutoresetMode.NEXT_STEP:
        assert same.all()
    else:
        assert np.array_equal(same, ~done[:-1])
    load, delta = 0, 1
    np.testing.assert_allclose(
        (after[..., load] - seen[..., load])[valid], after[..., delta][valid], atol=1e-12
    )
    returns = (*first.episode_returns, *second.episode_returns)
    assert len(returns) == done.sum()
    assert returns[0] == pytest.approx(rewards[:LENGTH, 0].sum())


def test_perceptron_actor_learns_too() -> None:
    config = PPOConfig(
        total_steps=5_000, actor="mlp", actor_hidden=(32,), learning_rate=3e-3, seed=1
    )
    assert mean_reward(PPO(config).learn(make())) > -0.01


def test_same_seed_gives_the_same_weights_and_leaves_global_randomness_alone() -> None:
    config = PPOConfig(total_steps=512, seed=3)
    torch.manual_seed(5)
    first = PPO(config).learn(make())
    drawn = torch.rand(1)
    torch.manual_seed(6)
    second = PPO(config).learn(make())
    other = PPO(PPOConfig(total_steps=512, seed=4)).learn(make())
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.actor.body[0].weight, other.actor.body[0].weight)  # type: ignore[arg-type]
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


def test_run_folder_and_progress(tmp_path: Path) -> None:
    seen: list[Progress] = []
    config = PPOConfig(total_steps=1000, rollout_steps=128)
    policy = PPO(config).learn(make(), run_dir=tmp_path / "run", on_progress=seen.append)
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "steps", "seconds", "steps_per_second", "mean_reward", "mean_return", "policy_loss",
        "value_loss", "entropy", "approx_kl", "clip_fraction", "explained_variance",
    ]  # fmt: skip
    assert [int(row["steps"]) for row in rows] == [p.steps for p in seen]
    assert seen[-1].steps >= 1000 == seen[-1].total_steps
    assert seen[-1].seconds_left == 0.0
    assert seen[0].seconds_left > 0.0
    assert len(list((tmp_path / "run").glob("events.out.tfevents*"))) == 1
    loaded = ActorCritic.load(tmp_path / "run" / "checkpoint.safetensors")
    observation = torch.randn(5, 8)
    assert torch.equal(loaded.actor.mode(observation), policy.actor.mode(observation))
    assert loaded.feature_names == TwoPaths.feature_names
    assert loaded.provenance["steps"] == seen[-1].steps
    assert loaded.provenance["config"]["total_steps"] == 1000


def test_features_lie_on_the_grid_and_still_ones_are_harmless() -> None:
    policy = PPO(PPOConfig(total_steps=256)).learn(make())
    env = TwoPaths()
    env.reset(seed=9)
    seen = torch.from_numpy(np.stack([env._observe(0.5) for _ in range(400)]))
    z = policy.actor.normalise(seen)
    assert bool(z.isfinite().all())
    moving = z[:, [0, 1, 2, 3, 6, 7]]
    assert (moving.abs() <= 1).float().mean() > 0.9
    assert moving.abs().amax(0).min() > 0.8
    torch.testing.assert_close(z[:, 5], torch.zeros(400))


def test_sparsity_quiets_features_that_do_not_matter() -> None:
    reward, idle = {}, {}
    for sparsity in (0.0, 0.03):
        policy = PPO(PPOConfig(total_steps=4_000, sparsity=sparsity)).learn(make())
        x = torch.rand(500, 8) * 2 - 1
        edges = policy.actor.body[0].edge_activations(x).std(0)[0]  # type: ignore[operator]
        idle[sparsity] = float((edges[6] + edges[7]).detach())
        reward[sparsity] = mean_reward(policy)
    assert idle[0.03] < 0.3 * idle[0.0]
    assert reward[0.03] > -0.01


def test_time_limits_are_bootstrapped_and_ends_are_not() -> None:
    # With rewards of -1 for ever, the value is -1 / (1 - gamma) unless the episode really ends.
    class Minus(TwoPaths):
        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            _, _, terminated, truncated, info = super().step(action)
            return np.zeros(8), -1.0, terminated, truncated, info

    config = PPOConfig(total_steps=2_500, gamma=0.9)

    def value(terminates: bool) -> float:
        env = SyncVectorEnv([lambda: Minus(terminates=terminates)] * 2)
        return float(PPO(config).learn(env).critic(torch.zeros(1, 8)).detach())

    assert value(terminates=False) == pytest.approx(-10.0, abs=0.2)
    assert value(terminates=True) > -9.5


@pytest.mark.parametrize("broken", ["observation", "reward"])
def test_what_is_not_finite_is_refused_with_its_place(broken: str) -> None:
    message = {
        "observation": "Environment 0 returned nan for the feature 'delay_b' at step 5",
        "reward": "Environment 0 returned the reward inf at step 5",
    }
    with pytest.raises(ValueError, match=message[broken]):
        PPO(PPOConfig(total_steps=256)).learn(make(broken=broken))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total_steps": 0}, "total_steps is 0; it must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"gamma": 1.1}, "gamma is 1.1; it must lie between 0 and 1"),
        ({"start_mode": 1.0}, "start_mode"),
        ({"actor": "linear"}, "actor is 'linear'"),
        ({"critic_hidden": (64, 0)}, "critic_hidden"),
        ({"target_kl": 0.0}, "target_kl"),
        ({"sparsity": 0.1, "actor": "mlp"}, "sparsity needs the actor 'kan'"),
    ],
)
def test_bad_settings_are_refused_at_construction(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPOConfig(**change)


def test_minibatches_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="has 200 transitions, which minibatch_size 64"):
        PPO(PPOConfig(rollout_steps=100)).learn(make())


def test_other_spaces_are_refused() -> None:
    class Other(TwoPaths):
        def __init__(self, observed: spaces.Space[Any], decided: spaces.Space[Any]) -> None:
            self.observation_space = observed
            self.action_space = decided

    box, ratio = spaces.Box(-1, 1, (8,)), spaces.Box(0, 1, (1,))
    for observed, decided, message in (
        (spaces.Box(0, 1, (2, 2)), ratio, "observes a Box of one axis"),
        (spaces.Discrete(3), ratio, "observes a Box of one axis"),
        (box, spaces.Box(-1, 1, (1,)), "decides ratios"),
        (box, spaces.Discrete(2), "decides ratios"),
    ):
        env = SyncVectorEnv([lambda o=observed, d=decided: Other(o, d)])  # type: ignore[misc]
        with pytest.raises(ValueError, match=message):
            PPO(PPOConfig()).learn(env)
    env = make()
    env.metadata = {}
    with pytest.raises(ValueError, match="does not say how it resets"):
        PPO(PPOConfig()).learn(env)
