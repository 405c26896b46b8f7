# SPDX-License-Identifier: MIT
"""The ZeroMQ socket at which one simulator asks and Python answers."""

from __future__ import annotations

import errno
import os
import socket as sockets
import time
from collections.abc import Sequence

import zmq

from ns3kan.bridge.ns3 import messages, peers
from ns3kan.bridge.ns3.admission import Admission
from ns3kan.bridge.ns3.attached import Peer
from ns3kan.bridge.ns3.connection import Connections
from ns3kan.bridge.ns3.descriptors import require_descriptors
from ns3kan.bridge.ns3.errors import PortInUseError, ProtocolError, SimulatorTimeoutError
from ns3kan.bridge.ns3.messages import MAX_MESSAGE_BYTES
from ns3kan.bridge.ns3.security import LOOPBACK, CurveKeys
from ns3kan.errors import InputError

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
    """A socket for one simulator, on the loopback interface unless told otherwise.

    To the simulator it is the REP socket of the ns3-gym protocol. That it tells its peers apart
    lets it answer one and refuse all others.

    Parameters
    ----------
    port
        TCP port; 0 lets the operating system choose a free one.
    bind
        Address to listen at.
    keys
        If given, only a simulator that has its part of them is let in.
    insecure
        Whether to let everybody in if there are no keys. Otherwise it is the expected simulator's
        to say who belongs to it, by user and process.

    Attributes
    ----------
    port : int
        The port that is listened at.
    endpoint : str
        Address and port, for messages.
    identifies : bool
        Whether who connects is known: by keys, or by user and process. If not although it was
        asked for, this system does not tell the owners of sockets.

    Raises
    ------
    PortInUseError
        If the port is taken.
    DescriptorLimitError
        If too few open files are allowed.
    """

    def __init__(
        self,
        port: int = 0,
        bind: str = LOOPBACK,
        keys: CurveKeys | None = None,
        *,
        insecure: bool = False,
    ) -> None:
        require_descriptors(1)
        # A context of its own, because only its end waits until the port is free again.
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = _LINGER_MS
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        # A simulator has no more than one message on its way.
        self._socket.rcvhwm = 1
        self._socket.ipv6 = ":" in bind
        # With this, peers of ZeroMQ's first versions are turned away. Any stray bytes would pass
        # for one.
        self._socket.zap_domain = b"ns3kan"
        self._connections = Connections(self._socket)
        self._admission: Admission | None = None
        if keys is not None or not insecure:
            self._admission = Admission(self._context, self._socket, self._connections, keys)
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
                raise InputError(
                    f"bind={bind!r} is not an address of this host; give one, or 0.0.0.0 for all."
                ) from error
            raise
        self.port = int(self._socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        self.endpoint = f"tcp://{host}:{self.port}"
        self.identifies = self._admission is not None
        if self._admission is not None:
            self._admission.port = self.port
            if keys is None and not self._can_identify():
                self._admission.close()
                self._admission = None
                self.identifies = False
        # Whom the conversation is with, and whom the next answer is for.
        self._partner: bytes | None = None
        self._asker: bytes | None = None
        self._asker_descriptor: int | None = None
        self._has_successors = False
        self._held: tuple[bytes, bytes] | None = None
        self._patience_ms = -1
        # All news at once, for a simulator that has not been let in yet.
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._connections.monitor, zmq.POLLIN)
        if self._admission is not None:
            self._poller.register(self._admission.questions, zmq.POLLIN)

    @property
    def owes_answer(self) -> bool:
        """Whether a message of the present conversation has not been answered."""
        return self._asker is not None

    def receive(
        self, simulator: Peer, expected: str, timeout: float, since: float | None = None
    ) -> bytes:
        """Wait for the simulator's next message. Other peers are told to leave.

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
            (self._asker, data), self._held = self._held, None
            return data
        deadline = (time.monotonic() if since is None else since) + timeout
        while (parts := self._take_from(simulator, expected, _SLICE_MS)) is None:
            if not simulator.is_running():
                if (parts := self._take_from(simulator, expected, _LAST_WORDS_MS)) is not None:
                    break
                raise simulator.death(f"before {expected}")
            self._check_connection(simulator, expected)
            if time.monotonic() > deadline:
                raise self._explained(simulator.silence(expected, timeout))
        return _only(parts, expected)

    def send(self, answer: bytes) -> None:
        """Answer the message received last.

        Parameters
        ----------
        answer
            One message.
        """
        asker, self._asker = self._asker, None
        if asker is None:
            raise RuntimeError("there is no message to answer")
        # To one that has gone away nothing is sent.
        self._socket.send(asker, zmq.SNDMORE)
        self._socket.send(b"", zmq.SNDMORE)
        self._socket.send(answer)

    def refuse(self, reason: str) -> None:
        """Tell the sender of the message received last to leave.

        Parameters
        ----------
        reason
            A clause, which simulators of this project write to their stderr.
        """
        answer = messages.SimInitAck(stopSimReq=True, refusal=reason)
        self.send(answer.SerializeToString())

    def hold(self, data: bytes) -> None:
        """Put the message received last back: it is received again."""
        assert self._asker is not None
        self._held, self._asker = (self._asker, data), None

    def has_message(self, patience_ms: int = 0) -> bool:
        """Take a message that nobody is going to read, and say whether there was one."""
        if self._held is not None:
            (self._asker, _), self._held = self._held, None
            return True
        return self._take(patience_ms) is not None

    def begin(self) -> None:
        """Take note that the simulator has introduced itself: others are refused from now on."""
        self._partner = self._asker
        self._connections.begin(self._asker_descriptor)

    def renew(self) -> None:
        """Make ready for the next conversation at the same port."""
        self._partner = None
        self._has_successors = True
        self._connections.update()
        self._connections.forget()

    def close(self) -> None:
        """Close the socket and free the port. Does nothing the second time."""
        self._connections.close()
        self._socket.close()
        if self._admission is not None:
            self._admission.close()
        self._context.term()

    def _can_identify(self) -> bool:
        self._connections.update()
        assert self._connections.listener is not None
        with sockets.socket(fileno=os.dup(self._connections.listener)) as listener:
            return peers.can_identify(listener)

    def _explained(self, error: SimulatorTimeoutError) -> SimulatorTimeoutError:
        reason = None if self._admission is None else self._admission.first_refusal
        if reason is not None:
            error.add_note(f"A connection was refused: {reason}; see insecure= and keys=.")
        elif self._connections.refusals:
            error.add_note(
                f"{self._connections.refusals} connections were refused: they did not speak "
                "ZeroMQ, or not with the right keys."
            )
        return error

    def _take_from(self, simulator: Peer, expected: str, patience_ms: int) -> list[bytes] | None:
        """Take a message of the partner, or of anybody as long as there is none."""
        if self._partner is None:
            deadline = time.monotonic() + patience_ms / 1000
            while self._socket not in dict(self._poll(deadline)):
                self._update(simulator)
                if time.monotonic() >= deadline:
                    return None
            return self._take(0)
        parts = self._take(patience_ms)
        if parts is None or self._asker == self._partner:
            return parts
        self._connections.update()
        if self._has_successors and self._connections.lost_at is not None and len(parts) == 1:
            self.hold(parts[0])
            raise simulator.death(f"before {expected}, and another took its place")
        self.refuse(f"it is in conversation with {simulator.name}")
        return None

    def _poll(self, deadline: float) -> list[tuple[object, int]]:
        return self._poller.poll(max(0, round(1000 * (deadline - time.monotonic()))))

    def _take(self, patience_ms: int) -> list[bytes] | None:
        # Waiting in the call itself is quicker than polling first.
        if patience_ms != self._patience_ms:
            self._socket.rcvtimeo = self._patience_ms = patience_ms
        try:
            asker = self._socket.recv()
        except zmq.Again:
            return None
        self._asker = asker
        if asker != self._partner:
            frames = self._socket.recv_multipart(copy=False)
            self._asker_descriptor = int(frames[-1].get(zmq.SRCFD))
            parts = [frame.bytes for frame in frames]
            return parts[1:] if parts[0] == b"" and len(parts) > 1 else [b"", *parts]
        delimiter = self._socket.recv()
        if self._socket.get(zmq.RCVMORE):
            part = self._socket.recv()
            if not self._socket.get(zmq.RCVMORE):
                return [part]
            return [part, *self._socket.recv_multipart()]
        return [b"", delimiter]

    def _update(self, simulator: Peer) -> None:
        if self._admission is not None:
            self._admission.update(simulator.refuses)
        else:
            self._connections.update()

    def _check_connection(self, simulator: Peer, expected: str) -> None:
        self._update(simulator)
        connections = self._connections
        is_known = self._partner is not None or (self.identifies and simulator.is_child)
        if connections.lost_at is None or not is_known:
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
    deadline = time.monotonic() + timeout
    while (i := _next_heard(channels, simulator, expected)) is None:
        if not simulator.is_running():
            time.sleep(_LAST_WORDS_MS / 1000)
            if (i := _next_heard(channels, simulator, expected)) is not None:
                break
            raise simulator.death(f"before {expected}")
        if time.monotonic() > deadline:
            raise simulator.silence(expected, timeout)
    return i


def _next_heard(channels: Sequence[Channel], simulator: Peer, expected: str) -> int | None:
    """Wait for a while for a message at any channel; it is received next there."""
    poller = zmq.Poller()
    for channel in channels:
        for socket, flags in channel._poller.sockets:
            poller.register(socket, flags)
    poller.poll(_SLICE_MS)
    for i, channel in enumerate(channels):
        if channel._held is not None:
            return i
        parts = channel._take_from(simulator, expected, 0)
        if parts is not None:
            channel.hold(_only(parts, expected))
            return i
    for channel in channels:
        channel._check_connection(simulator, expected)
    return None


def _only(parts: Sequence[bytes], expected: str) -> bytes:
    if len(parts) != 1:
        raise ProtocolError(
            f"A message of {len(parts)} parts was received where {expected} belongs."
        )
    return parts[0]
