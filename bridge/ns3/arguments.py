# SPDX-License-Identifier: MIT
"""What a simulator is told on its command line: arguments by name, and the seed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ns3kan.bridge.rendering import without_rendering
from ns3kan.errors import InputError

Argument: TypeAlias = bool | int | float | str | Path

SEED_ARGUMENT = "--simSeed"
"""Argument of the ns3-gym protocol that takes the seed of a simulation."""

_MAX_SEED = 2**31 - 1


def draw_simulator_seed(generator: np.random.Generator) -> int:
    """Draw the ``--simSeed`` of an episode.

    Parameters
    ----------
    generator
        The environment's ``np_random``: with that of ``gymnasium.utils.seeding.np_random(seed)``
        the first draw belongs to the episode that ``reset(seed=seed)`` starts.

    Returns
    -------
    int
        From 1 to 2³¹ - 1, which every random generator of ns-3 takes.
    """
    return int(generator.integers(1, _MAX_SEED, endpoint=True))


def check_seed_argument(argument: str | None) -> None:
    """Refuse a name of an argument without dashes, or with a value.

    Parameters
    ----------
    argument
        Such as ``"--simSeed"``, or None.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if argument is not None and not re.fullmatch(r"--?[^-=\s][^=\s]*", argument):
        raise InputError(
            f"seed_argument={argument!r} must be the name of an argument with its dashes, such as "
            "'--simSeed', or None for a simulator that takes no seed."
        )


def seed_arguments(argument: str | None, seed: int) -> list[str]:
    """Give a simulator its seed.

    Parameters
    ----------
    argument
        Name of the argument with its dashes, such as ``"--simSeed"``; None if there is none.
    seed
        Seed of the simulation.

    Returns
    -------
    list of str
        Such as ``["--simSeed=3"]``.
    """
    return [] if argument is None else [f"{argument}={seed}"]


def format_arguments(
    arguments: dict[str, Argument], seed_argument: str | None = SEED_ARGUMENT
) -> list[str]:
    """Command-line arguments of a simulator from keyword arguments.

    Parameters
    ----------
    arguments
        Such as ``{"cross_traffic": True}``. A ``render_mode``, which can only be None, is none of
        the simulator's.
    seed_argument
        Argument that the environment gives the seed by, as for `Ns3Env`.

    Returns
    -------
    list of str
        Such as ``["--crossTraffic=true"]``.

    Raises
    ------
    TypeError
        If a value is neither a flag, a number, a string nor a path, or a ``render_mode`` is given.
    ValueError
        If a name is one that the environment sets itself.
    """
    formatted = []
    for name, value in without_rendering(arguments).items():
        first, *rest = name.split("_")
        option = first + "".join(word.capitalize() for word in rest)
        if option in ("openGymPort", (seed_argument or "").lstrip("-")):
            raise InputError(f"{name} is not an argument; give port= or reset(seed=…) instead.")
        if isinstance(value, bool | np.bool_):
            text = "true" if value else "false"
        elif isinstance(value, str | Path | int | float | np.integer | np.floating):
            text = str(value)
        else:
            raise TypeError(
                f"{name}={value!r} cannot be given to a simulator; "
                "use a flag, a number, a string or a path."
            )
        formatted.append(f"--{option}={text}")
    return formatted
