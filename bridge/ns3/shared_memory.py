# SPDX-License-Identifier: MIT
"""The fast path to a simulator of this project on the same host: memory that both have mapped.

The memory has no name. The simulator inherits its descriptor and closes it once it has mapped it,
as Python does, so that whatever happens to either, nothing is left behind.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from ns3kan._native import bridge as _native
from ns3kan.bridge.ns3.attached import Peer
from ns3kan.bridge.ns3.codec import Space
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.flat import flat_size, read_flat, write_flat

FlatState: TypeAlias = tuple[Any, float, int, bytes | None]
"""Observation, reward, flags, info."""

QuickStep: TypeAlias = Callable[[Any, Any], tuple[float, int, bytes | None] | int]

IS_OVER, IS_GAME_OVER = _native.IS_OVER, _native.IS_GAME_OVER
HAS_NAN = _native.HAS_NAN
REFUSED, OTHER = _native.REFUSED, _native.OTHER

# How often the process is looked at while nothing comes [s].
_SLICE = 0.1
# A last message may still be on its way when its sender is already gone [s].
_LAST_WORDS = 0.01
_HEADER = struct.Struct("=fIII")


class SharedMemory:
    """Python's end of the memory.

    Raises
    ------
    RuntimeError
        If this system has no such memory.
    """

    def __init__(self) -> None:
        self._channel = _native.Channel()
        self._steps: _native.BoxSteps | None = None

    @property
    def descriptor(self) -> int:
        """What the simulator has to inherit."""
        return self._channel.descriptor

    @property
    def owes_answer(self) -> bool:
        """Whether a state has been received and not been answered."""
        return self._channel.owes_answer

    def release_descriptor(self) -> None:
        """Keep only the mapping, once the simulator has been started."""
        self._channel.close_descriptor()

    def agree(self, observation_space: Space, action_space: Space) -> None:
        """Take note of what will travel.

        Parameters
        ----------
        observation_space, action_space
            As declared by the simulator.
        """
        self._observation_space = observation_space
        self._action_space = action_space

    def quick_step(self, bounds: _native.Bounds | None) -> QuickStep | None:
        """One call for a whole step, where observation and action are one array each.

        Parameters
        ----------
        bounds
            What actions are checked against; None if they are no arrays.

        Returns
        -------
        callable or None
            Takes the action and the array to write the observation to. Returns reward, flags and
            info (None if empty); or else `REFUSED`, if the action is not an array of the space and
            nothing was sent; or another number, if the state has to be received by `receive`.
        """
        if bounds is None or not isinstance(self._observation_space, spaces.Box):
            return None
        self._steps = _native.BoxSteps(self._channel, bounds)
        return self._steps.step

    def receive(
        self, simulator: Peer, expected: str, timeout: float, since: float
    ) -> FlatState | bytes:
        """Wait for the simulator's next state.

        Parameters
        ----------
        simulator
            Who is expected to speak.
        expected
            What it is expected to send, for error messages, such as ``"its next state"``.
        timeout
            Longest wait [s].
        since
            When it began, by `time.monotonic`.

        Returns
        -------
        FlatState or bytes
            The state, or an ``EnvStateMsg`` if it could not be laid out flat.

        Raises
        ------
        SimulatorError
            If the simulator ended without a word.
        SimulatorTimeoutError
            If nothing came in time.
        ProtocolError
            If what came makes no sense.
        """
        deadline = since + timeout
        while not self._channel.wait(min(_SLICE, timeout)):
            if not simulator.is_running():
                if self._channel.wait(_LAST_WORDS):
                    break
                raise simulator.death(f"before {expected}")
            if time.monotonic() > deadline:
                raise simulator.silence(expected, timeout)
        space = self._observation_space
        if isinstance(space, spaces.Box):
            observation = np.empty(space.shape, space.dtype)
            received = self._channel.receive_into(observation)
            if isinstance(received, tuple):
                return observation, *received
        try:
            kind, data = self._channel.receive()
        except ValueError as error:
            raise ProtocolError(f"Of {expected} no sense can be made: {error}.") from error
        if kind == _native.WIRE:
            return data
        return self._read(data)

    def _read(self, data: bytes) -> FlatState:
        if len(data) < _HEADER.size:
            raise ProtocolError(f"{len(data)} bytes were received that are not a state.")
        reward, flags, observation_bytes, info_bytes = _HEADER.unpack_from(data)
        end = _HEADER.size + observation_bytes
        if observation_bytes != flat_size(self._observation_space) or len(data) != end + info_bytes:
            raise ProtocolError(f"{len(data)} bytes were received that are not a state.")
        observation = read_flat(self._observation_space, data, _HEADER.size)
        return observation, reward, flags, data[end:] or None

    def send_action(self, action: Any) -> None:
        """Answer the last state with an action.

        Parameters
        ----------
        action
            A value of the action space.
        """
        if self._steps is None or not self._steps.send(action):
            data = write_flat(self._action_space, action)
            self._channel.send(_native.FLAT, data)

    def send_message(self, data: bytes) -> None:
        """Answer the last state with something else.

        Parameters
        ----------
        data
            An ``EnvActMsg``.
        """
        self._channel.send(_native.WIRE, data)

    def close(self) -> None:
        """Let go of the memory."""
        self._steps = None
        self._channel.close()
