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


def living_simulators(program: str) -> set[int]:
    """Those of `living_children` that run an executable of this name.

    An evaluation has other children besides, which see to it that its temporary folders go.
    """
    found = set()
    for pid in living_children():
        with contextlib.suppress(OSError):  # it has ended since
            if Path(f"/proc/{pid}/exe").readlink().name == program:
                found.add(pid)
    return found


def _is_resource_tracker(pid: int) -> bool:
    try:
        return b"multiprocessing.resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # Ended since.
        return False
