# SPDX-License-Identifier: MIT
"""What a comparison shows, in sentences and in the few numbers behind them."""

from __future__ import annotations

import pandas as pd

from ns3kan.analysis.comparison.statistics import Estimate, paired_difference, share_of_gain
from ns3kan.analysis.comparison.tables import title_of

BASELINE = "equal"


def gain_kept(evaluation: pd.DataFrame) -> Estimate | None:
    """Estimate the share of the network's gain over equal split that the equation keeps.

    Returns
    -------
    Estimate or None
        None if equal split was not evaluated, or there is no equation.
    """
    rewards = evaluation.sort_values("seed")
    baseline = rewards.loc[rewards["controller"] == BASELINE, "reward"]
    if baseline.empty or "equation" not in set(rewards["kind"]):
        return None
    return share_of_gain(
        rewards.loc[rewards["kind"] == "equation", "reward"].to_numpy(float),
        rewards.loc[rewards["kind"] == "network", "reward"].to_numpy(float),
        baseline.to_numpy(float),
    )


def findings(evaluation: pd.DataFrame) -> list[str]:
    """Say in sentences what the comparison shows.

    Returns
    -------
    list of str
        First what the equation keeps of the network's gain, then for the network and the
        equation which traditional controllers they beat: those to which the 95 % interval of the
        paired difference in reward lies above zero.
    """
    sentences = []
    gain = gain_kept(evaluation)
    if gain is not None:
        sentences.append(_gain_sentence(gain))
    for kind, subject in (("equation", "The equation"), ("network", "The network")):
        if not {kind, "traditional"} <= set(evaluation["kind"]):
            continue
        sentences.append(_beaten_sentence(evaluation, kind, subject))
    return sentences


def beaten(evaluation: pd.DataFrame, kind: str) -> tuple[list[str], list[str]]:
    """Sort the traditional controllers into those shown to be beaten in reward and the others.

    Parameters
    ----------
    evaluation : DataFrame
        As ``evaluation.csv``.
    kind : str
        Who should beat them: ``"network"`` or ``"equation"``.

    Returns
    -------
    (list of str, list of str)
        Names to which the 95 % interval of the paired difference lies above zero; other names.
    """
    rewards = evaluation.sort_values("seed")
    mine = rewards.loc[rewards["kind"] == kind, "reward"].to_numpy(float)
    won: list[str] = []
    lost: list[str] = []
    traditional = rewards[rewards["kind"] == "traditional"]
    for name, rows in traditional.groupby("controller", sort=False):
        difference = paired_difference(mine, rows["reward"].to_numpy(float))
        (won if difference.low > 0.0 else lost).append(str(name))
    return won, lost


def _gain_sentence(kept: Estimate) -> str:
    baseline = title_of(BASELINE).lower()
    if not kept.bounded:
        return (
            f"On these {kept.n} seeds the network's gain over {baseline} cannot be told from "
            f"zero, so there is no share of it to state; more seeds or more training are needed."
        )
    return (
        f"The equation keeps {100 * kept.mean:.1f} % of the reward that the network gains over "
        f"{baseline} (95 % interval {100 * kept.low:.1f} % to {100 * kept.high:.1f} %, "
        f"{kept.n} seeds)."
    )


def _beaten_sentence(evaluation: pd.DataFrame, kind: str, subject: str) -> str:
    won, lost = beaten(evaluation, kind)
    total = len(won) + len(lost)
    if not lost:
        return (
            f"{subject} beats all {total} traditional controllers in reward: every 95 % interval "
            f"of the paired difference lies above zero."
        )
    missed = ", ".join(title_of(name).lower() for name in lost)
    return (
        f"{subject} beats {len(won)} of {total} traditional controllers in reward; not shown to "
        f"beat: {missed}."
    )
