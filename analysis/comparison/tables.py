# SPDX-License-Identifier: MIT
"""The comparison of controllers as a table: means and paired differences with intervals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from ns3kan.analysis.comparison.completion import Episode
from ns3kan.analysis.comparison.statistics import Estimate, mean_interval, paired_difference

TITLES = {
    "network": "KAN network",
    "equation": "Equation",
    "equal": "Equal split",
    "capacity": "Capacity-weighted split",
    "primary": "Primary path with overflow",
    "least-delay": "Least delay",
    "least-utilised": "Least utilised",
    "random": "Random",
    "round-robin": "Round robin",
    "join-shortest-queue": "Join the shortest queue",
    "shortest-expected-delay": "Shortest expected delay",
    "power-of-two": "Power of two choices",
    "longest-queue": "Longest queue",
    "longest-connected-queue": "Longest connected queue",
    "max-weight": "MaxWeight",
    "infinite-fabric": "Infinite fabric (oracle)",
}


@dataclass(frozen=True)
class Quantity:
    """A measured quantity as it is shown: its title, unit and number of decimals.

    ``scale`` turns the SI value into the shown unit; ``sign`` is +1 where more is better.
    """

    title: str
    unit: str
    scale: float
    decimals: int
    sign: int


QUANTITIES = {
    "reward": Quantity("Reward", "mean per interval", 1.0, 4, +1),
    "goodput": Quantity("Goodput", "Mbit/s", 1e-6, 3, +1),
    "delay": Quantity("Delay", "ms, one way", 1e3, 2, -1),
    "loss": Quantity("Loss", "%", 1e2, 2, -1),
}

FABRIC_QUANTITIES = QUANTITIES | {
    "offered_load": Quantity("Offered load", "% of the uplinks", 1e2, 1, +1),
    "delivered_load": Quantity("Delivered load", "% of the uplinks", 1e2, 1, +1),
}
"""Of a fabric; its loads are shares of what the links between switches can carry."""

COMPLETION_QUANTITIES = {
    "fct_mean": Quantity("Mean completion", "ms", 1e3, 3, -1),
    "fct_p99": Quantity("99th percentile", "ms", 1e3, 3, -1),
    "slowdown_mean": Quantity("Mean slowdown", "times idle", 1.0, 3, -1),
    "unfinished": Quantity("Unfinished", "%", 1e2, 2, -1),
}
"""Of flows that are delivered in full; see `ns3kan.analysis.comparison.completion`."""

QUEUE_QUANTITIES = {
    "reward": Quantity("Reward", "mean per slot", 1.0, 4, +1),
    "drops": Quantity("Drops", "packet/slot", 1.0, 4, -1),
}
"""Of queues in slotted time."""


@dataclass(frozen=True)
class Row:
    """One controller's results.

    Parameters
    ----------
    controller, kind, title : str
        Its name in ``evaluation.csv``, its kind there, and its name in plain words.
    estimates : dict of str to Estimate
        Mean of each of `QUANTITIES` that was measured over the seeds, in SI units.
    difference : Estimate or None
        Reward of the equation minus reward of this controller, seed by seed; None for the
        equation itself, and where there is none.
    """

    controller: str
    kind: str
    title: str
    estimates: dict[str, Estimate]
    difference: Estimate | None

    @property
    def verdict(self) -> str:
        """What the paired difference says, in plain words."""
        if self.difference is None:
            return "—"
        if self.difference.low > 0.0:
            return "equation is better"
        if self.difference.high < 0.0:
            return "equation is worse"
        return "no difference shown"


def title_of(controller: str) -> str:
    """Name a controller in plain words."""
    if controller.startswith("constant:"):
        return f"Constant ratio {controller.removeprefix('constant:')}"
    return TITLES.get(controller, controller)


def measured(evaluation: pd.DataFrame) -> dict[str, Quantity]:
    """Quantities that an evaluation has: in an environment without paths only the reward."""
    return {key: quantity for key, quantity in QUANTITIES.items() if key in evaluation}


def compare(evaluation: pd.DataFrame) -> list[Row]:
    """Estimate every controller's results: network, equation, then traditional by reward.

    Parameters
    ----------
    evaluation : DataFrame
        As ``evaluation.csv``: one row per controller and seed, the same seeds for all.

    Returns
    -------
    list of Row
    """
    samples: dict[str, pd.DataFrame] = {
        str(name): rows for name, rows in evaluation.sort_values("seed").groupby("controller")
    }
    equation = next(
        (name for name, rows in samples.items() if rows["kind"].iloc[0] == "equation"), None
    )
    table = [
        Row(
            controller=name,
            kind=str(own["kind"].iloc[0]),
            title=title_of(name),
            estimates={key: mean_interval(own[key].to_numpy(float)) for key in measured(own)},
            difference=None
            if equation is None or name == equation
            else paired_difference(
                samples[equation]["reward"].to_numpy(float), own["reward"].to_numpy(float)
            ),
        )
        for name, own in samples.items()
    ]
    order = {"network": 0, "equation": 1, "traditional": 2}
    return sorted(table, key=lambda row: (order[row.kind], -row.estimates["reward"].mean))


def equation_minus(evaluation: pd.DataFrame, kind: str) -> Estimate:
    """Estimate the equation's reward minus that of the one controller of another kind."""
    rewards = {
        key: rows.sort_values("seed")["reward"].to_numpy(float)
        for key, rows in evaluation.groupby("kind")
        if key in ("equation", kind)
    }
    return paired_difference(rewards["equation"], rewards[kind])


def comparison_table(evaluation: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as numbers in SI units, one row per controller.

    Returns
    -------
    DataFrame
        Columns ``controller``, ``kind``, ``seeds``; for each of reward, goodput, delay and loss
        the mean and the ends of its 95 % interval (``reward``, ``reward_low``, ``reward_high``,
        …); and the same for ``equation_minus``, the paired difference of the equation's reward
        to this one, empty for the equation itself.
    """
    records = []
    for row in compare(evaluation):
        record: dict[str, object] = {
            "controller": row.controller,
            "kind": row.kind,
            "seeds": row.estimates["reward"].n,
        }
        for key, estimate in (*row.estimates.items(), ("equation_minus", row.difference)):
            record[key] = estimate.mean if estimate else math.nan
            record[f"{key}_low"] = estimate.low if estimate else math.nan
            record[f"{key}_high"] = estimate.high if estimate else math.nan
        records.append(record)
    return pd.DataFrame.from_records(records)


def episode_means(episodes: Mapping[str, Sequence[Episode]], seeds: Sequence[int]) -> pd.DataFrame:
    """Mean of each quantity in each episode.

    Parameters
    ----------
    episodes : mapping of str to sequence of Episode
        For each controller its episodes, a seed each.
    seeds : sequence of int
        The same for all controllers.

    Returns
    -------
    DataFrame
        One row per controller and seed: ``controller``, ``seed``, and those of `QUANTITIES`,
        `FABRIC_QUANTITIES` or `QUEUE_QUANTITIES` that the scenario measures, in SI units; and what
        each episode has of `COMPLETION_QUANTITIES`.
    """
    return pd.DataFrame.from_records(
        [
            {
                "controller": controller,
                "seed": seed,
                **own.intervals[list(_quantities(own.intervals))].mean(),
                **own.completion,
            }
            for controller, episodes_of_it in episodes.items()
            for seed, own in zip(seeds, episodes_of_it, strict=True)
        ]
    )


def simulation_tables(means: pd.DataFrame) -> list[Table]:
    """Return the means of simulations, and their paired differences, for a terminal.

    Parameters
    ----------
    means : DataFrame
        As from `episode_means`.

    Returns
    -------
    list of Table
        Means of each controller over the seeds; and, where there are two or more, what the first
        one has more or less than each of the others, seed by seed. Then the same of the flows'
        completion, where it is measured; a dash where a run had no flow that finished.
    """
    by_controller = {
        str(name): own for name, own in means.groupby("controller", sort=False, observed=True)
    }
    completion = {name: each for name, each in COMPLETION_QUANTITIES.items() if name in means}
    tables = _tables(by_controller, _quantities(means), "Means")
    return [*tables, *(_tables(by_controller, completion, "Flows: means") if completion else ())]


def _tables(
    by_controller: Mapping[str, pd.DataFrame], quantities: Mapping[str, Quantity], what: str
) -> list[Table]:
    first, *others = by_controller
    table = _table(f"{what} over {len(by_controller[first])} seeds with 95 % intervals", quantities)
    for controller, own in by_controller.items():
        cells = [
            _text(mean_interval(own[name].to_numpy(float)), shown, signed=False)
            if own[name].notna().all()
            else "—"
            for name, shown in quantities.items()
        ]
        table.add_row(title_of(controller), *cells)
    if not others:
        return [table]
    paired = _table(
        f"{title_of(first)} minus each, seed by seed; better or worse where the 95 % interval is "
        "clear of zero",
        quantities,
    )
    for controller in others:
        cells = []
        for name, shown in quantities.items():
            one, other = (by_controller[each][name].to_numpy(float) for each in (first, controller))
            if not np.isfinite([one, other]).all():
                cells.append("—")
                continue
            difference = paired_difference(one, other)
            cells.append(f"{_text(difference, shown, signed=True)}{_side(difference, shown)}")
        paired.add_row(title_of(controller), *cells)
    return [table, paired]


def estimate_text(row: Row, quantity: str) -> str:
    """Write one of a row's estimates as ``mean ± half width`` in the shown unit."""
    shown = QUANTITIES[quantity]
    return _text(row.estimates[quantity], shown, signed=False)


def difference_text(row: Row) -> str:
    """Write a row's paired difference as ``mean ± half width``, a dash for the equation itself."""
    if row.difference is None:
        return "—"
    return signed_text(row.difference, "reward")


def signed_text(difference: Estimate, quantity: str) -> str:
    """Write a difference of one of `QUANTITIES` as ``+mean ± half width`` in the shown unit."""
    return _text(difference, QUANTITIES[quantity], signed=True)


def rich_table(evaluation: pd.DataFrame) -> Table:
    """Return the comparison for a terminal."""
    rows = compare(evaluation)
    seeds = rows[0].estimates["reward"].n
    table = _table(f"Means over {seeds} held-out seeds with 95 % intervals", QUANTITIES)
    table.add_column("reward: equation minus\nthis, paired", justify="right")
    for row in rows:
        cells = [estimate_text(row, key) for key in QUANTITIES]
        style = "bold" if row.kind == "equation" else ""
        table.add_row(row.title, *cells, difference_text(row), style=style)
    return table


def _quantities(measured: pd.DataFrame) -> dict[str, Quantity]:
    for quantities in (FABRIC_QUANTITIES, QUANTITIES, QUEUE_QUANTITIES):
        if all(name in measured for name in quantities):
            return quantities
    # An environment in which only the reward is measured.
    return {"reward": dataclasses.replace(QUANTITIES["reward"], unit="mean per step")}


def _side(difference: Estimate, shown: Quantity) -> str:
    if not difference.bounded or difference.low <= 0.0 <= difference.high:
        return ""
    return " better" if difference.mean * shown.sign > 0.0 else " worse"


def _table(title: str, quantities: Mapping[str, Quantity]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("controller")
    for quantity in quantities.values():
        unit = quantity.unit.split(",")[0]
        table.add_column(f"{quantity.title.lower()}\n{unit}", justify="right")
    return table


def _text(estimate: Estimate, shown: Quantity, *, signed: bool) -> str:
    sign = "+" if signed else ""
    mean = f"{estimate.mean * shown.scale:{sign}.{shown.decimals}f}".replace("-", "−")
    if not estimate.bounded:
        return mean
    half = (estimate.high - estimate.low) / 2.0 * shown.scale
    return f"{mean} ± {half:.{shown.decimals}f}"
