# SPDX-License-Identifier: MIT
from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.ns3.errors import SimulatorError
from ns3kan.bridge.ns3.leaf_spine import LeafSpineEnv
from ns3kan.bridge.ns3.leaf_spine_agents import LeafSpineParallelEnv

ID = "ns3kan/LeafSpine-v0"
SMALL: dict[str, Any] = {
    "leaves": 2,
    "spines": 3,
    "hosts": 2,
    "oversubscription": 1,
    "flow_sizes": "constant",
    "mean_flow_size": 5000,
    "load": 0.1,
    "warmup": 0.001,
    "duration": 0.003,
}
"""Six decisions, 0.5 ms apart, on a small fabric with many short flows."""


def test_features_and_actions_are_named_after_leaves_and_spines() -> None:
    with LeafSpineEnv(**SMALL) as env:
        uplinks = [f"spine{spine}" for spine in range(3)]
        quantities = ("delay", "loss", "utilisation")
        own = ["load", "load_delta", *(f"{up}_{what}" for up in uplinks for what in quantities)]
        assert env.feature_names == tuple(f"leaf{leaf}_{name}" for leaf in range(2) for name in own)
        assert env.feature_units == ("1", "1", *("s", "1", "1") * 3) * 2
        assert env.action_names == tuple(
            f"leaf{leaf}_{up}_weight" for leaf in range(2) for up in uplinks
        )
        assert env.action_space == gymnasium.spaces.Box(0, 1, (6,), np.float64)
        space = env.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        # Two links: on each a full queue of 100 packets of 1,502 bytes, two more, and 1 µs of way.
        rate = 2 * 1e9 / 3
        assert space.high[2] == pytest.approx(2 * (1e-6 + 102 * 1502 * 8 / rate))


def test_a_weight_of_zero_leaves_an_uplink_idle_and_only_proportions_count() -> None:
    with LeafSpineEnv(granularity="packet", **SMALL) as env:

        def play(*weights: float) -> list[list[float]]:
            env.reset(seed=3)
            return [env.step(np.array([*weights, 1.0, 1.0, 1.0]))[0].tolist() for _ in range(4)]

        without = play(0.5, 0.0, 0.5)
        used = [env.feature_names.index(f"leaf0_spine{spine}_utilisation") for spine in range(3)]
        # What had been placed before the first decision has left within 0.5 ms.
        for seen in without[1:]:
            assert seen[used[1]] == 0
            assert seen[used[0]] > 0
            assert seen[used[2]] > 0
        assert play(1.0, 0.0, 1.0) == without
        assert play(0.0, 0.0, 0.0) == play(0.25, 0.25, 0.25)
        assert play(0.25, 0.25, 0.25) != without


def test_an_episode_ends_with_its_time_and_says_what_happened() -> None:
    with LeafSpineEnv(**SMALL) as env:
        env.reset(seed=1)
        finished = 0.0
        for step in range(1, 7):
            _, reward, terminated, truncated, info = env.step(np.ones(6))
            assert not terminated
            assert truncated == (step == 6)
            # The wire carries rewards in single precision.
            assert reward == np.float32(-info["log_slowdown"])
            assert info["log_slowdown"] > -1e-9  # no flow is faster than alone
            finished += info["finished_flows"]
        assert finished > 0
        assert {"goodput", "delay", "loss", "out_of_order", "active_flows"} <= set(info)


@pytest.mark.parametrize("reward", ["utility", "imbalance"])
def test_other_rewards(reward: str) -> None:
    with LeafSpineEnv(reward=reward, **SMALL) as env:
        env.reset(seed=1)
        even = [float(env.step(np.ones(6))[1]) for _ in range(5)]
        env.reset(seed=1)
        one = [float(env.step(np.array([1.0, 0, 0, 1.0, 0, 0]))[1]) for _ in range(5)]
    assert max(even) <= 0
    # Three equal uplinks, of which one carries all: (most - least) / mean = 3.
    assert sum(one) < sum(even)
    if reward == "imbalance":
        assert one[1:] == pytest.approx([-3.0] * 4)


def test_the_vector_environment_does_what_the_single_one_does() -> None:
    vector: Any = gymnasium.make_vec(ID, num_envs=2, **SMALL)
    observations, _ = vector.reset(seed=5)
    actions = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    after = vector.step(actions)
    vector.close()
    with LeafSpineEnv(**SMALL) as env:
        for i in range(2):
            np.testing.assert_array_equal(observations[i], env.reset(seed=5 + i)[0])
            np.testing.assert_array_equal(after[0][i], env.step(actions[i])[0])


def test_pettingzoos_checker_is_content_with_an_agent_per_leaf() -> None:
    env = LeafSpineParallelEnv(**SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of bounds that it finds unusual
        parallel_api_test(env, num_cycles=5)
    env.close()


def test_agents_see_and_steer_their_own_leaf() -> None:
    with LeafSpineEnv(**SMALL) as whole:
        start = whole.reset(seed=2)[0]
        weights = np.array([0.1, 0.2, 0.7, 1.0, 0.0, 0.0])
        after, reward, *_ = whole.step(weights)
    agents = LeafSpineParallelEnv(**SMALL)
    assert agents.possible_agents == ["leaf0", "leaf1"]
    assert agents.feature_names[:3] == ("load", "load_delta", "spine0_delay")
    assert agents.action_names == tuple(f"spine{spine}_weight" for spine in range(3))
    seen, _ = agents.reset(seed=2)
    np.testing.assert_array_equal(np.concatenate([seen["leaf0"], seen["leaf1"]]), start)
    seen, rewards, *_ = agents.step({"leaf0": weights[:3], "leaf1": weights[3:]})
    agents.close()
    np.testing.assert_array_equal(np.concatenate([seen["leaf0"], seen["leaf1"]]), after)
    # The mean of all flows lies between those of the leaves.
    assert min(rewards.values()) <= reward <= max(rewards.values())


def test_leaves_without_an_agent_keep_equal_weights() -> None:
    agents = LeafSpineParallelEnv(agents=1, **SMALL)
    agents.reset(seed=2)
    own = agents.step({"leaf0": np.array([1.0, 0.0, 0.0])})[0]
    agents.close()
    assert list(own) == ["leaf0"]
    with LeafSpineEnv(**SMALL) as whole:
        whole.reset(seed=2)
        after = whole.step(np.array([1.0, 0.0, 0.0, 0.5, 0.5, 0.5]))[0]
    np.testing.assert_array_equal(own["leaf0"], after[: len(own["leaf0"])])


def test_numbers_of_agents_that_cannot_be_are_refused() -> None:
    with pytest.raises(SimulatorError, match="--agents=3 is more than the 2 leaves"):
        LeafSpineParallelEnv(agents=3, leaves=2)
    with pytest.raises(ValueError, match="agents=0 must be at least 1"):
        LeafSpineParallelEnv(agents=0)
    with pytest.raises(SimulatorError, match="--pattern=ring"):
        gymnasium.make(ID, pattern="ring")
