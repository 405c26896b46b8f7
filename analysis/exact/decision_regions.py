# SPDX-License-Identifier: MIT
"""Figure 3 of the paper: where the optimal policy serves which of two queues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.analysis.exact.average_cost import Solution, solve
from ns3kan.bridge.queues.model import QueueModel
from ns3kan.bridge.queues.single_hop import SingleHopScheduling
from ns3kan.io.files import whole_file, write_atomically

WINDOW = 20
"""Queue lengths up to which the regions are shown [packets]."""
PANELS = ((1, 1), (1, 2), (2, 1), (2, 2))
"""Capacities of the four plots."""


def paper_instance() -> QueueModel:
    """Model of Fig. 3: two equal queues, Bernoulli(0.4) arrivals, P(Y = 0, 1, 2) = .5, .3, .2."""
    return SingleHopScheduling(
        arrivals="bernoulli",
        arrival_rates=[0.4, 0.4],
        capacities={"name": "table", "probabilities": [0.5, 0.3, 0.2]},
    ).model


def decision_table(solution: Solution) -> pd.DataFrame:
    """Optimal choices of a two-queue problem as a table.

    Returns
    -------
    pandas.DataFrame
        One row per capacity pair of `PANELS` and pair of queue lengths up to `WINDOW`; ``queue``
        is 1 or 2, or 0 where both are equally good.
    """
    inside = slice(0, WINDOW + 1)
    rows = []
    for capacity in PANELS:
        best = solution.best_actions(capacity)[inside, inside]
        choice = np.where(best.all(axis=-1), 0, best.argmax(axis=-1) + 1)
        rows += [(*capacity, q1, q2, int(choice[q1, q2])) for q1, q2 in np.ndindex(choice.shape)]
    columns = ["capacity_1", "capacity_2", "queue_length_1", "queue_length_2", "queue"]
    return pd.DataFrame(rows, columns=columns)


def write_figure(folder: Path) -> tuple[Path, Path]:
    """Solve the paper's instance; write ``figure-3.csv`` and ``figure-3.png``.

    Parameters
    ----------
    folder
        Is made if it does not exist.

    Returns
    -------
    paths of the table and of the figure
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = decision_table(solve(paper_instance(), window=WINDOW))
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "figure-3.csv", table.to_csv(index=False))
    figure = Figure(figsize=(7, 7), layout="constrained")
    FigureCanvasAgg(figure)
    kinds = ((1, "tab:blue", "serve queue 1"), (2, "tab:red", "serve queue 2"), (0, "0.8", "equal"))
    for axes, (first, second) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        panel = table[(table["capacity_1"] == first) & (table["capacity_2"] == second)]
        for queue, colour, label in kinds:
            shown = panel[panel["queue"] == queue]
            axes.scatter(
                shown["queue_length_1"], shown["queue_length_2"], s=9, color=colour, label=label
            )
        axes.set_title(f"y = ({first}, {second})")
        axes.set_xlabel("queue 1 [packets]")
        axes.set_ylabel("queue 2 [packets]")
        axes.set_aspect("equal")
        axes.set_xticks(range(0, WINDOW + 1, 5))
        axes.set_yticks(range(0, WINDOW + 1, 5))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    with whole_file(folder / "figure-3.png") as part:
        figure.savefig(part, dpi=150)
    return folder / "figure-3.csv", folder / "figure-3.png"
