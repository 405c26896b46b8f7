# SPDX-License-Identifier: MIT
"""`Ns3Env` with a simulator that somebody else started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ports import free_port

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    PortInUseError,
    ProtocolError,
    SimulatorError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.installed import scenario_path

FOREIGN = str(Path(__file__).with_name("foreign_simulator.py"))
ACTION = np.array([0.5, 0.5], np.float32)

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulators by hand."""
    running: list[subprocess.Popen[bytes]] = []

    def by_hand(*command: object) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL))
        return running[-1]

    yield by_hand
    for process in running:
        process.kill()
        process.wait()


def foreign(start: Start, port: int, behaviour: str = "well") -> subprocess.Popen[bytes]:
    return start(sys.executable, FOREIGN, behaviour, f"--openGymPort={port}", "--simSeed=7")


def example(start: Start, port: int, *arguments: str) -> subprocess.Popen[bytes]:
    return start(scenario_path("gym-example"), f"--openGymPort={port}", *arguments)


def test_a_simulator_started_by_hand_is_driven_and_told_to_leave(start: Start) -> None:
    port = free_port()
    simulator = foreign(start, port)
    with Ns3Env(port=port) as env:
        observation, info = env.reset(seed=1)
        assert observation[0].tolist() == [7, 0]
        assert info == {"extra_info": "step 0"}
        assert env.step(ACTION)[1] == 1
        # Its second and third words name other processes' ids, of which nobody takes notice.
        assert simulator.poll() is None
    assert simulator.wait(10) == 0


def test_the_next_episode_is_the_next_simulators(start: Start) -> None:
    port = free_port()
    first = foreign(start, port)
    with Ns3Env(port=port) as env:
        env.reset()
        while not env.step(ACTION)[3]:
            pass
        assert first.wait(10) == 0
        # It connects and speaks before anybody asks for it.
        second = foreign(start, port)
        assert env.reset()[0][0, 1] == 0
        with ThreadPoolExecutor(1) as pool:
            # And the third after that.
            reset = pool.submit(env.reset)
            assert second.wait(10) == 0
            third = foreign(start, port)
            assert reset.result(10)[0][0, 1] == 0
        env.step(ACTION)
    assert third.wait(10) == 0


def test_one_that_nobody_starts_runs_into_the_timeout() -> None:
    port = free_port()
    with pytest.raises(SimulatorTimeoutError, match=f"start one with --openGymPort={port}"):
        Ns3Env(port=port, timeout=0.2)
    # The port is free again.
    with pytest.raises(SimulatorTimeoutError):
        Ns3Env(port=port, timeout=0.1)


def test_one_that_goes_away_is_missed_within_a_second_and_can_be_replaced(start: Start) -> None:
    port = free_port()
    first = example(start, port)
    with Ns3Env(port=port, timeout=30) as env:
        env.reset()
        first.kill()
        with pytest.raises(SimulatorError, match="went away before its next state") as caught:
            env.step(np.array([0.5]))
        assert (caught.value.exit_status, caught.value.signal_name) == (None, None)
        example(start, port)
        env.reset()
        assert env.step(np.array([0.5]))[1] == 0.5


def test_another_that_takes_its_place_serves_the_next_reset(start: Start) -> None:
    port = free_port()
    first = example(start, port)
    with Ns3Env(port=port, timeout=30) as env:
        env.reset()
        first.kill()
        first.wait()
        second = example(start, port)
        with pytest.raises(SimulatorError, match="another took its place"):
            env.step(np.array([0.5]))
        env.reset()
        assert env.step(np.array([0.5]))[1] == 0.5
    assert second.wait(10) == 0


def test_a_late_answer_of_the_one_before_does_not_disturb_the_next(start: Start) -> None:
    port = free_port()
    first = example(start, port, "--work=0.6")
    with Ns3Env(port=port, timeout=0.2) as env:
        env.reset()
        with pytest.raises(SimulatorTimeoutError):
            env.step(np.array([0.5]))
        assert env._source is not None
        env._source.timeout = 30
        with ThreadPoolExecutor(1) as pool:
            reset = pool.submit(env.reset)
            assert first.wait(10) == 0
            second = example(start, port)
            reset.result(10)
        assert env.step(np.array([0.5]))[1] == 0.5
    assert second.wait(10) == 0


def test_a_simulator_that_contradicts_itself_is_told_to_leave(start: Start) -> None:
    port = free_port()
    simulator = foreign(start, port, "other-shape")
    with Ns3Env(port=port) as env:
        env.reset()
        with pytest.raises(ProtocolError, match="3 numbers"):
            env.step(ACTION)
        assert simulator.wait(10) == 0


def test_two_environments_cannot_wait_at_one_port(start: Start) -> None:
    port = free_port()
    foreign(start, port)
    with Ns3Env(port=port), pytest.raises(PortInUseError, match=f"Port {port} of 127.0.0.1"):
        Ns3Env(port=port, timeout=0.1)


def test_what_only_a_started_simulator_can_be_given_is_refused() -> None:
    with pytest.raises(ValueError, match="Neither a simulator to start nor a port"):
        Ns3Env()
    for arguments in ({"args": ["--x"]}, {"env": {"A": "b"}}, {"steps": 3}):
        with pytest.raises(ValueError, match=r"only together with command="):
            Ns3Env(port=5555, **arguments)


def test_variables_reach_the_simulator() -> None:
    with Ns3Env(sys.executable, [FOREIGN, "environment"], env={"GREETING": "hello"}) as env:
        assert env.reset()[1] == {"extra_info": "hello"}
