# SPDX-License-Identifier: MIT
"""Open files that simulators need, compared with the limit before any is started."""

from __future__ import annotations

import resource
from pathlib import Path

from ns3kan.bridge.ns3.errors import DescriptorLimitError

PER_SIMULATOR = 28
"""What one simulator takes at most: ZeroMQ's own, the connection, stderr, shared memory."""
_SPARE = 32  # for the libraries and the program itself


def require_descriptors(simulators: int) -> None:
    """Refuse to start simulators for which there are too few descriptors.

    ZeroMQ ends the whole process where they run out. The soft limit is raised as far as needed and
    as the hard one allows.

    Parameters
    ----------
    simulators
        How many are about to be started.

    Raises
    ------
    DescriptorLimitError
        If the hard limit is too low.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(list(Path("/proc/self/fd").iterdir())) + simulators * PER_SIMULATOR + _SPARE
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise DescriptorLimitError(
            f"{simulators} simulators more need {needed} open files in all and only {hard} are "
            f"allowed; raise the limit (`ulimit -n {needed}`), or start fewer."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
