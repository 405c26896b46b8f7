# SPDX-License-Identifier: MIT
"""A disk of a few pages that runs out, as a folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int, options: str = "") -> Iterator[Path]:
    """Mount a tmpfs of so many bytes; skips the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    settings = ",".join(filter(None, [f"size={size}", "mode=700", options]))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", settings, "ns3kan-test", str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=60)


def fill(folder: Path, spare: int = 0) -> None:
    """Take up all the space of a disk but some bytes, which are of whole pages."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
        file.truncate(max(file.tell() - spare, 0))
