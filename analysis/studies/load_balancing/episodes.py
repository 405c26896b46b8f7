# SPDX-License-Identifier: MIT
"""Episodes that a search may use, counted, with the same traffic for all that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.analysis.studies.load_balancing.scores import controller_runs
from ns3kan.analysis.studies.load_balancing.settings import (
    FEATURES,
    LoadBalancingStudy,
    Reward,
    column_of,
    rewards_of,
)
from ns3kan.bridge.ns3.errors import SimulatorError
from ns3kan.errors import Ns3kanError

Array = npt.NDArray[np.float64]

EQUAL = "0.5"
"""The equal split as an expression."""


class BudgetError(Ns3kanError):
    """A search asked for more episodes than it has."""


@dataclass(frozen=True)
class Episode:
    """What is kept of one episode.

    Attributes
    ----------
    rewards
        As of `rewards_of`.
    states
        Features by name, a row per decision.
    """

    rewards: dict[str, float]
    states: pd.DataFrame


@dataclass
class Episodes:
    """Runs expressions for the ratio inside ns-3, each on each seed once.

    All rewards are of the same episodes, so searches for several of them share one.
    """

    study: LoadBalancingStudy
    _done: dict[tuple[str, int], Episode | None] = field(default_factory=dict)

    def run(self, expression: str, seed: int) -> Episode | None:
        """Run one episode; None if the expression has no value in a state that it comes to."""
        key = (expression, seed)
        if key not in self._done:
            self._done[key] = self._run(expression, seed)
        return self._done[key]

    def _run(self, expression: str, seed: int) -> Episode | None:
        with scratch_folder() as folder:
            path = folder / "controller.json"
            ratio_controller(expression, dict.fromkeys(FEATURES, (0.0, 1.0))).save(path)
            try:
                (run,) = controller_runs(path, [seed], self.study.arguments, workers=1)
            except SimulatorError as error:
                if "expression" not in str(error):
                    raise
                return None
        return Episode(rewards_of(run), run[list(FEATURES)])


class Budget:
    """The part of the episodes that one search may use: whole ones, on seeds of its own.

    Parameters
    ----------
    episodes
        Runs them.
    reward
        That is searched for.
    repetition
        Says which seeds.

    Attributes
    ----------
    spent
        Decisions taken in episodes of this search. An episode that the search asks for again is
        not counted again; one that another search has run is.
    """

    def __init__(self, episodes: Episodes, reward: Reward, repetition: int) -> None:
        study = episodes.study
        self._episodes = episodes
        self._column = column_of(reward)
        self._seeds = study.search_seeds(repetition)
        self._each = study.episode_decisions()
        self._limit = study.total_steps
        self._used: dict[tuple[str, int], Episode | None] = {}

    @property
    def spent(self) -> int:
        """Decisions so far."""
        return self._each * len(self._used)

    @property
    def left(self) -> int:
        """Episodes that may still be run."""
        return (self._limit - self.spent) // self._each

    def returns(self, expressions: Sequence[str], places: Sequence[int]) -> Array:
        """Mean rewards (expressions, places) in episodes; the same place is the same traffic.

        Minus infinity where an expression has no value.

        Raises
        ------
        BudgetError
            If there are not enough episodes left.
        """
        return np.array(
            [[self._return(expression, place) for place in places] for expression in expressions]
        )

    def _return(self, expression: str, place: int) -> float:
        key = (expression, self._seeds[place])
        if key not in self._used:
            if not self.left:
                raise BudgetError(f"All {self._limit} decisions are taken.")
            self._used[key] = self._episodes.run(*key)
        found = self._used[key]
        return -np.inf if found is None else found.rewards[self._column]

    def states(self) -> pd.DataFrame:
        """Give all states that the search has met."""
        return pd.concat([each.states for each in self._used.values() if each is not None])

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Give the least and greatest value of each feature that the search has met."""
        states = self.states()
        ends = {name: (float(states[name].min()), float(states[name].max())) for name in FEATURES}
        # A range is more than one value; a feature that never moved may do so one day.
        return {name: (low, high if high > low else low + 1) for name, (low, high) in ends.items()}


def ratio_controller(expression: str, ranges: dict[str, tuple[float, float]]) -> Controller:
    """Write an expression over features as a controller of the ratio.

    Parameters
    ----------
    expression
        Over the names of `FEATURES`.
    ranges
        Least and greatest value of each feature.
    """
    used = parse(expression, list(FEATURES)).inputs()
    # A controller has at least one input, also where it says the same everywhere.
    names = [name for name in FEATURES if name in used] or ["load"]
    return Controller(
        [ControllerInput(name, FEATURES[name], ranges[name]) for name in names],
        [ControllerOutput("ratio", expression, (0.0, 1.0))],
        provenance={"study": "load-balancing"},
    )
