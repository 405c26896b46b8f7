# SPDX-License-Identifier: MIT
"""Tables of the study: each controller by each reward, with paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ns3kan.analysis.studies.load_balancing.settings import Reward, column_of

Array = npt.NDArray[np.float64]

BASELINE = "equal"
_RESAMPLES = 5_000
_CONFIDENCE = 0.95
# The quantity that a reward is about, and whether more of it is better.
METRIC: dict[Reward, tuple[str, float]] = {
    "utility": ("utility", 1.0),
    "loss": ("loss", -1.0),
    "delay": ("delay", -1.0),
    "combined": ("combined", 1.0),
}


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval."""

    mean: float
    low: float
    high: float


def bootstrap(samples: Array, seed: int = 0) -> Interval:
    """Mean of samples (trainings, episodes), and its 95 % percentile interval.

    Trainings and episodes are both drawn anew, each with replacement, since results of one training
    and results on one episode hang together (Davison and Hinkley 1997, section 3.8).
    """
    rng = np.random.default_rng(seed)
    trainings, episodes = samples.shape
    rows = rng.integers(trainings, size=(_RESAMPLES, trainings))
    columns = rng.integers(episodes, size=(_RESAMPLES, episodes))
    # How often each is drawn, as weights: the mean of what is drawn is a product of matrices.
    row_weights = _counts(rows, trainings) / trainings
    column_weights = _counts(columns, episodes) / episodes
    means = np.einsum("br,rc,bc->b", row_weights, samples, column_weights)
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(samples.mean()), float(low), float(high))


def _counts(drawn: npt.NDArray[np.int64], size: int) -> Array:
    counts = np.zeros((len(drawn), size))
    np.add.at(counts, (np.arange(len(drawn))[:, None], drawn), 1.0)
    return counts


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
        Titles of the equations that all others are compared to.

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
        mean = bootstrap(values[title])
        differences = {
            name: bootstrap(_differences(values[name], values[title], title == "KAN"))
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


def _differences(equation: Array, other: Array, same_trainings: bool) -> Array:
    """Differences (trainings, episodes): to the own network, or to the mean over trainings."""
    paired = same_trainings and len(equation) == len(other)
    return equation - (other if paired else other.mean(axis=0, keepdims=True))
