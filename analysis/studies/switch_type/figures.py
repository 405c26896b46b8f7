# SPDX-License-Identifier: MIT
"""Figures 4 to 7 of the paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, SwitchTypeStudy
from ns3kan.analysis.studies.switch_type.training import CURVE_BLOCK, TrainingTask
from ns3kan.io.files import whole_file

COLOURS = {
    "mlp": "#555555",
    "stn": "#0072B2",
    "switch-type-kan": "#D55E00",
    "index, tuned": "#009E73",
}
MOVING_AVERAGE = 5_000
"""Steps, as in the paper."""
SHOWN = 500_000
"""Steps of training that Fig. 4 shows."""


def learning_curves(study: SwitchTypeStudy, folder: Path) -> pd.DataFrame:
    """Return moving averages of normalised costs while training on single environments.

    Returns
    -------
    DataFrame
        Columns problem, environment, network, seed, steps, normalised_cost.
    """
    parts = []
    window = MOVING_AVERAGE // CURVE_BLOCK
    for task in single_tasks(study):
        curve = task.curve(folder).read()
        smooth = curve["environment_0"].rolling(window).mean().to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "problem": task.problem,
                    "environment": task.environment,
                    "network": task.network,
                    "seed": task.seed,
                    "steps": curve["steps"],
                    "normalised_cost": smooth,
                }
            ).iloc[window - 1 :: 4]
        )
    return pd.concat(parts, ignore_index=True)


def single_tasks(study: SwitchTypeStudy) -> list[TrainingTask]:
    """Trainings on single environments."""
    return [
        TrainingTask("single", problem, network, seed, study.rate(problem, network), environment)
        for seed in study.seeds
        for problem in PROBLEMS
        for environment in range(study.training_environments)
        for network in study.rates
    ]


def samples_to_reference(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the steps until the moving average first is below J₀ = 1, median over seeds.

    Returns
    -------
    DataFrame
        Columns problem, environment, network, steps (infinite if never).
    """
    keys = ["problem", "environment", "network", "seed"]
    steps = curves["steps"].where(curves["normalised_cost"] <= 1.0, np.inf)
    first = steps.groupby([curves[key] for key in keys]).min()
    return first.groupby(level=keys[:-1]).median().rename("steps").reset_index()


def draw_learning_curves(curves: pd.DataFrame, path: Path) -> None:
    """Figure 4: logarithm of the moving average cost, single-hop left, multi-path right."""
    count = curves["environment"].nunique()
    figure = Figure(figsize=(8, 2.0 * count), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(count, 2, squeeze=False, sharex=True)
    for column, problem in enumerate(PROBLEMS):
        for environment in range(count):
            axes: Axes = grid[environment][column]
            chosen = curves[
                (curves["problem"] == problem)
                & (curves["environment"] == environment)
                & (curves["steps"] <= SHOWN)
            ]
            for network, mine in chosen.groupby("network"):
                by_step = mine.groupby("steps")["normalised_cost"]
                middle, low, high = by_step.median(), by_step.min(), by_step.max()
                colour = COLOURS[str(network)]
                at = middle.index.to_numpy() / 1_000
                axes.plot(at, np.log(middle), color=colour, label=network, lw=1.2)
                axes.fill_between(at, np.log(low), np.log(high), color=colour, alpha=0.2)
            axes.axhline(0.0, color="black", lw=0.6)
            axes.set_title(f"{problem.replace('_', '-')}, environment {environment + 1}", size=9)
            axes.set_ylabel("log J₀")
        grid[-1][column].set_xlabel("training steps (thousands)")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    with whole_file(path) as part:
        figure.savefig(part, dpi=120)


def draw_final_costs(costs: pd.DataFrame, path: Path) -> None:
    """Figure 5: normalised costs of policies trained on one environment each.

    Parameters
    ----------
    costs
        Columns problem, environment, network, seed, normalised_cost.
    path
        PNG file.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, problem in zip(figure.subplots(1, 2), PROBLEMS, strict=True):
        chosen = costs[costs["problem"] == problem]
        networks = list(dict.fromkeys(chosen["network"]))
        for place, network in enumerate(networks):
            by = chosen[chosen["network"] == network].groupby("environment")["normalised_cost"]
            mean = by.mean()
            at = mean.index.to_numpy() + (place - (len(networks) - 1) / 2) * 0.25
            # Rounding may put a mean outside of its range; infinite costs have none to show.
            error = np.nan_to_num(np.stack([mean - by.min(), by.max() - mean])).clip(0, 3)
            axes.bar(at, np.minimum(mean, 3), 0.23, color=COLOURS[network], label=network)
            axes.errorbar(at, mean, error, fmt="none", ecolor="black", lw=0.8)
        axes.axhline(1.0, color="black", lw=0.6)
        axes.set_ylim(0, 2)
        axes.set_xticks(range(chosen["environment"].nunique()))
        axes.set_xticklabels([str(i + 1) for i in range(chosen["environment"].nunique())])
        axes.set_title(problem.replace("_", "-"))
        axes.set_xlabel("environment")
        axes.set_ylabel("J₀ (means and ranges of the seeds)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    with whole_file(path) as part:
        figure.savefig(part, dpi=120)


def draw_histogram(costs: pd.DataFrame, title: str, path: Path) -> None:
    """Figures 6 and 7: J₀ on the test environments, those above 2 in the last bar."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    bins = np.linspace(0.2, 2.05, 38)
    for method, colour in COLOURS.items():
        mine = costs[(costs["method"] == method) & (costs["set"] == "test")]
        values = mine.groupby("environment")["normalised_cost"].mean().clip(upper=2.03)
        axes.hist(
            values,
            bins.tolist(),
            histtype="step",
            lw=1.6,
            color=colour,
            label=f"{method} ({len(values)})",
        )
    axes.axvline(1.0, color="black", lw=0.6)
    axes.set_xlabel("J₀ on test environments (2 stands for 2 and more)")
    axes.set_ylabel("environments")
    axes.set_title(title)
    axes.legend()
    with whole_file(path) as part:
        figure.savefig(part, dpi=120)
