# SPDX-License-Identifier: MIT
"""What fault tests look at: processes, descriptors, and what lies about in the file system."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """Return a TCP port of the loopback interface at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def living_children() -> set[int]:
    """Processes that this one has started and that still run."""
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        pids.update(map(int, (task / "children").read_text().split()))
    return pids


def descriptors() -> int:
    """Count of open files, sockets and pipes."""
    return len(list(Path("/proc/self/fd").iterdir()))


def traces() -> set[Path]:
    """Return shared memory segments and socket files in the places where they are kept."""
    found = set(Path("/dev/shm").iterdir())
    for folder in (Path("/tmp"), Path("/run"), Path.cwd()):
        found.update(path for path in folder.iterdir() if path.is_socket())
    return {path for path in found if "ns3kan" in path.name or path.is_socket()}


@dataclass(frozen=True)
class Belongings:
    """What a process owns beside its memory."""

    children: set[int]
    descriptors: int
    traces: set[Path]

    @classmethod
    def now(cls) -> Belongings:
        """Count them."""
        return cls(living_children(), descriptors(), traces())
