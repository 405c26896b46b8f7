# SPDX-License-Identifier: MIT
"""States and actions on the wire without building their messages, which is most of a step's cost.

Where an observation or an action is one Box of floating-point numbers, all messages of a simulator
begin with the same bytes, up to the numbers, which lie there as they do in an array. What does not
begin so is read as any message is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from ns3kan._native import bridge as _native
from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.codec import Space, decode_value, encode_value
from ns3kan.bridge.ns3.messages import MAX_MESSAGE_BYTES, Message


class StateReader:
    """Reads the states of one simulator.

    Parameters
    ----------
    space
        What observations are.

    Attributes
    ----------
    prefix : bytes
        With what every state begins, up to the numbers; empty if that is not fixed.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.prefix = _prefix(space, messages.EnvStateMsg, "obsData")

    def read(self, data: bytes) -> tuple[Any, float, int, str | bytes | None]:
        """Read a state.

        Parameters
        ----------
        data
            An ``EnvStateMsg``.

        Returns
        -------
        observation, reward, flags, info
            The flags are those of states in shared memory.

        Raises
        ------
        ProtocolError
            If it is malformed or its observation is not a value of the space.
        """
        if self.prefix and len(data) <= MAX_MESSAGE_BYTES:
            observation = np.empty(self._space.shape or (), self._space.dtype)
            outcome = _native.read_state(data, self.prefix, observation)
            if outcome is not None:
                return observation, *outcome
        message = messages.parse(messages.EnvStateMsg, data)
        flags = 0
        if message.isGameOver:
            is_game_over = message.reason == messages.GAME_OVER
            flags = _native.IS_OVER | (_native.IS_GAME_OVER if is_game_over else 0)
        observation = decode_value(message.obsData, self._space)
        return observation, message.reward, flags, message.info


class ActionWriter:
    """Writes actions for one simulator.

    Parameters
    ----------
    space
        What actions are.

    Attributes
    ----------
    prefix : bytes
        With what every action begins, up to the numbers; empty if that is not fixed.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.prefix = _prefix(space, messages.EnvActMsg, "actData")

    def write(self, action: Any) -> bytes:
        """Write an action.

        Parameters
        ----------
        action
            A value of the space.

        Returns
        -------
        bytes
            An ``EnvActMsg``.

        Raises
        ------
        ValueError
            If it is not a value of the space.
        """
        if (
            self.prefix
            and isinstance(action, np.ndarray)
            and action.dtype == self._space.dtype
            and action.shape == self._space.shape
        ):
            return self.prefix + action.tobytes()
        data: bytes = messages.EnvActMsg(
            actData=encode_value(action, self._space)
        ).SerializeToString()
        return data


def _prefix(space: Space, message_type: Message, field: str) -> bytes:
    """All bytes before the numbers of a message that holds a value of a space, if that is fixed."""
    if not isinstance(space, spaces.Box) or space.dtype.kind != "f" or 0 in space.shape:
        return b""
    zeros = np.zeros(space.shape, space.dtype)
    data: bytes = message_type(**{field: encode_value(zeros, space)}).SerializeToString()
    return data[: -zeros.nbytes]
