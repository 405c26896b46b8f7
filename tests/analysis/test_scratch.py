# SPDX-License-Identifier: MIT
"""Temporary folders go with their block, or with their process."""

import subprocess
import sys
from pathlib import Path

import pytest

from ns3kan.analysis.scratch import scratch_folder


def test_a_folder_goes_with_its_block_also_after_an_error() -> None:
    made: list[Path] = []

    def fail() -> None:
        with scratch_folder() as folder:
            made.append(folder)
            (folder / "a file").write_text("")
            assert folder.stat().st_mode & 0o777 == 0o700
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not made[0].exists()


def test_a_folder_goes_with_a_process_that_is_killed() -> None:
    program = """
import sys
from ns3kan.analysis.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "a file").write_text("")
    print(folder, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        heir = subprocess.Popen(["tail", f"--pid={child}", "-f", "/dev/null"])
        process.kill()
        heir.wait(20)
    assert not folder.exists()
