# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.classical import make_policy
from ns3kan.bridge.ns3.errors import SimulatorError
from ns3kan.bridge.queues.errors import QueueError

PAIRS = [
    ("ns3kan/PacketMultiPathRouting-v0", "ns3kan/MultiPathRouting-v0"),
    ("ns3kan/PacketSingleHopScheduling-v0", "ns3kan/SingleHopScheduling-v0"),
]


@pytest.mark.parametrize(("packets", "model"), PAIRS)
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"observe_rates": True, "capacities": "bernoulli"},
        {"observe_rates": True, "buffer": 7, "num_queues": 3},
    ],
)
def test_spaces_and_names_are_those_of_the_queue_model(
    packets: str, model: str, arguments: dict[str, Any]
) -> None:
    one, other = gymnasium.make(packets, **arguments), gymnasium.make(model, **arguments)
    assert one.observation_space == other.observation_space
    assert one.action_space == other.action_space
    for name in ("feature_names", "feature_units", "problem", "num_queues"):
        assert getattr(one.unwrapped, name) == getattr(other.unwrapped, name)
    assert one.reset(seed=1)[0].shape == other.reset(seed=1)[0].shape
    one.close()


def test_policies_take_the_environment() -> None:
    env = gymnasium.make(PAIRS[0][0], observe_rates=True, max_steps=30)
    policy = make_policy("shortest_expected_delay", env, ties="lowest")
    observation, _ = env.reset(seed=3)
    truncated = False
    while not truncated:
        assert observation in env.observation_space
        observation, _, _, truncated, _ = env.step(policy(observation))
    env.close()


@pytest.mark.parametrize("name", [pair[0] for pair in PAIRS])
def test_the_vector_environment_does_what_the_single_one_does(name: str) -> None:
    vector: Any = gymnasium.make_vec(name, num_envs=2, max_steps=6, num_queues=4)
    assert (vector.num_queues, vector.feature_names) == (4, ("queue_length", "capacity"))
    observations = [vector.reset(seed=5)[0]]
    rewards = []
    for step in range(6):
        observation, reward, _, truncated, _ = vector.step(np.array([step % 3, 1]))
        observations.append(observation)
        rewards.append(reward)
    assert truncated.all()
    vector.close()
    single = gymnasium.make(name, max_steps=6, num_queues=4)
    for i in range(2):
        np.testing.assert_array_equal(observations[0][i], single.reset(seed=5 + i)[0])
        for step in range(6):
            observation, reward, *_ = single.step([step % 3, 1][i])
            np.testing.assert_array_equal(observations[step + 1][i], observation)
            assert rewards[step][i] == reward
    single.close()


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"num_queues": 0}, QueueError, "num_queues"),
        ({"service_rates": 0.1}, QueueError, "cannot be stabilised"),
        (
            {"capacities": {"name": "table", "probabilities": [0.5, 0.5]}},
            QueueError,
            "give a trace",
        ),
        ({"trace": Path("missing.csv")}, SimulatorError, "missing.csv: cannot be read"),
        ({"colour": "red"}, SimulatorError, "no argument --colour"),
        ({"slots": 3}, QueueError, "slots is max_steps"),
    ],
)
def test_bad_arguments_fail_when_made(
    arguments: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        gymnasium.make(PAIRS[0][0], **arguments)


@pytest.mark.parametrize("name", [pair[0] for pair in PAIRS])
def test_a_further_episode_is_that_of_a_fresh_process(name: str) -> None:
    def episode(env: gymnasium.Env[Any, Any]) -> list[Any]:
        states = [env.reset(seed=9)[0].tolist()]
        for step in range(15):
            observation, reward, *_ = env.step(step % 4)
            states.append([observation.tolist(), reward])
        return states

    arguments: dict[str, Any] = {"max_steps": 15, "buffer": 6, "arrivals": "poisson"}
    env = gymnasium.make(name, **arguments)
    first = episode(env)
    env.reset(seed=10)
    assert episode(env) == first
    env.close()
    with gymnasium.make(name, **arguments) as fresh:
        assert episode(fresh) == first
