# SPDX-License-Identifier: MIT
"""The scenario `sdwan` against bare ns-3, against its own controllers, and against the bridge.

Whole programs are timed, from their start to their end, on the same packets:

``minimal_ns3``
    Simulated packets per second of ``sdwan`` with a constant ratio over those of a hand-written
    ns-3 program that moves the same packets over the same links, without a balancer, measurement,
    decisions or a bridge (``ns3_scenarios/examples/minimal-sdwan.cc``).
``equation_over_ratio``
    The same with an equation that decides over the same with a constant ratio. The equation is as
    long as that of ``ns3kan demo``, and its output is clipped to that ratio, so that the packets
    are the same.
``bridge_1ms``
    Time of a run that Python controls through the bridge, with a constant action at each of its
    decisions 1 ms apart, over that of the same run with a constant ratio inside ns-3. The bridge is
    the one that is usual here, shared memory.
``bridge_1ms_zmq``
    The same over ZeroMQ, which is all that other clients have.
``optimised_ns3``
    Packets per second of a ``sdwan`` that was built against an optimised ns-3 over those of the
    package's own. Only measured where the environment variable ``NS3KAN_OPTIMISED`` names the
    folder of the former (``make ns3-optimised`` builds one).

Figures: ``packets_per_second`` of ``sdwan``, those of ``minimal``; ``minimal_events_per_second``,
ns-3's own count of what it did; packets are counted as the links between the sites send them.
``bridge_step_us`` is what a decision through the bridge adds.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.analysis.bench import Result, alternate
from ns3kan.analysis.comparison.simulate import simulator_seed
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.installed import installed_file, scenario_path
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.ns3.session import Transport
from ns3kan.bridge.ns3.simulator import tied

RATIO = 0.5
SEED = 7
INTERVAL = 0.001  # s
OPTIMISED = "NS3KAN_OPTIMISED"
EQUATION = (
    "1/(1 + exp(-(1.28 - 1.4*exp(-(17.9*internet_delay - 1.78)^2)"
    " - 0.6*tanh(4.18*internet_utilisation - 3.4) - 1.4*exp(-(1.9*load - 0.38)^2)"
    " - 0.98*abs(0.07 + load_delta) + 0.18*tanh(3.64 + 16.2*load_delta)"
    " + 0.28*tanh(95.4*mpls_delay - 9.15) + 0.41*tanh(13.2*mpls_loss - 2.5)"
    " + 0.25*tanh(4.17*mpls_utilisation - 3.53))))"
)
INPUTS = (
    ("load", "1"),
    ("load_delta", "1"),
    ("mpls_delay", "s"),
    ("mpls_loss", "1"),
    ("mpls_utilisation", "1"),
    ("internet_delay", "s"),
    ("internet_utilisation", "1"),
)


def run(rounds: int = 15, duration: float = 300.0, bridge_duration: float = 20.0) -> Result:
    """Compare the programs.

    Parameters
    ----------
    rounds
        How often each gets its turn.
    duration
        Simulated time of a run inside ns-3 [s].
    bridge_duration
        Simulated time of a run with decisions 1 ms apart [s].
    """
    with scratch_folder() as folder:
        write_equation(folder / "equation.json")
        run_program(sdwan(duration), "--flows=flows.csv", folder=folder)
        counted = run_program(minimal(duration), "--count=true", folder=folder)
        candidates: dict[str, Callable[[], object]] = {
            "sdwan": lambda: run_program(sdwan(duration), folder=folder),
            "minimal": lambda: run_program(minimal(duration), folder=folder),
            "equation": lambda: run_program(
                sdwan(duration, controller="equation.json"), folder=folder
            ),
            "inside": lambda: run_program(
                sdwan(bridge_duration), f"--interval={INTERVAL}", folder=folder
            ),
            "bridge": lambda: run_bridge(bridge_duration, "shm"),
            "bridge_zmq": lambda: run_bridge(bridge_duration, "zmq"),
        }
        if OPTIMISED in os.environ:
            program = str(Path(os.environ[OPTIMISED]).absolute() / "sdwan")
            candidates["optimised"] = lambda: run_program(
                sdwan(duration, program=program), folder=folder
            )
        seconds = alternate(candidates, rounds, dict.fromkeys(candidates, 1))
    ratios = {
        "minimal_ns3": _ratios(seconds["minimal"], seconds["sdwan"]),
        "equation_over_ratio": _ratios(seconds["sdwan"], seconds["equation"]),
        "bridge_1ms": _ratios(seconds["bridge"], seconds["inside"]),
        "bridge_1ms_zmq": _ratios(seconds["bridge_zmq"], seconds["inside"]),
    }
    if "optimised" in seconds:
        ratios["optimised_ns3"] = _ratios(seconds["sdwan"], seconds["optimised"])
    median = {name: statistics.median(times) for name, times in seconds.items()}
    return Result(
        bench="sim",
        ratios=ratios,
        figures={
            "packets_per_second": counted["crossed"] / median["sdwan"],
            "minimal_packets_per_second": counted["crossed"] / median["minimal"],
            "minimal_events_per_second": counted["events"] / median["minimal"],
            "bridge_step_us": 1e6
            * (median["bridge"] - median["inside"])
            / (bridge_duration / INTERVAL),
        },
    )


def _ratios(theirs: list[float], mine: list[float]) -> list[float]:
    return [one / other for one, other in zip(theirs, mine, strict=True)]


def sdwan(
    duration: float, controller: str = f"constant:{RATIO}", program: str | None = None
) -> list[str]:
    """Command line of ``sdwan``."""
    return [
        program or str(scenario_path("sdwan")),
        f"--controller={controller}",
        f"--duration={duration}",
        f"--simSeed={simulator_seed(SEED)}",
    ]


def minimal(duration: float) -> list[str]:
    """Command line of the program that it is compared with; reads ``flows.csv``."""
    return [
        str(installed_file("bin/minimal-sdwan")),
        "--flows=flows.csv",
        f"--duration={duration}",
        f"--simSeed={simulator_seed(SEED)}",
    ]


def run_program(command: list[str], *arguments: str, folder: Path) -> Mapping[str, int]:
    """Run a program to its end inside a folder; what it says of the form name=number.

    Raises
    ------
    RuntimeError
        If it fails; the message shows what it said.
    """
    done = subprocess.run(
        tied([*command, *arguments]), capture_output=True, text=True, check=False, cwd=folder
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join([*command, *arguments])} failed: {done.stderr.strip()}")
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", done.stdout)}


def run_bridge(duration: float, transport: Transport) -> None:
    """Run the same with every decision taken by Python."""
    action = np.array([RATIO])
    with SdWanEnv(duration=duration, interval=INTERVAL, bridge_transport=transport) as env:
        env.reset(seed=SEED)
        truncated = False
        while not truncated:
            truncated = env.step(action)[3]


def write_equation(path: Path) -> None:
    """Write a controller that evaluates a long equation and always decides `RATIO`."""
    Controller(
        [ControllerInput(name, unit, (0.0, 1.0)) for name, unit in INPUTS],
        # So narrow that no draw falls between its ends.
        [ControllerOutput("ratio", EQUATION, (RATIO - 1e-12, RATIO))],
    ).save(path)
