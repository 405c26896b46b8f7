# SPDX-License-Identifier: MIT
"""Programs that connect where they are not expected: of this user and of others, at any time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ports import free_port

from ns3kan.bridge.ns3 import peers
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_env import Ns3ParallelEnv
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

HERE = Path(__file__).parent
EXAMPLE = scenario_path("gym-example")
FOREIGN = str(HERE / "foreign_simulator.py")
PAIR = np.array([0.5, 0.5], np.float32)
OTHER_USER = 65534

Start = Callable[..., "subprocess.Popen[str]"]

users = pytest.mark.parametrize(
    "user",
    [
        pytest.param(os.getuid(), id="same-user"),
        pytest.param(
            OTHER_USER,
            id="other-user",
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user"),
        ),
    ],
)
programs = pytest.mark.parametrize("program", ["own-zmq", "own-shm", "foreign", "foreign-in-shell"])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start programs by hand."""
    running: list[subprocess.Popen[str]] = []

    def by_hand(*command: object, **options: Any) -> subprocess.Popen[str]:
        options = {"stdout": subprocess.PIPE, "text": True, **options}
        running.append(subprocess.Popen(list(map(str, command)), **options))
        return running[-1]

    yield by_hand
    for process in running:
        process.kill()
        process.communicate()


def stranger(
    start: Start, port: int, user: int | None = None, behaviour: str = "simulator", **options: Any
) -> subprocess.Popen[str]:
    # Another user may not read where this one's files are.
    path = os.pathsep.join(part for part in sys.path if part)
    code = (HERE / "stranger.py").read_text()
    wire = (HERE / "wire.py").read_text()
    program = f"import sys, types; w = types.ModuleType('wire'); exec({wire!r}, w.__dict__)\n"
    program += f"sys.modules['wire'] = w\nexec({code!r})"
    user = os.getuid() if user is None else user
    process = start(
        *(sys.executable, "-c", program, port, user, behaviour),
        env={"PYTHONPATH": path},
        **options,
    )
    if "stdout" not in options:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
    return process


def verdict(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def was_accepted(process: subprocess.Popen[str]) -> bool:
    """Whether a stranger was ever taken for a simulator, up to its end, which this is."""
    process.kill()
    assert process.stdout is not None
    return "accepted" in process.stdout.read()


def make(program: str, port: int, after: Path | None = None, **arguments: Any) -> Ns3Env:
    """Make an environment, its simulator beginning when something can be read from a pipe."""
    own = [EXAMPLE, "--steps=50"]
    command = own if program.startswith("own") else [sys.executable, FOREIGN, "well"]
    if program == "foreign-in-shell":
        command = ["sh", "-c", '"$@"; exit', "sh", *command]
    if after is not None:
        command = ["sh", "-c", 'read line < "$0"; exec "$@"', str(after), *command]
    transport = "shm" if program == "own-shm" else "zmq"
    return Ns3Env(command[0], command[1:], port=port, transport=transport, timeout=20, **arguments)


def play(env: Ns3Env, steps: int = 3) -> None:
    """Play one episode and require that every word of it is the simulator's."""
    is_own = env.action_space.shape == (1,)
    action = np.array([0.5]) if is_own else PAIR
    observation, _ = env.reset()
    for step in range(1, steps + 1):
        if not is_own:
            assert observation[0, 1] == step - 1
        observation, reward, *_ = env.step(action)
        assert reward == (0.5 if is_own else 1.0)


@users
@programs
def test_a_stranger_that_comes_first_is_refused_and_told_so(
    program: str, user: int, start: Start, tmp_path: Path
) -> None:
    port, pipe = free_port(), tmp_path / "pipe"
    os.mkfifo(pipe)
    # The simulator begins when the stranger has heard what becomes of it.
    first = stranger(start, port, user)
    start("sh", "-c", 'read line; echo "$line" > "$0"', pipe, stdin=first.stdout)
    with make(program, port, after=pipe) as env:
        play(env)


@users
@pytest.mark.parametrize("program", ["own-zmq", "foreign"])
def test_a_stranger_in_the_middle_of_an_episode_is_refused_and_told_so(
    program: str, user: int, start: Start
) -> None:
    port = free_port()
    slow = {"work": 0.2} if program == "own-zmq" else {"env": {"PAUSE": "0.2"}}
    with make(program, port, **slow) as env:
        env.reset()
        strange = stranger(start, port, user)
        play(env)
        assert verdict(strange) == "refused"


@users
def test_strangers_do_not_disturb_several_environments(user: int, start: Start) -> None:
    ports = [free_port() for _ in range(3)]
    strangers = [stranger(start, port, user) for port in ports for _ in range(2)]
    environments = [make("foreign", port) for port in ports]
    for env in environments:
        play(env)
        env.close()
    assert not any(was_accepted(each) for each in strangers)


def test_a_stranger_that_says_everything_at_once_and_leaves_is_never_heard(start: Start) -> None:
    """What it has said lies there when the simulator's connection has taken its number."""
    port = free_port()
    for _ in range(3):
        stranger(start, port, behaviour="hasty")
    for _ in range(10):
        with make("foreign", port) as env:
            play(env)


def test_an_orphan_at_a_fixed_port_is_not_the_program_just_started(start: Start) -> None:
    port = free_port()
    orphan = start(sys.executable, FOREIGN, "well", f"--openGymPort={port}", "--simSeed=7")
    with make("foreign", port) as env:
        assert env.reset()[0][0, 0] != 7
        play(env)
    assert orphan.poll() is None


def test_a_simulator_of_this_project_says_why_it_was_refused(start: Start) -> None:
    port = free_port()
    with make("own-zmq", port, work=0.2) as env:
        env.reset()
        other = start(EXAMPLE, f"--openGymPort={port}", stderr=subprocess.PIPE)
        play(env)
        assert "refuses this simulation" in other.communicate(timeout=20)[1]
        assert other.returncode == 1


def test_who_was_refused_is_said_when_the_simulator_does_not_come(start: Start) -> None:
    port = free_port()
    strange = stranger(start, port)
    with pytest.raises(SimulatorTimeoutError) as caught:
        Ns3Env("sh", ["-c", "exec sleep 60"], port=port, timeout=2)
    (note,) = caught.value.__notes__
    assert f"process {strange.pid}" in note
    assert "not the simulator sh" in note


def test_agents_are_only_the_simulators(start: Start) -> None:
    port = free_port(row=3)
    for i in range(3):
        stranger(start, port + i)
    command = [str(HERE / "foreign_agents.py"), "well"]
    env = Ns3ParallelEnv(sys.executable, command, agents=3, port=port, timeout=20)
    env.reset()
    env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    env.close()


def test_a_vector_takes_its_own_simulators_among_strangers(start: Start) -> None:
    env = Ns3VectorEnv(3, command=sys.executable, args=[FOREIGN, "well"], timeout=20)
    ports = [each._session._channel.port for each in env.envs]
    for port in ports:
        stranger(start, port)
    observations, _ = env.reset(seed=1)
    assert observations[:, 0, 1].tolist() == [0, 0, 0]
    env.close()


def test_attaching_does_not_end_with_six_that_make_no_sense(start: Start) -> None:
    port = free_port()
    strangers = [stranger(start, port, behaviour="garbage") for _ in range(6)]
    start(EXAMPLE, f"--openGymPort={port}")
    with Ns3Env(port=port, timeout=20) as env:
        env.reset()
        assert env.step(np.array([0.5]))[1] == 0.5
    assert not any(was_accepted(each) for each in strangers)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_attaching_takes_no_simulator_of_another_user(start: Start) -> None:
    port = free_port()
    strange = stranger(start, port, OTHER_USER)
    with pytest.raises(SimulatorTimeoutError) as caught:
        Ns3Env(port=port, timeout=1)
    (note,) = caught.value.__notes__
    assert f"id {OTHER_USER} is not let in, because it belongs to another user" in note
    assert verdict(strange) == "refused"
    trusted = stranger(start, port, OTHER_USER)
    with Ns3Env(port=port, timeout=20, insecure=True) as env:
        assert env.reset()[0][0, 0] == -1
    assert verdict(trusted) == "accepted"


def test_attaching_takes_no_simulator_of_another_environment(start: Start) -> None:
    port = free_port()
    environment = {**os.environ, f"NS3KAN_BRIDGE_{port}": "token=abc reset"}
    start(EXAMPLE, f"--openGymPort={port}", env=environment)
    with pytest.raises(SimulatorTimeoutError) as caught:
        Ns3Env(port=port, timeout=1)
    assert "was started by another environment" in caught.value.__notes__[0]


def test_a_second_simulator_at_an_attached_environment_is_told_to_leave(start: Start) -> None:
    port = free_port()
    start(EXAMPLE, f"--openGymPort={port}", "--work=0.2")
    with Ns3Env(port=port, timeout=20) as env:
        env.reset()
        second = start(EXAMPLE, f"--openGymPort={port}", stderr=subprocess.PIPE)
        for _ in range(3):
            assert env.step(np.array([0.5]))[1] == 0.5
        assert "refuses this simulation" in second.communicate(timeout=20)[1]


def test_where_sockets_have_no_owners_a_token_proves_who_was_started(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "can_identify", lambda listener: False)
    port = free_port()
    strange = stranger(start, port)
    for program in ("own-zmq", "own-shm"):
        with make(program, port) as env:
            play(env)
            assert env.transport == program.removeprefix("own-")
    assert verdict(strange) == "refused"
    with pytest.raises(SimulatorError, match="cannot tell whose simulator this is; use keys"):
        Ns3Env(sys.executable, [FOREIGN, "well"], port=port)
    with Ns3Env(sys.executable, [FOREIGN, "well"], port=port, insecure=True) as env:
        play(env)
