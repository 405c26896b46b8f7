# SPDX-License-Identifier: MIT
"""The ZeroMQ socket at which one simulator asks and Python answers."""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence

import zmq
from zmq.utils import z85

from ns3kan.bridge.ns3.attached import Peer
from ns3kan.bridge.ns3.connection import Connections
from ns3kan.bridge.ns3.errors import PortInUseError, ProtocolError
from ns3kan.bridge.ns3.messages import MAX_MESSAGE_BYTES
from ns3kan.bridge.ns3.security import LOOPBACK, CurveKeys

# How often the process and its connection are looked at while nothing comes.
_SLICE_MS = 50
# A last message may still be on its way when its sender is already gone.
_LAST_WORDS_MS = 100
# The last answer must leave before the socket closes; on one host it does so at once.
_LINGER_MS = 500
# ZeroMQ drops a connection over which a message that is too large comes, and its peer connects
# again in 0.1 s to 0.2 s. That is how it is told from a peer that is gone [s].
_RETURN = 0.5
_SILENT_RETURN = 0.2


class Channel:
    """A reply socket, on the loopback interface unless told otherwise.

    Parameters
    ----------
    port
        TCP port; 0 lets the operating system choose a free one.
    bind
        Address to listen at.
    keys
        If given, only a simulator that has its part of them is let in.

    Attributes
    ----------
    port : int
        The port that is listened at.
    endpoint : str
        Address and port, for messages.
    owes_answer : bool
        Whether a message has been received and not been answered.

    Raises
    ------
    PortInUseError
        If the port is taken.
    """

    def __init__(self, port: int = 0, bind: str = LOOPBACK, keys: CurveKeys | None = None) -> None:
        # A context of its own, because only its end waits until the port is free again.
        self._context = zmq.Context()
        self._gate = _Gate(self._context, keys) if keys is not None else None
        self._socket = self._context.socket(zmq.REP)
        self._socket.linger = _LINGER_MS
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        # A simulator has no more than one message on its way.
        self._socket.rcvhwm = 1
        self._socket.ipv6 = ":" in bind
        # With this, peers of ZeroMQ's first versions are turned away. Any stray bytes would pass
        # for one, and libzmq loses the answer that it sends after a malformed request.
        self._socket.zap_domain = b"ns3kan"
        if self._gate is not None:
            self._gate.guard(self._socket)
        self._connections = Connections(self._socket)
        host = f"[{bind}]" if ":" in bind else bind
        try:
            self._socket.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            self.close()
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"Port {port} of {bind} is in use; "
                    "end the program that listens there or leave the port out to get a free one."
                ) from error
            if error.errno in (errno.ENODEV, errno.EADDRNOTAVAIL, errno.EINVAL):
                raise ValueError(
                    f"bind={bind!r} is not an address of this host; give one, or 0.0.0.0 for all."
                ) from error
            raise
        self.port = int(self._socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        self.endpoint = f"tcp://{host}:{self.port}"
        self.owes_answer = False
        self._held: bytes | None = None
        self._patience_ms = -1

    def receive(
        self, simulator: Peer, expected: str, timeout: float, since: float | None = None
    ) -> bytes:
        """Wait for the simulator's next message.

        Parameters
        ----------
        simulator
            Who is expected to speak.
        expected
            What it is expected to send, for error messages, such as ``"its first state"``.
        timeout
            Longest wait [s].
        since
            When it began, by `time.monotonic`; now without it. So several simulators that were
            asked at the same time are waited for no longer than one.

        Raises
        ------
        SimulatorError
            If the simulator ended without a word.
        SimulatorTimeoutError
            If nothing came in time.
        ProtocolError
            If a message of several parts or one that is too large came.
        """
        if self._held is not None:
            data, self._held = self._held, None
            return data
        deadline = (time.monotonic() if since is None else since) + timeout
        while (parts := self._take(_SLICE_MS)) is None:
            if not simulator.is_running():
                if (parts := self._take(_LAST_WORDS_MS)) is not None:
                    break
                raise simulator.death(f"before {expected}")
            self._check_connection(simulator, expected)
            if time.monotonic() > deadline:
                error = simulator.silence(expected, timeout)
                if self._connections.refused:
                    error.add_note(
                        f"{self._connections.refused} connections were refused: they did not speak "
                        "ZeroMQ, or not with the right keys."
                    )
                raise error
        if len(parts) != 1:
            raise ProtocolError(
                f"A message of {len(parts)} parts was received where {expected} belongs."
            )
        return parts[0]

    def send(self, answer: bytes) -> None:
        """Answer the message received last.

        Parameters
        ----------
        answer
            One message.
        """
        self.owes_answer = False
        self._socket.send(answer)

    def hold(self, data: bytes) -> None:
        """Put the message received last back: it belongs to the next conversation."""
        self._held = data

    def has_message(self, patience_ms: int = 0) -> bool:
        """Take a message that nobody is going to read, and say whether there was one."""
        return self._take(patience_ms) is not None

    def owes_stop(self) -> bool:
        """Whether the message received last waits for an answer in the present conversation."""
        return self.owes_answer and self._held is None

    def begin(self) -> None:
        """Take note that the simulator has introduced itself: from now on it can be missed."""
        self._connections.update()
        self._connections.forget(established=1)

    def renew(self) -> None:
        """Make ready for the next conversation at the same port."""
        self._connections.update()
        self._connections.forget(established=0)

    def close(self) -> None:
        """Close the socket and free the port. Does nothing the second time."""
        self._connections.close()
        self._socket.close()
        if self._gate is not None:
            self._gate.close()
        self._context.term()

    def _take(self, patience_ms: int) -> list[bytes] | None:
        # Waiting in the call itself is quicker than polling first.
        if patience_ms != self._patience_ms:
            self._socket.rcvtimeo = self._patience_ms = patience_ms
        try:
            part = self._socket.recv()
        except zmq.Again:
            return None
        self.owes_answer = True
        if not self._socket.get(zmq.RCVMORE):
            return [part]
        return [part, *self._socket.recv_multipart()]

    def _check_connection(self, simulator: Peer, expected: str) -> None:
        if self._gate is not None:
            self._gate.answer()
        connections = self._connections
        connections.update()
        if connections.lost_at is None:
            return
        now = time.monotonic()
        if connections.regained_at is not None:
            if now - connections.regained_at > _SILENT_RETURN:
                raise ProtocolError(
                    f"The connection of the simulator {simulator.name} had to be dropped before "
                    f"{expected}: what came was larger than the {MAX_MESSAGE_BYTES} bytes that are "
                    "accepted, or was not ZeroMQ's."
                )
        elif now - connections.lost_at > _RETURN:
            raise simulator.disconnection(f"before {expected}")


def await_any(channels: Sequence[Channel], simulator: Peer, expected: str, timeout: float) -> int:
    """Wait until a message has come at any of several channels of one simulator.

    Parameters
    ----------
    channels
        Where it may speak.
    simulator, expected, timeout
        As for `Channel.receive`.

    Returns
    -------
    int
        Index of the channel at which it has.

    Raises
    ------
    SimulatorError, SimulatorTimeoutError, ProtocolError
        As from `Channel.receive`.
    """
    poller = zmq.Poller()
    for channel in channels:
        poller.register(channel._socket, zmq.POLLIN)
    deadline = time.monotonic() + timeout
    while not (ready := dict(poller.poll(_SLICE_MS))):
        if not simulator.is_running():
            if ready := dict(poller.poll(_LAST_WORDS_MS)):
                break
            raise simulator.death(f"before {expected}")
        for channel in channels:
            channel._check_connection(simulator, expected)
        if time.monotonic() > deadline:
            raise simulator.silence(expected, timeout)
    return next(i for i, channel in enumerate(channels) if channel._socket in ready)


class _Gate:
    """Lets simulators in that prove to have the right key (ZeroMQ's protocol ZAP, RFC 27).

    Parameters
    ----------
    context
        Of the socket to guard.
    keys
        What both sides have to prove.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: CurveKeys) -> None:
        self._keys = keys
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind("inproc://zeromq.zap.01")

    def guard(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket that is not bound yet."""
        socket.curve_server = True
        socket.curve_publickey = self._keys.server_public.encode()
        socket.curve_secretkey = self._keys.server_secret.encode()

    def answer(self) -> None:
        """Answer the questions that have come."""
        while self._socket.poll(0):
            version, question, _, _, _, mechanism, *credentials = self._socket.recv_multipart()
            is_known = (
                mechanism == b"CURVE"
                and len(credentials) == 1
                and z85.encode(credentials[0]).decode() == self._keys.simulator_public
            )
            status = [b"200", b"OK"] if is_known else [b"400", b"unknown key"]
            self._socket.send_multipart([version, question, *status, b"", b""])

    def close(self) -> None:
        """Let nobody in any more."""
        self._socket.close()
