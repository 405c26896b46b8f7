# SPDX-License-Identifier: MIT
"""A training that was interrupted and goes on ends as one that was not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv, VectorEnv

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.average_cost_ppo import AverageCostPPO, AverageCostPPOConfig
from ns3kan.agents.components.encodings import single_hop_encoding
from ns3kan.agents.components.policy import ComponentArchitecture
from ns3kan.agents.ddqn import DDQN, DDQNConfig
from ns3kan.agents.feature_selection import FeatureSelectionConfig, FeatureSelectionTraining
from ns3kan.agents.feature_selection.feature_selector import FSNet
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.agents.training.checkpoint import CheckpointError
from ns3kan.agents.training.state import STATE, Checkpoints, environment_seed

# Wall time is the only thing that may differ.
TIMES = ["seconds", "steps_per_second"]


class InterruptError(Exception):
    """Stands for a signal, which leaves the training from the same place."""


class Ratio(gymnasium.Env[np.ndarray, np.ndarray]):
    """The best ratio is the first of two random features; episodes of 25 steps."""

    observation_space = spaces.Box(0.0, 1.0, (2,), np.float64)
    action_space = spaces.Box(0.0, 1.0, (1,), np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps, self.seen = 0, self.np_random.random(2)
        return self.seen, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        reward = -float((action[0] - self.seen[0]) ** 2)
        self.steps, self.seen = self.steps + 1, self.np_random.random(2)
        return self.seen, reward, False, self.steps == 25, {}


def queues() -> VectorEnv[Any, Any, Any]:
    return gymnasium.make_vec("ns3kan/SingleHopScheduling-v0", 2)


Learn = Callable[..., Any]


def ppo(run: Path, **arguments: Any) -> Any:
    config = PPOConfig(total_steps=512, rollout_steps=32, epochs=2, seed=3, critic_hidden=(8,))
    env = SyncVectorEnv([Ratio] * 2)
    return PPO(config).learn(env, run, **arguments)


def ddqn(run: Path, **arguments: Any) -> Any:
    config = DDQNConfig(
        total_steps=256, warm_up_steps=32, log_every=32, buffer_size=100, batch_size=8, seed=3
    )
    return DDQN(config).learn(queues(), run, **arguments)


def average_cost(network: str, critic: str) -> Learn:
    def learn(run: Path, **arguments: Any) -> Any:
        config = AverageCostPPOConfig(
            total_steps=2_000, rollout_steps=100, critic=critic, averaging=0.5, seed=3
        )
        hidden = (8,) if network == "stn" else ()
        architecture = ComponentArchitecture(single_hop_encoding(), network, hidden=hidden)
        return AverageCostPPO(architecture, config).learn(queues(), run, **arguments)

    return learn


def feature_selection(training: str) -> Learn:
    def learn(run: Path, **arguments: Any) -> Any:
        config = FeatureSelectionConfig(
            epochs=8,
            training=training,
            warm_up_epochs=1,
            grid_update_every=1,
            target_every=2,
            seed=3,
        )
        torch.manual_seed(0)
        selector = FSNet(conv_layers=1)
        env = gymnasium.make_vec("ns3kan/ImageFeatureSelection-v0", 128)
        learner = FeatureSelectionTraining(config, selector, images_per_epoch=1_000)
        return learner.learn(env, run, **arguments)

    return learn


LEARN = {
    "ppo": ppo,
    "ddqn": ddqn,
    "average-cost": average_cost("switch-type-kan", "least-squares"),
    "average-cost-network": average_cost("stn", "network"),
    "feature-selection": feature_selection("joint"),
    "feature-selection-literal": feature_selection("literal"),
}


def metrics(run: Path) -> pd.DataFrame:
    table = pd.read_csv(run / "metrics.csv")
    return table.drop(columns=[name for name in TIMES if name in table])


@pytest.mark.parametrize("last", [1, 4, 5, 7])
@pytest.mark.parametrize("name", LEARN)
def test_a_resumed_training_ends_as_an_uninterrupted_one(
    name: str, last: int, tmp_path: Path
) -> None:
    learn = LEARN[name]
    every = {"ppo": 180, "ddqn": 96}.get(name, 2 if "selection" in name else 600)
    whole, parts, plain = tmp_path / "whole", tmp_path / "parts", tmp_path / "plain"
    learn(whole, checkpoints=Checkpoints(every))

    calls = 0

    def interrupt(progress: Any) -> None:
        nonlocal calls
        calls += 1
        # Before the first checkpoint, just after it, and after updates that are lost.
        if calls == last:
            raise InterruptError

    with pytest.raises(InterruptError):
        learn(parts, on_progress=interrupt, checkpoints=Checkpoints(every))
    assert (parts / STATE).is_file() == (last > 3)
    assert not (parts / "checkpoint.safetensors").exists()
    learn(parts, checkpoints=Checkpoints(every, resume=True))
    saved = "checkpoint.safetensors"
    assert (parts / saved).read_bytes() == (whole / saved).read_bytes()
    pd.testing.assert_frame_equal(metrics(parts), metrics(whole), check_exact=True)
    assert not (parts / STATE).exists()
    # The checkpoints are seen in the result, so that the comparison above can fail.
    learn(plain)
    assert (plain / saved).read_bytes() != (whole / saved).read_bytes()


def test_a_state_of_other_settings_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    def interrupt(progress: Any) -> None:
        if progress.steps > 300:
            raise InterruptError

    with pytest.raises(InterruptError):
        ppo(tmp_path, on_progress=interrupt, checkpoints=Checkpoints(192))
    other = PPOConfig(total_steps=512, rollout_steps=32, epochs=2, seed=4, critic_hidden=(8,))
    with pytest.raises(CheckpointError, match="other settings"):
        PPO(other).learn(
            SyncVectorEnv([Ratio] * 2), tmp_path, checkpoints=Checkpoints(192, resume=True)
        )
    state = tmp_path / STATE
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        ppo(tmp_path, checkpoints=Checkpoints(192, resume=True))


def test_seeds_after_a_checkpoint_are_none_that_people_choose() -> None:
    assert environment_seed(5, 0) == 5
    drawn = [environment_seed(5, steps) for steps in range(1, 200)]
    assert len(set(drawn)) == len(drawn)
    assert min(drawn) >= 2**30
    assert max(drawn) < 2**31
