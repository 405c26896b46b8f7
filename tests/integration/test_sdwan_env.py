# SPDX-License-Identifier: MIT
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest

import ns3kan  # noqa: F401 - registers the environment
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import SimulatorError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

ID = "ns3kan/SdWan-v0"
ACTION = np.array([0.5])


def test_the_manual_says_what_the_simulator_says() -> None:
    assert SdWanEnv.__doc__ is not None
    row = r"^ +\d +``(\w+)`` +(\S+) +(\S+) +(\S+)"
    rows = re.findall(row, SdWanEnv.__doc__, re.MULTILINE)
    with SdWanEnv(duration=1) as env:
        space = env.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        assert [name for name, *_ in rows] == [*env.action_names, *env.feature_names]
        assert [unit for _, unit, *_ in rows] == [*env.action_units, *env.feature_units]
        bounds = np.array([[float(low), float(high)] for *_, low, high in rows])
        np.testing.assert_allclose(bounds[1:, 0], space.low)
        np.testing.assert_allclose(bounds[1:, 1], space.high, rtol=1e-3)
        assert env.action_space == gymnasium.spaces.Box(
            bounds[:1, 0], bounds[:1, 1], dtype=np.float64
        )


def test_an_episode_is_truncated_by_time_and_repeats_with_its_seed() -> None:
    env = gymnasium.make(ID, duration=3)

    def episode() -> list[list[float]]:
        states = [env.reset(seed=5)[0].tolist()]
        truncated = False
        while not truncated:
            observation, reward, terminated, truncated, info = env.step(ACTION)
            assert not terminated
            assert observation in env.observation_space
            states.append([*observation, reward, info["goodput"]])
        return states

    first = episode()
    assert len(first) == 7
    assert first == episode()
    env.close()


def test_the_vector_environment_does_what_the_single_one_does() -> None:
    vector = gymnasium.make_vec(ID, num_envs=2, reward="loss", duration=3)
    assert isinstance(vector.unwrapped, Ns3VectorEnv)
    observations, _ = vector.reset(seed=5)
    after = vector.step(np.stack([ACTION, ACTION]))
    with SdWanEnv(reward="loss", duration=3) as env:
        for i in range(2):
            np.testing.assert_array_equal(observations[i], env.reset(seed=5 + i)[0])
            observation, reward, *_ = env.step(ACTION)
            np.testing.assert_array_equal(after[0][i], observation)
            assert after[1][i] == reward
    vector.close()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"reward": "profit"}, "--reward=profit is not allowed"),
        ({"colour": "red"}, "no argument --colour"),
        ({"internet_rate": "-1Mbps"}, "--internetRate=-1Mbps is not allowed"),
    ],
)
def test_bad_arguments_fail_when_made(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SimulatorError, match=complaint):
        gymnasium.make(ID, **arguments)


@pytest.mark.parametrize("as_text", [False, True])
def test_each_simulator_of_a_vector_records_in_a_file_of_its_own(
    tmp_path: Path, as_text: bool
) -> None:
    record = tmp_path / "intervals.csv"
    if as_text:
        program = {"command": str(scenario_path("sdwan")), "args": [f"--intervals={record}"]}
        vector = Ns3VectorEnv(2, Ns3Env, **program, duration=2)
    else:
        vector = Ns3VectorEnv(2, SdWanEnv, intervals=str(record), duration=2)
    vector.reset(seed=5)
    for _ in range(4):
        vector.step(np.stack([ACTION, ACTION]))
    vector.close()
    names = [f"intervals-{number}.csv" for number in range(2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    tables = [pd.read_csv(tmp_path / name, comment="#") for name in names]
    assert [table["time"].tolist() for table in tables] == 2 * [[3, 3.5, 4, 4.5]]
