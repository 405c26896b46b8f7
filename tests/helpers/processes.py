# SPDX-License-Identifier: MIT
"""Processes that tests have started."""

from __future__ import annotations

import contextlib
from pathlib import Path


def living_children() -> set[int]:
    """Processes that this one has started, whichever thread did, and that still run.

    Not counted is Python's resource tracker: one for all, it lives from the first test that starts
    a process by multiprocessing to the end.
    """
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended since
            pids.update(map(int, (task / "children").read_text().split()))
    return {pid for pid in pids if not _is_resource_tracker(pid)}


def _is_resource_tracker(pid: int) -> bool:
    try:
        return b"multiprocessing.resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # Ended since.
        return False
