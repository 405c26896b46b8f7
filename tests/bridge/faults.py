# SPDX-License-Identifier: MIT
"""What fault tests look at: processes, descriptors, and what lies about in the file system."""

from __future__ import annotations

import os
import select
from dataclasses import dataclass
from pathlib import Path

from processes import living_children


def descriptors() -> int:
    """Count of open files, sockets and pipes."""
    return len(list(Path("/proc/self/fd").iterdir()))


def traces() -> set[str]:
    """Return shared memory (by name or mapped without one) and socket files."""
    found = {str(path) for path in Path("/dev/shm").iterdir() if "ns3kan" in path.name}
    for folder in (Path("/tmp"), Path("/run"), Path.cwd()):
        found.update(str(path) for path in folder.iterdir() if path.is_socket())
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "memfd:" in line:
            found.add(line.partition(" ")[0])
    return found


@dataclass(frozen=True)
class Belongings:
    """What a process owns beside its memory."""

    children: set[int]
    descriptors: int
    traces: set[str]

    @classmethod
    def now(cls) -> Belongings:
        """Count them."""
        return cls(living_children(), descriptors(), traces())


def ends_within(pid: int, seconds: float) -> bool:
    """Whether a process, of whomever, ends in time."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)
