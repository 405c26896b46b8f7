# SPDX-License-Identifier: MIT
"""Runs of the program `leaf-spine` for tests."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.simulator import scenario_path

DEVIATIONS = 5
"""Bounds of random counts are this many standard deviations wide: one in two million is beyond."""

SETTING = {
    "hosts": "4",
    "oversubscription": "1",
    "sizeScale": "0.1",
    "warmup": "5ms",
    "duration": "50ms",
}
"""What a run has if it says nothing else: less than the defaults, so that it is short."""

PACKETS = "--granularity=packet"
SEGMENT = 1448  # application bytes of a full packet

HARD = (
    PACKETS,
    "--leaves=3",
    "--hosts=3",
    "--uplinkRates=1Gbps,500Mbps,1Gbps,50Mbps",
    "--queue=10",
    "--load=0.6",
    "--flowSizes=constant",
    f"--meanFlowSize={10 * SEGMENT}",
    "--warmup=1ms",
    "--duration=2ms",
    "--failures=0-0@1500us..2500us,1-2@2ms..3ms*0.1",
    "--drain=3s",
)
"""Packets of a flow go ways of very different delay, full queues and failed links lose many."""
HARD_FLOWS = 0.6 * 3 * 2.55e9 / 8 / (10 * SEGMENT) * 0.002
"""Mean of the number of flows in such a run."""
HARD_PAIRS = [
    (controller, tcp)
    for controller in ("random", "round-robin", "power-of-two", "conga", "equal")
    for tcp in ("new-reno", "cubic")
]


def hard_run(controller: str, tcp: str) -> Run:
    """Run such a case, or remember it."""
    return shared_run(*HARD, f"--controller={controller}", f"--tcp={tcp}")


OVERLOAD = (
    "--leaves=3",
    "--hosts=3",
    "--oversubscription=2",
    "--queue=20",
    "--load=0.9",
    "--flowSizes=constant",
    f"--meanFlowSize={20 * SEGMENT}",
    "--warmup=1ms",
    "--duration=3ms",
    "--controller=random",
)
"""Nothing fails, but queues overflow."""

EVENTFUL = (
    "--controller=ecmp",
    "--leaves=3",
    "--hosts=2",
    "--load=0.5",
    "--sizeScale=0.02",
    "--warmup=1ms",
    "--duration=5ms",
    "--drain=300us",
)
"""Flows of many sizes, some of which have not finished in the end."""


@dataclass(frozen=True)
class Run:
    """Tables that a run wrote."""

    intervals: pd.DataFrame
    flows: pd.DataFrame
    summary: pd.DataFrame
    links: pd.DataFrame


def start(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder, in `SETTING` but for what the arguments say."""
    given = {argument.removeprefix("--").split("=")[0] for argument in arguments}
    if "uplinkRates" in given:
        given.add("oversubscription")
    setting = [f"--{name}={value}" for name, value in SETTING.items() if name not in given]
    return run_program(*setting, *arguments, folder=folder)


def run_program(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder with these arguments only."""
    return subprocess.run(
        [scenario_path("leaf-spine"), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=folder,
        check=False,
    )


def run(*arguments: str, folder: Path) -> Run:
    """Run the program to its end and read all that it can write."""
    names = ("intervals", "flows", "summary", "links")
    files = [f"--{name}={name}.csv" for name in names]
    done = start(*arguments, *files, folder=folder)
    assert done.returncode == 0, done.stderr
    return Run(*(read_intervals(folder / f"{name}.csv") for name in names))


@functools.cache
def shared_run(*arguments: str) -> Run:
    """What `run` returns. The same arguments run once, and no test may change the tables."""
    with tempfile.TemporaryDirectory() as folder:
        return run(*arguments, folder=Path(folder))


def artefact(folder: Path, decision: str, outputs: dict[str, str], inputs: list[str]) -> str:
    """Write a controller and return the argument that names it."""
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": decision,
        "inputs": [{"name": name, "unit": "1", "range": [0, 1]} for name in inputs],
        "outputs": [
            {"name": name, "expression": expression, "range": [0, 1]}
            for name, expression in outputs.items()
        ],
    }
    (folder / "c.json").write_text(json.dumps(document))
    return "--controller=c.json"


def assert_binomial(successes: float, trials: int, probability: float) -> None:
    """Fail if so many successes are too unlikely; DEVIATIONS says how much that is."""
    mean = trials * probability
    deviation = np.sqrt(mean * (1 - probability))
    assert abs(successes - mean) < DEVIATIONS * deviation


def assert_poisson(count: int, mean: float) -> None:
    """Fail if a count is too unlikely at a confidence of 1 - 1e-6."""
    low, high = stats.poisson.interval(1 - 1e-6, mean)
    assert low <= count <= high
