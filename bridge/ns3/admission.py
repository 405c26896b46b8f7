# SPDX-License-Identifier: MIT
"""Who is let in at a listening socket (ZeroMQ's protocol ZAP, RFC 27).

With keys: who proves to have the right one. Without: who is, by the kernel's tables, the process
that is expected. No message is read from anybody else.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Callable

import zmq
from zmq.utils import z85

from ns3kan.bridge.ns3 import peers
from ns3kan.bridge.ns3.connection import Connections
from ns3kan.bridge.ns3.peers import Owner
from ns3kan.bridge.ns3.security import CurveKeys

Refuses = Callable[[Owner | None], str | None]
"""Says why the owner of a connection's other end is not let in; None if it is."""

_ADDRESS = "inproc://zeromq.zap.01"
_GRANTED = (b"200", b"OK")
_REFUSED = (b"400", b"not the simulator that is waited for")
# Who connects and does not speak on is dropped after this time [ms].
_HANDSHAKE_MS = 5000
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Admission:
    """Answers ZeroMQ's question whether to let a peer in.

    ZeroMQ does not say which connection it asks about. So all that stand when it asks are looked
    at. If there are only right ones, the answer is yes. If there are only wrong ones, it is no. If
    there are both, the wrong ones are cut off, and the answer waits until they are gone.

    Parameters
    ----------
    context
        Of the socket to guard.
    guarded
        That socket, not bound yet.
    connections
        Its connections.
    keys
        What both sides have to prove; None to look at processes.

    Attributes
    ----------
    port : int
        Of the guarded socket; set once it is bound.
    questions
        Where ZeroMQ asks: readable when there is something for `update`.
    first_refusal : str or None
        Who was not let in first, and why.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        guarded: zmq.Socket[bytes],
        connections: Connections,
        keys: CurveKeys | None,
    ) -> None:
        self._keys = keys
        self._connections = connections
        self._question: list[bytes] | None = None
        # Refused connections that it may be about, by number.
        self._suspects: set[int] = set()
        self._refusals = itertools.count()
        self._admissions = 0
        self.port = 0
        self.first_refusal: str | None = None
        self.questions = context.socket(zmq.REP)
        self.questions.linger = 0
        self.questions.bind(_ADDRESS)
        guarded.handshake_ivl = _HANDSHAKE_MS
        if keys is not None:
            guarded.curve_server = True
            guarded.curve_publickey = keys.server_public.encode()
            guarded.curve_secretkey = keys.server_secret.encode()

    def update(self, refuses: Refuses) -> None:
        """Look at the connections that have come, and answer the questions that have.

        Parameters
        ----------
        refuses
            Says who is not let in; not asked if there are keys.
        """
        self._look(refuses)
        while self._question is not None or self.questions.poll(0):
            if self._question is None:
                self._question = self.questions.recv_multipart()
                # Whoever asks has connected before.
                self._look(refuses)
                self._suspects = set(self._connections.refused.values())
            answer = self._decide(self._question)
            if answer is None:
                return
            version, question = self._question[:2]
            self._question = None
            self.questions.send_multipart([version, question, *answer, b"", b""])

    def close(self) -> None:
        """Let nobody in any more."""
        self.questions.close()

    def _decide(self, question: list[bytes]) -> tuple[bytes, bytes] | None:
        if self._keys is not None:
            _, _, _, _, _, mechanism, *credentials = question
            is_known = (
                mechanism == b"CURVE"
                and len(credentials) == 1
                and z85.encode(credentials[0]).decode() == self._keys.simulator_public
            )
            return _GRANTED if is_known else _REFUSED
        refused = self._connections.refused
        suspects = [each for each, number in refused.items() if number in self._suspects]
        if not suspects:
            return _GRANTED
        # A right one that broke off before it was through is still counted, which does no harm.
        if self._admissions <= self._connections.succeeded:
            return _REFUSED
        for descriptor in suspects:
            self._cut(descriptor)
        return None

    def _look(self, refuses: Refuses) -> None:
        connections = self._connections
        connections.update()
        if self._keys is not None:
            return
        for descriptor in tuple(connections.unknown):
            connection = self._hold(descriptor)
            if connection is None:
                # It is gone; that will be said soon.
                continue
            with connection:
                try:
                    owner = peers.far_owner(connection)
                    reason = refuses(owner)
                except OSError:
                    # It is gone, but what it has sent may still lie there.
                    owner, reason = None, "its connection broke"
            connections.unknown.discard(descriptor)
            if reason is None:
                connections.admitted.add(descriptor)
                self._admissions += 1
            else:
                connections.refused[descriptor] = next(self._refusals)
                if self.first_refusal is None and owner is not None:
                    pid = peers.holder(owner, peers.processes())
                    self.first_refusal = (
                        f"{peers.describe(pid)} of the user with id {owner.user} is not let in, "
                        f"because {reason}"
                    )

    def _cut(self, descriptor: int) -> None:
        connection = self._hold(descriptor)
        if connection is not None:
            with connection, contextlib.suppress(OSError):  # it is gone already
                connection.shutdown(socket.SHUT_RDWR)

    def _hold(self, descriptor: int) -> socket.socket | None:
        """Get hold of an accepted connection, which ZeroMQ may close at any time.

        Whatever takes its number afterwards, what is held here stays the same.
        """
        try:
            copy = os.dup(descriptor)
        except OSError:
            return None
        try:
            connection = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
            return None
        if connection.family not in _FAMILIES or connection.getsockname()[1] != self.port:
            connection.close()
            return None
        return connection
