# SPDX-License-Identifier: MIT
"""What a listening socket's connections do: come, go, and fail to prove themselves."""

from __future__ import annotations

import time

import zmq
from zmq.utils.monitor import parse_monitor_message

_EVENTS = (
    zmq.EVENT_LISTENING
    | zmq.EVENT_ACCEPTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
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
    monitor
        Where news come from: readable when there is something for `update`.
    listener : int or None
        Descriptor at which connections are accepted; known once the socket is bound.
    unknown : set of int
        Descriptors of the connections that stand and of which `Admission` has not said anything.
    admitted : set of int
        Those that it lets in.
    refused : dict from int to int
        Those that it does not, each with a number of its own: descriptors are used again.
    succeeded : int
        How many peers have connected and proved themselves.
    established : int
        The same since `forget`.
    partner : int or None
        Descriptor of the connection with the simulator, once it has introduced itself.
    lost_at : float or None
        When (by `time.monotonic`) that connection was found broken; without a partner, one of the
        established ones.
    regained_at : float or None
        When one was established after that.
    refusals : int
        How many were turned away since `forget`.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.monitor = socket.get_monitor_socket(_EVENTS)
        self.listener: int | None = None
        self.succeeded = 0
        self.unknown: set[int] = set()
        self.admitted: set[int] = set()
        self.refused: dict[int, int] = {}
        self.forget()

    def forget(self) -> None:
        """Start anew, with the next conversation."""
        self.established = 0
        self.partner: int | None = None
        self.lost_at: float | None = None
        self.regained_at: float | None = None
        self.refusals = 0
        # A refused connection is told of twice.
        self._refusals_to_end = 0

    def begin(self, partner: int | None) -> None:
        """Note that the simulator has introduced itself; from here on its death is an error.

        Parameters
        ----------
        partner
            Descriptor of its connection.
        """
        self.update()
        stands = partner in self.unknown | self.admitted
        self.forget()
        self.established = 1
        self.partner = partner
        if partner is not None and not stands:
            self.lost_at = time.monotonic()

    def update(self) -> None:
        """Take note of everything that has happened since the last time."""
        while self.monitor.poll(0):
            message = parse_monitor_message(self.monitor.recv_multipart())
            self._note(message["event"], int(message["value"]))

    def _note(self, event: int, descriptor: int) -> None:
        if event == zmq.EVENT_LISTENING:
            self.listener = descriptor
        elif event == zmq.EVENT_ACCEPTED:
            self._drop(descriptor)
            self.unknown.add(descriptor)
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.succeeded += 1
            self.established += 1
            if self.lost_at is not None:
                self.regained_at = time.monotonic()
        elif event != zmq.EVENT_DISCONNECTED:
            self.refusals += 1
            self._refusals_to_end += 1
        else:
            self._drop(descriptor)
            was_refused = bool(self._refusals_to_end)
            if was_refused:
                self._refusals_to_end -= 1
            is_lost = (
                self.established and not was_refused
                if self.partner is None
                else descriptor == self.partner and self.lost_at is None
            )
            if is_lost:
                self.lost_at, self.regained_at = time.monotonic(), None

    def _drop(self, descriptor: int) -> None:
        self.unknown.discard(descriptor)
        self.admitted.discard(descriptor)
        self.refused.pop(descriptor, None)

    def close(self) -> None:
        """Stop watching."""
        self.monitor.close(0)
