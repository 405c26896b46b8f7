# SPDX-License-Identifier: MIT
"""Names of features and actions as names in equations, which are identifiers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ns3kan.agents.equations.expressions.grammar import FUNCTIONS
from ns3kan.agents.equations.expressions.parser import is_identifier

_LONGEST = 60


def identifiers(names: Sequence[str]) -> tuple[str, ...]:
    """Return names for equations: those that are identifiers as they are, others made so.

    Accents are left out, what is no letter, digit or underscore becomes an underscore, and names of
    functions get one at the end. Different names stay different.

    Examples
    --------
    >>> identifiers(["load", "rtt.avg", "rtt-avg", "größe", "exp", "95th"])
    ('load', 'rtt_avg', 'rtt_avg_2', 'gro_e', 'exp_', '_95th')
    """
    taken = {name for name in names if _can_stay(name)}
    found = []
    for name in names:
        if not _can_stay(name):
            plain = unicodedata.normalize("NFKD", name)
            plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
            plain = re.sub("[^A-Za-z0-9_]", "_", plain)[:_LONGEST]
            if not plain or plain[0].isdigit():
                plain = f"_{plain}"
            if plain in FUNCTIONS:
                plain = f"{plain}_"
            candidate, count = plain, 1
            while candidate in taken:
                count += 1
                candidate = f"{plain}_{count}"
            taken.add(candidate)
            name = candidate
        found.append(name)
    return tuple(found)


def label_of(name: str, given: str) -> str | None:
    """Return the given name if an equation has another one."""
    return None if name == given else given


def _can_stay(name: str) -> bool:
    return is_identifier(name) and name not in FUNCTIONS and len(name) <= _LONGEST * 3
