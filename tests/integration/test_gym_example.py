# SPDX-License-Identifier: MIT
"""`Ns3Env` and a real ns-3 program that behaves in every way that it is asked to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.env_checker import data_equivalence as same
from processes import living_children

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    ProtocolError,
    SimulatorError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.installed import scenario_path

INFINITE = (-np.inf, np.inf)
INT32, UINT32 = np.iinfo(np.int32), np.iinfo(np.uint32)
CHOICE = spaces.Discrete(5)
MATRIX = spaces.Box(*INFINITE, (2, 3), np.float32)
PAIR = spaces.Tuple([CHOICE, MATRIX])
NAMED = spaces.Dict({"position": spaces.Box(*INFINITE, (3,), np.float64), "choice": CHOICE})
SPACES = {
    "discrete": CHOICE,
    "int": spaces.Box(INT32.min, INT32.max, (2, 3), np.int32),
    "uint": spaces.Box(UINT32.min, UINT32.max, (2, 3), np.uint32),
    "float": MATRIX,
    "double": spaces.Box(*INFINITE, (2, 3), np.float64),
    "scalar": spaces.Box(*INFINITE, (), np.float64),
    "mebibyte": spaces.Box(*INFINITE, (2**17,), np.float64),
    "tuple": PAIR,
    "dict": NAMED,
    "nested": spaces.Dict({"pair": spaces.Tuple([NAMED, PAIR]), "inner": NAMED}),
}
ACTION = np.array([0.5])


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def step_until_it_fails(**arguments: Any) -> None:
    """Make an environment and step it twice."""
    with example(**arguments) as env:
        env.reset()
        env.step(ACTION)
        env.step(ACTION)


@pytest.fixture(autouse=True)
def _leaves_no_process() -> Iterator[None]:
    before = living_children()
    yield
    assert living_children() <= before


def example(**arguments: Any) -> Ns3Env:
    return Ns3Env(scenario_path("gym-example"), **arguments)


@pytest.mark.parametrize("name", SPACES)
def test_every_space_goes_there_and_back(name: str) -> None:
    with example(space=name, steps=5) as env:
        assert env.observation_space == env.action_space == SPACES[name]
        env.action_space.seed(1)
        observation, info = env.reset(seed=1)
        assert info == {"extra_info": "not JSON"}
        for _ in range(3):
            action = env.action_space.sample()
            observation, *_ = env.step(action)
            assert observation in env.observation_space
            assert same(observation, action, exact=True)


def test_features_have_names_units_and_bounds() -> None:
    with example() as env:
        assert env.feature_names == ("noise", "time", "level")
        assert env.feature_units == ("1", "s", "1")
        assert (env.action_names, env.action_units) == (("level",), ("1",))
        assert env.observation_space == spaces.Box(
            np.zeros(3), np.array([1, np.inf, 1]), dtype=np.float64
        )
        _, info = env.reset()
        assert info == {"time": 0}


@pytest.mark.filterwarnings("ignore:.*maximum value is infinity")
def test_gymnasiums_checker_is_content() -> None:
    with example() as env:
        # Other render modes are tried on what has been made by id.
        check_env(env, skip_render_check=True)


@pytest.mark.filterwarnings("ignore:We recommend you to use a symmetric")
@pytest.mark.filterwarnings("ignore:Your action space has dtype float64")
@pytest.mark.filterwarnings("error")
def test_stable_baselines3s_checker_is_content() -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with example() as env:
        checker.check_env(env)


def test_the_same_seed_gives_the_same_episode() -> None:
    def episode(env: gymnasium.Env[Any, Any], seed: int) -> list[float]:
        noise = [env.reset(seed=seed)[0][0]]
        return noise + [env.step(ACTION)[0][0] for _ in range(5)]

    with example() as env, example() as other:
        assert episode(env, 3) == episode(other, 3) == episode(env, 3)
        assert episode(env, 3) != episode(env, 4)


def test_one_simulator_serves_all_resets() -> None:
    with example() as env:
        first = living_children()
        for seed in (None, None, 3):
            env.reset(seed=seed)
            env.step(ACTION)
        assert living_children() == first


def test_bad_arguments_fail_at_the_door() -> None:
    with pytest.raises(SimulatorError, match="unknown --space=round") as caught:
        example(space="round")
    assert caught.value.exit_status == 1
    with pytest.raises(SimulatorError, match="Invalid command-line argument: --speed=1"):
        example(speed=1)


@pytest.mark.parametrize(
    ("fault", "status", "name", "words"),
    [
        ("exit-0", 0, None, "leaving early"),
        ("exit-1", 1, None, "leaving early"),
        ("fatal", None, "SIGABRT", "a fatal error on request"),
        ("segfault", None, "SIGSEGV", "about to touch memory"),
    ],
)
@pytest.mark.parametrize("step", [-1, 0, 2])
def test_a_death_is_noticed_at_once(
    fault: str, status: int | None, name: str | None, words: str, step: int
) -> None:
    started = time.monotonic()
    with pytest.raises(SimulatorError, match=words) as caught:
        step_until_it_fails(fault=fault, fault_step=step)
    assert time.monotonic() - started < 1
    assert (caught.value.exit_status, caught.value.signal_name) == (status, name)
    assert words in caught.value.stderr


def test_a_kill_between_steps_is_noticed_and_the_environment_recovers() -> None:
    with example() as env:
        env.reset()
        (pid,) = living_children()
        os.kill(pid, signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(SimulatorError) as caught:
            env.step(ACTION)
        assert time.monotonic() - started < 1
        assert caught.value.signal_name == "SIGKILL"
        env.reset()
        assert env.step(ACTION)[1] == 0.5


@pytest.mark.parametrize("step", [-1, 0, 2])
def test_a_stall_runs_into_the_timeout(step: int) -> None:
    started = time.monotonic()
    with pytest.raises(SimulatorTimeoutError, match=r"runs but did not send .* within 0\.3 s"):
        step_until_it_fails(fault="stall", fault_step=step, timeout=0.3)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [("nan", "a noise that is not a number"), ("mismatch", "2 numbers")],
)
@pytest.mark.parametrize("step", [0, 1])
def test_observations_that_make_no_sense_are_refused(fault: str, complaint: str, step: int) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        step_until_it_fails(fault=fault, fault_step=step)


def test_an_end_before_the_first_decision_is_refused() -> None:
    with pytest.raises(ProtocolError, match="ended before its first decision"):
        example(steps=0)


def test_game_over_terminates() -> None:
    with example(fault="game-over", fault_step=1) as env:
        env.reset()
        _, _, terminated, truncated, _ = env.step(ACTION)
        assert (terminated, truncated) == (True, False)


def test_many_resets_leave_nothing_behind() -> None:
    with example() as env:
        env.reset()
        before = descriptors()
        for seed in range(20):
            env.reset(seed=seed)
            env.step(ACTION)
        assert descriptors() == before
