# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.bridge.ns3.errors import SimulatorError
from ns3kan.bridge.ns3.parallel_paths import ParallelPathsEnv
from ns3kan.bridge.ns3.sdwan import SdWanEnv

ID = "ns3kan/ParallelPaths-v0"


def test_features_and_actions_are_named_after_the_paths() -> None:
    with ParallelPathsEnv(duration=1) as env:
        paths = ("mpls", "fibre", "cable", "mobile")
        quantities = ("delay", "loss", "utilisation")
        assert env.feature_names == (
            "load",
            "load_delta",
            *(f"{path}_{quantity}" for path in paths for quantity in quantities),
        )
        assert env.feature_units == ("1", "1", *("s", "1", "1") * 4)
        assert env.action_names == tuple(f"{path}_ratio" for path in paths)
        assert env.action_space == gymnasium.spaces.Box(0, 1, (4,), np.float64)
        space = env.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        # A full queue of 60 packets of 1,502 bytes at 6 Mbit/s, two more, and 10 ms of way.
        assert space.high[2] == pytest.approx(0.010 + 62 * 1502 * 8 / 6e6)
        # 150 kB at 8 Mbit/s.
        assert space.high[8] == pytest.approx(0.025 + (150e3 + 2 * 1502) * 8 / 8e6)


def test_with_the_topology_sdwan_it_is_that_environment() -> None:
    with ParallelPathsEnv(topology="sdwan", duration=3) as paths, SdWanEnv(duration=3) as sdwan:
        assert paths.feature_names == sdwan.feature_names
        np.testing.assert_array_equal(paths.reset(seed=2)[0], sdwan.reset(seed=2)[0])
        for ratio in (0.25, 0.5, 1.0):
            seen = paths.step(np.array([1 - ratio, ratio]))
            known = sdwan.step(np.array([ratio]))
            np.testing.assert_array_equal(seen[0], known[0])
            assert seen[1:] == known[1:]


def test_only_the_proportion_of_an_action_counts() -> None:
    def play(*actions: list[float]) -> list[list[float]]:
        with ParallelPathsEnv(topology="sdwan", duration=3) as env:
            env.reset(seed=4)
            return [env.step(np.array(action))[0].tolist() for action in actions]

    assert play([0.5, 0.5], [0.25, 0.75]) == play([1.0, 1.0], [0.125, 0.375])
    assert play([0.0, 0.0]) == play([0.7, 0.7])
    assert play([1.0, 0.0], [1.0, 0.0]) != play([0.0, 1.0], [0.0, 1.0])


def test_the_vector_environment_does_what_the_single_one_does() -> None:
    vector: Any = gymnasium.make_vec(ID, num_envs=2, duration=2)
    observations, _ = vector.reset(seed=5)
    actions = np.array([[0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0]])
    after = vector.step(actions)
    vector.close()
    with ParallelPathsEnv(duration=2) as env:
        for i in range(2):
            np.testing.assert_array_equal(observations[i], env.reset(seed=5 + i)[0])
            np.testing.assert_array_equal(after[0][i], env.step(actions[i])[0])


def test_a_topology_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no topology 'ring'; choose one of four-paths, sdwan"):
        gymnasium.make(ID, topology="ring")
    with pytest.raises(SimulatorError, match=r"missing\.json: cannot be read"):
        gymnasium.make(ID, topology="missing.json")
