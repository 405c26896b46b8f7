# SPDX-License-Identifier: MIT
"""One simulator and the conversation with it, from its first word to its last."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gymnasium import logger

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.codec import Space, decode_space, decode_value, encode_value
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.messages import Message
from ns3kan.bridge.ns3.simulator import Simulator

# How long a simulator that was asked to leave may take to put its things in order [s].
_PATIENCE = 5.0


@dataclass(frozen=True)
class State:
    """What a simulator says at one decision.

    Attributes
    ----------
    observation
        A value of the observation space.
    reward
        Reward of the action before.
    terminated, truncated
        Whether the scenario has ended, and whether the simulated time has run out.
    info
        The extra info: the entries of a JSON object, with all numbers as float and NaN for null,
        or any other text under ``"extra_info"``.
    """

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class Session:
    """One episode of a simulator in a process of its own.

    The constructor starts the process and returns at once, so that several can start together;
    then `handshake`, then `receive_state` and `send_action` in turn.

    Parameters
    ----------
    command
        Executable and arguments.
    seed
        Seed of the simulation, for ``--simSeed``.
    port
        TCP port to listen at; 0 for any.
    timeout
        Longest wait for each message [s].

    Raises
    ------
    SimulatorNotFoundError, PortInUseError
        If there is no such executable, or no such port to be had.
    """

    def __init__(self, command: Sequence[str], *, seed: int, port: int, timeout: float) -> None:
        self._timeout = timeout
        self._owner = os.getpid()
        self._channel = Channel(port)
        try:
            self._simulator = Simulator(
                [*command, f"--openGymPort={self._channel.port}", f"--simSeed={seed}"]
            )
        except BaseException:
            self._channel.close()
            raise
        self._is_owed_action = False
        self._is_over = False

    def handshake(self) -> tuple[Space, Space]:
        """Receive the simulator's spaces and let it begin.

        Returns
        -------
        observation_space, action_space
            As declared.
        """
        data = self._channel.receive(self._simulator, "its first message", self._timeout)
        request = messages.parse(messages.SimInitMsg, data)
        self.observation_space = decode_space(request.obsSpace)
        self.action_space = decode_space(request.actSpace)
        self._channel.send(messages.SimInitAck(done=True).SerializeToString())
        return self.observation_space, self.action_space

    def receive_state(self) -> State:
        """Receive the next state. After the last one the simulator is let go.

        Raises
        ------
        SimulatorError, SimulatorTimeoutError
            If the simulator died or kept silent.
        ProtocolError
            If what it said is malformed or contradicts what it declared.
        """
        data = self._channel.receive(self._simulator, "its next state", self._timeout)
        message = messages.parse(messages.EnvStateMsg, data)
        observation = decode_value(message.obsData, self.observation_space)
        if not math.isfinite(message.reward):
            raise ProtocolError(f"The simulator reports the reward {message.reward}.")
        # From here on the simulator is known to wait for an answer.
        self._is_owed_action = True
        if message.isGameOver:
            self._ask_to_stop()
        is_terminated = message.isGameOver and message.reason == messages.GAME_OVER
        return State(
            observation,
            message.reward,
            terminated=is_terminated,
            truncated=message.isGameOver and not is_terminated,
            info=decode_info(message.info),
        )

    def send_action(self, action: Any) -> None:
        """Answer the last state.

        Parameters
        ----------
        action
            A value of the action space.
        """
        answer = messages.EnvActMsg(actData=encode_value(action, self.action_space))
        self._send(answer)

    def close(self) -> None:
        """End the episode and the process, except in a fork of the process that began them."""
        if self._owner != os.getpid():
            return
        if self._is_owed_action:
            self._ask_to_stop()
        # A simulator that is not waiting for an answer cannot be asked.
        status = self._simulator.stop(_PATIENCE if self._is_over else 0.0)
        self._channel.close()
        # Killed is what a simulator gets that we do not wait for, at interpreter exit for example.
        if self._is_over and status not in (None, 0, -signal.SIGTERM, -signal.SIGKILL):
            logger.warn(
                f"The simulator {self._simulator.name} ended its episode but then did not end "
                f"well (status {status}); {self._simulator.describe_stderr()}"
            )

    def _ask_to_stop(self) -> None:
        self._send(messages.EnvActMsg(stopSimReq=True))
        self._is_over = True

    def _send(self, answer: Message) -> None:
        self._is_owed_action = False
        self._channel.send(answer.SerializeToString())


def decode_info(text: str) -> dict[str, Any]:
    """Info dict of the extra info that came with a state.

    Parameters
    ----------
    text
        JSON or anything else.
    """
    if not text:
        return {}
    try:
        # Whether a metric happens to be whole must not change its type from step to step.
        info = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        info = text
    if not isinstance(info, dict):
        return {"extra_info": info}
    # JSON has no other way to write a metric that does not exist in this interval.
    return {key: math.nan if value is None else value for key, value in info.items()}
