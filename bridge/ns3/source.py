# SPDX-License-Identifier: MIT
"""Where an environment's simulators come from: started here, or waited for at a port."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.arguments import (
    Argument,
    check_seed_argument,
    format_arguments,
    seed_arguments,
)
from ns3kan.bridge.ns3.attached import OFFER, AttachedSimulator
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.codec import Space
from ns3kan.bridge.ns3.errors import SimulatorError, TransportError
from ns3kan.bridge.ns3.security import CurveKeys, load_keys, require_protection
from ns3kan.bridge.ns3.session import Session, Transport
from ns3kan.bridge.ns3.shared_memory import SharedMemory
from ns3kan.bridge.ns3.simulator import Simulator, complaint
from ns3kan.errors import InputError

_TOKEN_BYTES = 16


class SimulatorSource:
    """Starts a simulator for each session, or waits for one that somebody else starts.

    Parameters
    ----------
    command, args, scenario_arguments, env, port, timeout, bind, keys, insecure, transport, \
seed_argument
        As for `ns3kan.bridge.ns3.env.Ns3Env`.

    Attributes
    ----------
    timeout
        Of the sessions to come [s].

    Raises
    ------
    ValueError, TypeError
        If an argument is wrong, or does not go with the others.
    InsecureError
        If other hosts could connect without keys.
    """

    def __init__(
        self,
        command: str | Path | None,
        args: Sequence[str],
        scenario_arguments: dict[str, Argument],
        *,
        env: Mapping[str, str] | None,
        port: int,
        timeout: float,
        bind: str,
        keys: CurveKeys | str | Path | None,
        insecure: bool,
        transport: Transport,
        seed_argument: str | None,
    ) -> None:
        if command is not None and not isinstance(command, str | os.PathLike):
            raise TypeError(
                f"command={command!r} must be the path or name of one executable; "
                "give its arguments as args=[…]."
            )
        if not timeout > 0:
            raise InputError(f"timeout={timeout} must be a positive number of seconds.")
        if not 0 <= port < 2**16:
            raise InputError(f"port={port} must be between 0 (any) and 65535.")
        check_seed_argument(seed_argument)
        arguments = [*args, *format_arguments(scenario_arguments, seed_argument)]
        if command is None and not port:
            raise InputError(
                "Neither a simulator to start nor a port to wait at was given; "
                "give command=, or port= to attach to a simulator that you start yourself."
            )
        if command is None and (arguments or env):
            raise InputError(
                "A simulator that is attached to has its arguments and environment already; "
                "give args=, env= and scenario arguments only together with command=."
            )
        if transport not in ("auto", "zmq", "shm"):
            raise InputError(f"transport={transport!r} is unknown; use 'auto', 'zmq' or 'shm'.")
        if command is None and transport == "shm":
            raise InputError(
                "A simulator that is attached to cannot be given shared memory; "
                "use transport='auto' or 'zmq'."
            )
        self._command = None if command is None else [os.fspath(command), *arguments]
        self._env = dict(env or {})
        self._port = port
        self.timeout = timeout
        self._bind = bind
        self._keys = load_keys(keys)
        require_protection(bind, self._keys, insecure)
        self._insecure = insecure
        self._transport = transport
        self._seed_argument = seed_argument
        # Where others' simulators connect. It outlives the sessions: the next simulator may
        # connect before the session before is done with.
        self._listening: Channel | None = None

    @property
    def is_attached(self) -> bool:
        """Whether somebody else starts the simulators, and so gives them their seeds."""
        return self._command is None

    def open(self, seed: int) -> Session:
        """Begin a session, without waiting for the simulator.

        Parameters
        ----------
        seed
            Seed of the simulation, if it is started here.

        Raises
        ------
        SimulatorNotFoundError, PortInUseError
            If there is no such executable, or no such port to be had.
        TransportError
            If this system has no shared memory and it was asked for.
        """
        if self._command is not None:
            return self._launch(self._command, seed)
        if self._listening is None:
            self._listening = Channel(self._port, self._bind, self._keys, insecure=self._insecure)
        self._listening.renew()
        attached = AttachedSimulator(self._listening.endpoint)
        return Session(attached, self._listening, self.timeout, is_open=self._insecure)

    def handshake(self, session: Session) -> tuple[Space, Space]:
        """Receive the simulator's spaces, as `Session.handshake`.

        Raises
        ------
        SimulatorError
            If it ends; with an explanation where it does not know the argument of the seed.
        """
        try:
            return session.handshake()
        except SimulatorError as error:
            argument = self._seed_argument
            # Programs that do not know the seed's argument end with a complaint about it.
            if self.is_attached or not argument or argument not in complaint(error.stderr):
                raise
            raise SimulatorError(
                f"{error}\nIf the simulator does not know {argument}, give seed_argument= the name "
                "of its own argument for the seed, or None.",
                exit_status=error.exit_status,
                signal_name=error.signal_name,
                stderr=error.stderr,
            ) from error

    def close(self) -> None:
        """Ask the simulator that waits to be attached to, if one does, to leave."""
        channel, self._listening = self._listening, None
        if channel is None:
            return
        if channel.owes_answer or channel.has_message():
            channel.send(messages.EnvActMsg(stopSimReq=True).SerializeToString())
        channel.close()

    def _launch(self, command: Sequence[str], seed: int) -> Session:
        needs_memory = self._transport == "shm"
        memory = None if self._transport == "zmq" else _make_memory(is_needed=needs_memory)
        channel = None
        try:
            channel = Channel(self._port, self._bind, self._keys, insecure=self._insecure)
            # What a simulator of this project may use; others do not look there.
            token = make_token()
            offer = f"token={token} reset"
            if memory is not None:
                offer += f" shm={memory.descriptor}"
            simulator = Simulator(
                [
                    *command,
                    f"--openGymPort={channel.port}",
                    *seed_arguments(self._seed_argument, seed),
                ],
                {
                    **self._env,
                    **(self._keys.simulator_environment() if self._keys is not None else {}),
                    f"{OFFER}{channel.port}": offer,
                },
                () if memory is None else (memory.descriptor,),
                self.timeout,
            )
        except BaseException:
            if channel is not None:
                channel.close()
            if memory is not None:
                memory.close()
            raise
        if memory is not None:
            memory.release_descriptor()
        return Session(
            simulator,
            channel,
            self.timeout,
            memory,
            needs_memory=needs_memory,
            token=token,
            is_open=self._insecure,
        )


def make_token() -> str:
    """Draw the proof of a simulator that is about to be started."""
    return secrets.token_hex(_TOKEN_BYTES)


def _make_memory(*, is_needed: bool) -> SharedMemory | None:
    try:
        return SharedMemory()
    except RuntimeError as error:
        if is_needed:
            raise TransportError(f"This system has no shared memory: {error}") from error
        return None
