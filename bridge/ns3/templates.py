# SPDX-License-Identifier: MIT
"""States and actions on the wire without building their messages, which is most of a step's cost.

Where an observation or an action is one Box of floating-point numbers, all messages of a simulator
begin with the same bytes, up to the numbers, which lie there as they do in an array. What does not
begin so is read as any message is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.codec import Space, decode_value, encode_value
from ns3kan.bridge.ns3.messages import MAX_MESSAGE_BYTES, Message


class StateReader:
    """Reads the states of one simulator.

    Parameters
    ----------
    space
        What observations are.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._prefix = _prefix(space, messages.EnvStateMsg, "obsData")
        self._count = math.prod(space.shape or ())
        self._end = len(self._prefix)
        if self._prefix and space.dtype is not None:
            self._end += self._count * space.dtype.itemsize

    def read(self, data: bytes) -> tuple[Any, Message]:
        """Read a state.

        Parameters
        ----------
        data
            An ``EnvStateMsg``.

        Returns
        -------
        observation, message
            The observation, and the message with everything else.

        Raises
        ------
        ProtocolError
            If it is malformed or its observation is not a value of the space.
        """
        if (
            self._prefix
            and self._end <= len(data) <= MAX_MESSAGE_BYTES
            and data.startswith(self._prefix)
        ):
            message = messages.parse(messages.EnvStateMsg, data[self._end :])
            # A message may hold a part twice; the two are then one.
            if not message.HasField("obsData"):
                numbers = np.frombuffer(data, self._space.dtype, self._count, len(self._prefix))
                return numbers.reshape(self._space.shape).copy(), message
        message = messages.parse(messages.EnvStateMsg, data)
        return decode_value(message.obsData, self._space), message


class ActionWriter:
    """Writes actions for one simulator.

    Parameters
    ----------
    space
        What actions are.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._prefix = _prefix(space, messages.EnvActMsg, "actData")

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
            self._prefix
            and isinstance(action, np.ndarray)
            and action.dtype == self._space.dtype
            and action.shape == self._space.shape
        ):
            return self._prefix + action.tobytes()
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
