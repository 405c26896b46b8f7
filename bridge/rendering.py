# SPDX-License-Identifier: MIT
"""The argument ``render_mode``, which Gymnasium and others pass to every environment."""

from collections.abc import Mapping
from typing import Any


def without_rendering(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment's arguments without ``render_mode``, which can only be None.

    Parameters
    ----------
    arguments
        By name.

    Raises
    ------
    TypeError
        If a mode is asked for. Stable-Baselines3's ``make_vec_env`` asks for one first, and does
        without after a TypeError.

    Examples
    --------
    >>> without_rendering({"render_mode": None, "max_steps": 5})
    {'max_steps': 5}
    """
    mode = arguments.get("render_mode")
    if mode is not None:
        raise TypeError(
            f"render_mode={mode!r} was asked for, but there is nothing to draw; leave it None."
        )
    return {name: value for name, value in arguments.items() if name != "render_mode"}
