# SPDX-License-Identifier: MIT
"""Episode after episode in one simulator process, against a fresh process for each."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence as same
from processes import living_children, living_simulators

from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.ns3.session import Transport
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

FOREIGN = str(Path(__file__).parents[1] / "bridge" / "foreign_simulator.py")


def episode(env: Any, seed: int, steps: int | None = None) -> list[Any]:
    """Everything that an episode tells, to its end or for some steps."""
    states = [env.reset(seed=seed)]
    while steps is None or len(states) <= steps:
        action = np.array([(7 * len(states) + seed) % 10 / 10])
        states.append(env.step(action))
        if states[-1][2] or states[-1][3]:
            break
    return states


def example(**arguments: Any) -> Ns3Env:
    return Ns3Env(scenario_path("gym-example"), **{"steps": 6, **arguments})


def sdwan(**arguments: Any) -> SdWanEnv:
    return SdWanEnv(**{"duration": 4, "warmup": 1, **arguments})


@pytest.mark.parametrize("make", [example, sdwan, lambda: sdwan(transport="tcp")])
def test_an_episode_after_others_is_that_of_a_fresh_process(make: Callable[[], Any]) -> None:
    with make() as env, make() as fresh:
        before = living_children()
        episode(env, 1)
        episode(env, 2, steps=3)
        episode(env, 3, steps=0)
        episode(env, 4)
        late = episode(env, 5)
        assert same(late, episode(fresh, 5), exact=True)
        assert living_children() == before
    assert not same(late, episode_alone(make, 6), exact=True)


def episode_alone(make: Callable[[], Any], seed: int) -> list[Any]:
    with make() as env:
        return episode(env, seed)


@pytest.mark.parametrize("transport", ["shm", "zmq"])
def test_further_episodes_without_a_seed_repeat_too(transport: Transport) -> None:
    def series(env: Ns3Env) -> list[float]:
        first = [env.reset(seed=9)[0][0], env.step([0.5])[0][0]]
        return first + [env.reset()[0][0] for _ in range(3)]

    with example(transport=transport) as env, example(transport=transport) as other:
        assert series(env) == series(other) == series(env)
        assert len(set(series(env))) == 5


def test_a_vector_environment_keeps_its_processes() -> None:
    vector = Ns3VectorEnv(2, example)
    before = living_children()
    with example() as alone:
        for seed in (3, 4):
            observations, _ = vector.reset(seed=seed)
            for _ in range(8):
                vector.step(np.full((2, 1), 0.5))
            np.testing.assert_array_equal(observations[1], alone.reset(seed=seed + 1)[0])
        assert living_children() >= before
    vector.close()


@pytest.mark.parametrize("transport", ["shm", "zmq"])
@pytest.mark.parametrize("steps", [2, None])
def test_a_simulator_killed_between_episodes_is_replaced(
    transport: Transport, steps: int | None
) -> None:
    with example(transport=transport) as env:
        episode(env, 1, steps)
        (pid,) = living_simulators("gym-example")
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with example(transport=transport) as fresh:
            assert same(episode(env, 2), episode(fresh, 2), exact=True)


def test_game_over_can_be_followed_by_an_episode() -> None:
    with example(fault="game-over", fault_step=1) as env:
        before = living_children()
        for seed in (1, 2):
            assert [state[2] for state in episode(env, seed)[1:]] == [True]
        assert living_children() == before


def test_a_foreign_simulator_is_restarted() -> None:
    others = living_children()
    with Ns3Env(sys.executable, [FOREIGN, "well"]) as env:
        env.reset()
        before = living_children() - others
        assert before
        env.reset()
        assert not living_children() & before


def test_each_episode_replaces_the_interval_log(tmp_path: Path) -> None:
    log, alone = tmp_path / "log.csv", tmp_path / "alone.csv"
    with sdwan(intervals=log) as env:
        episode(env, 1)
        episode(env, 2)
    with sdwan(intervals=alone) as env:
        episode(env, 2)
    assert log.read_text() == alone.read_text()
    assert len(read_intervals(log)) == 8
    assert set(tmp_path.iterdir()) == {log, alone}


def test_many_episodes_do_not_grow_the_simulator() -> None:
    def resident(pid: int) -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])

    with example(steps=3) as env:
        (pid,) = living_simulators("gym-example")
        for _ in range(300):
            episode(env, 1)
        before = resident(pid)
        for _ in range(1500):
            episode(env, 1)
        assert resident(pid) - before < 64  # pages
