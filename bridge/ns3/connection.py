# SPDX-License-Identifier: MIT
"""What a listening socket's connections do: come, go, and fail to prove themselves."""

from __future__ import annotations

import time

import zmq
from zmq.utils.monitor import parse_monitor_message

_EVENTS = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_DISCONNECTED
)


class Connections:
    """Counts what happens to a socket's connections.

    Parameters
    ----------
    socket
        A socket that has not been bound yet.

    Attributes
    ----------
    established : int
        How many peers have connected and proved themselves since `forget`.
    lost_at : float or None
        When (by `time.monotonic`) one of those connections was found broken.
    regained_at : float or None
        When one was established after that.
    refused : int
        How many were turned away since `forget`.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._monitor = socket.get_monitor_socket(_EVENTS)
        self.forget(0)

    def forget(self, established: int) -> None:
        """Start anew, with the next conversation.

        Parameters
        ----------
        established
            How many connections are known to stand.
        """
        self.established = established
        self.lost_at: float | None = None
        self.regained_at: float | None = None
        self.refused = 0
        # A refused connection is told of twice.
        self._refusals_to_end = 0

    def update(self) -> None:
        """Take note of everything that has happened since the last time."""
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.established += 1
                if self.lost_at is not None:
                    self.regained_at = time.monotonic()
            elif event != zmq.EVENT_DISCONNECTED:
                self.refused += 1
                self._refusals_to_end += 1
            elif self._refusals_to_end:
                self._refusals_to_end -= 1
            elif self.established:
                self.lost_at, self.regained_at = time.monotonic(), None

    def close(self) -> None:
        """Stop watching."""
        self._monitor.close(0)
