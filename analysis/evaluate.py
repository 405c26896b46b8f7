# SPDX-License-Identifier: MIT
"""Run a network, its equation and traditional controllers on the same held-out seeds.

The network decides through the Gymnasium environment, everything else runs inside ns-3. All
simulations write the same table of their intervals, and all results come out of these tables, so
nothing depends on which way a decision took.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gymnasium
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.analysis.simulate import (
    Simulation,
    in_threads,
    read_intervals,
    simulate,
    simulator_seed,
)
from ns3kan.analysis.tables import QUANTITIES

Array = NDArray[np.float64]
Policy = Callable[[Array], Array]


class _Measured(Protocol):
    def __call__(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    results : DataFrame
        One row per controller and seed: ``controller``, ``kind`` (network, equation or
        traditional), ``seed``, ``reward`` (mean per interval), ``goodput`` (bit/s), ``delay``
        (s), ``loss`` (share).
    intervals : DataFrame
        ``controller``, ``seed`` and every column of the simulator's table, one row per decision,
        for all controllers and seeds.
    """

    results: pd.DataFrame
    intervals: pd.DataFrame


def evaluate(
    policy: Policy,
    equation: Path,
    traditional: Sequence[str],
    seeds: Sequence[int],
    *,
    environment: str,
    arguments: Mapping[str, Any],
    workers: int | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate a network, its equation and traditional controllers.

    Parameters
    ----------
    policy : callable
        The network's deterministic decision: observations (1, features) to actions (1, actions).
    equation : Path
        Its ``controller.json``.
    traditional : sequence of str
        Names of controllers that the scenario knows.
    seeds : sequence of int
        Seeds as for ``env.reset``; the simulators inside ns-3 are given the same traffic.
    environment : str
        Gymnasium id of the environment.
    arguments : mapping of str to object
        Arguments of the environment, which are the scenario's too.
    workers : int, optional
        Simulators at a time; by default as many as there are cores.
    on_done : callable, optional
        Called with (episodes done, episodes in all) after each.

    Returns
    -------
    Evaluation

    Raises
    ------
    BridgeError
        If a simulator refuses its arguments, dies or does not answer.
    ValueError
        If there is no seed, or one twice.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"evaluation needs different seeds, at least one, not {list(seeds)}")
    who: list[tuple[str, str, int]] = []
    calls: list[_Measured] = []
    # Seed by seed, so that an evaluation's progress is even.
    for seed in seeds:
        who.append(("network", "network", seed))
        calls.append(functools.partial(play, policy, seed, environment, arguments))
        for name in ("equation", *traditional):
            kind = "equation" if name == "equation" else "traditional"
            controller = equation if kind == "equation" else name
            who.append((name, kind, seed))
            run = Simulation(controller, simulator_seed(seed), arguments)
            calls.append(functools.partial(simulate, run))
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, len(calls))

    tables = in_threads(calls, workers=workers, on_done=count)
    order = {name: index for index, name in enumerate(("network", "equation", *traditional))}
    ranked = sorted(zip(who, tables, strict=True), key=lambda item: order[item[0][0]])
    results = pd.DataFrame.from_records(
        [
            {"controller": name, "kind": kind, "seed": seed, **summarise(table)}
            for (name, kind, seed), table in ranked
        ]
    )
    intervals = pd.concat(
        [table.assign(controller=name, seed=seed) for (name, _, seed), table in ranked],
        ignore_index=True,
    )
    columns = ["controller", "seed"]
    return Evaluation(results, intervals[columns + [c for c in intervals if c not in columns]])


def play(policy: Policy, seed: int, environment: str, arguments: Mapping[str, Any]) -> pd.DataFrame:
    """Let a policy decide through the environment for one episode.

    Parameters
    ----------
    policy : callable
        Observations (1, features) to actions (1, actions).
    seed : int
        As for ``env.reset``.
    environment : str
        Gymnasium id.
    arguments : mapping of str to object
        Arguments of the environment.

    Returns
    -------
    DataFrame
        The simulator's table of intervals, as from `simulate`.

    Raises
    ------
    BridgeError
        If the simulator refuses its arguments, dies or does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="ns3kan-") as folder:
        intervals = Path(folder) / "intervals.csv"
        env = gymnasium.make(environment, intervals=str(intervals), **arguments)
        try:
            observation, _ = env.reset(seed=seed)
            over = False
            while not over:
                action = policy(np.asarray(observation, dtype=np.float64)[None, :])[0]
                observation, _, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
        finally:
            # Waits for the simulator's end: only then the table is complete.
            env.close()
        return read_intervals(intervals)


def summarise(intervals: pd.DataFrame) -> dict[str, float]:
    """Summarise one episode.

    Parameters
    ----------
    intervals : DataFrame
        As from `simulate`.

    Returns
    -------
    dict of str to float
        ``reward``, ``goodput`` (bit/s), ``delay`` (s) and ``loss`` (share): means over the
        intervals, each of which counts the same.
    """
    return {name: float(intervals[name].mean()) for name in QUANTITIES}


def visited_states(intervals: pd.DataFrame, features: Sequence[str]) -> Array:
    """Collect the states in which a controller decided.

    Parameters
    ----------
    intervals : DataFrame
        As from `simulate` or `play`.
    features : sequence of str
        Names of the observation's components, in their order.

    Returns
    -------
    array of float, shape (decisions, features)
    """
    return intervals[list(features)].to_numpy(np.float64)
