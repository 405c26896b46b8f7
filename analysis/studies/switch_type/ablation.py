# SPDX-License-Identifier: MIT
"""What each choice of the training is worth: a switch-type KAN without one of them at a time."""

from __future__ import annotations

import dataclasses
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.agents.components.average_cost_ppo import AverageCostPPO
from ns3kan.agents.components.defaults import default_architecture
from ns3kan.agents.components.encodings import Encoding
from ns3kan.analysis.comparison.statistics import crossed_difference, crossed_mean
from ns3kan.analysis.studies.harness import TaskRows, run_missing
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import evaluate, of_policy
from ns3kan.analysis.studies.switch_type.settings import (
    SwitchTypeStudy,
    ppo_config,
)
from ns3kan.analysis.studies.switch_type.tables import DROPPED_ABOVE, named

VARIANTS: dict[str, dict[str, Any]] = {
    "all": {},
    "critic network on returns (λ 0.95, γ 0.99) instead of least squares": {
        "critic": "network",
        "critic_epochs": 5,
        "gae_lambda": 0.95,
        "gamma": 0.99,
    },
    "costs not normalised": {"normalise_costs": False},
    "advantages standardised over all environments together": {"separate_advantages": False},
    "both of these": {"normalise_costs": False, "separate_advantages": False},
    "trajectories not cut": {"cut_length": float("inf")},
    "span of 3 before training instead of 40": {"start_spread": 3.0},
    "entropy 0.01 instead of 0.001": {"entropy_coefficient": 0.01},
    "clipping at 0.1 instead of 0.3": {"clip_range": 0.1},
    "weights not averaged": {"averaging": 0.0},
    "splines not smoothed": {"smoothness": 0.0},
}
LINEAR = "queue lengths, capacities and rates not through logarithms"
# J₀ that stands for an unstable policy.
_CUT_OFF = 20.0


@dataclass(frozen=True)
class AblationTask:
    """One training of a variant; its costs stay.

    Attributes
    ----------
    variant
        Of `VARIANTS`, or `LINEAR`.
    seed
        Of the training.
    """

    variant: str
    seed: int

    def costs(self, folder: Path) -> TaskRows:
        """Costs of the policy, a row per environment."""
        name = re.sub(r"[^a-z0-9]+", "-", self.variant.lower()).strip("-")
        return TaskRows(folder / "costs.csv", f"ablation-{name}-seed-{self.seed}")


def train_variant(study: SwitchTypeStudy, folder: Path, task: AblationTask) -> None:
    """Train a variant and write the costs of its policy."""
    sets = study_sets(study, "single_hop", folder / "environments")
    config = ppo_config(
        study,
        "single_hop",
        "switch-type-kan",
        steps=study.ablation_steps,
        rate=study.rate("single_hop", "switch-type-kan"),
        seed=task.seed,
        single=False,
    )
    network = default_architecture("single_hop", "switch-type-kan", rates=True)
    if task.variant == LINEAR:
        network = dataclasses.replace(network, encoding=_linear(network.encoding))
    else:
        config = dataclasses.replace(config, **VARIANTS[task.variant])
    env = sets.training.make_vec(observe_rates=True)
    policy = AverageCostPPO(network, config).learn(env)
    env.close()
    parts = []
    for kind in ("training", "validation"):
        costs = evaluate(of_policy(policy), sets[kind], steps=study.tuning_steps, trajectories=1)
        parts.append(pd.DataFrame({"set": kind, "normalised_cost": costs}))
    task.costs(folder).write(pd.concat(parts).to_csv(index=False, float_format="%.6g"))


def ablation_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Single-hop scheduling, each variant with all training seeds.

    Returns
    -------
    DataFrame
        ``validation`` and ``training``: means over environments and seeds of J₀, cut off at 20;
        ``low`` and ``high``: 95 % interval of the mean over the validation environments, with
        environments and training seeds as drawn; ``seed_low`` and ``seed_high``: least and greatest
        mean of a seed; ``difference``, with its interval: to the training with all choices,
        environment by environment; ``unstable``: validation runs with J₀ above 5, of ``runs``.
    """
    tasks = [AblationTask(variant, seed) for seed in study.seeds for variant in (*VARIANTS, LINEAR)]
    run_missing(
        functools.partial(train_variant, study, folder),
        tasks,
        lambda task: task.costs(folder).exist(),
        study.workers,
    )
    rows = []
    baseline: npt.NDArray[np.float64] | None = None  # the first variant has all choices
    for variant in (*VARIANTS, LINEAR):
        costs = pd.concat(
            task.costs(folder).read().assign(seed=task.seed)
            for task in tasks
            if task.variant == variant
        )
        costs["normalised_cost"] = costs["normalised_cost"].clip(upper=_CUT_OFF)
        validation = costs[costs["set"] == "validation"]
        by_seed = np.stack(
            [own["normalised_cost"].to_numpy(float) for _, own in validation.groupby("seed")]
        )
        estimate = crossed_mean(by_seed)
        if baseline is None:
            baseline = by_seed
        difference = crossed_difference(by_seed, baseline)
        rows.append(
            {
                "variant": variant,
                "training": costs[costs["set"] == "training"]["normalised_cost"].mean(),
                "validation": estimate.mean,
                "low": estimate.low,
                "high": estimate.high,
                **({} if variant == "all" else named("difference", difference)),
                "seed_low": by_seed.mean(axis=1).min(),
                "seed_high": by_seed.mean(axis=1).max(),
                "unstable": int((validation["normalised_cost"] > DROPPED_ABOVE).sum()),
                "runs": len(validation),
                "seeds": len(study.seeds),
            }
        )
    return pd.DataFrame(rows)


def _linear(encoding: Encoding) -> Encoding:
    return dataclasses.replace(
        encoding,
        features=tuple(dataclasses.replace(each, log_offset=None) for each in encoding.features),
        combinations=tuple(
            dataclasses.replace(each, log_offset=None) for each in encoding.combinations
        ),
    )
