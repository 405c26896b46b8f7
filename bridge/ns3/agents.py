# SPDX-License-Identifier: MIT
"""A simulation in which several agents decide, each in a conversation of its own.

As in ns3-gym's multi-agent example: one process, one port per agent, counted up from
``--openGymPort``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from gymnasium import spaces

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.arguments import SEED_ARGUMENT, seed_arguments
from ns3kan.bridge.ns3.attached import OFFER
from ns3kan.bridge.ns3.channel import Channel, await_any
from ns3kan.bridge.ns3.codec import Space
from ns3kan.bridge.ns3.descriptors import require_descriptors
from ns3kan.bridge.ns3.errors import PortInUseError, SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.session import Session, State
from ns3kan.bridge.ns3.simulator import Simulator
from ns3kan.bridge.ns3.source import make_token

# How long the others may take to say their last words when one agent's episode has ended, and the
# process to leave after that [s].
_PATIENCE = 5.0
_ATTEMPTS = 50


class AgentSimulation:
    """One episode of a simulator with one port per agent.

    The agents' conversations are independent: the simulator asks one agent, waits for its action,
    then asks the next. A *round* is over when every agent has been asked. In it all agents but the
    one that was asked last are answered with the action that was given for them in advance, so
    that the simulator goes on to the others; the last one waits for the action of the next round.
    An agent that is asked more than once in a round repeats its action, and its rewards add up.

    Parameters
    ----------
    command
        Executable and arguments.
    agents
        Names of the agents, in the order of their ports.
    seed
        Seed of the simulation.
    timeout
        Longest wait for each message [s].
    port
        Port of the first agent; 0 for any that is free along with its successors.
    env
        Environment variables beyond those of Python.
    seed_argument
        As for `ns3kan.bridge.ns3.env.Ns3Env`.
    """

    def __init__(
        self,
        command: Sequence[str],
        agents: Sequence[str],
        *,
        seed: int,
        timeout: float,
        port: int = 0,
        env: Mapping[str, str] | None = None,
        seed_argument: str | None = SEED_ARGUMENT,
    ) -> None:
        self._agents = list(agents)
        self._timeout = timeout
        self._owner = os.getpid()
        self._channels = _open_row(len(self._agents), port)
        token = make_token()
        try:
            first = self._channels[0].port
            self._simulator = Simulator(
                [*command, f"--openGymPort={first}", *seed_arguments(seed_argument, seed)],
                {
                    **(env or {}),
                    **{f"{OFFER}{one.port}": f"token={token}" for one in self._channels},
                },
                timeout=timeout,
            )
        except BaseException:
            for channel in self._channels:
                channel.close()
            raise
        self._sessions = [
            Session(self._simulator, one, timeout, token=token) for one in self._channels
        ]
        self._spaces: dict[str, tuple[Space, Space]] = {}
        self._waiting: str | None = None
        self._is_over = False

    def spaces(self) -> dict[str, tuple[Space, Space]]:
        """Observation and action space of each agent that has introduced itself."""
        return self._spaces

    def play_round(self, actions: Mapping[str, Any]) -> dict[str, State]:
        """Go on until every agent has been asked, or the episode has ended.

        Parameters
        ----------
        actions
            Of every agent; for agents that are missing, the neutral action.

        Returns
        -------
        states
            Of every agent; at the end of the episode without those that had nothing to say.
        """
        states: dict[str, State] = {}
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._send(waiting, actions)
        while True:
            agent, state = self._hear()
            states[agent] = _add(states.get(agent), state)
            if state.terminated or state.truncated:
                self._hear_last_words(states, agent)
                return states
            if len(states) == len(self._agents):
                self._waiting = agent
                return states
            self._send(agent, actions)

    def close(self) -> None:
        """Ask the simulator to leave, make sure that it does, and free the ports."""
        if self._owner != os.getpid():
            return
        if self._waiting is not None:
            self._dismiss(self._waiting)
            self._is_over = True
        deadline = time.monotonic() + (_PATIENCE if self._is_over else 0.0)
        # The other agents are told that the simulation has ended, and it waits for their answers.
        while self._simulator.is_running() and time.monotonic() < deadline:
            for channel in self._channels:
                if channel.has_message(5):
                    channel.send(_STOP)
        self._simulator.stop(0.0)
        for channel in self._channels:
            channel.close()

    def _hear(self) -> tuple[str, State]:
        while True:
            expected = "the next message of an agent"
            i = await_any(self._channels, self._simulator, expected, self._timeout)
            session, agent = self._sessions[i], self._agents[i]
            session.mark_asked()
            if agent in self._spaces:
                return agent, session.receive_state()
            self._spaces[agent] = session.handshake()

    def _send(self, agent: str, actions: Mapping[str, Any]) -> None:
        action = actions[agent] if agent in actions else neutral(self._spaces[agent][1])
        self._sessions[self._agents.index(agent)].send_action(action)

    def _dismiss(self, agent: str) -> None:
        self._channels[self._agents.index(agent)].send(_STOP)

    def _hear_last_words(self, states: dict[str, State], ended: str) -> None:
        """Hear the agents whose episode ends because another's did."""
        self._is_over = True
        left = [agent for agent in self._agents if agent != ended]
        deadline = time.monotonic() + min(_PATIENCE, self._timeout)
        while left and (patience := deadline - time.monotonic()) > 0:
            indices = [self._agents.index(agent) for agent in left]
            channels = [self._channels[i] for i in indices]
            try:
                i = indices[await_any(channels, self._simulator, "its last words", patience)]
                agent, session = self._agents[i], self._sessions[i]
                session.mark_asked()
                if agent not in self._spaces:
                    self._spaces[agent] = session.handshake()
                    continue
                state = session.receive_state()
            except (SimulatorError, SimulatorTimeoutError):
                # ns3-gym's simulations leave without a word to the others.
                return
            if not (state.terminated or state.truncated):
                self._dismiss(agent)
            states[agent] = _add(states.get(agent), state)
            left.remove(agent)


_STOP = messages.EnvActMsg(stopSimReq=True).SerializeToString()


def _add(before: State | None, state: State) -> State:
    if before is None:
        return state
    reward = before.reward + state.reward
    return State(state.observation, reward, state.terminated, state.truncated, state.info)


def _open_row(count: int, port: int) -> list[Channel]:
    """Channels at successive ports."""
    require_descriptors(count)
    for attempt in range(_ATTEMPTS):
        with ExitStack() as undo:
            try:
                channels = [Channel(port)]
                undo.callback(channels[0].close)
                for i in range(1, count):
                    channels.append(Channel(channels[0].port + i))
                    undo.callback(channels[i].close)
            except PortInUseError:
                if port or attempt == _ATTEMPTS - 1:
                    raise
                continue
            undo.pop_all()
            return channels
    raise AssertionError("unreachable")


def neutral(space: Space) -> Any:
    """Return the value of a space that is nearest to zero."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
    if isinstance(space, spaces.Tuple):
        return tuple(map(neutral, space.spaces))
    if isinstance(space, spaces.Dict):
        return {name: neutral(inner) for name, inner in space.spaces.items()}
    return np.int64(0)
