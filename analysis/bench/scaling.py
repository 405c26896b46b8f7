# SPDX-License-Identifier: MIT
"""How the cost of a simulation grows with the packets and with the paths.

The scenario ``parallel-paths`` with equal shares, in two sweeps:

``packets``
    Two paths, and ever longer runs.
``paths``
    Runs of one length over 2 to 64 paths of equal rate, with a load in proportion, so that the
    packets of each path stay as many as they were.

Programs are timed from their start to their end, in turn. What a run costs before its first packet
is measured by a run of hardly any time and taken off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ns3kan.analysis.bench import alternate
from ns3kan.analysis.bench.sim import run_program
from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.analysis.report.figures import COLOURS, STYLE, WIDTH
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.io.files import whole_file, write_atomically

DURATIONS = (30.0, 60.0, 120.0, 240.0, 480.0)
"""Simulated times of the sweep over packets [s]."""
PATHS = (2, 4, 8, 16, 32, 64)
PATHS_DURATION = 60.0
"""Simulated time of each run of the sweep over paths [s]."""
PATH_RATE = 4.0
"""Rate of each path [Mbit/s]."""
STARTUP_DURATION = 0.001
TABLE, PLOT = "scaling.csv", "scaling.png"
UNITS = "# units: 1,1,s,packet,s,s,s"


def scaling(
    folder: Path,
    rounds: int = 7,
    durations: Sequence[float] = DURATIONS,
    paths: Sequence[int] = PATHS,
    paths_duration: float = PATHS_DURATION,
) -> pd.DataFrame:
    """Measure, and write ``scaling.csv`` and ``scaling.png``.

    Parameters
    ----------
    folder
        Where they are written; made if it is missing.
    rounds
        How often each run gets its turn.
    durations, paths, paths_duration
        The runs of both sweeps.

    Returns
    -------
    DataFrame
        One row per run: ``sweep``, ``paths``, ``duration`` [s], ``packets`` of flows and probes,
        and ``seconds``, ``low``, ``high``: median, least and greatest time [s], less that of a
        start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = [("packets", 2, duration) for duration in durations]
    runs += [("paths", count, paths_duration) for count in paths]
    with scratch_folder() as work:

        def timed(count: int, duration: float) -> Callable[[], object]:
            return lambda: run_program(_command(count, duration), folder=work)

        counts = sorted({count for _, count, _ in runs})
        for count in counts:
            (work / f"{count}.json").write_text(json.dumps(_topology(count)))
        candidates = {f"start of {count}": timed(count, STARTUP_DURATION) for count in counts}
        candidates |= {
            f"{sweep} {count} {duration}": timed(count, duration) for sweep, count, duration in runs
        }
        seconds = alternate(candidates, rounds, dict.fromkeys(candidates, 1))
        rows = []
        for sweep, count, duration in runs:
            start = np.median(seconds[f"start of {count}"])
            times = np.array(seconds[f"{sweep} {count} {duration}"]) - start
            rows.append(
                {
                    "sweep": sweep,
                    "paths": count,
                    "duration": duration,
                    "packets": _count(count, duration, work),
                    "seconds": np.median(times),
                    "low": times.min(),
                    "high": times.max(),
                }
            )
    table = pd.DataFrame(rows)
    write_atomically(folder / TABLE, UNITS + "\n" + table.to_csv(index=False))
    draw(table, folder / PLOT)
    return table


def exponent(packets: ArrayLike, seconds: ArrayLike) -> float:
    """Slope of a straight line through the logarithms: 1 if the cost grows in proportion."""
    return float(np.polyfit(np.log(packets), np.log(seconds), 1)[0])


def findings(table: pd.DataFrame) -> list[str]:
    """Say in sentences what a table shows of the two sweeps."""
    packets = table[table["sweep"] == "packets"]
    paths = table[table["sweep"] == "paths"].sort_values("paths")
    cost = paths["seconds"] / paths["packets"]
    growth = cost.iloc[-1] / cost.iloc[0]
    first, last = paths["paths"].iloc[0], paths["paths"].iloc[-1]
    allowed = np.log(last) / np.log(first)
    return [
        f"Time grows as packets to the power {exponent(packets['packets'], packets['seconds']):.3f}"
        " (1 is in proportion).",
        f"From {first} to {last} paths a packet costs {growth:.2f} times as much; "
        f"N log N allows {allowed:.2f}.",
    ]


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw both sweeps beside what is allowed."""
    packets = table[table["sweep"] == "packets"]
    paths = table[table["sweep"] == "paths"].sort_values("paths")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        _sweep(left, packets["packets"], packets)
        unit = packets["seconds"].iloc[-1] / packets["packets"].iloc[-1]
        left.plot(
            packets["packets"], unit * packets["packets"], color=COLOURS["traditional"], ls="--"
        )
        left.set_xlabel("packets")
        left.set_ylabel("time of the run [s]")
        left.set_title("Two paths; dashed: in proportion")
        _sweep(right, paths["paths"], paths)
        many = paths["paths"] * np.log(paths["paths"])
        right.plot(
            paths["paths"],
            many * (paths["seconds"] / many).iloc[0],
            color=COLOURS["traditional"],
            ls="--",
        )
        right.set_xlabel("paths N")
        right.set_title("Packets as N; dashed: N log N")
        with whole_file(path) as part:
            figure.savefig(part, dpi=160, metadata={"Software": None})


def _sweep(axes: matplotlib.axes.Axes, x: pd.Series, rows: pd.DataFrame) -> None:
    errors = np.stack([rows["seconds"] - rows["low"], rows["high"] - rows["seconds"]])
    axes.errorbar(x, rows["seconds"], yerr=errors, color=COLOURS["network"], marker="o", capsize=3)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")


def _topology(count: int) -> dict[str, object]:
    path = {"rate": f"{PATH_RATE:g}Mbps", "delay": "10ms", "queue": "100p"}
    return {
        "format": "ns3kan-topology",
        "version": 1,
        "paths": [{"name": f"path_{i}", **path} for i in range(count)],
    }


def _command(count: int, duration: float) -> list[str]:
    return [
        str(scenario_path("parallel-paths")),
        f"--topology={count}.json",
        "--controller=equal",
        "--minLoad=0.5",
        "--maxLoad=0.5",
        f"--duration={duration}",
        *(["--warmup=0.001", "--interval=0.001"] if duration < 1 else []),
    ]


def _count(count: int, duration: float, work: Path) -> int:
    run_program(_command(count, duration), "--flows=flows.csv", folder=work)
    flows = read_intervals(work / "flows.csv")
    warmup, probes = 3.0, 20  # s, 1/s
    return int(flows[["received", "lost"]].sum().sum() + count * probes * (warmup + duration))
