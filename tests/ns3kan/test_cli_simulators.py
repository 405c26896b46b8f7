# SPDX-License-Identifier: MIT
"""The commands that are a first thing to try for somebody with a simulation of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from ports import free_port

from ns3kan.bridge.ns3.installed import scenario_path

EXAMPLE = str(scenario_path("gym-example"))


def ns3kan(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "ns3kan.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def attached(arguments: Sequence[str], simulator: Sequence[str]) -> tuple[int, str, str, int]:
    """Status and words of ``ns3kan attach``, and the status of a simulator started by hand."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "ns3kan.cli", "attach", f"--port={port}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as python:
        status = subprocess.run(
            [*simulator, f"--openGymPort={port}"], timeout=60, check=False, capture_output=True
        ).returncode
        out, err = python.communicate(timeout=60)
    return python.returncode, out, err, status


def test_run_prints_spaces_steps_and_rewards() -> None:
    done = ns3kan("run", "--steps=3", "--seed=1", "--", EXAMPLE, "--steps=9")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "observation space: Box(0.0, [ 1. inf  1.], (3,), float64)"
    assert lines[1] == "  noise [1], time [s], level [1]"
    assert lines[2].startswith("action space: Box(0.0, 1.0, (1,)")
    assert lines[4].startswith("reset: observation [")
    assert [line.partition(":")[0] for line in lines[5:8]] == ["step 1", "step 2", "step 3"]
    assert "reward 0." in lines[5]
    assert lines[8].startswith("3 steps, sum of rewards ")
    assert ns3kan("run", "--steps=3", "--seed=1", "--", EXAMPLE, "--steps=9").stdout == done.stdout


@pytest.mark.parametrize("space", ["nested", "discrete", "mebibyte"])
def test_run_prints_every_kind_of_space(space: str) -> None:
    done = ns3kan("run", "--steps=1", "--", EXAMPLE, f"--space={space}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) < 3000


def test_run_says_how_the_episode_ended() -> None:
    assert "simulated time ran out" in ns3kan("run", "--", EXAMPLE, "--steps=2").stdout
    over = ns3kan("run", "--", EXAMPLE, "--fault=game-over", "--faultStep=1")
    assert "game over" in over.stdout


def test_run_shows_the_end_of_stderr() -> None:
    done = ns3kan("run", "--", EXAMPLE, "--fault=segfault", "--faultStep=2")
    assert done.returncode == 1
    assert done.stderr.startswith("ns3kan: The simulator gym-example was killed by SIGSEGV")
    assert done.stderr.endswith("about to touch memory that is not there\n")
    assert "step 1: " in done.stdout


def test_attach_drives_a_simulator_that_somebody_starts() -> None:
    status, out, err, simulator = attached(["--steps=2"], [EXAMPLE])
    assert (status, err, simulator) == (0, "", 0)
    assert out.startswith("Waiting at port ")
    assert "2 steps, sum of rewards" in out


def test_attach_works_with_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made = ns3kan("keys", str(path))
    assert made.returncode == 0
    variables = [line.removeprefix("export ") for line in made.stdout.splitlines()]
    environment = [variable.replace("'", "") for variable in variables]
    assert set(json.loads(path.read_text()).values()) >= {
        variable.partition("=")[2] for variable in environment
    }
    status, out, err, simulator = attached(
        ["--steps=2", f"--keys={path}", "--bind=0.0.0.0"], ["env", *environment, EXAMPLE]
    )
    assert (status, err, simulator) == (0, "", 0), out


def test_attach_listens_for_other_hosts_with_keys_only() -> None:
    done = ns3kan("attach", "--bind", "0.0.0.0")
    assert done.returncode == 1
    assert "no keys are given" in done.stderr
