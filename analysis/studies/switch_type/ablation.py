# SPDX-License-Identifier: MIT
"""What each choice of the training is worth: a switch-type KAN without one of them at a time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ns3kan.agents.average_cost_ppo import AverageCostPPO
from ns3kan.agents.networks.encodings import Encoding
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import evaluate, of_policy
from ns3kan.analysis.studies.switch_type.settings import (
    SwitchTypeStudy,
    architecture,
    ppo_config,
)

STEPS = 1_000_000
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


def ablation_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Single-hop scheduling, 1,000,000 steps, each variant with all training seeds.

    Returns
    -------
    DataFrame
        ``validation`` and ``training``: means over environments and seeds of J₀, cut off at 20;
        ``low`` and ``high``: least and greatest mean of a seed on the validation environments;
        ``unstable``: validation runs with J₀ above 5, of ``runs``.
    """
    sets = study_sets(study, "single_hop", folder / "environments")
    rows = []
    for name, changes in (*VARIANTS.items(), (LINEAR, {})):
        costs: dict[str, list[np.ndarray]] = {"training": [], "validation": []}
        for seed in study.seeds:
            config = dataclasses.replace(
                ppo_config(
                    study,
                    "single_hop",
                    "switch-type-kan",
                    steps=STEPS,
                    rate=study.rates["switch-type-kan"],
                    seed=seed,
                    single=False,
                ),
                **changes,
            )
            network = architecture("single_hop", "switch-type-kan", rates=True)
            if name == LINEAR:
                network = dataclasses.replace(network, encoding=_linear(network.encoding))
            env = sets.training.make_vec(observe_rates=True)
            policy = AverageCostPPO(config).learn(env, network)
            env.close()
            for kind, found in costs.items():
                values = evaluate(
                    of_policy(policy),
                    sets[kind],
                    steps=study.tuning_steps,
                    trajectories=1,
                )
                found.append(np.minimum(values, 20.0))
        validation = np.stack(costs["validation"])
        rows.append(
            {
                "variant": name,
                "training": np.mean(costs["training"]),
                "validation": validation.mean(),
                "low": validation.mean(axis=1).min(),
                "high": validation.mean(axis=1).max(),
                "unstable": int((validation > 5).sum()),
                "runs": validation.size,
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
