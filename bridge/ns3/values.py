# SPDX-License-Identifier: MIT
"""Values that somebody gives, as values of a space with its element types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import InvalidAction

from ns3kan.bridge.ns3.codec import Space
from ns3kan.errors import InputError

# Flags, whole numbers and floating-point numbers.
_NUMBERS = "biuf"


def conform(value: Any, space: Space) -> Any:
    """Bring a value into the element types of a space.

    Taken is whatever the space's types hold exactly, in lists as well as in arrays, and floating
    point numbers of another precision, which are rounded. Tuples may be any sequence and Dicts any
    mapping, to any depth.

    Parameters
    ----------
    value
        Anything.
    space
        As declared by a simulator.

    Returns
    -------
    value
        Arrays of the declared shape and element type for Boxes, ``numpy.int64`` for Discretes,
        tuples and dicts.

    Raises
    ------
    ValueError
        If it is no value of the space. The message is a clause that says why, such as ``"the number
        1.5 at (0,) is none of uint32"``.
    """
    if isinstance(space, spaces.Box):
        return _array(value, space)
    if isinstance(space, spaces.Discrete):
        return _choice(value, space)
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping) or value.keys() != space.spaces.keys():
            raise InputError(f"a mapping with the keys {', '.join(space.spaces)} is needed")
        return {name: _part(value[name], s, f"{name!r}") for name, s in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        if (
            not isinstance(value, Sequence | np.ndarray)
            or isinstance(value, str | bytes)
            or len(value) != len(space.spaces)
        ):
            raise InputError(f"a sequence of {len(space.spaces)} values is needed")
        pairs = zip(value, space.spaces, strict=True)
        return tuple(_part(part, s, str(i)) for i, (part, s) in enumerate(pairs))
    raise InputError(f"{space} is none of Discrete, Box, Tuple and Dict")


def conform_action(action: Any, space: Space) -> Any:
    """Bring an action into a space's element types, as `conform`.

    Raises
    ------
    InvalidAction
        If it is not in the space: wrong shape, out of bounds, or not a number.
    """
    try:
        return conform(action, space)
    except ValueError as error:
        raise InvalidAction(
            f"step() was given the action {action!r}, which is not in {space}: {error}."
        ) from None


def refuse_other_choices(value: Any, space: Space) -> None:
    """Refuse a decoded value in which a choice is none of its Discrete.

    Parameters
    ----------
    value
        With the structure of the space.
    space
        As declared by a simulator.

    Raises
    ------
    ValueError
        The message is a clause that names the choice and its space.
    """
    if isinstance(space, spaces.Discrete):
        if not space.start <= value < space.start + space.n:
            raise InputError(f"the choice {value} was received for {space}")
    elif isinstance(space, spaces.Dict):
        for name, inner in space.spaces.items():
            refuse_other_choices(value[name], inner)
    elif isinstance(space, spaces.Tuple):
        for part, inner in zip(value, space.spaces, strict=True):
            refuse_other_choices(part, inner)


def _part(value: Any, space: Space, name: str) -> Any:
    try:
        return conform(value, space)
    except ValueError as error:
        raise InputError(f"in element {name}, {error}") from None


def _numbers(value: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise InputError(f"an array of shape {shape} is needed") from None
    if array.dtype.kind not in _NUMBERS:
        raise InputError(f"it holds {array.dtype} instead of numbers")
    if array.shape != shape:
        raise InputError(f"it has the shape {array.shape} instead of {shape}")
    return array


def _array(value: Any, space: spaces.Box) -> npt.NDArray[Any]:
    array = _numbers(value, space.shape)
    with np.errstate(all="ignore"):
        converted = array.astype(space.dtype)
    if space.dtype.kind == "f":
        lost = np.isinf(converted) & np.isfinite(array)
    else:
        lost = converted != array
    if np.any(lost):
        place = tuple(int(i) for i in np.argwhere(lost)[0])
        raise InputError(f"the number {array[place]} at {place} is none of {space.dtype}")
    outside = ~((space.low <= converted) & (converted <= space.high))
    if np.any(outside):
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        raise InputError(
            f"the number {array[place]} at {place} does not lie between {space.low[place]} and "
            f"{space.high[place]}"
        )
    return converted


def _choice(value: Any, space: spaces.Discrete) -> np.int64:
    number = _numbers(value, ())[()]
    last = space.start + space.n - 1
    if not space.start <= number <= last or number != int(number):
        raise InputError(f"{number} is no whole number between {space.start} and {last}")
    return np.int64(number)
