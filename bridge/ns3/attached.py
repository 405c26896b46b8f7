# SPDX-License-Identifier: MIT
"""The simulator at the other end: one that was started here, or one that somebody started."""

from __future__ import annotations

import os
from typing import Protocol

from ns3kan.bridge.ns3 import peers
from ns3kan.bridge.ns3.errors import BridgeError, SimulatorError, SimulatorTimeoutError

OFFER = "NS3KAN_BRIDGE_"
"""With the port, the name of the variable that tells a simulator what Python can do."""


class Peer(Protocol):
    """What a conversation knows of the simulator that it is with."""

    name: str
    is_child: bool

    def refuses(self, owner: peers.Owner | None) -> str | None:
        """Say why the owner of a connection is not the simulator; None if it may be."""

    def is_running(self) -> bool:
        """Whether it can still say something."""

    def stop(self, patience: float) -> int | None:
        """End it, if it was started here, and return its exit status."""

    def death(self, occasion: str) -> BridgeError:
        """Return an error that says how it ended."""

    def disconnection(self, occasion: str) -> BridgeError:
        """Return an error that says that its connection broke."""

    def silence(self, expected: str, timeout: float) -> SimulatorTimeoutError:
        """Return an error that says that nothing came in time."""

    def describe_stderr(self) -> str:
        """Return a clause for an error message that ends with what stderr holds."""


class AttachedSimulator:
    """A simulator that somebody else started: it is heard, but never watched or signalled.

    Parameters
    ----------
    endpoint
        Where it is expected, such as ``"tcp://127.0.0.1:5555"``.
    """

    is_child = False

    def __init__(self, endpoint: str) -> None:
        self.name = f"attached at {endpoint}"
        self._endpoint = endpoint

    def refuses(self, owner: peers.Owner | None) -> str | None:
        """Refuse what is another user's, or another environment's.

        Parameters
        ----------
        owner
            Of the connection.
        """
        if owner is None:
            return "it comes from another host, or from a process that has ended"
        if owner.user != os.getuid():
            return "it belongs to another user of this host"
        pid = peers.holder(owner, peers.processes())
        if pid is not None and any(name.startswith(OFFER) for name in peers.variables(pid)):
            return "it was started by another environment"
        return None

    def is_running(self) -> bool:
        """Only its connection can tell, which the channel looks at."""
        return True

    def stop(self, patience: float) -> int | None:
        """Do nothing: who started it ends it."""
        return None

    def death(self, occasion: str) -> SimulatorError:
        """Say that its connection broke.

        Parameters
        ----------
        occasion
            What was going on, such as ``"before its next state"``.
        """
        return SimulatorError(
            f"The simulator {self.name} went away {occasion}; see what it wrote where it was "
            "started, start it again, then call reset().",
            exit_status=None,
            signal_name=None,
            stderr="",
        )

    def disconnection(self, occasion: str) -> SimulatorError:
        """Say the same: that its connection broke is all that is known of its end.

        Parameters
        ----------
        occasion
            As for `death`.
        """
        return self.death(occasion)

    def silence(self, expected: str, timeout: float) -> SimulatorTimeoutError:
        """Say that nothing came in time.

        Parameters
        ----------
        expected
            What it was expected to send.
        timeout
            How long it was waited for [s].
        """
        port = self._endpoint.rpartition(":")[2]
        message = f"The simulator {self.name} did not send {expected} within {timeout:g} s"
        return SimulatorTimeoutError(
            f"{message}; start one with --openGymPort={port}, or give a longer timeout.", stderr=""
        )

    def describe_stderr(self) -> str:
        """Say where its stderr is."""
        return "its stderr is where it was started"
