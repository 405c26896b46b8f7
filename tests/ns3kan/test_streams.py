# SPDX-License-Identifier: MIT
"""Standard streams that are missing, or that lack characters: nothing computed is lost."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.io.streams import prepare_standard_streams

SIMULATE = ["simulate", "sdwan", "equal", "primary", "--seeds=1..2", "--set=duration=12s"]
SIMULATE += ["--set=warmup=2s"]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "ns3kan.cli", *command],
        capture_output=True,
        timeout=100,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_table_is_printed_in_any_encoding(encoding: str) -> None:
    done = run(SIMULATE, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode(encoding)
    plus_minus = "+/-" if encoding == "ascii" else "±"
    assert f" {plus_minus} " in shown
    # No minus sign of this project is in either encoding.
    assert "−" not in shown
    assert " -0." in shown


def test_a_character_without_a_likeness_is_a_question_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        prepare_standard_streams()
        print("größe ≤ 3 Ω ☃")
    assert (tmp_path / "out").read_text(encoding="ascii") == "grosse <= 3 ? ?\n"


@pytest.mark.parametrize("closed", ["0<&-", "2>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-"])
def test_simulators_run_without_standard_streams(closed: str) -> None:
    """Shared memory and sockets must not take the numbers of streams that are closed."""
    command = [sys.executable, "-P", "-m", "ns3kan.cli", "run", "--steps=5", "--seed=1"]
    line = f"{shlex.join([*command, '--', str(scenario_path('gym-example'))])} {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if "1>" not in closed:
        assert "5 steps" in done.stdout
