# SPDX-License-Identifier: MIT
"""Everything that can go wrong, with real processes, over both transports.

In every case: a specific error, soon, with what is known of the simulator's end; and afterwards
no process, descriptor, socket file or shared memory is left.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import Belongings, ends_within
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from ports import free_port
from processes import living_children

from ns3kan.bridge.ns3 import session
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    BridgeError,
    ForkError,
    PortInUseError,
    ProtocolError,
    SimulatorError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_env import Ns3ParallelEnv
from ns3kan.bridge.ns3.session import Session
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

EXAMPLE = scenario_path("gym-example")
HERE = Path(__file__).parent
FOREIGN = str(HERE / "foreign_simulator.py")
ACTION = np.array([0.5])
PAIR = np.array([0.5, 0.5], np.float32)

over_both = pytest.mark.parametrize("transport", ["zmq", "shm"])


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    """Make what is made once in a process: threads, and what libraries load when first used."""
    for transport in ("zmq", "shm"):
        with example(transport=transport) as env:
            env.reset()


@pytest.fixture(autouse=True)
def _leaves_nothing(_warm: None) -> Iterator[None]:
    gc.collect()
    before = Belongings.now()
    yield
    gc.collect()
    assert Belongings.now() == before


def example(**arguments: Any) -> Ns3Env:
    return Ns3Env(EXAMPLE, **arguments)


def foreign(behaviour: str, **arguments: Any) -> Ns3Env:
    return Ns3Env(sys.executable, [FOREIGN, behaviour], **arguments)


def play(
    make: Callable[..., Ns3Env], *arguments: Any, action: Any = ACTION, **options: Any
) -> None:
    """Make an environment and step it twice."""
    with make(*arguments, **options) as env:
        env.reset()
        env.step(action)
        env.step(action)


def timed(error: type[BridgeError], seconds: float, call: Callable[[], object]) -> Any:
    """Return the error that a call ends with in time."""
    started = time.monotonic()
    with pytest.raises(error) as caught:
        call()
    assert time.monotonic() - started < seconds
    return caught.value


@over_both
@pytest.mark.parametrize("step", [-1, 0, 2])
@pytest.mark.parametrize(
    ("fault", "status", "name", "words"),
    [
        ("exit-0", 0, None, "leaving early"),
        ("exit-1", 1, None, "leaving early"),
        ("fatal", None, "SIGABRT", "a fatal error on request"),
        ("segfault", None, "SIGSEGV", "about to touch memory"),
    ],
)
def test_the_simulator_ends(
    fault: str, status: int | None, name: str | None, words: str, step: int, transport: str
) -> None:
    def call() -> None:
        play(example, fault=fault, fault_step=step, transport=transport)

    error = timed(SimulatorError, 1.5, call)
    assert (error.exit_status, error.signal_name) == (status, name)
    assert words in error.stderr
    assert words in str(error)
    assert (name or f"exit status {status}") in str(error)


def kill_the_next_child() -> threading.Thread:
    """Kill the next process that this one starts."""
    before = living_children()

    def kill() -> None:
        deadline = time.monotonic() + 10
        while not (new := living_children() - before):
            assert time.monotonic() < deadline
        os.kill(new.pop(), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@over_both
@pytest.mark.parametrize("moment", ["before the handshake", "between steps", "inside a step"])
def test_the_simulator_is_killed(moment: str, transport: str) -> None:
    if moment == "before the handshake":
        thread = kill_the_next_child()
        error = timed(
            SimulatorError,
            1.5,
            lambda: example(fault="stall", fault_step=-1, transport=transport),
        )
        thread.join()
    else:
        before = living_children()
        with example(work=0 if moment == "between steps" else 30, transport=transport) as env:
            env.reset()
            (pid,) = living_children() - before
            if moment == "between steps":
                os.kill(pid, signal.SIGKILL)
                error = timed(SimulatorError, 1.5, lambda: env.step(ACTION))
            else:
                env.step_async(ACTION)
                os.kill(pid, signal.SIGKILL)
                error = timed(SimulatorError, 1.5, env.step_wait)
    assert (error.exit_status, error.signal_name) == (None, "SIGKILL")


def test_the_simulator_never_connects() -> None:
    error = timed(
        SimulatorTimeoutError,
        2,
        lambda: Ns3Env("sh", ["-c", "echo busy >&2; exec sleep 60"], timeout=0.3),
    )
    assert "its first message within 0.3 s" in str(error)
    assert error.stderr == "busy"


@over_both
@pytest.mark.parametrize("step", [0, 2])
def test_the_simulator_stalls(step: int, transport: str) -> None:
    def call() -> None:
        play(example, fault="stall", fault_step=step, timeout=0.3, transport=transport)

    assert "runs but did not send" in str(timed(SimulatorTimeoutError, 2, call))


@pytest.mark.parametrize(
    ("behaviour", "complaint"),
    [
        ("truncated", "not a SimInitMsg"),
        ("random-bytes", "not a SimInitMsg"),
        ("two-parts", "2 parts"),
        ("oversized", "larger than"),
        ("random-state", "not a EnvStateMsg"),
        ("oversized-state", "larger than"),
        ("other-shape", "3 numbers"),
        ("nan-reward", "the reward nan"),
    ],
)
def test_the_simulator_sends_nonsense(behaviour: str, complaint: str) -> None:
    error = timed(ProtocolError, 5, lambda: play(foreign, behaviour, action=PAIR, timeout=30))
    assert complaint in str(error).replace("an Env", "a Env")


def test_the_simulator_closes_its_socket_but_stays() -> None:
    error = timed(ProtocolError, 3, lambda: play(foreign, "closes-socket", action=PAIR, timeout=30))
    assert "closed its connection before its next state but runs on" in str(error)


@over_both
@pytest.mark.parametrize(
    ("fault", "complaint"), [("nan", "a noise that is not a number"), ("mismatch", "2 numbers")]
)
def test_the_simulator_contradicts_itself(fault: str, complaint: str, transport: str) -> None:
    def call() -> None:
        play(example, fault=fault, fault_step=1, transport=transport)

    assert complaint in str(timed(ProtocolError, 3, call))


@over_both
def test_after_each_fault_the_environment_can_go_on(transport: str) -> None:
    before = living_children()
    with example(transport=transport) as env:
        for _ in range(3):
            env.reset()
            (pid,) = living_children() - before
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(SimulatorError):
                env.step(ACTION)
            with pytest.raises(ResetNeeded):
                env.step(ACTION)
        env.reset()
        assert env.step(ACTION)[1] == 0.5


@over_both
def test_calls_at_the_wrong_time(transport: str) -> None:
    env = example(transport=transport)
    with pytest.raises(ResetNeeded):
        env.step(ACTION)
    env.reset()
    env.close()
    env.close()
    for call in (env.reset, lambda: env.step(ACTION)):
        with pytest.raises(ClosedEnvironmentError):
            call()


def in_a_fork(call: Callable[[], object], expected: type[Exception]) -> None:
    """Require that a call in a fork raises an error, and does not hang."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            call()
        except expected:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@over_both
def test_use_after_fork(transport: str) -> None:
    with example(transport=transport) as env:
        env.reset()
        in_a_fork(lambda: env.step(ACTION), ForkError)
        in_a_fork(env.reset, ForkError)
        assert env.step(ACTION)[1] == 0.5
    vector = Ns3VectorEnv(2, command=EXAMPLE, transport=transport)
    vector.reset()
    in_a_fork(lambda: vector.step(np.zeros((2, 1))), ForkError)
    assert not vector.step(np.zeros((2, 1)))[3].any()
    vector.close()


def test_several_agents_after_fork() -> None:
    env = Ns3ParallelEnv(sys.executable, [str(HERE / "foreign_agents.py"), "well"], agents=3)
    env.reset()
    in_a_fork(env.reset, ForkError)
    env.close()


def test_two_environments_ask_for_one_port() -> None:
    port = free_port()
    with example(port=port) as env:
        error = timed(PortInUseError, 1, lambda: example(port=port))
        assert f"Port {port} of 127.0.0.1 is in use" in str(error)
        env.reset()


PROGRAM = f"""
import os, sys, threading, signal
import numpy as np
from ns3kan.bridge.ns3.env import Ns3Env
sys.path[:0] = {[str(HERE), str(HERE.parent / "helpers")]!r}
from faults import Belongings
from processes import living_children
env = Ns3Env({str(EXAMPLE)!r}, work=float(sys.argv[2]), transport=sys.argv[1])
env.reset()
before = living_children()
print(*before, flush=True)
"""


@over_both
def test_ctrl_c_in_a_step(transport: str) -> None:
    program = PROGRAM + (
        """
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    env.step(np.array([0.5]))
except KeyboardInterrupt:
    print("interrupted", len(living_children()))
env.reset()
print(env.step_async(np.array([0.5])))
env.close()
print(len(living_children()))
"""
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, transport, "30"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.split()[1:] == ["interrupted", "0", "None", "0"]


@over_both
@pytest.mark.parametrize("where", ["between steps", "in a step"])
def test_the_interpreter_is_killed(where: str, transport: str) -> None:
    rest = (
        "print('stepping', flush=True); env.step(np.array([0.5]))" if where == "in a step" else ""
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM + rest + "\nsys.stdin.read()", transport, "30"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        if where == "in a step":
            python.stdout.readline()
        python.kill()
        assert ends_within(pid, 2)


def test_the_interpreter_is_killed_and_an_attached_simulator_leaves() -> None:
    port = free_port()
    program = f"""
import sys
from ns3kan.bridge.ns3.env import Ns3Env
env = Ns3Env(port={port})
env.reset()
print("ready", flush=True)
sys.stdin.read()
"""
    with (
        subprocess.Popen(
            [sys.executable, "-P", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as python,
        subprocess.Popen([EXAMPLE, f"--openGymPort={port}"], stderr=subprocess.PIPE) as simulator,
    ):
        assert python.stdout is not None
        assert python.stdout.readline() == b"ready\n"
        python.kill()
        assert ends_within(simulator.pid, 2)
        assert b"went away without an answer" in simulator.communicate()[1]
        assert simulator.returncode == 1


@over_both
def test_a_simulator_that_was_stopped_is_closed_at_once(transport: str) -> None:
    before = living_children()
    env = example(transport=transport)
    env.reset()
    (pid,) = living_children() - before
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    env.close()
    assert time.monotonic() - started < 3


def test_simulators_that_do_not_leave_are_closed_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_PATIENCE", 2.0)
    env = Ns3VectorEnv(4, command=sys.executable, args=[FOREIGN, "lingers"])
    env.reset()
    started = time.monotonic()
    env.close()
    # One after the other they take four times three seconds.
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("way", ["reset", "next step", "same step"])
def test_simulators_of_old_episodes_are_closed_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    env = Ns3VectorEnv(
        3,
        command=sys.executable,
        args=[FOREIGN, "well"],
        autoreset_mode="SameStep" if way == "same step" else "NextStep",
    )
    actions = np.stack([PAIR] * 3)
    with closing(env):
        env.reset(seed=1)
        if way != "reset":
            for _ in range(2 if way == "same step" else 3):
                env.step(actions)
        together = threading.Barrier(3)
        close = Session.close

        def close_with_the_others(one: Session) -> None:
            together.wait(30.0)
            close(one)

        # One after the other they would wait for each other in vain.
        monkeypatch.setattr(Session, "close", close_with_the_others)
        observations, *_ = env.reset() if way == "reset" else env.step(actions)
        monkeypatch.undo()
        # A new episode of each.
        assert observations[:, 0, 1].tolist() == [0, 0, 0]


def test_a_first_state_that_nobody_has_seen_is_not_thrown_away() -> None:
    env = Ns3VectorEnv(2, command=sys.executable, args=[FOREIGN, "well"])
    with closing(env):
        before = living_children()
        env.reset()
        assert living_children() == before
        env.reset()
        assert len(living_children()) == 2
        assert not living_children() & before


def test_a_child_that_is_stopped_before_it_is_a_simulator_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        def stop() -> None:
            os.kill(os.getpid(), signal.SIGSTOP)

        return popen(*arguments, **options, preexec_fn=stop)

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", stopped)
    error = timed(SimulatorTimeoutError, 5, lambda: example(timeout=0.5))
    assert "could not be started within 0.5 s" in str(error)
    monkeypatch.undo()
    # The next one is not held up.
    with example() as env:
        env.reset()


@pytest.mark.parametrize(("hard", "outcome"), [("256", "refused"), ("4096", "24")])
def test_too_few_descriptors_are_noticed_before_anything_starts(hard: str, outcome: str) -> None:
    program = f"""
import resource
from ns3kan.bridge.ns3.descriptors import PER_SIMULATOR
from ns3kan.bridge.ns3.errors import DescriptorLimitError
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv
from faults import descriptors
from processes import living_children
before = descriptors()
try:
    env = Ns3VectorEnv(24, command={str(EXAMPLE)!r}, transport="auto")
except DescriptorLimitError as error:
    assert "ulimit -n" in str(error) and not living_children(), error
    print("refused")
else:
    env.reset(seed=1)
    assert descriptors() - before <= 24 * PER_SIMULATOR, descriptors() - before
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256
    env.close()
    print(env.num_envs)
"""
    path = os.pathsep.join([str(HERE), str(HERE.parent / "helpers")])
    done = subprocess.run(
        [
            *("sh", "-c", f'ulimit -Sn 256 && ulimit -Hn {hard} && exec "$@"', "sh"),
            *(sys.executable, "-P", "-c", program),
        ],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == outcome, done.stderr
