# SPDX-License-Identifier: MIT
"""Tables I, II and III of the paper, with what it published beside what is measured here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ns3kan.analysis.statistics import mean_interval, paired_difference
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import evaluate, of_network
from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, SwitchTypeStudy, ppo_config
from ns3kan.analysis.studies.switch_type.training import TrainingTask

DROPPED_ABOVE = 5.0
"""J₀ above which the paper's "~" rows leave a run out."""
PUBLISHED = {
    ("single_hop", "training", "mlp"): "6.90 (13.39); ~ 0.907 (0.521)",
    ("single_hop", "training", "stn"): "0.860 (0.049)",
    ("single_hop", "test", "mlp"): "33.7 (94.1); ~ 1.20 (0.521), 19 of 95 left out",
    ("single_hop", "test", "stn"): "0.870 (0.128)",
    ("multi_path", "training", "mlp"): "0.571 (0.162)",
    ("multi_path", "training", "stn"): "0.550 (0.159)",
    ("multi_path", "test", "mlp"): "1.03 (0.956); ~ 0.938 (0.274), 1 of 95 left out",
    ("multi_path", "test", "stn"): "0.625 (0.140)",
}
STRONGEST = {
    "single_hop": "max_weight_served",
    "multi_path": "shortest_expected_delay_after_service",
}
"""Classical policy that the others are compared with."""
PAPER_RATES = {"stn": 3e-3, "mlp": 3e-4}
PAPER_SETTINGS: dict[str, tuple[Any, str]] = {
    "learning rate": (None, "learning_rate"),
    "batch size of each environment": (2000, "rollout_steps"),
    "mini-batch size": (100, "minibatch_size"),
    "update epochs per batch": (3, "epochs"),
    "lambda of GAE": (0.95, "gae_lambda"),
    "epsilon": (0.1, "clip_range"),
    "entropy coefficient": (0.01, "entropy_coefficient"),
}
"""Table I: what the paper says, and the setting of `AverageCostPPOConfig` that it is."""


def cost_table(costs: pd.DataFrame, problem: str) -> pd.DataFrame:
    """Means over environments, by set and method.

    Parameters
    ----------
    costs
        As `ns3kan.analysis.studies.switch_type.results.all_costs` returns.
    problem
        Of these costs.

    Returns
    -------
    DataFrame
        ``mean`` and ``std`` over environments (and training seeds), ``low`` and ``high``: 95 %
        interval of the mean over environments, each environment's cost being the mean of the
        seeds; ``seed_low`` and ``seed_high``: least and greatest mean of a training seed;
        ``unstable``: runs with J₀ above 5 or stopped as unstable; ``mean_kept``, ``std_kept``
        without them; ``difference`` with its interval: to the strongest classical policy,
        environment by environment; ``published``.
    """
    rows = []
    for environments in ("training", "test"):
        of_set = costs[costs["set"] == environments]
        reference = of_set[of_set["method"] == STRONGEST[problem]]
        strongest = reference.sort_values("environment")["normalised_cost"].to_numpy()
        for method, mine in of_set.groupby("method", sort=False):
            rows.append(
                {
                    "set": environments,
                    "method": method,
                    **_summary(mine, strongest),
                    "published": PUBLISHED.get((problem, environments, str(method)), ""),
                }
            )
    return pd.DataFrame(rows)


def _summary(costs: pd.DataFrame, strongest: np.ndarray) -> dict[str, Any]:
    values = costs["normalised_cost"].to_numpy()
    by_environment = costs.groupby("environment")["normalised_cost"].mean().to_numpy()
    seeds = costs["seed"].nunique() or 1
    by_seed = costs.groupby(costs["seed"].fillna(0))["normalised_cost"].mean()
    dropped = values > DROPPED_ABOVE
    kept = values[~dropped]
    row: dict[str, Any] = {
        "mean": values.mean(),
        "std": _std(values),
        "seed_low": by_seed.min(),
        "seed_high": by_seed.max(),
        "n": len(by_environment),
        "seeds": seeds,
        "unstable": int(dropped.sum()),
        "runs": len(values),
        "mean_kept": kept.mean() if kept.size else math.nan,
        "std_kept": _std(kept),
    }
    if np.isfinite(by_environment).all():
        estimate = mean_interval(by_environment)
        difference = paired_difference(by_environment, strongest)
        row |= {
            "low": estimate.low,
            "high": estimate.high,
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
        }
    return row


def _std(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if values.size > 1 and np.isfinite(values).all() else math.nan


def sweep_table(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Costs of the policies of the sweep of learning rates, on the validation environments."""
    rows = []
    for problem in PROBLEMS:
        chosen = study_sets(study, problem, folder / "environments").validation
        for network, rates in study.sweep.items():
            for rate in rates:
                task = TrainingTask("sweep", problem, network, 0, rate)
                found = evaluate(
                    of_network(task.model(folder)), chosen, steps=10_000, trajectories=1
                )
                rows.append(
                    {
                        "problem": problem,
                        "network": network,
                        "learning_rate": rate,
                        "median": np.median(found),
                        "mean_kept": found[found <= DROPPED_ABOVE].mean(),
                        "unstable": int((found > DROPPED_ABOVE).sum()),
                        "n": len(found),
                    }
                )
    return pd.DataFrame(rows)


def settings_table(study: SwitchTypeStudy) -> pd.DataFrame:
    """Table I: the paper's hyperparameters and those of this study, by problem and training."""
    rows = []
    for network in study.rates:
        for quantity, (published, field) in PAPER_SETTINGS.items():
            row: dict[str, Any] = {"network": network, "quantity": quantity}
            if field == "learning_rate":
                published = PAPER_RATES.get(network, math.nan)
            # The paper has no switch-type KAN.
            row["published"] = published if network in PAPER_RATES else math.nan
            for problem in PROBLEMS:
                for kind in ("single", "general"):
                    config = ppo_config(
                        study,
                        problem,
                        network,
                        steps=1,
                        rate=study.rate(problem, network),
                        seed=0,
                        single=kind == "single",
                    )
                    row[f"{problem}, {kind}"] = getattr(config, field)
            rows.append(row)
    return pd.DataFrame(rows)
