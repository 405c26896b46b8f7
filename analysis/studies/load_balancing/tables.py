# SPDX-License-Identifier: MIT
"""Tables of the study: each controller by each reward, with paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.analysis.comparison.statistics import crossed_difference, crossed_mean
from ns3kan.analysis.studies.load_balancing.settings import Reward, column_of

Array = npt.NDArray[np.float64]

BASELINE = "equal"
# The quantity that a reward is about, and whether more of it is better.
METRIC: dict[Reward, tuple[str, float]] = {
    "utility": ("utility", 1.0),
    "loss": ("loss", -1.0),
    "delay": ("delay", -1.0),
    "combined": ("combined", 1.0),
}


def results_table(
    scores: Mapping[str, list[pd.DataFrame]], reward: Reward, learned: Sequence[str]
) -> pd.DataFrame:
    """Compare all controllers of one reward.

    Parameters
    ----------
    scores
        By title of the controller, the scores of each training (one for those without training) on
        the same episodes.
    reward
        That they are compared by.
    learned
        Titles of the equations that all others are compared to. Where both have been trained, or
        searched, several times, both sides' repetitions count as drawn, as the episodes do; an
        equation and the network that it was read from are compared training by training.

    Returns
    -------
    DataFrame
        A row per controller: ``reward``, ``controller``, ``trainings``, ``mean`` of the reward with
        ``low`` and ``high``; of each equation such as ``deployed``, ``deployed minus this``, the
        mean paired difference, from ``deployed low`` to ``deployed high``; ``improvement``, by how
        much of the equal split's own its metric is better; ``share of gain``, its gain over the
        equal split in that of the network; and means of goodput [bit/s], delay [s], loss, utility.
    """
    column = column_of(reward)
    metric, sign = METRIC[reward]
    values = {title: _matrix(own, column) for title, own in scores.items()}
    baseline = values[BASELINE].mean()
    network_gain = values["KAN"].mean() - baseline if "KAN" in values else np.nan
    before = _matrix(scores[BASELINE], metric).mean()
    rows = []
    for title, own in scores.items():
        mean = crossed_mean(values[title])
        differences = {
            name: crossed_difference(
                values[name], values[title], paired=(name, title) == ("equation", "KAN")
            )
            for name in learned
            if name != title
        }
        rows.append(
            {
                "reward": reward,
                "controller": title,
                "trainings": len(own),
                "mean": mean.mean,
                "low": mean.low,
                "high": mean.high,
                **{f"{name} minus this": each.mean for name, each in differences.items()},
                **{f"{name} low": each.low for name, each in differences.items()},
                **{f"{name} high": each.high for name, each in differences.items()},
                "improvement": sign * (_matrix(own, metric).mean() - before) / abs(before),
                "share of gain": (mean.mean - baseline) / network_gain,
                **{
                    name: _matrix(own, name).mean()
                    for name in ("goodput", "delay", "loss", "utility")
                },
            }
        )
    return pd.DataFrame(rows)


def _matrix(scores: list[pd.DataFrame], column: str) -> Array:
    return np.stack([table[column].to_numpy(float) for table in scores])
