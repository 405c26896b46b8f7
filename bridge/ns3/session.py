# SPDX-License-Identifier: MIT
"""The conversation with one simulator."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gymnasium import logger

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.attached import AttachedSimulator, Peer
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.codec import Space, decode_space, decode_value, encode_value
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.security import LOOPBACK, CurveKeys
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
    """One conversation with a simulator, from its first word to its last.

    Made by `launch`, which starts a process and returns at once so that several can start
    together, or by `attach`; then `handshake`, then `receive_state` and `send_action` in turn.

    Parameters
    ----------
    simulator
        Who is spoken with.
    channel
        Where.
    timeout
        Longest wait for each message [s].
    """

    def __init__(self, simulator: Peer, channel: Channel, timeout: float) -> None:
        self._simulator = simulator
        self._channel = channel
        self._timeout = timeout
        self._owner = os.getpid()
        self._is_attached = isinstance(simulator, AttachedSimulator)
        self._is_understood = False
        self._is_over = False
        self._asked_at = time.monotonic()

    @classmethod
    def launch(
        cls,
        command: Sequence[str],
        *,
        seed: int,
        timeout: float,
        port: int = 0,
        bind: str = LOOPBACK,
        keys: CurveKeys | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Session:
        """Start a simulator.

        Parameters
        ----------
        command
            Executable and arguments.
        seed
            Seed of the simulation, for ``--simSeed``.
        timeout
            Longest wait for each message [s].
        port, bind, keys
            As for `Channel`; the keys are handed to the simulator.
        env
            Environment variables beyond those of Python.

        Raises
        ------
        SimulatorNotFoundError, PortInUseError
            If there is no such executable, or no such port to be had.
        """
        channel = Channel(port, bind, keys)
        try:
            simulator = Simulator(
                [*command, f"--openGymPort={channel.port}", f"--simSeed={seed}"],
                {**(env or {}), **(keys.simulator_environment() if keys is not None else {})},
            )
        except BaseException:
            channel.close()
            raise
        return cls(simulator, channel, timeout)

    @classmethod
    def attach(cls, channel: Channel, *, timeout: float) -> Session:
        """Expect a simulator that somebody else starts.

        Parameters
        ----------
        channel
            Where it will connect. It outlives the session: the next simulator may connect before
            this one is done with.
        timeout
            Longest wait for each message, the first included [s].
        """
        channel.renew()
        return cls(AttachedSimulator(channel.endpoint), channel, timeout)

    def handshake(self) -> tuple[Space, Space]:
        """Receive the simulator's spaces and let it begin.

        Returns
        -------
        observation_space, action_space
            As declared.
        """
        data = self._receive("its first message")
        while self._is_attached and _is_late_state(data):
            # The simulator before was busy when it should have been told to stop.
            self._ask_to_stop()
            data = self._receive("its first message")
        self._is_over = False
        self._channel.begin()
        request = messages.parse(messages.SimInitMsg, data)
        self.observation_space = decode_space(request.obsSpace)
        self.action_space = decode_space(request.actSpace)
        self._channel.send(messages.SimInitAck(done=True).SerializeToString())
        self._asked_at = time.monotonic()
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
        self._is_understood = False
        data = self._receive("its next state")
        if self._is_attached and _is_introduction(data):
            self._channel.hold(data)
            raise self._simulator.death("before its next state, and another took its place")
        message = messages.parse(messages.EnvStateMsg, data)
        observation = decode_value(message.obsData, self.observation_space)
        if not math.isfinite(message.reward):
            raise ProtocolError(f"The simulator reports the reward {message.reward}.")
        # From here on the simulator is known to wait for an answer that it will understand.
        self._is_understood = True
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
        self._is_understood = False
        self._channel.send(answer.SerializeToString())
        self._asked_at = time.monotonic()

    def close(self) -> None:
        """End the episode and the process, except in a fork of the process that began them.

        A simulator that somebody else started is asked to leave, if it can be asked.
        """
        if self._owner != os.getpid():
            return
        is_asked = self._is_over
        if self._channel.owes_stop():
            is_asked = self._is_understood
            self._ask_to_stop()
        # A simulator that is not waiting for an answer cannot be asked.
        status = self._simulator.stop(_PATIENCE if is_asked else 0.0)
        if not self._is_attached:
            self._channel.close()
        # Killed is what a simulator gets that we do not wait for, at interpreter exit for example.
        if is_asked and status not in (None, 0, -signal.SIGTERM, -signal.SIGKILL):
            logger.warn(
                f"The simulator {self._simulator.name} ended its episode but then did not end "
                f"well (status {status}); {self._simulator.describe_stderr()}"
            )

    def _receive(self, expected: str) -> bytes:
        return self._channel.receive(self._simulator, expected, self._timeout, self._asked_at)

    def _ask_to_stop(self) -> None:
        # A SimInitAck that asks for the same has the same bytes.
        self._channel.send(messages.EnvActMsg(stopSimReq=True).SerializeToString())
        self._is_over = True


def release(channel: Channel) -> None:
    """Close a channel and ask the simulator that waits there, if one does, to leave.

    Parameters
    ----------
    channel
        Of `Session.attach`.
    """
    if channel.owes_answer or channel.has_message():
        channel.send(messages.EnvActMsg(stopSimReq=True).SerializeToString())
    channel.close()


def _is_introduction(data: bytes) -> bool:
    """Whether a message is a ``SimInitMsg``; proto3 would let it pass for an empty state."""
    request = messages.parse(messages.SimInitMsg, data)
    return bool(request.HasField("obsSpace") or request.HasField("actSpace"))


def _is_late_state(data: bytes) -> bool:
    """Whether a message is an ``EnvStateMsg``, where a ``SimInitMsg`` is expected."""
    if _is_introduction(data):
        return False
    return bool(messages.parse(messages.EnvStateMsg, data).HasField("obsData"))


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
