# SPDX-License-Identifier: MIT
"""The way to a Ray cluster, with an end to every wait for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

from ns3kan.bridge.ns3.errors import BridgeError

CONNECT_SECONDS = 10.0
"""Longest wait for a connection to the head of a cluster."""
ANSWER_SECONDS = 60.0
"""Longest wait for its answer, from a Python that must first be started."""

_HEALTH = "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"


class ClusterError(BridgeError):
    """Ray is not installed, or there is no cluster at an address, or it has gone away."""


def connect(address: str) -> Any:
    """Connect this process to a Ray cluster, unless it is already; the module ``ray``.

    Parameters
    ----------
    address
        As for ``ray.init``: ``"auto"``, ``"HOST:PORT"`` or ``"ray://HOST:PORT"``.

    Raises
    ------
    ClusterError
        If Ray is not installed, or no cluster answers there.
    """
    try:
        import ray
    except ImportError as error:
        raise ClusterError(
            "Ray is not installed: run `pip install 'ns3kan[ray]'`, or do without a cluster, which "
            "uses this machine's cores"
        ) from error
    if ray.is_initialized():
        return ray
    wrong = (
        f"there is no Ray cluster at {address}: start one with `ray start --head`, or do without a "
        "cluster, which uses this machine's cores"
    )
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    try:
        # Ray itself waits for minutes, or without end where a head died and left its files.
        if colon:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        else:
            subprocess.run(
                [sys.executable, "-c", _HEALTH, "health-check"],
                capture_output=True,
                timeout=ANSWER_SECONDS,
                check=True,
            )
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        raise ClusterError(wrong) from error
    return ray


def require_alive(ray: Any) -> None:
    """Refuse to wait any longer for a cluster of which no node is left.

    Raises
    ------
    ClusterError
        If that is so, or its head does not answer.
    """
    try:
        is_alive = any(node["Alive"] for node in ray.nodes())
    except Exception as error:
        raise ClusterError("the Ray cluster has gone away: its head does not answer") from error
    if not is_alive:
        raise ClusterError("the Ray cluster has gone away: none of its nodes is alive")
