# SPDX-License-Identifier: MIT
"""Checks of settings when they are made, so that nothing fails hours later."""

from __future__ import annotations

import math
from typing import Any

from ns3kan.errors import InputError

MOST_SEED = 2**63 - 1
"""Largest seed that every random generator takes."""


def require(owner: str, settings: Any, name: str, fulfilled: bool, what: str) -> None:
    """Refuse a setting.

    Parameters
    ----------
    owner
        Whose settings these are, such as ``"PPO"``.
    settings, name
        The object, and the attribute that is checked.
    fulfilled
        Whether it is as it must be.
    what
        What it must, for the message, such as ``"be at least 1"``.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not fulfilled:
        raise InputError(f"{owner}'s {name} is {getattr(settings, name)!r}; it must {what}.")


def require_counts(owner: str, settings: Any, *names: str, least: int = 1) -> None:
    """Refuse what is no whole number of at least so much, as `require` does."""
    for name in names:
        value = getattr(settings, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        require(owner, settings, name, whole or not value >= least, "be a whole number")
        bound = "not be negative" if least == 0 else f"be at least {least}"
        require(owner, settings, name, value >= least, bound)


def require_positive(owner: str, settings: Any, *names: str) -> None:
    """Refuse what is no positive finite number, as `require` does."""
    for name in names:
        value = getattr(settings, name)
        require(owner, settings, name, value > 0, "be positive")
        require(owner, settings, name, math.isfinite(value), "be finite")


def require_not_negative(owner: str, settings: Any, *names: str) -> None:
    """Refuse what is negative or not finite, as `require` does."""
    for name in names:
        value = getattr(settings, name)
        require(owner, settings, name, value >= 0, "not be negative")
        require(owner, settings, name, math.isfinite(value), "be finite")


def require_shares(owner: str, settings: Any, *names: str) -> None:
    """Refuse what does not lie between 0 and 1, as `require` does."""
    for name in names:
        require(owner, settings, name, 0 <= getattr(settings, name) <= 1, "lie between 0 and 1")


def require_seed(owner: str, settings: Any) -> None:
    """Refuse a ``seed`` that not every random generator takes, as `require` does."""
    require_counts(owner, settings, "seed", least=0)
    require(owner, settings, "seed", settings.seed <= MOST_SEED, f"be at most {MOST_SEED}")


def require_widths(owner: str, settings: Any, *names: str) -> None:
    """Refuse widths of layers that are no positive whole numbers, as `require` does."""
    for name in names:
        widths = getattr(settings, name)
        fine = all(isinstance(each, int) and each >= 1 for each in widths or ())
        require(owner, settings, name, fine, "hold positive widths")
