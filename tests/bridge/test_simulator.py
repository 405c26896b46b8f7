# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from faults import ends_within

from ns3kan.bridge.ns3.errors import SimulatorNotFoundError
from ns3kan.bridge.ns3.installed import installed_file
from ns3kan.bridge.ns3.simulator import Simulator, find_executable, scenario_path


def shell(script: str) -> Simulator:
    return Simulator(["sh", "-c", script])


def test_a_process_that_leaves_by_itself_is_waited_for() -> None:
    assert shell("exit 0").stop(patience=10) == 0


def test_a_process_that_stays_is_ended() -> None:
    simulator = Simulator(["sleep", "60"])
    assert simulator.is_running()
    assert simulator.stop(patience=0) == -signal.SIGTERM
    assert not simulator.is_running()
    assert simulator.stop(patience=0) == -signal.SIGTERM


def test_a_process_that_ignores_the_request_is_killed() -> None:
    simulator = shell("trap '' TERM; echo ready >&2; while :; do sleep 60; done")
    deadline = time.monotonic() + 10
    while "ready" not in simulator.stderr():
        assert time.monotonic() < deadline
    assert simulator.stop(patience=0) == -signal.SIGKILL


def test_what_the_process_started_ends_with_it() -> None:
    simulator = shell("sleep 60 & echo $! >&2")
    assert simulator.stop(patience=10) == 0
    assert ends_within(int(simulator.stderr()), 1)


@pytest.mark.parametrize(
    ("script", "status", "name", "manner"),
    [
        ("exit 0", 0, None, "ended with exit status 0"),
        ("exit 3", 3, None, "ended with exit status 3"),
        ("kill -ABRT $$", None, "SIGABRT", "was killed by SIGABRT"),
        ("kill -SEGV $$", None, "SIGSEGV", "was killed by SIGSEGV"),
        ("kill -KILL $$", None, "SIGKILL", "was killed by SIGKILL"),
    ],
)
def test_a_death_is_told_with_status_signal_and_stderr(
    script: str, status: int | None, name: str | None, manner: str
) -> None:
    simulator = shell(f"echo last words >&2; {script}")
    while simulator.is_running():
        pass
    error = simulator.death("before it connected")
    assert (error.exit_status, error.signal_name, error.stderr) == (status, name, "last words")
    assert str(error) == f"The simulator sh {manner} before it connected; its stderr:\nlast words"


def test_of_a_long_stderr_beginning_and_end_are_kept() -> None:
    simulator = shell("echo first >&2; seq 100000 >&2; echo last >&2")
    assert simulator.stop(patience=10) == 0
    text = simulator.stderr()
    assert text.startswith("first\n1\n")
    assert text.endswith("\n100000\nlast")
    assert "[...]" in text
    assert len(text) < 10_000


@pytest.mark.parametrize("mode", [None, 0o644])
def test_what_cannot_be_executed_is_refused(tmp_path: Path, mode: int | None) -> None:
    path = tmp_path / "simulator"
    if mode is not None:
        path.touch(mode)
    complaint = "does not exist" if mode is None else "set its execute permission"
    with pytest.raises(SimulatorNotFoundError, match=f"{path} .*{complaint}"):
        Simulator([str(path)])


def test_a_name_is_looked_up_on_the_path() -> None:
    assert Path(find_executable("sleep")).is_absolute()


def test_missing_scenarios_are_named_with_a_remedy() -> None:
    with pytest.raises(SimulatorNotFoundError, match=r"bin/no-such .*pip install \."):
        scenario_path("no-such")


def test_collecting_the_object_ends_the_process() -> None:
    simulator = Simulator(["sleep", "60"])
    pid = simulator.pid
    del simulator
    assert ends_within(pid, 1)


def test_the_process_survives_the_thread_that_started_it() -> None:
    simulators: list[Simulator] = []
    thread = threading.Thread(target=lambda: simulators.append(Simulator(["sleep", "60"])))
    thread.start()
    thread.join()
    assert not ends_within(simulators[0].pid, 0.2)
    simulators[0].stop(patience=0)


@pytest.mark.parametrize("ending", ["kill", "exit"])
def test_the_process_does_not_survive_its_interpreter(ending: str) -> None:
    program = """
import sys
from ns3kan.bridge.ns3.simulator import Simulator
simulator = Simulator(["sleep", "60"])
print(simulator.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        if ending == "kill":
            python.kill()
        else:
            assert python.stdin is not None
            python.stdin.close()
        assert ends_within(pid, 2)


def test_a_fork_stops_nothing() -> None:
    simulator = Simulator(["sleep", "60"])
    child = os.fork()
    if child == 0:
        os._exit(0 if simulator.stop(patience=0) is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert simulator.is_running()
    simulator.stop(patience=0)


def test_an_orphan_does_not_even_start() -> None:
    leash = str(installed_file("bin/tie-to-parent"))
    done = subprocess.run([leash, "1", "/bin/echo", "started"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
