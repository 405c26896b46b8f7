# SPDX-License-Identifier: MIT
"""The conversation with one simulator."""

from __future__ import annotations

import hmac
import json
import math
import os
import signal
import time
from typing import Any, Literal, NamedTuple, TypeAlias

from gymnasium import logger

from ns3kan._native import bridge as _native
from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.attached import AttachedSimulator, Peer
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.codec import Space, decode_space
from ns3kan.bridge.ns3.errors import ProtocolError, TransportError
from ns3kan.bridge.ns3.messages import Message
from ns3kan.bridge.ns3.shared_memory import (
    IS_GAME_OVER,
    IS_OVER,
    OTHER,
    REFUSED,
    QuickStep,
    SharedMemory,
)
from ns3kan.bridge.ns3.templates import ActionWriter, StateReader

Transport: TypeAlias = Literal["auto", "zmq", "shm"]

# How long a simulator that was asked to leave may take to put its things in order [s].
_PATIENCE = 5.0


class State(NamedTuple):
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

    Opened by `ns3kan.bridge.ns3.source.SimulatorSource`; then `handshake`, then `receive_state`
    and `send_action` in turn.

    Parameters
    ----------
    simulator
        Who is spoken with.
    channel
        Where.
    timeout
        Longest wait for each message [s].
    memory
        Where states and actions are exchanged if the simulator agrees, beside the channel.
    needs_memory
        Whether to refuse a simulator that does not agree.
    token
        What a simulator of this project was given, and returns to prove that it is the one.
    is_open
        Whether a simulator is trusted that cannot prove that, and of which the channel does not
        know who it is.

    Attributes
    ----------
    transport : str
        What carries states and actions, ``"zmq"`` or ``"shm"``; known after `handshake`.
    """

    def __init__(
        self,
        simulator: Peer,
        channel: Channel,
        timeout: float,
        memory: SharedMemory | None = None,
        *,
        needs_memory: bool = False,
        token: str = "",
        is_open: bool = False,
    ) -> None:
        self._simulator = simulator
        self._channel = channel
        self._timeout = timeout
        self._memory = memory
        self._needs_memory = needs_memory
        self._token = token
        self._is_open = is_open
        self._repeats = False
        self.transport = "zmq"
        self._owner = os.getpid()
        self._is_attached = isinstance(simulator, AttachedSimulator)
        self._is_understood = False
        self._is_over = False
        self._asked_at = time.monotonic()

    def handshake(self) -> tuple[Space, Space]:
        """Receive the simulator's spaces and let it begin.

        Returns
        -------
        observation_space, action_space
            As declared.

        Raises
        ------
        TransportError
            If the simulator does not know the transport that was asked for.
        """
        request = self._receive_introduction()
        self._is_over = False
        self._channel.begin()
        self.observation_space = decode_space(request.obsSpace)
        self.action_space = decode_space(request.actSpace)
        # What was offered to the simulator that was started here is no other's to take.
        is_offered = bool(self._token) and _is_same(request.token, self._token)
        self._repeats = request.canReset and is_offered
        if self._memory is not None and request.sharedMemory and is_offered:
            self._memory.agree(self.observation_space, self.action_space)
        else:
            self._drop_memory()
        if self._needs_memory and self._memory is None:
            raise TransportError(
                f"The simulator {self._simulator.name} does not know shared memory; "
                'use transport="auto" or "zmq".'
            )
        self.transport = "zmq" if self._memory is None else "shm"
        self._reader = StateReader(self.observation_space)
        self._writer = ActionWriter(self.action_space)
        answer = messages.SimInitAck(done=True, sharedMemory=self._memory is not None)
        self._channel.send(answer.SerializeToString())
        self._asked_at = time.monotonic()
        return self.observation_space, self.action_space

    def _receive_introduction(self) -> Message:
        """Receive the ``SimInitMsg`` of the right simulator, and refuse others."""
        while True:
            data = self._receive("its first message")
            try:
                request = messages.parse(messages.SimInitMsg, data)
            except ProtocolError:
                if not self._is_attached:
                    raise
                self._channel.refuse("it waits for a simulator's first message")
                continue
            if self._is_attached and not _is_introduction(request):
                # The simulator before was busy when it should have been told to stop, or it is
                # none.
                self._channel.refuse("its episode is over")
                continue
            is_known = self._channel.identifies or self._is_open
            if is_known or (self._token and _is_same(request.token, self._token)):
                return request
            self._channel.refuse("it cannot tell whose simulator this is; use keys")

    def quick_step(self, bounds: _native.Bounds | None) -> QuickStep | None:
        """One call for a whole step, if there is one; see `SharedMemory.quick_step`.

        What it returns is for `take_state`. If that is no tuple, `receive_state` comes next.

        Parameters
        ----------
        bounds
            What actions are checked against, if they are arrays.
        """
        if self._memory is not None:
            return self._memory.quick_step(bounds)
        if (
            bounds is None
            or self._is_attached
            or not self._reader.prefix
            or not self._writer.prefix
        ):
            return None
        return self._quick_message_step(bounds)

    def _quick_message_step(self, bounds: _native.Bounds) -> QuickStep:
        channel, simulator, timeout = self._channel, self._simulator, self._timeout
        action_prefix, state_prefix = self._writer.prefix, self._reader.prefix

        def step(action: Any, observation: Any) -> tuple[float, int, bytes | None] | int:
            if not bounds.contains(action):
                return REFUSED
            channel.send(action_prefix + action.tobytes())
            data = channel.receive(simulator, "its next state", timeout)
            outcome = _native.read_state(data, state_prefix, observation)
            if outcome is None:
                channel.hold(data)
                return OTHER
            return outcome

        return step

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
        if self._memory is not None:
            received = self._memory.receive(
                self._simulator, "its next state", self._timeout, self._asked_at
            )
            if isinstance(received, tuple):
                return self.take_state(*received)
            data = received
        else:
            data = self._receive("its next state")
        return self.take_state(*self._reader.read(data))

    def receive_first(self) -> State:
        """Receive the first state of an episode.

        Raises
        ------
        SimulatorError, SimulatorTimeoutError, ProtocolError
            As `receive_state`, and if the episode is over already.
        """
        state = self.receive_state()
        if state.terminated or state.truncated:
            raise ProtocolError(
                "The simulation ended before its first decision; let it run for longer."
            )
        return state

    def take_state(
        self, observation: Any, reward: float, flags: int, info: str | bytes | None
    ) -> State:
        """Make sense of a state that has been received. After the last one the simulator is let go.

        Parameters
        ----------
        observation
            A value of the observation space.
        reward
            Reward of the action before.
        flags
            Whether and why the episode is over.
        info
            The extra info as it was sent.
        """
        if not math.isfinite(reward):
            raise ProtocolError(f"The simulator reports the reward {reward}.")
        # From here on the simulator is known to wait for an answer that it will understand.
        self._is_understood = True
        is_over = bool(flags & IS_OVER)
        # One that can begin another episode waits for the word to do so.
        if is_over and not self._repeats:
            self._ask_to_stop()
        is_terminated = is_over and bool(flags & IS_GAME_OVER)
        return State(
            observation,
            reward,
            terminated=is_terminated,
            truncated=is_over and not is_terminated,
            info=decode_info(_text(info)) if info else {},
        )

    def send_action(self, action: Any) -> None:
        """Answer the last state.

        Parameters
        ----------
        action
            A value of the action space.
        """
        self._is_understood = False
        if self._memory is not None:
            self._memory.send_action(action)
        else:
            self._channel.send(self._writer.write(action))
        self._asked_at = time.monotonic()

    def mark_asked(self) -> None:
        """Take note that an action was sent by other means: the wait for its state begins now."""
        self._asked_at = time.monotonic()

    def can_repeat(self) -> bool:
        """Whether the simulator can begin another episode now, with `repeat`."""
        return (
            self._repeats
            and self._is_understood
            and self._owes_answer()
            and self._owner == os.getpid()
            and self._simulator.is_running()
        )

    def repeat(self, seed: int) -> None:
        """Let the simulator begin another episode in the same process; no `handshake` follows.

        Parameters
        ----------
        seed
            Seed of the simulation, as for ``--simSeed``.
        """
        self._is_understood = False
        self._answer(messages.EnvActMsg(reset=True, seed=seed))
        self._asked_at = time.monotonic()

    def close(self) -> None:
        """End the episode and the process, except in a fork of the process that began them.

        A simulator that somebody else started is asked to leave, if it can be asked.
        """
        if self._owner != os.getpid():
            return
        is_asked = self._is_over
        if self._owes_answer():
            is_asked = self._is_understood
            self._ask_to_stop()
        # A simulator that is not waiting for an answer cannot be asked.
        status = self._simulator.stop(_PATIENCE if is_asked else 0.0)
        if not self._is_attached:
            self._channel.close()
        self._drop_memory()
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
        self._answer(messages.EnvActMsg(stopSimReq=True))
        self._is_over = True

    def _answer(self, answer: Message) -> None:
        data = answer.SerializeToString()
        if self._memory is not None and self._memory.owes_answer:
            self._memory.send_message(data)
        else:
            self._channel.send(data)

    def _owes_answer(self) -> bool:
        if self._memory is not None and self._memory.owes_answer:
            return True
        return self._channel.owes_answer

    def _drop_memory(self) -> None:
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()


def _text(info: str | bytes) -> str:
    if isinstance(info, str):
        return info
    try:
        return info.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"The extra info of {len(info)} bytes is not UTF-8.") from error


def _is_introduction(request: Message) -> bool:
    """Whether it is a ``SimInitMsg`` indeed; proto3 reads other messages as an empty one."""
    return bool(request.HasField("obsSpace") or request.HasField("actSpace"))


def _is_same(token: str, expected: str) -> bool:
    return hmac.compare_digest(token.encode(), expected.encode())


def decode_info(text: str) -> dict[str, Any]:
    """Info dict of the extra info that came with a state.

    Parameters
    ----------
    text
        JSON or anything else.
    """
    if not text or text == "{}":
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
