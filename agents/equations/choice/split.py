# SPDX-License-Identifier: MIT
"""States in three parts: to fit formulas to, to choose among them by, and to report on.

States of one episode are alike, so that an episode is in one part only. What is reported of a
formula is measured on states that had no say in its shape, its constants or their digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ns3kan.agents.equations.choice.states import ExtractionError

Rows = NDArray[np.intp]

_SHARES = (0.5, 0.25, 0.25)
# With fewer episodes, or with one so long that a part gets hardly any states, stretches of states
# that follow each other take the place of episodes.
_LEAST_EPISODES = 3
_LEAST_SHARE = 0.1
_STRETCHES = 12


@dataclass(frozen=True)
class Parts:
    """Rows of states by what they are for, each in random order.

    Attributes
    ----------
    fit
        Constants are fitted to these, half of all.
    choice
        Terms, digits and one of several formulas are chosen by these, a quarter.
    report
        What is said of the chosen formula is measured on these, a quarter.
    """

    fit: Rows
    choice: Rows
    report: Rows

    @staticmethod
    def joined(parts: Sequence[Parts], counts: Sequence[int]) -> Parts:
        """Parts of states that stand one after the other, so many of each."""
        starts = np.cumsum([0, *counts[:-1]])
        return Parts(
            *(
                np.concatenate([rows + start for rows, start in zip(several, starts, strict=True)])
                for several in (
                    [part.fit for part in parts],
                    [part.choice for part in parts],
                    [part.report for part in parts],
                )
            )
        )


def split(states: int, episodes: ArrayLike | None, seed: int) -> Parts:
    """Divide states into three parts, episode by episode.

    Parameters
    ----------
    states
        How many there are.
    episodes
        Of each state the number of its episode, shape (states,). None if nobody knows: then the
        states are taken to be in the order in which they were visited, and so are those of fewer
        than three episodes; stretches of them are divided.
    seed
        Of the choice.

    Raises
    ------
    ExtractionError
        If there is not one number per state.
    """
    generator = np.random.default_rng(seed)
    numbers = np.zeros(states) if episodes is None else np.asarray(episodes)
    if numbers.shape != (states,):
        raise ExtractionError(
            f"the episodes have shape {numbers.shape}, but there are {states} states: give the "
            "number of its episode for each"
        )
    _, groups = np.unique(numbers, return_inverse=True)
    parts = _divided(groups, generator) if groups.max(initial=0) + 1 >= _LEAST_EPISODES else None
    if parts is None or min(map(len, parts)) < _LEAST_SHARE * states:
        parts = _divided(np.arange(states) * _STRETCHES // max(states, 1), generator)
    return Parts(*(generator.permutation(rows) for rows in parts))


def _divided(groups: Rows, generator: np.random.Generator) -> list[Rows]:
    """Give groups, in random order, to the part that is furthest behind its share."""
    sizes = np.bincount(groups)
    members = [list[int]() for _ in _SHARES]
    filled = np.zeros(len(_SHARES))
    for group in generator.permutation(len(sizes)):
        part = int(np.argmin(filled / _SHARES))
        members[part].append(int(group))
        filled[part] += sizes[group]
    return [np.flatnonzero(np.isin(groups, chosen)) for chosen in members]
