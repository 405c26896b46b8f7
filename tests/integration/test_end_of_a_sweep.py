# SPDX-License-Identifier: MIT
"""What is left of a sweep whose command is interrupted, or killed: nothing."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ns3kan.bridge.ns3 import peers


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.05)
    return True


def commands(pids: list[int]) -> list[str]:
    """Names of those of some processes that still run."""
    names = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        if ") Z" not in state:
            names.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return names


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], Path]]:
    """Start a sweep and wait until both its workers have a simulator and a temporary folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "ns3kan.cli", "sweep", "ns3kan/SdWan-v0"),
            *("--seeds", "1..2", "--workers", "2", "--out", str(tmp_path / "sweep")),
        ],
        env={**os.environ, "TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def is_running() -> bool:
        names = commands(list(peers.family(process.pid)))
        return names.count("sdwan") >= 2 and len(folders(scratch)) == 2

    try:
        assert wait_until(is_running, 120), process.poll()
        yield process, descendants(process), scratch
    finally:
        for pid in descendants(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def descendants(process: subprocess.Popen[str]) -> list[int]:
    return list(peers.family(process.pid))[1:]


def folders(scratch: Path) -> list[str]:
    return [path.name for path in scratch.iterdir() if path.name.startswith("ns3kan-")]


def test_after_a_kill_its_processes_end_and_its_folders_go(
    sweep: tuple[subprocess.Popen[str], list[int], Path],
) -> None:
    process, others, scratch = sweep
    process.kill()
    process.wait(10)
    assert wait_until(lambda: not commands(others), 10), commands(others)
    assert wait_until(lambda: not folders(scratch), 10), list(scratch.glob("**/*"))


def test_after_an_interrupt_too_and_it_says_no_more_than_that(
    sweep: tuple[subprocess.Popen[str], list[int], Path],
) -> None:
    process, others, scratch = sweep
    # As Ctrl-C in a terminal: everybody in the foreground is told.
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert len(errors.splitlines()) <= 3, errors
    assert wait_until(lambda: not commands(others), 10), commands(others)
    assert wait_until(lambda: not folders(scratch), 10), list(scratch.glob("**/*"))
