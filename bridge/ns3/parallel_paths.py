# SPDX-License-Identifier: MIT
"""The environment ``ns3kan/ParallelPaths-v0``: a load balancer over any number of paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from ns3kan.bridge.ns3.arguments import Argument
from ns3kan.bridge.ns3.scenario import ScenarioEnv
from ns3kan.errors import InputError

TOPOLOGIES = Path(__file__).parents[2] / "configs" / "topologies"
"""Folder of the topologies that come with the package."""
DEFAULT_TOPOLOGY = "four-paths"


def topology_path(topology: str | os.PathLike[str]) -> Path:
    """Find a topology.

    Parameters
    ----------
    topology
        A name from `TOPOLOGIES`, such as ``"sdwan"``, or the path of a file, which ends in
        ``.json``, ``.yaml`` or ``.yml``.

    Raises
    ------
    ValueError
        If there is none of this name.

    Examples
    --------
    >>> topology_path("sdwan").name
    'sdwan.json'
    """
    path = Path(topology)
    if path.suffix in {".json", ".yaml", ".yml"}:
        return path.absolute()
    path = TOPOLOGIES / f"{os.fspath(topology)}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in TOPOLOGIES.glob("*.json")))
        raise InputError(
            f"There is no topology {os.fspath(topology)!r}; choose one of {known}, or give the "
            "path of a .json or .yaml file."
        )
    return path


class ParallelPathsEnv(ScenarioEnv):
    """Two sites, 2 to 64 paths, and a load balancer that places each new flow.

    Description
    -----------
    A topology file says what the paths are: rate, delay, queue and its discipline, random loss,
    cross traffic, and outages. Flows arrive at random, at a rate that varies between light load
    and heavy load. A load balancer in the first site's router places each *new* flow on a path
    drawn with the present shares, and never moves a running flow. Everything is measured from the
    packets of an ns-3 simulation, the program ``parallel-paths``. With the topology ``sdwan`` it
    is that of `SdWanEnv`.

    Action space
    ------------
    ``Box(0, 1, (N,), float64)``, one number per path, ``NAME_ratio``. New flows are shared in
    proportion to them; if all are zero, equally.

    Observation space
    -----------------
    ``Box(…, (2 + 3 N,), float64)``, measured over the decision interval that just ended; the last
    three for each path, whose name stands for NAME:

    ====================  ====  ===  ===============  ============================================
    name                  unit  low  high             meaning
    ====================  ====  ===  ===============  ============================================
    ``load``              1     0    10               offered load over the paths' added rates
    ``load_delta``        1     -10  10               its change since the interval before
    ``NAME_delay``        s     0    of a full queue  mean one-way delay on the path
    ``NAME_loss``         1     0    1                share of packets lost on the path
    ``NAME_utilisation``  1     0    1                share of the path's rate in use
    ====================  ====  ===  ===============  ============================================

    With ``observation="in-band"`` they are what the router of the first site can know, as those of
    `SdWanEnv` are.

    Rewards
    -------
    As those of `SdWanEnv`, and so is the info dict.

    Starting state
    --------------
    The network after a warm-up of 3 s in which flows are split equally.

    End of episode
    --------------
    Truncated when the simulated time runs out, by default after 120 decisions; never terminated.

    Parameters
    ----------
    topology
        Name of a topology of the package or path of a file, as for `topology_path`; the format is
        that of ``configs/topologies/four-paths.json``.
    reward
        Name of the reward: ``"utility"``, the default, ``"loss"``, ``"delay"`` or ``"combined"``.
    port, timeout
        As for `Ns3Env`.
    bridge_transport
        What `Ns3Env` calls ``transport``; here that name is the scenario's, ``"udp"`` or ``"tcp"``.
    **scenario_arguments
        Anything else that ``parallel-paths --PrintHelp`` lists, in snake case, such as
        ``duration=30`` or ``max_load=0.9``.

    Raises
    ------
    ValueError
        If there is no topology of this name.
    SimulatorError
        If ``parallel-paths`` refuses the topology or an argument; the message shows what it said.

    Version history
    ---------------
    v0: first version.
    """

    scenario = "parallel-paths"
    defaults: ClassVar[dict[str, Argument]] = {"reward": "utility"}

    def __init__(
        self, *, topology: str | os.PathLike[str] = DEFAULT_TOPOLOGY, **arguments: Any
    ) -> None:
        super().__init__(topology=topology_path(topology), **arguments)


make_parallel_paths_vector_env = ParallelPathsEnv.make_vector
