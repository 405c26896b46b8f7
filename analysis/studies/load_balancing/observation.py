# SPDX-License-Identifier: MIT
"""The deployed equations with what a router can know, beside what only a simulator knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from ns3kan.analysis.comparison.simulate import Simulation, simulate_all, simulator_seed
from ns3kan.analysis.comparison.statistics import mean_interval, paired_difference
from ns3kan.analysis.studies.load_balancing.settings import (
    SCENARIO,
    LoadBalancingStudy,
    Reward,
    column_of,
    rewards_of,
)
from ns3kan.io.files import write_atomically

OBSERVATIONS = ("oracle", "in-band")
RULES = ("primary", "least-delay", "least-utilised")
"""Rules that look at the network's state, of which `primary` looks at its own load only."""


def write_observations(study: LoadBalancingStudy, folder: Path) -> Path:
    """Run each deployed equation and the rules on the validation seeds under both observations.

    Nothing is trained or chosen here: the equations were chosen under ``oracle``, on these seeds.

    Parameters
    ----------
    study
        Settings.
    folder
        Of the results, which has the deployed equations in ``deployed/``.

    Returns
    -------
    Path
        Of ``observation.csv``, written if it was not there: for each reward and controller the mean
        under each observation, and the differences, episode by episode, of in-band to oracle and of
        the deployed equation to the controller under in-band, with their 95 % intervals.
    """
    path = folder / "observation.csv"
    if path.is_file():
        return path
    rewards = [reward for reward in get_args(Reward) if reward in study.rewards]
    files = {reward: folder / "deployed" / f"{reward}.json" for reward in rewards}
    controllers: list[str | Path] = [*files.values(), *RULES]
    scores = {
        (controller, observation): _scores(study, controller, observation)
        for controller in controllers
        for observation in OBSERVATIONS
    }
    rows = []
    for reward, file in files.items():
        column = column_of(reward)
        deployed = scores[file, "in-band"][column]
        titled: dict[str, str | Path] = {"deployed": file, **{rule: rule for rule in RULES}}
        for name, controller in titled.items():
            oracle, told = (scores[controller, seen][column] for seen in OBSERVATIONS)
            change = paired_difference(told, oracle)
            lead = paired_difference(deployed, told)
            rows.append(
                {
                    "reward": reward,
                    "controller": name,
                    "oracle": mean_interval(oracle).mean,
                    "in-band": mean_interval(told).mean,
                    "in-band minus oracle": change.mean,
                    "change low": change.low,
                    "change high": change.high,
                    "deployed minus this": np.nan if name == "deployed" else lead.mean,
                    "lead low": np.nan if name == "deployed" else lead.low,
                    "lead high": np.nan if name == "deployed" else lead.high,
                    "episodes": change.n,
                }
            )
    write_atomically(path, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g"))
    return path


def _scores(
    study: LoadBalancingStudy, controller: str | Path, observation: str
) -> Mapping[str, Sequence[float]]:
    """Rewards of a controller in each validation episode, by their columns."""
    arguments = {**study.arguments, "observation": observation}
    tables = simulate_all(
        [
            Simulation(controller, simulator_seed(seed), arguments, SCENARIO)
            for seed in study.choice_seeds()
        ],
        workers=study.workers,
    )
    means = pd.DataFrame([rewards_of(table) for table in tables])
    return {str(name): means[name].to_list() for name in means}
