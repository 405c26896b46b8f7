# SPDX-License-Identifier: MIT
"""Tables I, II and III of the paper, with what it published beside what is measured here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.analysis.comparison.statistics import Estimate, crossed_difference, crossed_mean
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import GIVE_UP, evaluate, of_network
from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, SwitchTypeStudy, ppo_config
from ns3kan.analysis.studies.switch_type.training import TrainingTask

FloatArray = npt.NDArray[np.float64]

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
INDEX = "index, tuned"
"""Method that the others are compared with, beside the strongest classical policy."""
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
        See `summary`; ``seed_low`` and ``seed_high``: least and greatest mean of a training seed;
        ``mean_kept``, ``std_kept``: without unstable runs; ``difference`` with its interval: to the
        strongest classical policy; ``index_difference`` with its interval: of the tuned index to
        the method, so that less than zero means that the index costs less; both environment by
        environment, with the trainings of either side as drawn; ``published``.
    """
    rows = []
    for environments in ("training", "test"):
        of_set = costs[costs["set"] == environments]
        by_method = {
            str(method): _crossed(mine) for method, mine in of_set.groupby("method", sort=False)
        }
        strongest, index = by_method[STRONGEST[problem]], by_method.get(INDEX)
        for method, values in by_method.items():
            stable = values[values <= DROPPED_ABOVE]
            row = {
                "set": environments,
                "method": method,
                **summary(values),
                "seed_low": values.mean(axis=1).min(),
                "seed_high": values.mean(axis=1).max(),
                "mean_kept": stable.mean() if stable.size else math.nan,
                "std_kept": _std(stable),
                **named("difference", cost_difference(values, strongest)),
            }
            if index is not None and method != INDEX:
                row |= named("index_difference", cost_difference(index, values))
            rows.append(row | {"published": PUBLISHED.get((problem, environments, method), "")})
    return pd.DataFrame(rows)


def summary(costs: FloatArray) -> dict[str, Any]:
    """Summarise J₀ of each training (rows) in each environment (columns).

    Infinite costs are those of runs that were stopped as unstable, at which J₀ would have been
    `ns3kan.analysis.studies.switch_type.evaluation.GIVE_UP` at least. With one of them the mean is
    infinite, and its interval begins where it would with this least value.

    Returns
    -------
    dict
        ``mean`` and ``std`` over all runs; ``low`` and ``high``: 95 % interval of the mean, with
        environments and trainings as drawn; ``n`` environments, ``seeds`` trainings, ``runs``;
        ``unstable``: runs with J₀ above 5 or stopped.
    """
    estimate = crossed_mean(np.minimum(costs, GIVE_UP))
    stable = bool(np.isfinite(costs).all())
    return {
        "mean": costs.mean(),
        "std": _std(costs),
        "low": estimate.low,
        "high": estimate.high if stable else math.inf,
        "n": costs.shape[1],
        "seeds": costs.shape[0],
        "unstable": int((costs > DROPPED_ABOVE).sum()),
        "runs": costs.size,
    }


def cost_difference(first: FloatArray, second: FloatArray) -> Estimate:
    """Estimate J₀ of one method less that of another, (trainings, environments) each.

    A side with unstable runs does not bound the difference where they could make it greater, or
    less; with such runs on both sides nothing is known.
    """
    estimate = crossed_difference(np.minimum(first, GIVE_UP), np.minimum(second, GIVE_UP))
    ends = {False: (estimate.low, estimate.high), True: (-math.inf, math.inf)}
    first_unstable, second_unstable = bool(np.isinf(first).any()), bool(np.isinf(second).any())
    with np.errstate(invalid="ignore"):
        mean = float(first.mean() - second.mean())
    return Estimate(mean, ends[second_unstable][0], ends[first_unstable][1], estimate.n)


def _crossed(costs: pd.DataFrame) -> FloatArray:
    """Costs by training seed (one row without any) and environment."""
    ordered = costs.sort_values(["seed", "environment"])["normalised_cost"].to_numpy(np.float64)
    return ordered.reshape(costs["seed"].nunique() or 1, -1)


def named(name: str, estimate: Estimate) -> dict[str, float]:
    """Columns of a table for an estimate: its mean, and its interval's ends."""
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _std(values: FloatArray) -> float:
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
