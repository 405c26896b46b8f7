# SPDX-License-Identifier: MIT
"""Simulations with several agents as PettingZoo parallel environments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding

from ns3kan.bridge.ns3.agents import AgentSimulation, neutral
from ns3kan.bridge.ns3.arguments import (
    SEED_ARGUMENT,
    Argument,
    check_seed_argument,
    draw_simulator_seed,
    format_arguments,
)
from ns3kan.bridge.ns3.codec import Space
from ns3kan.bridge.ns3.description import ChoiceCheck, Description, describe
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import ProtocolError, require_usable
from ns3kan.bridge.ns3.session import State
from ns3kan.bridge.ns3.values import conform
from ns3kan.bridge.uncopied import Uncopied
from ns3kan.errors import InputError, MissingExtraError

try:
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise MissingExtraError(
        "Multi-agent environments need PettingZoo; run `pip install 'ns3kan[multi-agent]'`."
    ) from error

Step = tuple[
    dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
]


class DictParallelEnv(Uncopied, ParallelEnv[str, Any, Any]):  # type: ignore[misc]  # it has no types
    """A simulation whose spaces are Dicts keyed by agent, as a PettingZoo parallel environment.

    The agents see the same moment and act at the same time: one message carries all observations,
    the answer all actions. An episode ends for all agents together.

    Rewards and infos: the entry ``"rewards"`` of the simulator's info, if there is one, holds each
    agent's reward by name; otherwise all agents get the simulator's. An entry with an agent's name
    that is an object is that agent's info, and all other entries are everybody's.

    Parameters
    ----------
    env
        The simulation as a single environment; it is closed with this one.

    Raises
    ------
    ValueError
        If its spaces are not two Dicts with the same keys.

    Examples
    --------
    >>> env = DictParallelEnv(Ns3Env("./my-simulation"))  # doctest: +SKIP
    """

    metadata: dict[str, Any] = {"render_modes": [], "name": "ns3kan"}  # noqa: RUF012

    def __init__(self, env: Ns3Env) -> None:
        observation, action = env.observation_space, env.action_space
        if (
            not isinstance(observation, spaces.Dict)
            or not isinstance(action, spaces.Dict)
            or observation.spaces.keys() != action.spaces.keys()
        ):
            env.close()
            raise InputError(
                f"{observation} and {action} are not two Dicts keyed by agent; declare them so, or "
                "use Ns3ParallelEnv for a simulation with one port per agent."
            )
        self._env = env
        self.possible_agents = list(observation.spaces)
        self.agents: list[str] = []
        self.observation_spaces = dict(observation.spaces)
        self.action_spaces = dict(action.spaces)

    def observation_space(self, agent: str) -> Space:
        """Return what an agent observes."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space:
        """Return what an agent can do."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode.

        Parameters
        ----------
        seed
            As for `Ns3Env.reset`.
        options
            Ignored, as PettingZoo allows.

        Returns
        -------
        observations, infos
            Of each agent.
        """
        observation, info = self._env.reset(seed=seed)
        self.agents = list(self.possible_agents)
        return observation, self._split(info)

    def step(self, actions: dict[str, Any]) -> Step:
        """Let all agents act.

        Parameters
        ----------
        actions
            Of each agent.

        Returns
        -------
        observations, rewards, terminations, truncations, infos
            Of each agent.
        """
        observation, reward, terminated, truncated, info = self._env.step(actions)
        sent = info.pop("rewards", None)
        rewards = sent if isinstance(sent, dict) else {}
        agents, infos = self.agents, self._split(info)
        if terminated or truncated:
            self.agents = []
        return (
            observation,
            {agent: float(rewards.get(agent, reward)) for agent in agents},
            dict.fromkeys(agents, terminated),
            dict.fromkeys(agents, truncated),
            infos,
        )

    def close(self) -> None:
        """End the simulator. Does nothing the second time."""
        self._env.close()

    def _split(self, info: dict[str, Any]) -> dict[str, dict[str, Any]]:
        info.pop("rewards", None)
        shared = {key: value for key, value in info.items() if key not in self.possible_agents}
        infos = {}
        for agent in self.possible_agents:
            of_agent = info.get(agent)
            infos[agent] = {**shared, **(of_agent if isinstance(of_agent, dict) else {})}
        return infos


class Ns3ParallelEnv(Uncopied, ParallelEnv[str, Any, Any]):  # type: ignore[misc]  # it has no types
    """A simulation with one port per agent as a PettingZoo parallel environment.

    Simulations with several ``OpenGymInterface`` or ``GymInterface`` objects, as in ns3-gym's
    multi-agent example: the first connects to ``--openGymPort``, the others to the ports after it.

    Such a simulation asks one agent after the other, although all mean the same moment: it does
    not say what the second observes before it knows what the first does. So that all observations
    of a step belong to the same moment all the same, only the agent that is asked *last* acts at
    once; the action of every other is used when it is asked the next time, one decision later, and
    at the very first decision it takes its first action, by default the one nearest to zero. Its
    rewards follow its actions, one step later too. Where that matters, declare Dict spaces keyed by
    agent instead (`DictParallelEnv`), or attach one `Ns3Env` for each port in a thread of its own.

    An episode ends for all agents together: terminated for the agents that say so, truncated for
    all others.

    Parameters
    ----------
    command
        Executable, by path or by a name on the PATH.
    args
        Arguments, passed on unchanged.
    agents
        How many agents there are, at least 1, or their names in the order of their ports.
    env
        Environment variables for the simulator, beyond those of Python.
    port
        Port of the first agent; 0 lets any be chosen that is free along with its successors.
    timeout
        Longest wait for each message of the simulator [s].
    first_actions
        Of agents by name.
    seed_argument, check_choices
        As for `Ns3Env`.
    **scenario_arguments
        As for `Ns3Env`.

    Raises
    ------
    BridgeError
        As from `Ns3Env`.
    """

    metadata: dict[str, Any] = {"render_modes": [], "name": "ns3kan"}  # noqa: RUF012

    _simulation: AgentSimulation | None = None
    _closed = False

    def __init__(
        self,
        command: str | Path,
        args: Sequence[str] = (),
        *,
        agents: int | Sequence[str],
        env: Mapping[str, str] | None = None,
        port: int = 0,
        timeout: float = 60.0,
        first_actions: Mapping[str, Any] | None = None,
        seed_argument: str | None = SEED_ARGUMENT,
        check_choices: bool = False,
        **scenario_arguments: Argument,
    ) -> None:
        if not timeout > 0:
            raise InputError(f"timeout={timeout} must be a positive number of seconds.")
        names = [f"agent_{i}" for i in range(agents)] if isinstance(agents, int) else list(agents)
        if not names or len(set(names)) != len(names):
            raise InputError(f"agents={agents!r} must be a positive number or different names.")
        if not 0 <= port <= 2**16 - len(names):
            raise InputError(f"port={port} and its {len(names) - 1} successors are not all ports.")
        self.possible_agents = names
        self.agents: list[str] = []
        self._owner = os.getpid()
        check_seed_argument(seed_argument)
        options = format_arguments(scenario_arguments, seed_argument)
        command_line = [os.fspath(command), *args, *options]

        def make(seed: int) -> AgentSimulation:
            return AgentSimulation(
                command_line,
                names,
                seed=seed,
                timeout=timeout,
                port=port,
                env=env,
                seed_argument=seed_argument,
            )

        self._make: Callable[[int], AgentSimulation] = make
        self._random, _ = seeding.np_random()
        self._first: dict[str, State] | None = None
        self._first_actions: dict[str, Any] = {}
        self._descriptions: dict[str, Description] = {}
        self._choices = ChoiceCheck(refuse=check_choices)
        try:
            self._first = self._start()
        except BaseException:
            self.close()
            raise
        self.observation_spaces = {
            name: one.observation_space for name, one in self._descriptions.items()
        }
        self.action_spaces = {name: one.action_space for name, one in self._descriptions.items()}
        self._first_actions = {
            name: self._check_action(name, (first_actions or {}).get(name, neutral(space)))
            for name, space in self.action_spaces.items()
        }
        if first_actions:
            self._first = None
        self._observations: dict[str, Any] = {}

    def observation_space(self, agent: str) -> Space:
        """Return what an agent observes."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space:
        """Return what an agent can do."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode.

        Parameters
        ----------
        seed
            Of the random generator from which the simulator's seed is drawn.
        options
            Ignored, as PettingZoo allows.

        Returns
        -------
        observations, infos
            Of each agent.
        """
        require_usable("reset", is_closed=self._closed, owner=self._owner)
        if seed is not None:
            self._random, _ = seeding.np_random(seed)
        if self._first is None or seed is not None:
            self._end()
            self._first = self._start()
        states, self._first = self._first, None
        self.agents = list(self.possible_agents)
        self._observations = {agent: states[agent].observation for agent in self.agents}
        return dict(self._observations), {agent: states[agent].info for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> Step:
        """Let all agents act and the simulator run until each has been asked again.

        Parameters
        ----------
        actions
            Of each agent.

        Returns
        -------
        observations, rewards, terminations, truncations, infos
            Of each agent.
        """
        require_usable("step", is_closed=self._closed, owner=self._owner)
        if not self.agents or self._simulation is None:
            raise ResetNeeded("step() needs a running episode; call reset() first.")
        if actions.keys() != set(self.agents):
            raise InvalidAction(
                f"step() was given actions of {sorted(actions)}; "
                f"one of each of {sorted(self.agents)} is needed."
            )
        checked = {agent: self._check_action(agent, action) for agent, action in actions.items()}
        agents = self.agents
        try:
            states = self._simulation.play_round(checked)
            for agent, state in states.items():
                self._descriptions[agent].check_observation(state.observation)
                self._observations[agent] = state.observation
        except BaseException:
            self._end()
            raise
        ended = any(state.terminated or state.truncated for state in states.values())
        terminations = {agent: agent in states and states[agent].terminated for agent in agents}
        if ended:
            self.agents = []
        return (
            dict(self._observations),
            {agent: states[agent].reward if agent in states else 0.0 for agent in agents},
            terminations,
            {agent: ended and not terminations[agent] for agent in agents},
            {agent: states[agent].info if agent in states else {} for agent in agents},
        )

    def close(self) -> None:
        """End the simulator. Does nothing the second time."""
        self._closed = True
        self._end()

    def __del__(self) -> None:
        self.close()

    def _start(self) -> dict[str, State]:
        self._simulation = self._make(draw_simulator_seed(self._random))
        try:
            states = self._simulation.play_round(self._first_actions)
            if any(state.terminated or state.truncated for state in states.values()):
                raise ProtocolError(
                    "The simulation ended before every agent had decided once; let it run for "
                    "longer, or name fewer agents."
                )
            for agent, declared in self._simulation.spaces().items():
                told = states[agent].info.pop("ns3kan", None)
                self._descriptions[agent] = describe(*declared, told, choices=self._choices)
                self._descriptions[agent].check_observation(states[agent].observation)
        except BaseException:
            self._end()
            raise
        return states

    def _end(self) -> None:
        simulation, self._simulation = self._simulation, None
        self.agents = []
        if simulation is not None:
            simulation.close()

    def _check_action(self, agent: str, action: Any) -> Any:
        space = self.action_spaces[agent]
        try:
            return conform(action, space)
        except ValueError as error:
            raise InvalidAction(
                f"{agent} was given the action {action!r}, which is not in {space}: {error}."
            ) from None
