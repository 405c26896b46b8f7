# SPDX-License-Identifier: MIT
"""How long flows took in one run, in scenarios whose flows are delivered in full."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ns3kan.registration import SCENARIOS

COMPLETION = ("fct_mean", "fct_p99", "slowdown_mean", "unfinished")
"""Quantities of a run: mean and 99th percentile of the flow completion times [s], the mean of the
slowdowns [1], and the share of the flows that did not finish [1]."""


@dataclass(frozen=True)
class Episode:
    """What was measured in one run.

    Parameters
    ----------
    intervals : DataFrame
        One row per decision, as from `ns3kan.analysis.comparison.simulate.simulate`.
    completion : mapping of str to float
        Those of `COMPLETION` that the scenario measures.
    """

    intervals: pd.DataFrame
    completion: Mapping[str, float] = field(default_factory=dict)


def completion_argument(scenario: str, arguments: Mapping[str, Any]) -> str | None:
    """Name the argument by which a scenario writes what completion times are read from.

    Parameters
    ----------
    scenario : str
        Its program.
    arguments : mapping of str to object
        Its arguments.

    Returns
    -------
    str or None
        ``"summary"`` or ``"flows"``; None if its flows may lose bytes, or it has none.
    """
    facts = SCENARIOS[scenario]
    has = all(arguments.get(name) == value for name, value in facts.completion_needs)
    return facts.completion if has else None


def read_completion(argument: str, table: pd.DataFrame, begin: float) -> dict[str, float]:
    """Summarise the flows of a run.

    Parameters
    ----------
    argument : str
        As from `completion_argument`.
    table : DataFrame
        What the scenario has written by it.
    begin : float
        Time of the first decision [s]; flows that began before do not count.

    Returns
    -------
    dict of str to float
        Those of `COMPLETION` that the scenario measures, of the flows that finished; NaN if none
        has. Slowdowns are known in a fabric only, where the program knows the idle network.
    """
    if argument == "summary":
        # The first row is that of flows of all sizes.
        row = table.iloc[0]
        return {
            "fct_mean": float(row["fct_mean"]),
            "fct_p99": float(row["fct_p99"]),
            "slowdown_mean": float(row["slowdown_mean"]),
            "unfinished": float(row["unfinished"] / row["flows"]) if row["flows"] else math.nan,
        }
    counted = table[table["start"] >= begin]
    done = counted[counted["completed"] == 1]
    times = done["end"] - done["start"]
    return {
        "fct_mean": float(times.mean()),
        "fct_p99": float(times.quantile(0.99)),
        "unfinished": 1.0 - len(done) / len(counted) if len(counted) else math.nan,
    }
