# SPDX-License-Identifier: MIT
"""What the paper does not show: other numbers of queues, and heavy traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize

from ns3kan.agents.components.defaults import QUEUES
from ns3kan.analysis.studies.switch_type.evaluation import evaluate, of_classical
from ns3kan.analysis.studies.switch_type.results import HAND_MADE, Method, runner_of
from ns3kan.analysis.studies.switch_type.settings import (
    PROBLEMS,
    REFERENCES,
    SwitchTypeStudy,
)
from ns3kan.analysis.studies.switch_type.tables import STRONGEST, cost_difference, named, summary
from ns3kan.bridge.queues.environment_sets import EnvironmentSet, QueueEnvironment
from ns3kan.bridge.queues.model import Problem

FloatArray = npt.NDArray[np.float64]
NUMBERS_OF_QUEUES = (2, 4, 8, 16, 32)
LOADS = (0.8, 0.95, 0.99)
ENVIRONMENTS = 20
"""Environments of each kind."""
_SAMPLES = 4_000


def loaded_environments(
    problem: Problem, queues: int, load: float, *, count: int, seed: int, steps: int = 50_000
) -> EnvironmentSet:
    """Random rates, scaled such that a given share of the capacity is used.

    Single-hop: rates are uniform on (0, 3), and arrivals are scaled. The capacity is the greatest
    factor that some policy can serve, min over weights w of E[max_k w_k y_k] / Σ w_k λ_k (Tassiulas
    and Ephremides 1993), with the expectation over a sample. Multi-path: service rates are uniform
    and scaled to the sum 1/load.

    Parameters
    ----------
    problem, queues, load
        K and the share.
    count, seed
        Of the environments.
    steps
        Length of the reference policy's trajectory.
    """
    rng = np.random.default_rng([seed, queues, round(1000 * load)])
    environments = []
    for _ in range(count):
        service = rng.uniform(0, 3 if problem == "single_hop" else 1, queues)
        if problem == "multi_path":
            service *= 1 / (load * service.sum())
            arrival = np.ones(1)
        else:
            arrival = rng.uniform(0, 3, queues)
            arrival *= load * capacity(arrival, service, rng)
        environments.append(QueueEnvironment(tuple(arrival), tuple(service), (1.0,)))
    reference = REFERENCES[problem]
    unscaled = EnvironmentSet(
        problem, tuple(environments), seed, count, f"{reference}, ties random", steps
    )
    costs = evaluate(
        of_classical(reference), unscaled, steps=steps, trajectories=1, give_up=np.inf, seed=60_000
    )
    return replace(
        unscaled,
        environments=tuple(
            replace(each, reference_costs=(float(cost),))
            for each, cost in zip(environments, costs, strict=True)
        ),
    )


def capacity(arrival: FloatArray, service: FloatArray, rng: np.random.Generator) -> float:
    """Greatest factor on the arrivals that a server which knows the capacities can keep up with."""
    drawn = rng.poisson(service, (_SAMPLES, len(service))).astype(np.float64)

    def bound(logarithms: FloatArray) -> tuple[float, FloatArray]:
        weights = np.exp(logarithms - logarithms.max())
        values = weights * drawn
        best = values.argmax(axis=1)
        top = values[np.arange(_SAMPLES), best]
        above, below = top.mean(), weights @ arrival
        slope = np.bincount(best, top, len(weights)) / _SAMPLES / above
        return float(np.log(above / below)), slope - weights * arrival / below

    start = -np.log(np.maximum(service, 1e-3))
    found = minimize(bound, start, jac=True, method="L-BFGS-B")
    return float(np.exp(found.fun))


def compared(study: SwitchTypeStudy, problem: Problem) -> Iterator[list[Method]]:
    """Methods that serve any number of queues, each with all of its trainings."""
    for network in ("stn", "switch-type-kan"):
        yield [Method(problem, "network", network, seed) for seed in study.seeds]
    for kind in ("index tuned", "index searched"):
        yield [Method(problem, kind, "index", seed) for seed in study.seeds]
    for name in HAND_MADE[problem]:
        yield [Method(problem, "hand-made", name)]
    yield [Method(problem, "classical", STRONGEST[problem])]
    yield [Method(problem, "classical", REFERENCES[problem])]


def transfer_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Compare policies trained at K = 4 and 8, at K = 2 to 32 without retraining, load 0.8.

    Returns
    -------
    DataFrame
        See `ns3kan.analysis.studies.switch_type.tables.summary`; ``difference``, with its interval,
        is to the strongest classical policy, environment by environment.
    """
    rows = []
    for problem in PROBLEMS:
        for queues in NUMBERS_OF_QUEUES:
            rows += _rows(study, problem, queues, LOADS[0], folder)
    return pd.DataFrame(rows)


def heavy_traffic_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Compare the same policies at their own K, with loads up to 0.99; see `transfer_table`."""
    rows = []
    for problem in PROBLEMS:
        for load in LOADS:
            rows += _rows(study, problem, QUEUES[problem], load, folder)
    return pd.DataFrame(rows)


def _rows(
    study: SwitchTypeStudy, problem: Problem, queues: int, load: float, folder: Path
) -> list[dict[str, object]]:
    environments = loaded_environments(problem, queues, load, count=ENVIRONMENTS, seed=3)
    costs = {
        methods[0].title: np.stack(
            [
                evaluate(
                    runner_of(study, method, folder),
                    environments,
                    steps=study.evaluation_steps,
                    trajectories=1,
                )
                for method in methods
            ]
        )
        for methods in compared(study, problem)
    }
    strongest = costs[STRONGEST[problem]]
    return [
        {
            "problem": problem,
            "queues": queues,
            "load": load,
            "method": title,
            **summary(values),
            **named("difference", cost_difference(values, strongest)),
        }
        for title, values in costs.items()
    ]
