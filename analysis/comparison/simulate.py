# SPDX-License-Identifier: MIT
"""Run controllers inside ns-3 itself, several simulations at a time, no Python in the loop."""

from __future__ import annotations

import functools
import itertools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gymnasium.utils.seeding import np_random

from ns3kan.analysis.comparison.completion import Episode, completion_argument, read_completion
from ns3kan.analysis.pool import in_threads
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.arguments import draw_simulator_seed, format_arguments
from ns3kan.bridge.ns3.errors import SimulatorTimeoutError
from ns3kan.bridge.ns3.parallel_paths import DEFAULT_TOPOLOGY, topology_path
from ns3kan.bridge.ns3.recordings import run_names, separate
from ns3kan.bridge.ns3.simulator import Simulator, scenario_path
from ns3kan.errors import InputError
from ns3kan.registration import SCENARIOS

TIMEOUT = 300.0  # seconds; one episode takes a second or two
LOAD_TOLERANCE = 0.05
"""Share of the offered load by which the delivered one may differ without a warning."""


class LoadWarning(UserWarning):
    """A fabric delivered another load than it was offered."""


@dataclass(frozen=True)
class Simulation:
    """One run of a scenario under a controller that ns-3 evaluates itself.

    Parameters
    ----------
    controller : str or Path
        A controller that the scenario knows by name (``"equal"``, ``"constant:0.3"``), or the
        path of a ``controller.json``.
    seed : int
        The simulator's ``--simSeed``: the same seed gives the same traffic.
    arguments : mapping of str to object
        Further arguments of the scenario, as ``{"duration": 20}`` for ``--duration=20``. The
        ``topology`` of parallel-paths can be a name, as for `topology_path`.
    scenario : str
        Its name, one of `ns3kan.registration.SCENARIOS`.
    episode_seed : int, optional
        The seed that `simulator_seed` made this one of, for messages.

    Raises
    ------
    ValueError
        If there is no such scenario.
    """

    controller: str | Path
    seed: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    scenario: str = "sdwan"
    episode_seed: int | None = None

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise InputError(
                f"There is no scenario {self.scenario!r}; choose one of {', '.join(SCENARIOS)}."
            )

    @property
    def occasion(self) -> str:
        """What error messages call it."""
        of = "" if self.episode_seed is None else f"seed {self.episode_seed}, "
        return f"({of}--controller={self.controller} --simSeed={self.seed})"


def simulator_seed(seed: int) -> int:
    """Give the ``--simSeed`` of the episode that ``reset(seed=seed)`` starts.

    The environments draw it from their own random generator, as Gymnasium wants it. A simulation
    with this seed has the same traffic as that episode.

    Parameters
    ----------
    seed : int
        Not negative.
    """
    generator, _ = np_random(seed)
    return draw_simulator_seed(generator)


def simulate(simulation: Simulation, timeout: float = TIMEOUT) -> pd.DataFrame:
    """Run one simulation to its end.

    Parameters
    ----------
    simulation : Simulation
    timeout : float
        Longest wait for its end, in seconds.

    Returns
    -------
    DataFrame
        One row per decision: ``time`` (s), the features, the ratios or weights decided on them,
        and ``reward``, ``goodput`` (bit/s), ``delay`` (s), ``loss`` (share) of the interval after
        it;
        of queues in slotted time the ``decision``, and ``cost``, ``drops`` and ``delivered``
        (packets) of the slot, with the cost's negative as ``reward``.

    Raises
    ------
    SimulatorNotFoundError
        If the scenario was not built.
    SimulatorError
        If the simulator refuses its arguments or dies; the message ends with its stderr.
    SimulatorTimeoutError
        If it does not end in time.

    Warns
    -----
    LoadWarning
        If a fabric delivered another load than it was offered: see `load_warning`.
    """
    return _run(simulation, timeout, None).intervals


def measure(simulation: Simulation, timeout: float = TIMEOUT) -> Episode:
    """Run one simulation to its end, as `simulate`, and see how long its flows took.

    A fabric goes on for a while after its last decision, until all flows have finished; see its
    argument ``drain``.

    Parameters
    ----------
    simulation, timeout
        As for `simulate`.

    Raises
    ------
    ValueError, SimulatorNotFoundError, SimulatorError, SimulatorTimeoutError
        As `simulate`.
    """
    return _run(simulation, timeout, completion_argument(simulation.scenario, simulation.arguments))


def _run(simulation: Simulation, timeout: float, completion: str | None) -> Episode:
    arguments = dict(simulation.arguments)
    if SCENARIOS[simulation.scenario].named_topologies:
        arguments["topology"] = topology_path(arguments.get("topology", DEFAULT_TOPOLOGY))
    with scratch_folder() as folder:
        arguments, files = recorded_files(arguments, completion, folder)
        controller, seed = simulation.controller, simulation.seed
        simulator = Simulator(
            [
                str(scenario_path(simulation.scenario)),
                f"--controller={controller}",
                f"--simSeed={seed}",
                *format_arguments({**files}),
                *format_arguments(arguments),
            ]
        )
        started = time.monotonic()
        status = simulator.stop(patience=timeout)
        if status != 0:
            if time.monotonic() - started >= timeout:
                raise SimulatorTimeoutError(
                    f"The simulator {simulator.name} {simulation.occasion} did not end within "
                    f"{timeout:g} s; "
                    f"{simulator.describe_stderr()}",
                    stderr=simulator.stderr(),
                )
            raise simulator.death(simulation.occasion)
        episode = read_recorded(files, completion)
    if (warning := load_warning(episode.intervals)) is not None:
        warnings.warn(
            f"{simulation.scenario} {simulation.occasion}: {warning}",
            LoadWarning,
            stacklevel=3,
        )
    return episode


def recorded_files(
    arguments: Mapping[str, Any], completion: str | None, folder: Path
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Choose the files that a run writes and that are read after it.

    What somebody asked to record is where it was asked for, and read there.

    Parameters
    ----------
    arguments : mapping of str to object
        The scenario's arguments.
    completion : str or None
        As from `ns3kan.analysis.comparison.completion.completion_argument`.
    folder : Path
        Where the other files are.

    Returns
    -------
    arguments : dict
        Those that name none of these files.
    files : dict of str to Path
        By the argument that names it, one of ``intervals`` and `completion`.
    """
    others = dict(arguments)
    files = {
        name: Path(others.pop(name, None) or folder / f"{name}.csv")
        for name in ("intervals", completion)
        if name is not None
    }
    return others, files


def read_recorded(files: Mapping[str, Path], completion: str | None) -> Episode:
    """Read what a run has written.

    Parameters
    ----------
    files, completion
        As from and for `recorded_files`.
    """
    table = read_intervals(files["intervals"])
    if "cost" in table and "reward" not in table:
        # The reward of the environments over queues, see `ns3kan.bridge.queues`.
        table["reward"] = -table["cost"]
    if completion is None:
        return Episode(table)
    begin = float(table["time"].min())
    # There may have been no flow, and so no row.
    flows = pd.read_csv(files[completion], skiprows=1)
    return Episode(table, read_completion(completion, flows, begin))


def load_warning(measured: pd.DataFrame) -> str | None:
    """Say whether a fabric delivered another load than it was offered.

    Parameters
    ----------
    measured : DataFrame
        A run's intervals, as from `simulate`, or the means of such runs.

    Returns
    -------
    str or None
        A sentence if the means of ``offered_load`` and ``delivered_load`` differ by more than 5 %
        of the former; None if not, or if there are no such columns.
    """
    if not {"offered_load", "delivered_load"} <= set(measured.columns):
        return None
    offered = float(measured["offered_load"].mean())
    delivered = float(measured["delivered_load"].mean())
    if abs(delivered - offered) <= LOAD_TOLERANCE * offered:
        return None
    return (
        f"flows that began offered {offered:.1%} of the uplinks' capacity, but {delivered:.1%} was "
        "delivered in that time; either the network is overloaded, or duration and warmup are too "
        "short for flows of this size"
    )


def simulate_all(
    simulations: Sequence[Simulation],
    *,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    on_done: Callable[[], None] | None = None,
) -> list[pd.DataFrame]:
    """Run simulations, several at a time.

    A file that several of them are told to write becomes one for each, named by controller and
    seed; see `ns3kan.bridge.ns3.recordings.separate`.

    Parameters
    ----------
    simulations : sequence of Simulation
    workers : int, optional
        How many at a time; by default as many as there are cores.
    timeout : float
        Longest wait for each, in seconds.
    on_done : callable, optional
        Called after each.

    Returns
    -------
    list of DataFrame
        As from `simulate`, in the order of the simulations.

    Raises
    ------
    ValueError, SimulatorNotFoundError, SimulatorError, SimulatorTimeoutError
        As `simulate`, of the first that fails; those not yet started are dropped.
    """
    return in_threads(
        [functools.partial(simulate, one, timeout) for one in _separated(simulations)],
        workers=workers,
        on_done=on_done,
    )


def measure_all(
    simulations: Sequence[Simulation],
    *,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    on_done: Callable[[], None] | None = None,
) -> list[Episode]:
    """Run simulations, several at a time, and see how long their flows took.

    Parameters
    ----------
    simulations, workers, timeout, on_done
        As for `simulate_all`.

    Returns
    -------
    list of Episode
        As from `measure`, in the order of the simulations.

    Raises
    ------
    ValueError, SimulatorNotFoundError, SimulatorError, SimulatorTimeoutError
        As `simulate_all`.
    """
    return in_threads(
        [functools.partial(measure, one, timeout) for one in _separated(simulations)],
        workers=workers,
        on_done=on_done,
    )


def _separated(simulations: Sequence[Simulation]) -> list[Simulation]:
    """Let each simulation record in files of its own."""
    names = run_names(
        [one.controller for one in simulations],
        [one.seed if one.episode_seed is None else one.episode_seed for one in simulations],
    )
    arguments = separate([one.arguments for one in simulations], names)
    return [replace(one, arguments=own) for one, own in zip(simulations, arguments, strict=True)]


def read_intervals(path: Path) -> pd.DataFrame:
    """Read what a scenario wrote with ``--intervals``: a line of units, then a CSV table.

    Numbers come back exactly as the simulator had them.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataFrame
        At least one row.

    Raises
    ------
    ValueError
        If the file holds no such table, or one without rows.
    """
    # Not by pandas, whose parser may be off in the last digit.
    with path.open(encoding="utf-8") as lines:
        units, names = lines.readline(), lines.readline()
        if not units.startswith("#") or not names:
            raise InputError(
                f"{path} is no table of a scenario, which begins with a line of units behind # and "
                "a line of names."
            )
        first = lines.readline()
        if not first:
            raise InputError(
                f"{path} has no rows: the simulation ended before there was anything to record; "
                "let it run for longer."
            )
        rows = np.loadtxt(itertools.chain([first], lines), delimiter=",", ndmin=2)
    return pd.DataFrame(rows, columns=names.strip().split(","))
