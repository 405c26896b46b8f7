# SPDX-License-Identifier: MIT
"""Any ns-3 simulation as a Gymnasium environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from ns3kan._native import bridge as _native
from ns3kan.bridge.ns3.arguments import SEED_ARGUMENT, Argument, draw_simulator_seed
from ns3kan.bridge.ns3.description import ChoiceCheck, describe, given_names
from ns3kan.bridge.ns3.errors import ProtocolError, require_usable
from ns3kan.bridge.ns3.security import LOOPBACK, CurveKeys
from ns3kan.bridge.ns3.session import Session, State, Transport
from ns3kan.bridge.ns3.shared_memory import HAS_NAN, REFUSED, QuickStep
from ns3kan.bridge.ns3.source import SimulatorSource
from ns3kan.bridge.ns3.values import conform_action
from ns3kan.bridge.uncopied import Uncopied
from ns3kan.errors import InputError


class Ns3Env(Uncopied, gymnasium.Env[Any, Any]):
    """A simulator process as a Gymnasium environment.

    Description
    -----------
    Runs an executable that speaks the ns3-gym protocol: a simulation written with this project's
    ``GymInterface`` or with ns3-gym's ``OpenGymInterface``. Each episode is one process, started
    by `reset` and ended by the simulation itself, by the next `reset` or by `close`.

    Without a `command` it attaches to a simulator that somebody starts by hand, under a debugger
    or on another host, with ``--openGymPort=PORT``. That one is never signalled: `reset` and
    `close` ask it to leave (``stopSimReq``), and `reset` then waits for the next one to connect at
    the same port.

    Action and observation spaces
    -----------------------------
    Whatever the simulator declares: Discrete, Box of int32, uint32, float32 or float64, Tuple and
    Dict, nested to any depth. They are learnt in the constructor, which therefore starts a
    simulator. A simulator of this project also says what its numbers mean, and the bounds of a
    Box then are those of its components:

    =================  ========================================================================
    attribute          meaning
    =================  ========================================================================
    ``feature_names``  one name per number of the observation; ``observation_0``, … if unknown
    ``feature_units``  SI units, ``"1"`` for shares, ``""`` if unknown
    ``action_names``   one name per number of the action; ``action_0``, … if unknown
    ``action_units``   SI units, ``""`` if unknown
    =================  ========================================================================

    Rewards
    -------
    The simulator's, in single precision. The info dict holds the metrics that it sends beside.

    Starting state
    --------------
    The simulator's first state. It is given a seed (``--simSeed``, or `seed_argument`), drawn from
    the environment's random generator, so that the same ``reset(seed=…)`` gives the same packets,
    and each further ``reset()`` the next of a reproducible series. A simulator that somebody else
    starts has been given its seed by them.

    End of episode
    --------------
    Truncated when the simulated time runs out; terminated when the scenario says so.

    Parameters
    ----------
    command
        Executable, by path or by a name on the PATH; None to attach to a simulator that somebody
        else starts.
    args
        Arguments, passed on unchanged.
    env
        Environment variables for the simulator, beyond those of Python.
    port
        TCP port for the simulator to connect to; 0 lets the operating system choose.
    timeout
        Longest wait for each message of the simulator [s]. That it died is noticed at once.
    bind
        Address to listen at. Other hosts can reach any but the default.
    keys
        `CurveKeys`, or the file that holds them, made with ``ns3kan keys FILE``: the conversation
        is encrypted, and only simulators that have their part of the keys are let in.
    insecure
        Do without keys although other hosts can connect, and take whoever connects for the
        simulator, be it another user's or another process than the one that was started.
    transport
        What carries states and actions: ``"shm"`` for shared memory, ``"zmq"`` for the socket at
        `port`, or ``"auto"`` for shared memory with simulators of this project that are started
        here, and the socket with all others. Episodes are the same.
    seed_argument
        The simulator's argument that takes the seed, with its dashes; None for one that has none,
        whose packets are then the same whatever ``reset`` is told.
    feature_names, feature_units, action_names, action_units
        What the numbers of a simulator that does not say so itself are called and measured in, as
        many as there are numbers.
    check_choices
        Whether an observed choice outside its Discrete is a `ProtocolError`. By default the first
        is warned of and all are passed on: ns3-gym's own example ``opengym-2`` sends such.
    **scenario_arguments
        Further arguments by name: ``cross_traffic=True`` becomes ``--crossTraffic=true``.

    Raises
    ------
    SimulatorNotFoundError, PortInUseError, InsecureError
        From the constructor and `reset`.
    SimulatorError, SimulatorTimeoutError, ProtocolError, ForkError
        From the constructor, `reset` and `step`; see `ns3kan.bridge.ns3.errors`. After one of
        them only `reset` and `close` make sense.
    ValueError, TypeError
        From the constructor, if an argument is wrong.
    InvalidAction, ResetNeeded, ClosedEnvironmentError
        From `step` and `reset`, if the call was wrong.

    References
    ----------
    P. Gawłowicz and A. Zubow, "ns-3 meets OpenAI Gym: The playground for machine learning in
    networking research", MSWiM 2019 (the protocol).

    Examples
    --------
    >>> from ns3kan.bridge.ns3.simulator import scenario_path
    >>> with Ns3Env(scenario_path("gym-example"), steps=2) as env:
    ...     observation, info = env.reset(seed=1)
    ...     observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    >>> env.feature_names
    ('noise', 'time', 'level')
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium declares it so

    # Set first of all, so that a failed constructor can be closed.
    _session: Session | None = None
    _quick_step: QuickStep | None = None
    _bounds: _native.Bounds | None = None
    _source: SimulatorSource | None = None
    # The first state of a session nobody has stepped yet.
    _first: State | None = None
    # Whether the present session still has to shake hands.
    _is_new = True
    _needs_reset = True
    _owner = 0
    _closed = False

    def __init__(
        self,
        command: str | Path | None = None,
        args: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        port: int = 0,
        timeout: float = 60.0,
        bind: str = LOOPBACK,
        keys: CurveKeys | str | Path | None = None,
        insecure: bool = False,
        transport: Transport = "auto",
        seed_argument: str | None = SEED_ARGUMENT,
        feature_names: Sequence[str] | None = None,
        feature_units: Sequence[str] | None = None,
        action_names: Sequence[str] | None = None,
        action_units: Sequence[str] | None = None,
        check_choices: bool = False,
        **scenario_arguments: Argument,
    ) -> None:
        self._owner = os.getpid()
        self._source = SimulatorSource(
            command,
            args,
            scenario_arguments,
            env=env,
            port=port,
            timeout=timeout,
            bind=bind,
            keys=keys,
            insecure=insecure,
            transport=transport,
            seed_argument=seed_argument,
        )
        try:
            self._session = self._source.open(draw_simulator_seed(self.np_random))
            self._declared = self._source.handshake(self._session)
            self._first = self._session.receive_first()
            told = self._first.info.pop("ns3kan", None)
            self._description = description = describe(
                *self._declared,
                told,
                features=given_names("feature", feature_names, feature_units),
                actions=given_names("action", action_names, action_units),
                choices=ChoiceCheck(refuse=check_choices),
            )
            description.check_observation(self._first.observation)
        except BaseException:
            self.close()
            raise
        self.observation_space = description.observation_space
        self.action_space = description.action_space
        self.feature_names = description.feature_names
        self.feature_units = description.feature_units
        self.action_names = description.action_names
        self.action_units = description.action_units
        if isinstance(self.action_space, spaces.Box):
            self._bounds = _native.Bounds(
                np.array(self.action_space.low, order="C"),
                np.array(self.action_space.high, order="C"),
            )
        self._quick_step = self._session.quick_step(self._bounds)

    @property
    def transport(self) -> str:
        """What carries states and actions at present: ``"zmq"`` or ``"shm"``."""
        if self._session is None:
            raise ResetNeeded("There is no simulator at present; call reset() first.")
        return self._session.transport

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode.

        Parameters
        ----------
        seed
            Seed of the environment's random generator, from which the simulator's is drawn.
        options
            None are known.

        Returns
        -------
        observation, info
            The simulator's first state.
        """
        if options:
            raise InputError(f"reset takes no options, but was given {', '.join(options)}.")
        self.reset_async(seed=seed)
        return self.reset_wait()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Let the simulator carry an action out and run until its next decision.

        Parameters
        ----------
        action
            A value of the action space.

        Returns
        -------
        observation, reward, terminated, truncated, info
            The simulator's next state.
        """
        quick_step, session = self._quick_step, self._session
        if quick_step is None or session is None or self._needs_reset or self._owner != os.getpid():
            self.step_async(action)
            return self.step_wait()
        observation = np.empty(self.observation_space.shape or (), self.observation_space.dtype)
        self._needs_reset = True
        try:
            outcome = quick_step(action, observation)
        except BaseException:
            self._close_session()
            raise
        if not isinstance(outcome, tuple):
            if outcome == REFUSED:
                # Some refused actions only have to be converted.
                self._needs_reset = False
                self.step_async(action)
            else:
                session.mark_asked()
            return self.step_wait()
        reward, flags, info = outcome
        if not flags and info is None and reward - reward == 0:
            self._needs_reset = False
            return observation, reward, False, False, {}
        try:
            state = session.take_state(observation, reward, flags, info)
            if flags & HAS_NAN:
                self._description.check_observation(observation)
        except BaseException:
            self._close_session()
            raise
        self._needs_reset = state.terminated or state.truncated
        return state.observation, state.reward, state.terminated, state.truncated, state.info

    def reset_async(self, *, seed: int | None = None) -> None:
        """Begin a `reset`: start the simulator, but do not wait for it.

        Parameters
        ----------
        seed
            As for `reset`.
        """
        require_usable("reset", is_closed=self._closed, owner=self._owner)
        super().reset(seed=seed)
        if self._has_first(seed):
            return
        self._first = None
        self._needs_reset = True
        self._is_new = self._session is None or not self._session.can_repeat()
        if self._session is not None and not self._is_new:
            self._session.repeat(draw_simulator_seed(self.np_random))
            return
        self._close_session()
        assert self._source is not None
        self._session = self._source.open(draw_simulator_seed(self.np_random))

    def release_session(self, *, seed: int | None = None) -> Session | None:
        """Give away the conversation with a simulator that the next `reset` has no use for.

        Waiting for the end of its process is then a matter of who closes it.

        Parameters
        ----------
        seed
            As for the `reset` that follows.

        Returns
        -------
        Session or None
            What has to be closed before the `reset`; None if there is nothing.
        """
        if (
            self._session is None
            or self._owner != os.getpid()
            or self._has_first(seed)
            or self._session.can_repeat()
        ):
            return None
        session, self._session = self._session, None
        self._first = self._quick_step = None
        self._needs_reset = True
        return session

    def reset_wait(self) -> tuple[Any, dict[str, Any]]:
        """Finish a `reset`.

        Returns
        -------
        observation, info
            As from `reset`.
        """
        if self._session is None:
            raise ResetNeeded("reset_wait() must follow reset_async().")
        try:
            if self._first is None:
                if self._is_new and self._session.handshake() != self._declared:
                    raise ProtocolError(
                        "The simulator declares other spaces than when the environment was made; "
                        "make a new environment for it."
                    )
                self._first = self._session.receive_first()
                self._first.info.pop("ns3kan", None)
                self._description.check_observation(self._first.observation)
                self._quick_step = self._session.quick_step(self._bounds)
        except BaseException:
            self._close_session()
            raise
        state, self._first = self._first, None
        self._needs_reset = False
        return state.observation, state.info

    def step_async(self, action: Any) -> None:
        """Begin a `step`: send the action, but do not wait for the next state.

        Parameters
        ----------
        action
            As for `step`.
        """
        require_usable("step", is_closed=self._closed, owner=self._owner)
        if self._needs_reset or self._session is None:
            raise ResetNeeded("step() needs a running episode; call reset() first.")
        action = self.check_action(action)
        self._needs_reset = True
        self._session.send_action(action)

    def step_wait(self) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Finish a `step`.

        Returns
        -------
        observation, reward, terminated, truncated, info
            As from `step`.
        """
        if self._session is None:
            raise ResetNeeded("step_wait() must follow step_async().")
        try:
            state = self._session.receive_state()
            self._description.check_observation(state.observation)
        except BaseException:
            self._close_session()
            raise
        self._needs_reset = state.terminated or state.truncated
        return state.observation, state.reward, state.terminated, state.truncated, state.info

    def check_action(self, action: Any) -> Any:
        """Bring an action into the action space's element type.

        Parameters
        ----------
        action
            As for `step`.

        Returns
        -------
        action
            The same action, a value of the action space.

        Raises
        ------
        InvalidAction
            If it is not in the action space: wrong shape, out of bounds, or not a number.
        """
        bounds = self._bounds
        if bounds is not None and bounds.contains(action):
            return action
        return conform_action(action, self.action_space)

    def close(self) -> None:
        """End the simulator. Does nothing the second time."""
        self._closed = True
        self._close_session()
        if self._source is not None and self._owner == os.getpid():
            self._source.close()

    def __del__(self) -> None:
        self.close()

    def _has_first(self, seed: int | None) -> bool:
        """Whether a simulator has been started that serves a reset with this seed."""
        # One that somebody else started cannot be given a seed.
        is_any = seed is None or (self._source is not None and self._source.is_attached)
        return self._first is not None and is_any

    def _close_session(self) -> None:
        session, self._session = self._session, None
        self._quick_step = None
        self._needs_reset = True
        if session is not None:
            session.close()
