# SPDX-License-Identifier: MIT
"""Figures of a run as SVG text: training, splines and fits, decisions over time, comparison.

All figures share one look: the network is blue, the equation vermilion (two colours that stay
apart for every common kind of colour blindness, and differ in line style too), everything else
grey. They are drawn narrow, so that their labels can be read on a phone.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ns3kan.analysis.tables import QUANTITIES, compare, title_of

COLOURS = {"network": "#0072B2", "equation": "#D55E00", "traditional": "#555555"}
WIDTH = 6.6  # inches
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    # A fixed salt and no date: the same run always gives the same bytes.
    "svg.hashsalt": "ns3kan",
}


def training_curve(metrics: pd.DataFrame, references: Mapping[str, float]) -> str:
    """Draw the mean reward of training against the decisions taken.

    Parameters
    ----------
    metrics : DataFrame
        Columns ``steps`` and ``mean_reward``, one row per update.
    references : mapping of str to float
        Mean rewards to compare with, by label, drawn as horizontal lines.

    Returns
    -------
    str
        An SVG document.
    """
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _figure(1, 3.0)
        axes.plot(metrics["steps"], metrics["mean_reward"], color=COLOURS["network"])
        # Each line is named at its end; names that would overlap are pushed apart.
        low, high = axes.get_ylim()
        low, high = min([low, *references.values()]), max([high, *references.values()])
        margin = 0.06 * (high - low)
        axes.set_ylim(low - margin, high + margin)
        position = -math.inf
        for label, value in sorted(references.items(), key=lambda item: item[1]):
            axes.axhline(
                value,
                color=COLOURS["traditional"],
                linewidth=1.0,
                linestyle=(0, (4, 3)),
                gid="reference",
            )
            position = max(value, position + 0.08 * (high - low))
            axes.annotate(
                label,
                (1.0, position),
                xycoords=("axes fraction", "data"),
                xytext=(5, 0),
                textcoords="offset points",
                verticalalignment="center",
                color=COLOURS["traditional"],
            )
        axes.set_xlabel("decisions taken in training")
        axes.set_ylabel("mean reward per interval")
        axes.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
        return _svg(figure)


def splines_and_fits(splines: pd.DataFrame, units: Mapping[str, str]) -> str:
    """Draw each learned edge function beside its symbolic fit, one panel per feature.

    Parameters
    ----------
    splines : DataFrame
        Columns ``feature``, ``x`` (in the feature's unit), ``spline``, ``fit``, ``kept``: whether
        the equation has a term of this edge.
    units : mapping of str to str
        Unit of each feature; ``1`` is not shown.

    Returns
    -------
    str
        An SVG document.
    """
    features = list(dict.fromkeys(splines["feature"]))
    rows = math.ceil(len(features) / 2)
    values = splines[["spline", "fit"]].to_numpy(float)
    margin = 0.05 * float(np.ptp(values)) or 1.0
    with matplotlib.rc_context(STYLE):
        figure, panels = _figure(rows, 1.75 * rows + 0.3, columns=2)
        for axes, feature in zip(panels, features, strict=False):
            edge = splines[splines["feature"] == feature].sort_values("x")
            kept = bool(edge["kept"].iloc[0])
            axes.plot(edge["x"], edge["spline"], color=COLOURS["network"], label="learned spline")
            if kept:
                axes.plot(
                    edge["x"],
                    edge["fit"],
                    color=COLOURS["equation"],
                    linestyle=(0, (5, 2)),
                    label="symbolic fit",
                    gid="fit",
                )
            unit = units.get(feature, "1")
            axes.set_title(
                words(feature) + ("" if unit == "1" else f" ({unit})"),
                loc="left",
                color="black" if kept else COLOURS["traditional"],
            )
            if not kept:
                axes.set_title("not in the equation", loc="right", color=COLOURS["traditional"])
            # One scale for all panels: a flat edge must look flat.
            axes.set_ylim(float(values.min()) - margin, float(values.max()) + margin)
            axes.locator_params(axis="x", nbins=5)
        for axes in panels[len(features) :]:
            axes.set_visible(False)
        for axes in panels[::2]:
            axes.set_ylabel("logit")
        handles = {
            label: handle
            for axes in panels
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            list(handles.values()), list(handles), loc="outside upper center", ncols=len(handles)
        )
        return _svg(figure)


def ratio_over_time(intervals: pd.DataFrame, kinds: Mapping[str, str]) -> str:
    """Draw the load and the ratios that network and equation chose over one episode.

    Parameters
    ----------
    intervals : DataFrame
        Columns ``controller``, ``time`` (s), ``load`` (1 is the capacity of both paths), and
        ``ratio`` (share of new flows on the internet path); one seed.
    kinds : mapping of str to str
        Kind of each controller to draw: network or equation.

    Returns
    -------
    str
        An SVG document.
    """
    with matplotlib.rc_context(STYLE):
        figure, (above, below) = _figure(2, 4.4)
        below.sharex(above)
        above.tick_params(labelbottom=False)
        for controller, kind in kinds.items():
            rows = intervals[intervals["controller"] == controller].sort_values("time")
            below.plot(
                rows["time"],
                rows["ratio"],
                color=COLOURS[kind],
                linestyle="-" if kind == "network" else (0, (5, 2)),
                label=title_of(controller),
            )
            if kind == "equation":
                above.fill_between(rows["time"], rows["load"], color="#cccccc", linewidth=0.0)
                above.plot(rows["time"], rows["load"], color="#444444", linewidth=1.2)
        above.axhline(1.0, color="black", linewidth=1.0, linestyle=(0, (4, 3)))
        above.annotate(
            "capacity of both paths",
            (0.0, 1.0),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),
            textcoords="offset points",
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0.0, "pad": 1.0},
        )
        above.set_ylim(0.0, max(1.2, 1.05 * float(intervals["load"].max())))
        above.set_ylabel("offered load\n(share of capacity)")
        below.set_ylim(-0.03, 1.03)
        below.set_ylabel("ratio: share of new\nflows on internet path")
        below.set_xlabel("simulated time (s)")
        below.legend(loc="best", ncols=2)
        return _svg(figure)


def comparison(evaluation: pd.DataFrame) -> str:
    """Draw each controller's reward, goodput, delay and loss with 95 % intervals.

    Parameters
    ----------
    evaluation : DataFrame
        As ``evaluation.csv``.

    Returns
    -------
    str
        An SVG document.
    """
    rows = compare(evaluation)[::-1]
    with matplotlib.rc_context(STYLE):
        figure, panels = _figure(2, 2 * (0.27 * len(rows) + 0.75), columns=2)
        for axes, (key, quantity) in zip(panels, QUANTITIES.items(), strict=True):
            for position, row in enumerate(rows):
                estimate = row.estimates[key]
                axes.errorbar(
                    estimate.mean * quantity.scale,
                    position,
                    xerr=(estimate.high - estimate.low) / 2 * quantity.scale
                    if estimate.bounded
                    else None,
                    fmt={"network": "s", "equation": "D"}.get(row.kind, "o"),
                    color=COLOURS[row.kind],
                    markersize=5,
                    capsize=3,
                    linewidth=1.4,
                )
            better = "more is better" if quantity.sign > 0 else "less is better"
            axes.set_title(f"{quantity.title} ({quantity.unit.split(',')[0]})", loc="left")
            axes.set_xlabel(better, color=COLOURS["traditional"])
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.set_yticks(range(len(rows)), [row.title for row in rows])
            axes.locator_params(axis="x", nbins=4)
        for axes in panels[1::2]:
            axes.tick_params(labelleft=False)
        return _svg(figure)


def words(name: str) -> str:
    """Write a name of the code as plain words."""
    return name.replace("load_delta", "change of load").replace("_", " ").replace("mpls", "MPLS")


def _figure(rows: int, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    # No pyplot: its global state would keep every figure alive and need a display backend.
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    panels = figure.subplots(rows, columns, squeeze=False)
    return figure, list(panels.ravel())


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
