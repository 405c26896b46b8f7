# SPDX-License-Identifier: MIT
"""The base of the environments that run a scenario of this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ns3kan.bridge.ns3.arguments import Argument, format_arguments
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.session import Transport
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv
from ns3kan.errors import InputError


class ScenarioEnv(Ns3Env):
    """A scenario of this project in which Python decides.

    A subclass is its manual and two class variables: the name of its scenario, and the arguments
    of the scenario that the environment sets unless it is told others.

    Parameters
    ----------
    port, timeout
        As for `Ns3Env`.
    bridge_transport
        What `Ns3Env` calls ``transport``; that name is the scenario's, ``"udp"`` or ``"tcp"``.
    **scenario_arguments
        Anything that the scenario's ``--PrintHelp`` lists, in snake case.

    Raises
    ------
    SimulatorError
        If the scenario refuses an argument; the message shows what it said.
    ValueError
        If a controller is given that decides inside ns-3.
    """

    scenario: ClassVar[str]
    defaults: ClassVar[Mapping[str, Argument]] = {}

    def __init__(
        self,
        *,
        port: int = 0,
        timeout: float = 60.0,
        bridge_transport: Transport = "auto",
        **scenario_arguments: Argument,
    ) -> None:
        controller = scenario_arguments.get("controller", "gym")
        if controller != "gym":
            raise InputError(
                f"controller={str(controller)!r} decides inside ns-3 and leaves nothing to decide "
                f"for an environment; leave it out, or run `ns3kan simulate {self.scenario} "
                f"{controller}`."
            )
        super().__init__(
            scenario_path(self.scenario),
            format_arguments({**self.defaults, **scenario_arguments}),
            port=port,
            timeout=timeout,
            transport=bridge_transport,
        )

    @classmethod
    def make_vector(cls, num_envs: int, **arguments: Any) -> Ns3VectorEnv:
        """Make several environments that are stepped together.

        Parameters
        ----------
        num_envs
            Number of simulators.
        **arguments
            As for `Ns3VectorEnv` and the environment.
        """
        return Ns3VectorEnv(num_envs, cls, **arguments)
