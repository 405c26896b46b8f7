# SPDX-License-Identifier: MIT
"""Indices that were learned on the queue model, deployed packet by packet inside ns-3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.analysis.comparison.simulate import Simulation, simulate_all
from ns3kan.analysis.comparison.statistics import mean_interval
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import MakeRunner, evaluate, of_classical
from ns3kan.analysis.studies.switch_type.index_study import IndexTask
from ns3kan.analysis.studies.switch_type.results import Method, runner_of
from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, REFERENCES, SwitchTypeStudy
from ns3kan.bridge.queues.environment_sets import EnvironmentSet
from ns3kan.bridge.queues.model import Problem

FloatArray = npt.NDArray[np.float64]

SCENARIOS: dict[Problem, str] = {
    "single_hop": "single-hop-scheduling",
    "multi_path": "multipath-routing",
}
REFERENCE_CONTROLLERS: dict[Problem, str] = {
    "single_hop": "max-weight",
    "multi_path": "join-shortest-queue",
}
"""What ns-3 calls the references."""
# Run numbers of ns-3, an environment each.
_FIRST_SEED = 500


def packets_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Compare the tuned indices' normalised costs in ns-3 to those in the queue model.

    In both they are the costs of the first environments of the test set, by those of the reference
    policy on the same arrivals and capacities. ns-3's draws are its own; of equal queues the first
    is chosen in both.

    Returns
    -------
    DataFrame
        ``problem``, ``simulator`` ("ns-3" or "queue model"), ``seed`` of the training, ``mean``
        over environments with its 95 % interval ``low`` to ``high``, ``n``, and ``better``, in how
        many environments the index costs less than the reference.
    """
    rows = []
    for problem in PROBLEMS:
        test = study_sets(study, problem, folder / "environments").test
        some = replace(test, environments=test.environments[: study.packet_environments])
        controllers = [
            str(IndexTask(problem, seed).files(folder)["tuned"].resolve()) for seed in study.seeds
        ]
        in_packets = packet_costs(
            problem, some, [REFERENCE_CONTROLLERS[problem], *controllers], study.packet_slots
        )
        reference = _model_costs(study, some, of_classical(REFERENCES[problem]))
        for place, seed in enumerate(study.seeds, start=1):
            index = Method(problem, "index tuned", "index", seed)
            in_model = _model_costs(study, some, runner_of(study, index, folder))
            for simulator, costs in (
                ("ns-3", in_packets[place] / in_packets[0]),
                ("queue model", in_model / reference),
            ):
                estimate = mean_interval(costs)
                rows.append(
                    {
                        "problem": problem,
                        "simulator": simulator,
                        "seed": seed,
                        "mean": estimate.mean,
                        "low": estimate.low,
                        "high": estimate.high,
                        "n": estimate.n,
                        "better": int((costs < 1.0).sum()),
                    }
                )
    return pd.DataFrame(rows)


def packet_costs(
    problem: Problem, environments: EnvironmentSet, controllers: Sequence[str], slots: int
) -> FloatArray:
    """Mean costs in ns-3, shape (controllers, environments).

    Parameters
    ----------
    problem, environments
        Whose rates the simulations have.
    controllers
        Names that the scenario knows, or paths of artefacts. All meet the same arrivals and
        capacities.
    slots
        Length of a simulation.
    """
    simulations = [
        Simulation(
            controller,
            _FIRST_SEED + number,
            {
                **_rates(problem, one.arrival_rates, one.service_rates),
                "slots": slots,
            },
            SCENARIOS[problem],
        )
        for controller in controllers
        for number, one in enumerate(environments.environments)
    ]
    costs = [float(table["cost"].mean()) for table in simulate_all(simulations)]
    return np.reshape(costs, (len(controllers), len(environments)))


def _rates(
    problem: Problem, arrival: Sequence[float], service: Sequence[float]
) -> dict[str, object]:
    rates: dict[str, object] = {"serviceRates": ",".join(map(repr, service))}
    if problem == "single_hop":
        rates["arrivalRates"] = ",".join(map(repr, arrival))
    return rates


def _model_costs(
    study: SwitchTypeStudy, environments: EnvironmentSet, make: MakeRunner
) -> FloatArray:
    return evaluate(make, environments, steps=study.packet_slots, trajectories=1, ties="lowest")
