# SPDX-License-Identifier: MIT
"""TCP ports at which a test may listen."""

from __future__ import annotations

import itertools
import os
import socket

_PORTS, _WORKERS = range(20_000, 32_000), 12
_PORTS_EACH = len(_PORTS) // _WORKERS
_offsets = itertools.count(os.getpid() % _PORTS_EACH)


def free_port(row: int = 1) -> int:
    """Return the first of a row of TCP ports of the loopback interface at which nobody listens.

    They lie below the ports that the system gives to whoever asks for any, and each process of the
    tests has some of its own, so nobody else takes them between this and their use.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = _PORTS.start + int(worker) % _WORKERS * _PORTS_EACH
    while True:
        offset = next(_offsets) % (_PORTS_EACH - row)
        ports = range(first + offset, first + offset + row)
        for _ in range(row - 1):
            next(_offsets)
        if all(map(_is_free, ports)):
            return ports.start


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
