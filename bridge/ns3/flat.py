# SPDX-License-Identifier: MIT
"""Values of a space as they lie in shared memory.

The numbers of all Boxes and Discretes (as int32) in the order in which the simulator declared
them, in the processor's own byte order, each array padded to 8 bytes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from ns3kan.bridge.ns3.codec import Space
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.errors import InputError

_CHOICE = np.dtype(np.int32)


def flat_size(space: Space) -> int:
    """Length of every value of a space [byte].

    Parameters
    ----------
    space
        As declared by a simulator.
    """
    if isinstance(space, spaces.Box):
        return _pad(math.prod(space.shape) * space.dtype.itemsize)
    if isinstance(space, spaces.Discrete):
        return _pad(_CHOICE.itemsize)
    return sum(map(flat_size, _elements(space)))


def read_flat(space: Space, data: bytes, at: int = 0) -> Any:
    """Value that was laid out flat. Bounds are not checked, as in `codec.decode_value`.

    Parameters
    ----------
    space
        What the value is.
    data
        Where it lies, among other things.
    at
        Its beginning.

    Raises
    ------
    ProtocolError
        If it is not a value of that space.
    """
    if len(data) - at < flat_size(space):
        raise ProtocolError(f"{len(data) - at} bytes were received that are not a value of {space}")
    return _read(space, data, at)


def _read(space: Space, data: bytes, at: int) -> Any:
    if isinstance(space, spaces.Box):
        count = math.prod(space.shape)
        return np.frombuffer(data, space.dtype, count, at).reshape(space.shape).copy()
    if isinstance(space, spaces.Discrete):
        return np.int64(np.frombuffer(data, _CHOICE, 1, at)[0])
    values = []
    for element in _elements(space):
        values.append(_read(element, data, at))
        at += flat_size(element)
    if isinstance(space, spaces.Dict):
        return dict(zip(space.spaces, values, strict=True))
    return tuple(values)


def write_flat(space: Space, value: Any) -> bytes:
    """Lay a value out flat.

    Parameters
    ----------
    space
        What the value is.
    value
        The value.

    Raises
    ------
    ValueError
        If it does not have the space's structure or shape.
    """
    if isinstance(space, spaces.Box):
        array = np.asarray(value, space.dtype)
        if array.shape != space.shape:
            raise InputError(f"An array of shape {array.shape} was given for {space}.")
        data = array.tobytes()
    elif isinstance(space, spaces.Discrete):
        data = np.array(value, _CHOICE).tobytes()
    elif isinstance(space, spaces.Dict):
        return b"".join(write_flat(element, value[name]) for name, element in space.spaces.items())
    else:
        pairs = zip(_elements(space), value, strict=True)
        return b"".join(write_flat(element, part) for element, part in pairs)
    return data.ljust(_pad(len(data)), b"\0")


def _elements(space: Space) -> list[Space]:
    if isinstance(space, spaces.Dict):
        return list(space.spaces.values())
    if isinstance(space, spaces.Tuple):
        return list(space.spaces)
    raise InputError(f"{space} is none of Discrete, Box, Tuple and Dict.")


def _pad(size: int) -> int:
    return -(-size // 8) * 8
