# SPDX-License-Identifier: MIT
"""What controllers reach, episode by episode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ns3kan.analysis.comparison.evaluate import play
from ns3kan.analysis.comparison.policies import Policy
from ns3kan.analysis.comparison.simulate import Simulation, simulate, simulator_seed
from ns3kan.analysis.pool import in_threads
from ns3kan.analysis.studies.harness import TaskRows
from ns3kan.analysis.studies.load_balancing.settings import ENVIRONMENT, SCENARIO, rewards_of


def controller_runs(
    controller: str | Path,
    seeds: Sequence[int],
    arguments: Mapping[str, Any],
    workers: int,
    scenario: str = SCENARIO,
) -> list[pd.DataFrame]:
    """Run a controller inside ns-3; its intervals on each seed, rewarded by utility."""
    return in_threads(
        [
            functools.partial(
                simulate, Simulation(controller, simulator_seed(seed), arguments, scenario)
            )
            for seed in seeds
        ],
        workers=workers,
    )


def policy_runs(
    policy: Policy, seeds: Sequence[int], arguments: Mapping[str, Any], workers: int
) -> list[pd.DataFrame]:
    """Let a policy decide through the environment; its intervals on each seed, as above."""
    return in_threads(
        [functools.partial(play, policy, seed, ENVIRONMENT, arguments) for seed in seeds],
        workers=workers,
    )


class Scores:
    """Scores of controllers in episodes; what is there is not run again.

    Parameters
    ----------
    folder
        Of the study. Its ``scores.csv`` has ``controller``, ``seed`` and the columns of
        `rewards_of`.
    episodes
        Which ones: ``"choice"``, ``"held-out"``, or those on another network.
    """

    def __init__(self, folder: Path, episodes: str) -> None:
        self._rows = TaskRows(folder / "scores.csv", episodes)
        self._table = (
            self._rows.read().set_index(["controller", "seed"]).sort_index()
            if self._rows.exist()
            else None
        )

    def of(
        self,
        controller: str,
        seeds: Sequence[int],
        runs: Callable[[Sequence[int]], Sequence[pd.DataFrame]],
    ) -> pd.DataFrame:
        """Read the scores of a controller, or run what is missing of them and write them.

        Parameters
        ----------
        controller
            Its name in the file.
        seeds
            Of the episodes.
        runs
            Called with the seeds that the file lacks; the intervals of each.

        Returns
        -------
        DataFrame
            One row per seed, by ``seed``, with the columns of `rewards_of`.
        """
        missing = [seed for seed in seeds if not self.has(controller, [seed])]
        if missing:
            self.add(controller, missing, [rewards_of(intervals) for intervals in runs(missing)])
        assert self._table is not None
        return self._table.loc[[(controller, seed) for seed in seeds]].droplevel("controller")

    def has(self, controller: str, seeds: Sequence[int]) -> bool:
        """Whether all of these scores are in the file."""
        table = self._table
        return table is not None and all((controller, seed) in table.index for seed in seeds)

    def add(
        self, controller: str, seeds: Sequence[int], rewards: Sequence[Mapping[str, float]]
    ) -> None:
        """Write scores, as of `rewards_of`, in place of those that are there of the same seeds."""
        index = pd.MultiIndex.from_product([[controller], seeds], names=["controller", "seed"])
        new = pd.DataFrame(list(rewards), index=index)
        if self._table is not None:
            new = pd.concat([self._table.drop(index, errors="ignore"), new])
        self._table = new.sort_index()
        self._rows.write(self._table.to_csv(float_format="%.10g"))


def choice_scores(folder: Path) -> Scores:
    """Scores in the episodes by which one of several trainings is chosen."""
    return Scores(folder, "choice")
