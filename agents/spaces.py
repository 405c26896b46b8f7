# SPDX-License-Identifier: MIT
"""Which spaces are ratios, and what to do about those that are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from ns3kan.errors import InputError


def are_ratios(space: spaces.Space[Any]) -> bool:
    """Whether a space is a Box of one axis from 0 to 1 that holds ratios.

    Whole numbers are none, whatever their bounds: all between 0 and 1 would become 0. Nor are
    numbers of half precision: ratios close to 1 would become 1, where densities are not defined.
    """
    return (
        isinstance(space, spaces.Box)
        and len(space.shape) == 1
        and _is_fine(space.dtype)
        and bool(np.all(space.low == 0.0) and np.all(space.high == 1.0))
    )


def require_ratios(space: spaces.Space[Any], who: str) -> None:
    """Refuse an action space that does not hold ratios.

    Parameters
    ----------
    space
        Of a single environment.
    who
        Who decides ratios, for the message.

    Raises
    ------
    ValueError
        Which says what to do.
    """
    if not are_ratios(space):
        raise InputError(
            f"{who} decides ratios, a Box of one axis from 0 to 1, but the environment's action "
            f"space is {space}; {advice(space)}."
        )


def advice(space: spaces.Space[Any]) -> str:
    """Say what to do with an action space that does not hold ratios, as a clause."""
    if isinstance(space, spaces.Discrete):
        return "take DDQN for choices"
    if not isinstance(space, spaces.Box):
        return "wrap the environment so that its action is one Box, or one Discrete for DDQN"
    if space.dtype.kind != "f":
        return (
            f"its numbers are whole ({space.dtype}), and a ratio is not: declare it as float32 or "
            "float64, or its values as a Discrete for DDQN"
        )
    if not _is_fine(space.dtype):
        return f"{space.dtype} is too coarse for ratios: declare it as float32 or float64"
    if len(space.shape) != 1:
        return "give it one axis"
    return "let the environment take ratios from 0 to 1 and scale them itself"


def _is_fine(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f" and dtype.itemsize >= np.dtype(np.float32).itemsize
