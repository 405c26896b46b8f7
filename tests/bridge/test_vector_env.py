# SPDX-License-Identifier: MIT
from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import BridgeError, ProtocolError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

FOREIGN = str(Path(__file__).with_name("foreign_simulator.py"))


def examples(num_envs: int, **arguments: Any) -> Ns3VectorEnv:
    return Ns3VectorEnv(num_envs, command=scenario_path("gym-example"), **arguments)


def test_spaces_and_names_are_batched() -> None:
    env = examples(3, steps=2)
    assert env.num_envs == 3
    assert env.observation_space.shape == (3, 3)
    assert env.single_observation_space.shape == (3,)
    assert env.action_space.shape == (3, 1)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.feature_names == ("noise", "time", "level")
    assert env.feature_units == ("1", "s", "1")
    assert (env.action_names, env.action_units) == (("level",), ("1",))
    env.close()


def test_each_environment_does_what_it_does_alone() -> None:
    actions = np.random.default_rng(0).uniform(size=(5, 2, 1))
    together = examples(2, steps=5)
    alone = [Ns3Env(scenario_path("gym-example"), steps=5) for _ in range(2)]
    observations, infos = together.reset(seed=11)
    for i, env in enumerate(alone):
        np.testing.assert_array_equal(observations[i], env.reset(seed=11 + i)[0])
    np.testing.assert_array_equal(infos["time"], [0, 0])
    for action in actions:
        observations, rewards, terminations, truncations, infos = together.step(action)
        for i, env in enumerate(alone):
            observation, reward, terminated, truncated, info = env.step(action[i])
            np.testing.assert_array_equal(observations[i], observation)
            assert (rewards[i], terminations[i], truncations[i]) == (reward, terminated, truncated)
            assert infos["time"][i] == info["time"]
    together.close()
    for env in alone:
        env.close()


def test_after_the_end_the_next_step_resets() -> None:
    env = examples(2, steps=2)
    env.reset(seed=[1, None])
    action = np.full((2, 1), 0.5)
    assert not env.step(action)[3].any()
    observations, rewards, _, truncations, _ = env.step(action)
    assert truncations.all()
    np.testing.assert_array_equal(observations[:, 1], 2)
    np.testing.assert_array_equal(rewards, np.float32(0.5))
    observations, rewards, terminations, truncations, infos = env.step(action)
    np.testing.assert_array_equal(observations[:, 1], 0)
    np.testing.assert_array_equal(rewards, 0)
    assert not (terminations | truncations).any()
    np.testing.assert_array_equal(infos["time"], 0)
    assert not env.step(action)[3].any()
    env.close()


def test_wrong_calls_leave_the_episodes_alone() -> None:
    env = examples(2, steps=5)
    with pytest.raises(ResetNeeded):
        env.step(np.zeros((2, 1)))
    env.reset()
    with pytest.raises(InvalidAction):
        env.step(np.array([[0.0], [2.0]]))
    with pytest.raises(ValueError, match="no options"):
        env.reset(options={"speed": 2})
    with pytest.raises(ValueError, match="3 seeds were given for 2"):
        env.reset(seed=[1, 2, 3])
    np.testing.assert_array_equal(env.step(np.zeros((2, 1)))[0][:, 1], 1)
    env.close()
    env.close()
    with pytest.raises(ClosedEnvironmentError):
        env.step(np.zeros((2, 1)))
    with pytest.raises(ClosedEnvironmentError):
        env.reset()
    with pytest.raises(ValueError, match="num_envs=0"):
        examples(0)


def test_if_asked_to_raise_all_are_closed_when_one_misbehaves() -> None:
    behaviours = iter(["well", "other-shape"])
    env = Ns3VectorEnv(
        2, lambda: Ns3Env(sys.executable, [FOREIGN, next(behaviours)]), on_failure="raise"
    )
    env.reset()
    with pytest.raises(ProtocolError, match="3 numbers") as caught:
        env.step(np.zeros((2, 2), np.float32))
    assert re.match("This was simulator 1 of 2", caught.value.__notes__[0])
    assert env.closed


def test_when_one_cannot_be_made_none_is_left() -> None:
    commands = iter([str(scenario_path("gym-example")), "false"])
    with pytest.raises(BridgeError, match="exit status 1"):
        Ns3VectorEnv(2, lambda: Ns3Env(next(commands)))


def test_simulators_run_at_the_same_time() -> None:
    def seconds(num_envs: int) -> float:
        env = examples(num_envs, steps=3, work=0.1)
        env.reset()
        started = time.perf_counter()
        env.step(np.zeros((num_envs, 1)))
        env.step(np.zeros((num_envs, 1)))
        elapsed = time.perf_counter() - started
        env.close()
        return elapsed

    # The example's work is waiting, so that this holds on a single busy core too.
    assert seconds(4) < 2 * seconds(1)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("3", "hello"), [3.0, "hello"]),
        (("[1]", "2"), [[1.0], 2.0]),
        (('{"extra_info": {"a": 1}}', "text"), [{"a": 1.0}, "text"]),
        (("text", '{"extra_info": {"a": 1}}'), ["text", {"a": 1.0}]),
    ],
)
def test_infos_of_different_types_do_not_end_the_episodes(
    words: tuple[str, ...], expected: list[Any]
) -> None:
    said = iter(words)
    env = Ns3VectorEnv(
        2,
        lambda: Ns3Env(sys.executable, [FOREIGN, "environment"], env={"GREETING": next(said)}),
    )
    _, infos = env.reset()
    assert infos["extra_info"].tolist() == expected
    assert infos["_extra_info"].all()
    env.step(np.zeros((2, 2), np.float32))
    env.close()
