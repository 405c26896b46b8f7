# SPDX-License-Identifier: MIT
"""Figures of one episode: what was decided, and how flows, paths and queues went on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes

from ns3kan.analysis.comparison.tables import title_of
from ns3kan.analysis.report.figures import COLOURS, STYLE, new_figure, series, svg, words

_DECISIONS = ("ratio", "weight", "choice", "chosen")
_ONE_FOR_ALL = {
    "active_flows": ("active flows", 1.0),
    "cost": ("cost", 1.0),
    "goodput": ("goodput (Mbit/s)", 1e-6),
}
"""What a scenario may measure once per interval, how it is shown, and its unit's size there."""
_ONE_PER_PATH = {
    "delay": "delay (s)",
    "utilisation": "utilisation",
    "loss": "loss (share)",
    "queue_length": "queue (packets)",
}
"""What it may measure for each path or queue, as in ``mpls_delay`` or ``queue_length_2``."""


def decisions_over_time(
    intervals: pd.DataFrame, kinds: Mapping[str, str], *, narrow: bool = False
) -> str:
    """Draw the load, what was decided, and the flows of one episode.

    Parameters
    ----------
    intervals : DataFrame
        Columns ``controller``, ``time`` (s), and of these what there is: ``load`` (1 is the
        capacity of all paths), decisions such as ``ratio`` or ``ratio_2``, ``active_flows``; one
        seed.
    kinds : mapping of str to str
        Kind of each controller to draw: network, equation or traditional. Of the traditional ones
        decisions are not drawn.
    narrow : bool

    Returns
    -------
    str
        An SVG document; empty if nothing of this was measured.
    """
    has_load = "load" in intervals
    decisions = [name for name in map(str, intervals.columns) if name.startswith(_DECISIONS)]
    measured = [name for name in _ONE_FOR_ALL if name in intervals]
    count = has_load + len(decisions) + len(measured)
    if not count:
        return ""
    with matplotlib.rc_context(STYLE):
        figure, panels = _panels(count, narrow)
        remaining = iter(panels)
        if has_load:
            _draw_load(next(remaining), intervals)
        for name in [*decisions, *measured]:
            axes = next(remaining)
            title, scale = _ONE_FOR_ALL.get(name, (words(name), 1.0))
            for controller, kind in kinds.items():
                if kind == "traditional" and name in decisions:
                    continue
                rows = _of(intervals, controller)
                shown = title_of(controller)
                axes.plot(rows["time"], scale * rows[name], label=shown, **_line(kind))
            axes.set_ylabel(title)
            if name.startswith("ratio"):
                axes.set_ylim(-0.03, 1.03)
        _finish(figure, panels, narrow)
        return svg(figure)


def paths_over_time(intervals: pd.DataFrame, controller: str, *, narrow: bool = False) -> str:
    """Draw what was measured of each path or queue while one controller decided.

    Parameters
    ----------
    intervals : DataFrame
        Columns ``controller``, ``time`` (s) and those of the paths, such as ``mpls_delay``; one
        seed.
    controller : str
        Whose decisions.
    narrow : bool

    Returns
    -------
    str
        An SVG document; empty if nothing was measured by path.
    """
    rows = _of(intervals, controller)
    found = {
        title: columns
        for quantity, title in _ONE_PER_PATH.items()
        if (columns := _by_path(list(rows.columns), quantity))
    }
    if not found:
        return ""
    paths = list(dict.fromkeys(path for columns in found.values() for path in columns))
    with matplotlib.rc_context(STYLE):
        figure, panels = _panels(len(found), narrow)
        for axes, (title, columns) in zip(panels, found.items(), strict=True):
            for path, column in columns.items():
                axes.plot(
                    rows["time"],
                    rows[column],
                    label=words(path),
                    gid="path",
                    **series(paths.index(path), skip=2),
                )
            axes.set_ylabel(title)
            axes.set_ylim(bottom=0.0)
        _finish(figure, panels, narrow)
        return svg(figure)


def _by_path(columns: Sequence[str], quantity: str) -> dict[str, str]:
    """Find the columns of a quantity that is measured by path, by the path's name."""
    found = {}
    for column in columns:
        if column.endswith(f"_{quantity}"):
            found[column.removesuffix(f"_{quantity}")] = column
        elif (number := column.removeprefix(f"{quantity}_")).isdecimal():
            found[number] = column
    return found


def _panels(count: int, narrow: bool) -> tuple[Any, list[Axes]]:
    figure, panels = new_figure(count, 1.45 * count + 0.6, narrow=narrow)
    for axes in panels[:-1]:
        axes.sharex(panels[-1])
        axes.tick_params(labelbottom=False)
    panels[-1].set_xlabel("simulated time (s)")
    return figure, panels


def _finish(figure: Any, panels: Sequence[Axes], narrow: bool) -> None:
    """Name the curves once, above all panels, and align what stands beside the axes."""
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(handles.values()), list(handles), loc="outside upper left", ncols=2 if narrow else 3
    )
    figure.align_ylabels()


def _draw_load(axes: Axes, intervals: pd.DataFrame) -> None:
    # The same traffic for every controller.
    rows = _of(intervals, intervals["controller"].iloc[0])
    axes.fill_between(rows["time"], rows["load"], color="#cccccc", linewidth=0.0)
    axes.axhline(1.0, color="black", linewidth=1.0, linestyle=(0, (4, 3)))
    axes.set_ylim(0.0, max(1.2, 1.05 * float(rows["load"].max())))
    axes.set_ylabel("offered load\n(capacity is 1)")


def _of(intervals: pd.DataFrame, controller: str) -> pd.DataFrame:
    return intervals[intervals["controller"] == controller].sort_values("time")


def _line(kind: str) -> dict[str, Any]:
    dashes = {"network": "-", "equation": (0, (5, 2)), "traditional": (0, (1.5, 1.5))}
    return {"color": COLOURS[kind], "linestyle": dashes[kind], "linewidth": 1.5}
