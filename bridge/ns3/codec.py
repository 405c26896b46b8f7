# SPDX-License-Identifier: MIT
"""Spaces and values between the wire and Gymnasium.

===========  ==============  ==================================
wire         element type    Gymnasium
===========  ==============  ==================================
Discrete     int32           `Discrete`, values ``numpy.int64``
Box INT      int32           `Box` of int32
Box UINT     uint32          `Box` of uint32
Box FLOAT    float           `Box` of float32
Box DOUBLE   double          `Box` of float64
Tuple, Dict  any of these    `Tuple`, `Dict`, to any depth
===========  ==============  ==================================

The wire carries one lower and one upper bound for a whole Box, in single precision: writing a
space rounds its bounds outwards to the narrowest such pair.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.messages import Message
from ns3kan.errors import InputError

Space: TypeAlias = spaces.Space[Any]
Array: TypeAlias = npt.NDArray[Any]

MAX_DEPTH = 32
MAX_ELEMENTS = messages.MAX_MESSAGE_BYTES // 8
MAX_SPACES = 4096

_DTYPES: dict[int, np.dtype[Any]] = {
    messages.INT: np.dtype(np.int32),
    messages.UINT: np.dtype(np.uint32),
    messages.FLOAT: np.dtype(np.float32),
    messages.DOUBLE: np.dtype(np.float64),
}
_WIRE_TYPES = {dtype: number for number, dtype in _DTYPES.items()}
_FIELDS = {
    messages.INT: "intData",
    messages.UINT: "uintData",
    messages.FLOAT: "floatData",
    messages.DOUBLE: "doubleData",
}


def decode_space(description: Message) -> Space:
    """Gymnasium space of a ``SpaceDescription``.

    Raises
    ------
    ProtocolError
        If the description is malformed, contradictory or unreasonably large.
    """
    return _SpaceDecoder().decode(description, MAX_DEPTH)


class _SpaceDecoder:
    """Reads nested spaces and keeps count of them, because a few bytes can describe many."""

    def __init__(self) -> None:
        self._spaces = 0
        self._elements = 0

    def decode(self, description: Message, depth: int) -> Space:
        self._spaces += 1
        if depth == 0 or self._spaces > MAX_SPACES:
            raise ProtocolError(
                f"A space is nested deeper than {MAX_DEPTH} or made of more than {MAX_SPACES}."
            )
        payload = description.space
        if description.type == messages.DISCRETE:
            n = messages.unpack(messages.DiscreteSpace, payload).n
            if n < 1:
                raise ProtocolError(f"A Discrete space declares {n} choices; it needs at least 1.")
            return spaces.Discrete(n)
        if description.type == messages.BOX:
            return self._decode_box(messages.unpack(messages.BoxSpace, payload))
        if description.type == messages.TUPLE:
            elements = messages.unpack(messages.TupleSpace, payload).element
            return spaces.Tuple([self.decode(element, depth - 1) for element in elements])
        if description.type == messages.DICT:
            elements = messages.unpack(messages.DictSpace, payload).element
            names = [element.name for element in elements]
            if len(set(names)) != len(names):
                raise ProtocolError(f"A Dict space uses a name twice: {', '.join(names)}.")
            return spaces.Dict(OrderedDict((e.name, self.decode(e, depth - 1)) for e in elements))
        raise ProtocolError(f"A space of unknown type {description.type} was declared.")

    def _decode_box(self, box: Message) -> Space:
        shape = tuple(box.shape)
        self._elements += math.prod(shape)
        if self._elements > MAX_ELEMENTS or len(shape) > MAX_DEPTH:
            raise ProtocolError(
                f"A Box space declares the shape {shape}; "
                f"at most {MAX_ELEMENTS} numbers are accepted."
            )
        # ns3-gym leaves the element type out for types that it does not know.
        dtype = _DTYPES.get(box.dtype, np.dtype(np.float32))
        if not box.low <= box.high:
            raise ProtocolError(f"A Box space declares the bounds {box.low} and {box.high}.")
        low, high = box.low, box.high
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            low = int(max(low, limits.min)) if low > limits.min else int(limits.min)
            high = int(high) if high < limits.max else int(limits.max)
            if not limits.min <= low <= high <= limits.max:
                raise ProtocolError(
                    f"A Box space of {dtype} declares the bounds {box.low} and {box.high}."
                )
        return spaces.Box(low, high, shape, dtype.type)


def encode_space(space: Space) -> Message:
    """``SpaceDescription`` of a Gymnasium space.

    Raises
    ------
    ValueError
        If the wire cannot carry such a space.
    """
    description = messages.SpaceDescription()
    if isinstance(space, spaces.Discrete):
        if space.start != 0:
            raise InputError(f"{space} starts at {space.start}; the wire's Discrete starts at 0.")
        description.type = messages.DISCRETE
        messages.pack(messages.DiscreteSpace(n=int(space.n)), description.space)
    elif isinstance(space, spaces.Box):
        if space.dtype not in _WIRE_TYPES:
            known = ", ".join(map(str, _WIRE_TYPES))
            raise InputError(f"{space} has the element type {space.dtype}; use one of {known}.")
        box = messages.BoxSpace(
            low=_round_outwards(space.low, -1),
            high=_round_outwards(space.high, +1),
            dtype=_WIRE_TYPES[space.dtype],
            shape=space.shape,
        )
        description.type = messages.BOX
        messages.pack(box, description.space)
    elif isinstance(space, spaces.Tuple):
        description.type = messages.TUPLE
        elements = [encode_space(element) for element in space.spaces]
        messages.pack(messages.TupleSpace(element=elements), description.space)
    elif isinstance(space, spaces.Dict):
        description.type = messages.DICT
        elements = []
        for name, element in space.spaces.items():
            elements.append(encode_space(element))
            elements[-1].name = name
        messages.pack(messages.DictSpace(element=elements), description.space)
    else:
        raise InputError(f"{space} is none of Discrete, Box, Tuple and Dict.")
    return description


def _round_outwards(bounds: Array, direction: int) -> float:
    """Round the outermost bound of a Box outwards to single precision."""
    bound = 0.0 if bounds.size == 0 else float(bounds.min() if direction < 0 else bounds.max())
    with np.errstate(over="ignore"):
        rounded = np.float32(bound)
    if direction * float(rounded) < direction * bound:
        rounded = np.nextafter(rounded, np.float32(direction * np.inf))
    return float(rounded)


def decode_value(container: Message, space: Space) -> Any:
    """Value of a ``DataContainer``, with the shapes and element types of its space.

    A flat Box is given its declared shape, and numbers of another type are converted where that
    loses no more than rounding. A Tuple in place of a Dict is taken in the declared order. Bounds
    are not checked here: that of choices is a check for all channels, see `Description`, and those
    of observed Boxes are overstepped by ns3-gym's own examples.

    Raises
    ------
    ProtocolError
        If the container is malformed or does not hold a value of that space.
    """
    payload = container.data
    if isinstance(space, spaces.Box):
        _require_type(container, messages.BOX, space)
        return _decode_box(messages.unpack(messages.BoxDataContainer, payload), space)
    if isinstance(space, spaces.Discrete):
        _require_type(container, messages.DISCRETE, space)
        return np.int64(messages.unpack(messages.DiscreteDataContainer, payload).data)
    if isinstance(space, spaces.Tuple):
        _require_type(container, messages.TUPLE, space)
        elements = messages.unpack(messages.TupleDataContainer, payload).element
        if len(elements) != len(space.spaces):
            raise ProtocolError(f"A tuple of {len(elements)} was received for {space}.")
        return tuple(decode_value(e, s) for e, s in zip(elements, space.spaces, strict=True))
    if isinstance(space, spaces.Dict):
        # ns3-gym's own examples declare a Dict and send a Tuple.
        if container.type == messages.TUPLE:
            values = decode_value(container, spaces.Tuple(space.spaces.values()))
            return dict(zip(space.spaces, values, strict=True))
        _require_type(container, messages.DICT, space)
        elements = messages.unpack(messages.DictDataContainer, payload).element
        named = {element.name: element for element in elements}
        if len(named) != len(elements) or named.keys() != space.spaces.keys():
            names = ", ".join(element.name for element in elements)
            raise ProtocolError(f"A dict with the names {names} was received for {space}.")
        return {name: decode_value(named[name], s) for name, s in space.spaces.items()}
    raise ProtocolError(f"{space} is none of Discrete, Box, Tuple and Dict.")


def _require_type(container: Message, expected: int, space: Space) -> None:
    if container.type != expected:
        raise ProtocolError(f"A value of type {container.type} was received for {space}.")


def _decode_box(box: Message, space: spaces.Box) -> Array:
    if box.dtype not in _DTYPES:
        raise ProtocolError(f"A Box of unknown element type {box.dtype} was received.")
    data = getattr(box, _FIELDS[box.dtype])
    shape = tuple(box.shape)
    expected = math.prod(space.shape)
    if len(data) != expected or (len(shape) > 1 and shape != space.shape):
        raise ProtocolError(
            f"A Box of {len(data)} numbers and shape {shape} was received for {space}."
        )
    numbers = np.fromiter(data, _DTYPES[box.dtype], expected)
    return _convert(numbers, space).reshape(space.shape)


def _convert(numbers: Array, space: spaces.Box) -> Array:
    if numbers.dtype == space.dtype:
        return numbers
    if numbers.dtype.kind == "f" and space.dtype.kind != "f":
        raise ProtocolError(f"Numbers of type {numbers.dtype} were received for {space}.")
    with np.errstate(over="ignore"):
        converted = numbers.astype(space.dtype)
    if space.dtype.kind != "f" and not np.array_equal(converted, numbers):
        raise ProtocolError(f"Numbers were received that {space.dtype} of {space} cannot hold.")
    return converted


def encode_value(value: Any, space: Space) -> Message:
    """``DataContainer`` of a value of a space.

    Raises
    ------
    ValueError
        If the value does not have the space's structure, shape or kind of numbers.
    """
    container = messages.DataContainer()
    if isinstance(space, spaces.Box):
        array = np.asarray(value)
        if array.shape != space.shape or not np.can_cast(array.dtype, space.dtype, "same_kind"):
            raise InputError(
                f"An array of shape {array.shape} and type {array.dtype} was given for {space}."
            )
        number = _WIRE_TYPES[space.dtype]
        box = messages.BoxDataContainer(dtype=number, shape=space.shape)
        getattr(box, _FIELDS[number]).extend(array.astype(space.dtype).ravel().tolist())
        container.type = messages.BOX
        messages.pack(box, container.data)
    elif isinstance(space, spaces.Discrete):
        container.type = messages.DISCRETE
        messages.pack(messages.DiscreteDataContainer(data=int(value)), container.data)
    elif isinstance(space, spaces.Tuple):
        container.type = messages.TUPLE
        elements = [encode_value(v, s) for v, s in zip(value, space.spaces, strict=True)]
        messages.pack(messages.TupleDataContainer(element=elements), container.data)
    elif isinstance(space, spaces.Dict):
        container.type = messages.DICT
        if value.keys() != space.spaces.keys():
            raise InputError(f"The names {', '.join(value)} were given for {space}.")
        elements = []
        for name, element_space in space.spaces.items():
            elements.append(encode_value(value[name], element_space))
            elements[-1].name = name
        messages.pack(messages.DictDataContainer(element=elements), container.data)
    else:
        raise InputError(f"{space} is none of Discrete, Box, Tuple and Dict.")
    return container
