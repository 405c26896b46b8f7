# SPDX-License-Identifier: MIT
"""What controllers reach on the held-out episodes; each controller's numbers in one file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ns3kan.analysis.evaluate import play
from ns3kan.analysis.policies import Policy
from ns3kan.analysis.simulate import Simulation, in_threads, simulate, simulator_seed
from ns3kan.analysis.studies.load_balancing.settings import ENVIRONMENT, SCENARIO, rewards_of
from ns3kan.files import write_atomically


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


def kept(
    path: Path, seeds: Sequence[int], runs: Callable[[Sequence[int]], Sequence[pd.DataFrame]]
) -> pd.DataFrame:
    """Read the scores of a file, or run what is missing of them and write them.

    Parameters
    ----------
    path
        CSV file.
    seeds
        Of the episodes.
    runs
        Called with the seeds that the file lacks; the intervals of each.

    Returns
    -------
    DataFrame
        One row per seed, by ``seed``, with the columns of `rewards_of`.
    """
    there = pd.read_csv(path, index_col="seed") if path.is_file() else None
    missing = [seed for seed in seeds if there is None or seed not in there.index]
    if missing:
        new = pd.DataFrame(
            [rewards_of(intervals) for intervals in runs(missing)],
            index=pd.Index(missing, name="seed"),
        )
        there = new if there is None else pd.concat([there, new])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, there.to_csv(float_format="%.10g"))
    assert there is not None
    return there.loc[list(seeds)]
