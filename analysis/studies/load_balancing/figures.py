# SPDX-License-Identifier: MIT
"""Figures of the study, drawn from its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.choice.front import read_returns, undominated
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.analysis.report.figures import COLOURS, STYLE
from ns3kan.analysis.studies.load_balancing.choice import (
    chosen_place,
    deployed,
    equation_file,
    front_folder,
)
from ns3kan.analysis.studies.load_balancing.equations import splines_of
from ns3kan.analysis.studies.load_balancing.scores import controller_runs
from ns3kan.analysis.studies.load_balancing.settings import (
    EQUATIONS,
    NETWORKS,
    LoadBalancingStudy,
)
from ns3kan.analysis.studies.load_balancing.training import TrainingTask, policy_of
from ns3kan.io.files import whole_file

_COLOURS = {"kan": COLOURS["network"], "mlp": COLOURS["traditional"]}
_POINTS = 60
_EPISODES = 3
_SMOOTHED = 12
"""Updates over which a learning curve is averaged."""


FIGURES = ("curves", "fronts", "splines", "surfaces", "ratios")


def write_figures(study: LoadBalancingStudy, folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Draw those of `FIGURES` that are named, as PNG."""
    drawings = dict(zip(FIGURES, (_curves, _fronts, _splines, _surfaces, _ratios), strict=True))
    with matplotlib.rc_context(STYLE):
        for name in (name for name in FIGURES if name in names):
            draw = drawings[name]
            path = folder / f"figure-{name}.png"
            figure = draw(study, folder)
            FigureCanvasAgg(figure)
            with whole_file(path) as part:
                figure.savefig(part, dpi=110, metadata={"Software": None})
            yield path


def _panels(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(3.3 * columns, 2.7 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _curves(study: LoadBalancingStudy, folder: Path) -> Figure:
    """Mean reward while training: mean of the trainings, and from the lowest to the highest.

    Smoothed over some updates, since episodes differ by more than policies do.
    """
    figure, panels = _panels(1, len(study.rewards))
    for axes, reward in zip(panels[0], study.rewards, strict=True):
        for network in NETWORKS:
            curves = [
                TrainingTask(reward, network, seed).curve(folder).read()
                for seed in range(study.seeds)
            ]
            steps = curves[0]["steps"]
            values = np.stack(
                [curve["mean_reward"].rolling(_SMOOTHED, min_periods=1).mean() for curve in curves]
            )
            colour = _COLOURS[network]
            axes.plot(steps, values.mean(axis=0), color=colour, label=f"PPO-{network.upper()}")
            axes.fill_between(
                steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0
            )
        axes.set_title(reward)
        axes.set_xlabel("decisions")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    panels[0, 0].set_ylabel(f"mean reward, {_SMOOTHED} updates")
    panels[0, 0].legend()
    return figure


def _fronts(study: LoadBalancingStudy, folder: Path) -> Figure:
    """Candidates by length and validation reward; the chosen ones are filled."""
    figure, panels = _panels(len(NETWORKS), len(study.rewards))
    for row, network in zip(panels, NETWORKS, strict=True):
        for axes, reward in zip(row, study.rewards, strict=True):
            for seed in range(study.seeds):
                _draw_front(axes, TrainingTask(reward, network, seed), study, folder)
            axes.set_title(f"{reward}: {EQUATIONS[network]}")
        row[0].set_ylabel("mean reward on validation seeds")
    for axes in panels[-1]:
        axes.set_xlabel("nodes of the equation")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _draw_front(axes: Axes, task: TrainingTask, study: LoadBalancingStudy, folder: Path) -> None:
    nodes, returns = read_returns(front_folder(task, folder))
    means = returns.mean(axis=1)
    front = undominated(nodes, means.tolist())
    (line,) = axes.step(
        [nodes[place] for place in front],
        means[front],
        where="post",
        linewidth=1.0,
        label=f"training {task.seed}",
    )
    axes.plot(nodes, means, "o", color=line.get_color(), markerfacecolor="none")
    chosen = chosen_place(nodes, returns, study)
    axes.plot(nodes[chosen], means[chosen], "o", color=line.get_color())


def _splines(study: LoadBalancingStudy, folder: Path) -> Figure:
    """Edge functions of the KANs whose equations are deployed, and what stands for them."""
    tables = {
        reward: splines_of(deployed(study, reward, folder), folder).read()
        for reward in study.rewards
    }
    features = list(dict.fromkeys(tables[study.rewards[0]]["feature"]))
    figure, panels = _panels(len(tables), len(features))
    for row, (reward, table) in zip(panels, tables.items(), strict=True):
        for axes, feature in zip(row, features, strict=True):
            curve = table[table["feature"] == feature]
            axes.plot(curve["x"], curve["spline"], color=COLOURS["network"])
            axes.plot(curve["x"], curve["fit"], "--", color=COLOURS["equation"])
            axes.set_title(f"{reward}: {feature}")
    return figure


def _surfaces(study: LoadBalancingStudy, folder: Path) -> Figure:
    """Ratio of network and equation over load and delay, other features at their means."""
    figure, panels = _panels(2, len(study.rewards))
    for place, reward in enumerate(study.rewards):
        task = deployed(study, reward, folder)
        agent = ActorCritic.load(task.model(folder))
        controller = Controller.load(equation_file(task, folder))
        splines = splines_of(task, folder).read().groupby("feature")["x"]
        ranges = {name: (own.min(), own.max()) for name, own in splines}
        axis = {name: np.linspace(*ranges[name], _POINTS) for name in ("load", "mpls_delay")}
        load, delay = np.meshgrid(axis["load"], axis["mpls_delay"])
        states = np.tile([np.mean(ranges[name]) for name in agent.feature_names], (load.size, 1))
        for name, values in (("load", load), ("mpls_delay", delay)):
            states[:, agent.feature_names.index(name)] = values.ravel()
        columns = dict(zip(agent.feature_names, states.T, strict=True))
        used = {name: columns[name] for name in controller.expressions[0].inputs()}
        decided = {
            "network": policy_of(agent)(states)[:, 0],
            "equation": np.broadcast_to(controller.expressions[0].evaluate(used), load.size),
        }
        for axes, (title, values) in zip(panels[:, place], decided.items(), strict=True):
            drawn = axes.pcolormesh(
                load, 1e3 * delay, values.reshape(load.shape), vmin=0, vmax=1, cmap="viridis"
            )
            axes.set_title(f"{reward}: {title}")
            axes.set_xlabel("load")
        panels[0, place].set_ylabel("mpls delay [ms]")
    figure.colorbar(drawn, ax=panels, label="ratio on the internet path")
    return figure


def _ratios(study: LoadBalancingStudy, folder: Path) -> Figure:
    """Decisions of the deployed equations on the first validation seeds, by load and delay."""
    figure, panels = _panels(2, len(study.rewards))
    for column, reward in zip(panels.T, study.rewards, strict=True):
        controller = equation_file(deployed(study, reward, folder), folder)
        seeds = study.validation_seeds()[:_EPISODES]
        runs = pd.concat(controller_runs(controller, seeds, study.arguments, study.workers))
        for axes, feature, scale, label in (
            (column[0], "load", 1.0, "load"),
            (column[1], "mpls_delay", 1e3, "mpls delay [ms]"),
        ):
            axes.scatter(scale * runs[feature], runs["ratio"], s=6, color=COLOURS["equation"])
            axes.set_xlabel(label)
            axes.set_ylim(-0.05, 1.05)
        column[0].set_title(reward)
    for axes in panels[:, 0]:
        axes.set_ylabel("ratio on the internet path")
    return figure
