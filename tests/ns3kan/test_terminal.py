# SPDX-License-Identifier: MIT
"""What a terminal is sent: progress in colour, without colour where that is asked for."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

# Sets a colour of the text or of the background.
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3|4|9|10)\d")


def shown(*arguments: str, **environment: str) -> bytes:
    """What the command sends to a terminal."""
    terminal, program_side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ns3kan.cli", *arguments],
        stdin=program_side,
        stdout=program_side,
        stderr=program_side,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    ) as program:
        os.close(program_side)
        sent = b""
        while True:
            try:
                part = os.read(terminal, 65_536)
            except OSError:  # The program has closed its side.
                break
            if not part:
                break
            sent += part
        os.close(terminal)
        assert program.wait(60) == 0, sent
    return sent


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb", "DISPLAY": ""}, False)],
)
def test_progress_is_coloured_where_that_is_wanted(
    environment: dict[str, str], is_coloured: bool, tmp_path: Path
) -> None:
    few = ["training.total_steps=2000", "training.rollout_steps=500"]
    settings = [f"--set={each}" for each in few]
    run = ["--run", str(tmp_path / "run")]
    sent = shown("train", "ns3kan/SingleHopScheduling-v0", *settings, *run, **environment)
    assert b"Training" in sent
    assert bool(COLOUR.search(sent)) == is_coloured
