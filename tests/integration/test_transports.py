# SPDX-License-Identifier: MIT
"""Shared memory and ZeroMQ side by side, with real simulators."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence as same
from processes import living_children

from ns3kan.analysis.bench.bridge import idle_shares
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    ProtocolError,
    SimulatorError,
    SimulatorTimeoutError,
    TransportError,
)
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.ns3.session import Transport

EXAMPLE = scenario_path("gym-example")
FOREIGN = str(Path(__file__).parents[1] / "bridge" / "foreign_simulator.py")
ACTION = np.array([0.5])
TRANSPORTS: tuple[Transport, ...] = ("shm", "zmq")


def example(**arguments: Any) -> Ns3Env:
    return Ns3Env(EXAMPLE, **arguments)


def simulator() -> int:
    """Process id of the only child."""
    (pid,) = living_children()
    return pid


def memories(pid: int | str = "self") -> tuple[int, int]:
    """How many of the bridge's memories a process has mapped, and has open."""
    folder = Path(f"/proc/{pid}")
    mapped = (folder / "maps").read_text().count("/memfd:ns3kan")
    links = (str(link.readlink()) for link in (folder / "fd").iterdir() if link.is_symlink())
    return mapped, sum("memfd:ns3kan" in link for link in links)


def named_segments() -> set[str]:
    return {entry.name for entry in Path("/dev/shm").iterdir()}


@pytest.mark.parametrize(
    "space",
    ["discrete", "int", "uint", "float", "double", "scalar", "mebibyte", "tuple", "dict", "nested"],
)
def test_every_space_is_carried_alike(space: str) -> None:
    def episode(transport: Transport) -> list[Any]:
        with example(space=space, steps=4, transport=transport) as env:
            assert env.transport == transport
            env.action_space.seed(1)
            states: list[Any] = [env.reset(seed=1)]
            states += [env.step(env.action_space.sample()) for _ in range(4)]
            return states

    shm, zmq = episode("shm"), episode("zmq")
    assert same(shm, zmq, exact=True)
    assert shm[-1][3]


def test_a_packet_level_episode_is_carried_alike() -> None:
    def episode(transport: Transport) -> list[Any]:
        with SdWanEnv(duration=3, bridge_transport=transport) as env:
            states: list[Any] = [env.reset(seed=5)]
            assert env.transport == transport
            while len(states) < 7:
                states.append(env.step(np.array([len(states) / 8])))
            return states

    assert same(episode("shm"), episode("zmq"), exact=True)


def test_arrays_of_another_type_and_lists_are_converted() -> None:
    with example(space="empty", transport="shm") as env:
        env.reset()
        for action in ([0.25, 2], (0.25, 2.0), np.array([0.25, 2.0]), np.float32([0.25, 2])):
            observation, *_ = env.step(action)
            assert observation.dtype == np.float32
            assert observation.tolist() == [0.25, 2, 0, 0, 0, 0, 0, 0]


def test_observations_are_not_overwritten_by_later_ones() -> None:
    with example(transport="shm") as env:
        first = env.reset()[0]
        kept = first.copy()
        second = env.step(ACTION)[0]
        env.step(ACTION)
        np.testing.assert_array_equal(first, kept)
        assert second[1] == 1


def test_a_foreign_simulator_is_given_the_socket() -> None:
    with Ns3Env(sys.executable, [FOREIGN, "well"]) as env:
        assert env.transport == "zmq"
    with pytest.raises(TransportError, match="does not know shared memory; use transport="):
        Ns3Env(sys.executable, [FOREIGN, "well"], transport="shm")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"command": EXAMPLE, "transport": "pigeon"}, "'pigeon' is unknown"),
        ({"port": 5555, "transport": "shm"}, "attached to cannot be given shared memory"),
    ],
)
def test_senseless_transports_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Ns3Env(**arguments)


def test_nobody_keeps_the_memory_open() -> None:
    named = named_segments()
    with example(transport="shm") as env:
        env.reset()
        env.step(ACTION)
        assert memories() == (1, 0)
        assert memories(simulator()) == (1, 0)
        assert named_segments() == named
    assert memories() == (0, 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_killed_simulator_leaves_nothing(transport: Transport) -> None:
    with example(transport=transport, work=60) as env:
        env.reset()
        pid = simulator()
        threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
        started = time.monotonic()
        with pytest.raises(SimulatorError) as caught:
            env.step(ACTION)
        assert 0.1 < time.monotonic() - started < 1.2
        assert caught.value.signal_name == "SIGKILL"
        assert memories() == (0, 0)
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_killed_python_leaves_nothing(transport: Transport) -> None:
    program = f"""
import pathlib, sys
from ns3kan.bridge.ns3.env import Ns3Env
env = Ns3Env({str(EXAMPLE)!r}, transport={transport!r})
env.reset()
tasks = pathlib.Path("/proc/self/task").iterdir()
print(*[pid for task in tasks for pid in (task / "children").read_text().split()], flush=True)
sys.stdin.read()
"""
    named = named_segments()
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        watch = os.pidfd_open(pid)
        python.kill()
    try:
        # Whoever inherits the dead may be slow to reap them, but a zombie has no memory.
        deadline = time.monotonic() + 2
        while Path(f"/proc/{pid}/stat").exists() and not _is_zombie(pid):
            assert time.monotonic() < deadline
    finally:
        os.close(watch)
    assert named_segments() == named


def _is_zombie(pid: int) -> bool:
    try:
        return re.search(r"\) Z ", Path(f"/proc/{pid}/stat").read_text()) is not None
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stall_runs_into_the_timeout(transport: Transport) -> None:
    with example(transport=transport, fault="stall", fault_step=1, timeout=0.4) as env:
        env.reset()
        started = time.monotonic()
        with pytest.raises(SimulatorTimeoutError, match=r"its next state within 0\.4 s"):
            env.step(ACTION)
        assert 0.3 < time.monotonic() - started < 2


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("fault", "complaint"),
    [("nan", "a noise that is not a number"), ("mismatch", "2 numbers")],
)
def test_senseless_states_are_refused(transport: Transport, fault: str, complaint: str) -> None:
    with example(transport=transport, fault=fault, fault_step=1) as env:
        env.reset()
        with pytest.raises(ProtocolError, match=complaint):
            env.step(ACTION)
        env.reset()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ctrl_c_ends_a_wait(transport: Transport) -> None:
    program = f"""
import numpy as np, os, signal, threading, time
from ns3kan.bridge.ns3.env import Ns3Env
env = Ns3Env({str(EXAMPLE)!r}, transport={transport!r}, fault="stall", fault_step=1)
env.reset()
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
started = time.monotonic()
try:
    env.step(np.array([0.5]))
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - started < 1)
env.reset()
print("again")
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["interrupted", "True", "again"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_other_threads_run_during_a_wait(transport: Transport) -> None:
    counted = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal counted
        while not stop.wait(0.001):
            counted += 1

    with example(transport=transport, work=0.3) as env:
        env.reset()
        thread = threading.Thread(target=count)
        thread.start()
        env.step(ACTION)
        stop.set()
        thread.join()
    assert counted > 30


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_waiting_costs_next_to_nothing(transport: Transport) -> None:
    python, simulator_share = idle_shares(transport, 0.6)
    assert python < 0.05
    assert simulator_share < 0.05
