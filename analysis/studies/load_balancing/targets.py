# SPDX-License-Identifier: MIT
"""What the study wants of the deployed equations, and what they reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.comparison.statistics import Estimate, paired_difference
from ns3kan.analysis.studies.load_balancing.settings import TRADITIONAL, Reward, column_of
from ns3kan.analysis.studies.load_balancing.tables import BASELINE, METRIC
from ns3kan.analysis.studies.load_balancing.training import TrainingTask

ORACLES = {
    "best constant of each episode": "oracle: best constant of each episode",
    "best ratio by load": "oracle: best ratio by load",
}
"""Titles of the oracles' scores by what they are."""


def reached(
    scores: Mapping[str, list[pd.DataFrame]],
    reward: Reward,
    task: TrainingTask,
    controller: Controller,
    rivals: Sequence[str] = (),
) -> dict[str, Any]:
    """Judge the deployed equation of one reward.

    Parameters
    ----------
    scores
        By title, of each training, as for `results_table`; with "deployed", "KAN" and the oracles.
    reward
        That they are judged by.
    task
        The training that the equation comes from.
    controller
        The equation.
    rivals
        Titles of the tuned controllers that it is compared to, each one controller.

    Returns
    -------
    dict
        ``reward``; ``training``, its seed, whose network is number ``rank`` of all ``trainings`` by
        the mean reward; ``nodes``; ``kept``, its gain over equal split as a share of its own
        network's; ``improvement``, by how much of the equal split's own its metric is better;
        ``closest rule``, the traditional controller that comes nearest to it, with ``margin``, the
        mean paired difference, from ``margin low``, the least of all, to ``margin high``; likewise
        ``closest rival``, the nearest of the tuned ones, with ``rival margin``; and for each oracle
        ``gap to …``, what is missing of the oracle's gain over equal split; nan where there is no
        gain.
    """
    column = column_of(reward)
    metric, sign = METRIC[reward]
    values = {
        title: own[0][column].to_numpy(float)
        for title, own in scores.items()
        if title in ("deployed", *TRADITIONAL, *rivals, *ORACLES.values())
    }
    ours, baseline = values["deployed"], values[BASELINE].mean()
    gain = ours.mean() - baseline
    networks = [float(own[column].mean()) for own in scores["KAN"]]
    network = networks[task.seed]
    before = scores[BASELINE][0][metric].mean()

    def closest(titles: Sequence[str], name: str, margin: str) -> dict[str, Any]:
        margins = {title: paired_difference(ours, values[title]) for title in titles}
        if not margins:
            return {}
        nearest = min(margins, key=lambda title: margins[title].low)
        found: Estimate = margins[nearest]
        return {
            name: nearest,
            margin: found.mean,
            f"{margin} low": found.low,
            f"{margin} high": found.high,
        }

    return {
        "reward": reward,
        "training": task.seed,
        "rank": 1 + sum(other > network for other in networks),
        "trainings": len(networks),
        "nodes": controller.expressions[0].nodes(),
        "kept": _share(gain, network - baseline),
        "improvement": sign * (scores["deployed"][0][metric].mean() - before) / abs(before),
        **closest(TRADITIONAL, "closest rule", "margin"),
        **closest(rivals, "closest rival", "rival margin"),
        **{
            f"gap to {name}": 1 - _share(gain, values[title].mean() - baseline)
            for name, title in ORACLES.items()
        },
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
