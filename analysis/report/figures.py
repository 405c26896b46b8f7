# SPDX-License-Identifier: MIT
"""Figures of a run as SVG text: training, splines and fits, decisions over time, comparison.

All figures share one look: the network is blue, the equation vermilion (two colours that stay
apart for every common kind of colour blindness, and differ in line style too), everything else
grey. Each is drawn for a page or, ``narrow``, for a phone. Their colours are variables of the page
that shows them, such as ``--network``, so that it can be dark; elsewhere they are as given here.
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

from ns3kan.analysis.comparison.tables import compare, measured

COLOURS = {"network": "#0072B2", "equation": "#D55E00", "traditional": "#555555"}
WIDTH = 6.6  # inches
NARROW = 3.5
_FURTHER = ["#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
_VARIABLES = {
    COLOURS["network"]: "network",
    COLOURS["equation"]: "equation",
    COLOURS["traditional"]: "soft",
    "#000000": "ink",
    "#ffffff": "paper",
    "#dddddd": "line",
    "#cccccc": "fill",
}
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
    "svg.fonttype": "none",
    # Names of features and runs are no mathematics, whatever characters are in them.
    "text.parse_math": False,
    # A fixed salt and no date: the same run always gives the same bytes.
    "svg.hashsalt": "ns3kan",
}


def training_curves(
    runs: Mapping[str, pd.DataFrame], references: Mapping[str, float], *, narrow: bool = False
) -> str:
    """Draw the mean reward of training against the decisions taken.

    Parameters
    ----------
    runs : mapping of str to DataFrame
        Of each run, by its label: columns ``steps`` and ``mean_reward``, one row per update.
    references : mapping of str to float
        Mean rewards to compare with, by label, drawn as horizontal lines.
    narrow : bool

    Returns
    -------
    str
        An SVG document.
    """
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = new_figure(1, 3.0, narrow=narrow)
        for place, (label, metrics) in enumerate(runs.items()):
            axes.plot(
                metrics["steps"],
                metrics["mean_reward"],
                label=label if len(runs) > 1 else None,
                gid="run",
                **series(place),
            )
        if len(runs) > 1:
            figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
        _references(axes, references, narrow=narrow)
        if narrow and references:
            figure.legend(loc="outside lower left", ncols=2, fontsize=8.5)
        axes.set_xlabel("decisions taken in training")
        axes.set_ylabel("mean reward per interval")
        axes.xaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter("{x:,.0f}"))
        axes.locator_params(axis="x", nbins=4 if narrow else 6)
        return svg(figure)


def _references(axes: Axes, references: Mapping[str, float], *, narrow: bool) -> None:
    """Draw a line at each mean, named at its end, or in a legend where there is no room."""
    low, high = axes.get_ylim()
    low, high = min([low, *references.values()]), max([high, *references.values()])
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    dashes: list[Any] = [(0, (4, 3)), (0, (1, 1.5)), (0, (8, 2)), (0, (6, 2, 1, 2))]
    position = -math.inf
    for place, (label, value) in enumerate(sorted(references.items(), key=lambda item: item[1])):
        axes.axhline(
            value,
            color=COLOURS["traditional"],
            linewidth=1.0,
            linestyle=dashes[place % len(dashes) if narrow else 0],
            label=label if narrow else None,
            gid="reference",
        )
        # Names that would overlap are pushed apart.
        position = max(value, position + 0.08 * (high - low))
        if not narrow:
            axes.annotate(
                label,
                (1.0, position),
                xycoords=("axes fraction", "data"),
                xytext=(5, 0),
                textcoords="offset points",
                verticalalignment="center",
                color=COLOURS["traditional"],
            )


def splines_and_fits(
    splines: pd.DataFrame, units: Mapping[str, str], *, narrow: bool = False
) -> str:
    """Draw each learned edge function beside its symbolic fit, one panel per feature.

    Parameters
    ----------
    splines : DataFrame
        Columns ``feature``, ``x`` (in the feature's unit), ``spline``, ``fit``, ``kept``: whether
        the equation has a term of this edge.
    units : mapping of str to str
        Unit of each feature; ``1`` is not shown.
    narrow : bool

    Returns
    -------
    str
        An SVG document.
    """
    features = list(dict.fromkeys(splines["feature"]))
    columns = 1 if narrow else 2
    rows = math.ceil(len(features) / columns)
    values = splines[["spline", "fit"]].to_numpy(float)
    margin = 0.05 * float(np.ptp(values)) or 1.0
    with matplotlib.rc_context(STYLE):
        figure, panels = new_figure(rows, 1.75 * rows + 0.3, columns, narrow=narrow)
        for axes, feature in zip(panels, features, strict=False):
            edge = splines[splines["feature"] == feature].sort_values("x")
            is_kept = bool(edge["kept"].iloc[0])
            axes.plot(edge["x"], edge["spline"], color=COLOURS["network"], label="learned spline")
            if is_kept:
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
                color="black" if is_kept else COLOURS["traditional"],
            )
            if not is_kept:
                axes.set_title("not in the equation", loc="right", color=COLOURS["traditional"])
            # One scale for all panels: a flat edge must look flat.
            axes.set_ylim(float(values.min()) - margin, float(values.max()) + margin)
            axes.locator_params(axis="x", nbins=5)
        for axes in panels[len(features) :]:
            axes.set_visible(False)
        for axes in panels[::columns]:
            axes.set_ylabel("logit")
        handles = {
            label: handle
            for axes in panels
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            list(handles.values()), list(handles), loc="outside upper center", ncols=len(handles)
        )
        return svg(figure)


def comparison(evaluation: pd.DataFrame, *, narrow: bool = False) -> str:
    """Draw each controller's reward, goodput, delay and loss with 95 % intervals.

    Parameters
    ----------
    evaluation : DataFrame
        As ``evaluation.csv``.
    narrow : bool

    Returns
    -------
    str
        An SVG document.
    """
    rows = compare(evaluation)[::-1]
    with matplotlib.rc_context(STYLE):
        quantities = measured(evaluation)
        columns = 1 if narrow else min(2, len(quantities))
        lines = math.ceil(len(quantities) / columns)
        height = lines * (0.27 * len(rows) + 0.75)
        figure, panels = new_figure(lines, height, columns, narrow=narrow)
        for axes, (key, quantity) in zip(panels, quantities.items(), strict=False):
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
            axes.set_title(
                f"{quantity.title} ({quantity.unit.split(',')[0]})",
                loc="right" if narrow else "left",
            )
            axes.set_xlabel(better, color=COLOURS["traditional"])
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.set_yticks(range(len(rows)), [row.title for row in rows])
            axes.locator_params(axis="x", nbins=4)
        for axes in panels[len(quantities) :]:
            axes.set_visible(False)
        if not narrow:
            for axes in panels[1::2] if columns == 2 else ():
                axes.tick_params(labelleft=False)
        return svg(figure)


def words(name: str) -> str:
    """Write a name of the code as plain words."""
    return name.replace("load_delta", "change of load").replace("_", " ").replace("mpls", "MPLS")


def series(place: int, skip: int = 0) -> dict[str, Any]:
    """Colour and line style of one of several curves, without the first ``skip`` colours."""
    colours = [COLOURS["network"], COLOURS["equation"], *_FURTHER]
    dashes: list[Any] = ["-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))]
    return {
        "color": colours[(place + skip) % len(colours)],
        "linestyle": dashes[place % len(dashes)],
        "linewidth": 1.5,
    }


def new_figure(
    rows: int, height: float, columns: int = 1, *, narrow: bool = False
) -> tuple[Figure, list[Axes]]:
    """Make a figure of this look with its panels, row by row."""
    # No pyplot: its global state would keep every figure alive and need a display backend.
    figure = Figure(figsize=(NARROW if narrow else WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0.0)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.ravel():
        axes.patch.set_alpha(0.0)
    return figure, list(panels.ravel())


def svg(figure: Figure) -> str:
    """Write a figure as SVG whose colours are variables of the page around it."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    for colour, name in _VARIABLES.items():
        text = text.replace(f": {colour.lower()}", f": var(--{name}, {colour.lower()})")
    return text
