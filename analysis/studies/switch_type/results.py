# SPDX-License-Identifier: MIT
"""Costs of all methods over all environments, computed once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.agents.components.defaults import default_encoding
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.analysis.studies.harness import TaskRows, run_missing
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import (
    MakeRunner,
    evaluate,
    of_classical,
    of_index,
    of_network,
)
from ns3kan.analysis.studies.switch_type.index_study import IndexTask, read_controller
from ns3kan.analysis.studies.switch_type.settings import SwitchTypeStudy
from ns3kan.analysis.studies.switch_type.training import TrainingTask
from ns3kan.bridge.queues.model import Problem

CLASSICAL = {
    "single_hop": (
        "max_weight",
        "max_weight_served",
        "max_served",
        "longest_connected_queue",
        "longest_queue",
        "c_mu",
        "round_robin",
        "random",
    ),
    "multi_path": (
        "shortest_expected_delay_after_service",
        "shortest_expected_delay",
        "shortest_queue_after_service",
        "shortest_queue",
        "power_of_d",
        "round_robin",
        "random",
    ),
}
"""Policies of `ns3kan.agents.components.classical` that every table shows."""
HAND_MADE: dict[Problem, dict[str, str]] = {
    "single_hop": {
        "hand-made index": (
            "min(queue_length, capacity)*sqrt(queue_length)/sqrt(service_rate + 0.1)"
        ),
        "untuned index": "sqrt(queue_length)*min(queue_length, capacity)/service_rate",
    },
    "multi_path": {},
}
"""Indices made by hand, without learning; "untuned": without any constant that could be tuned."""


@dataclass(frozen=True)
class Method:
    """A policy in the tables.

    Attributes
    ----------
    problem
        What it is for.
    kind
        "network", "index read", "index tuned", "index searched", "classical" or "hand-made".
    name
        Of the network or the classical policy.
    seed
        Of the training; None without.
    """

    problem: Problem
    kind: str
    name: str
    seed: int | None = None

    @property
    def title(self) -> str:
        """What tables call it; the same for all seeds."""
        if self.kind.startswith("index"):
            return f"{self.kind.replace('index', 'index,')}"
        return self.name

    def costs(self, folder: Path, environments: str) -> TaskRows:
        """Rows of its costs."""
        parts = [self.problem, self.kind, self.name, environments]
        if self.seed is not None:
            parts.append(f"seed-{self.seed}")
        return TaskRows(folder / "costs.csv", "-".join(parts).replace("_", "-").replace(" ", "-"))


def methods(study: SwitchTypeStudy, problem: Problem) -> Iterator[Method]:
    """All methods of a problem's table."""
    for network in study.rates:
        for seed in study.seeds:
            yield Method(problem, "network", network, seed)
    for kind in ("index read", "index tuned", "index searched"):
        for seed in study.seeds:
            yield Method(problem, kind, "index", seed)
    for name in HAND_MADE[problem]:
        yield Method(problem, "hand-made", name)
    for name in CLASSICAL[problem]:
        yield Method(problem, "classical", name)


def runner_of(study: SwitchTypeStudy, method: Method, folder: Path) -> MakeRunner:
    """How a method acts."""
    names = default_encoding(method.problem, "stn", rates=True).names
    if method.kind == "network":
        assert method.seed is not None
        rate = study.rate(method.problem, method.name)
        task = TrainingTask("general", method.problem, method.name, method.seed, rate)
        return of_network(task.model(folder))
    if method.kind == "classical":
        return of_classical(method.name)
    if method.kind == "hand-made":
        expression = parse(HAND_MADE[method.problem][method.name], names)
        return of_index(lambda states: expression.evaluate(dict(zip(names, states.T, strict=True))))
    assert method.seed is not None
    search = IndexTask(method.problem, method.seed, method.kind != "index searched")
    file = search.files(folder)["read" if method.kind == "index read" else "tuned"]
    return of_index(read_controller(file, names))


def costs_of(
    study: SwitchTypeStudy, method: Method, environments: str, folder: Path
) -> pd.DataFrame:
    """Normalised costs J₀ of a method, one row per environment; computed once."""
    costs = method.costs(folder, environments)
    if not costs.exist():
        chosen = study_sets(study, method.problem, folder / "environments")[environments]
        found = evaluate(
            runner_of(study, method, folder),
            chosen,
            steps=study.evaluation_steps,
            trajectories=study.trajectories,
        )
        table = pd.DataFrame({"environment": np.arange(len(found)), "normalised_cost": found})
        costs.write(table.to_csv(index=False, float_format="%.6g"))
    table = costs.read()
    return table.assign(method=method.title, kind=method.kind, seed=method.seed)


def all_costs(
    study: SwitchTypeStudy,
    problem: Problem,
    folder: Path,
    on_done: Callable[[str], None],
) -> pd.DataFrame:
    """Costs of all methods on training and test environments.

    Returns
    -------
    DataFrame
        Columns set, environment, normalised_cost, method, kind, seed.
    """
    jobs = [
        (method, environments)
        for method in methods(study, problem)
        for environments in ("training", "test")
    ]

    def tell(job: tuple[Method, str], table: pd.DataFrame, count: str) -> None:
        method, environments = job
        seed = "" if method.seed is None else f", seed {method.seed}"
        mean = table["normalised_cost"].mean()
        on_done(f"{problem}, {environments}: {method.title}{seed}: {mean:.3f} ({count})")

    run_missing(
        functools.partial(_costs, study, folder),
        jobs,
        lambda job: job[0].costs(folder, job[1]).exist(),
        study.workers,
        tell,
    )
    return pd.concat(
        [costs_of(study, *job, folder).assign(set=job[1]) for job in jobs], ignore_index=True
    )


def _costs(study: SwitchTypeStudy, folder: Path, job: tuple[Method, str]) -> pd.DataFrame:
    return costs_of(study, *job, folder)
