# SPDX-License-Identifier: MIT
"""Double DQN decides how much traffic takes the internet path, in ns-3."""

import gymnasium
import numpy as np
import torch

import ns3kan  # noqa: F401 - registers the environment
from ns3kan.agents.ddqn import DDQN, DDQNConfig
from ns3kan.agents.discretise import DiscretiseRatios

LEVELS = 5


def test_learns_to_split_traffic_better_than_at_random() -> None:
    env = DiscretiseRatios(
        gymnasium.make_vec("ns3kan/SdWan-v0", num_envs=2, duration=30), levels=LEVELS
    )
    try:
        config = DDQNConfig(
            total_steps=600, warm_up_steps=120, updates_per_step=4, batch_size=64, gamma=0.5
        )
        network = DDQN(config).learn(env)

        def mean_reward(learned: bool) -> float:
            rng = np.random.default_rng(0)
            observation, _ = env.reset(seed=500)
            rewards = []
            for _ in range(55):
                if learned:
                    choice = network.choose(torch.from_numpy(observation.astype(np.float32)))
                    action = choice.numpy()
                else:
                    action = rng.integers(LEVELS, size=2)
                observation, reward, *_ = env.step(action)
                rewards.append(float(np.mean(reward)))
            return float(np.mean(rewards))

        random, learned = mean_reward(learned=False), mean_reward(learned=True)
    finally:
        env.close()
    # Utilities are below zero.
    assert learned > 0.8 * random
