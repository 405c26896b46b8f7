# SPDX-License-Identifier: MIT
"""The ZeroMQ socket at which one simulator asks and Python answers."""

from __future__ import annotations

import errno
import time

import zmq

from ns3kan.bridge.ns3.errors import PortInUseError, ProtocolError, SimulatorTimeoutError
from ns3kan.bridge.ns3.messages import MAX_MESSAGE_BYTES
from ns3kan.bridge.ns3.simulator import Simulator

_HOST = "127.0.0.1"
# How often the process is looked at while nothing comes.
_SLICE_MS = 50
# A last message may still be on its way when its sender is already gone.
_LAST_WORDS_MS = 100
# The last answer must leave before the socket closes; on one host it does so at once.
_LINGER_MS = 500


class Channel:
    """A reply socket on the loopback interface.

    Parameters
    ----------
    port
        TCP port; 0 lets the operating system choose a free one.

    Attributes
    ----------
    port : int
        The port that is listened at.

    Raises
    ------
    PortInUseError
        If the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        # A context of its own, because only its end waits until the port is free again.
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        self._socket.linger = _LINGER_MS
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        try:
            self._socket.bind(f"tcp://{_HOST}:{port or '*'}")
        except zmq.ZMQError as error:
            self.close()
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"Port {port} of {_HOST} is in use; "
                    "end the program that listens there or leave the port out to get a free one."
                ) from error
            raise
        self.port = int(self._socket.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    def receive(self, simulator: Simulator, expected: str, timeout: float) -> bytes:
        """Wait for the simulator's next message.

        Parameters
        ----------
        simulator
            Who is expected to speak.
        expected
            What it is expected to send, for error messages, such as ``"its first state"``.
        timeout
            Longest wait [s].

        Raises
        ------
        SimulatorError
            If the simulator ended without a word.
        SimulatorTimeoutError
            If nothing came in time.
        ProtocolError
            If a message of several parts came.
        """
        deadline = time.monotonic() + timeout
        while not self._socket.poll(_SLICE_MS):
            if not simulator.is_running():
                if self._socket.poll(_LAST_WORDS_MS):
                    break
                raise simulator.death(f"before {expected}")
            if time.monotonic() > deadline:
                raise SimulatorTimeoutError(
                    f"The simulator {simulator.name} (process {simulator.pid}) runs but did not "
                    f"send {expected} within {timeout:g} s; {simulator.describe_stderr()}",
                    stderr=simulator.stderr(),
                )
        parts = self._socket.recv_multipart()
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
        self._socket.send(answer)

    def close(self) -> None:
        """Close the socket and free the port. Does nothing the second time."""
        self._socket.close()
        self._context.term()
