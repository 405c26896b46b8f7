# SPDX-License-Identifier: MIT
"""Several simulators stepped together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from ns3kan.bridge.ns3.descriptors import require_descriptors
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    BridgeError,
    ProtocolError,
    SimulatorError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.recordings import separate_simulators
from ns3kan.bridge.ns3.session import Session
from ns3kan.bridge.uncopied import Uncopied
from ns3kan.errors import InputError

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
OnFailure = Literal["restart", "raise"]

MAX_FAILURES = 3
"""So many failures of one simulator in a row, without a step between them, are raised."""

# What a new process may do better. A missing executable, for one, stays missing.
_PASSING = (SimulatorError, SimulatorTimeoutError, ProtocolError)


class AsyncEnv(Protocol):
    """What a vector environment needs of each simulator; `Ns3Env` says what each member does."""

    observation_space: Any
    action_space: Any

    @property
    def feature_names(self) -> tuple[str, ...]: ...  # noqa: D102 - as of `Ns3Env`
    @property
    def feature_units(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def action_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def action_units(self) -> tuple[str, ...]: ...  # noqa: D102
    def check_action(self, action: Any) -> Any: ...  # noqa: D102
    def release_session(self, *, seed: int | None = None) -> Session | None: ...  # noqa: D102
    def reset_async(self, *, seed: int | None = None) -> None: ...  # noqa: D102
    def reset_wait(self) -> tuple[Any, dict[str, Any]]: ...  # noqa: D102
    def step_async(self, action: Any) -> None: ...  # noqa: D102
    def step_wait(self) -> tuple[Any, float, bool, bool, dict[str, Any]]: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None: ...  # noqa: D102


class Ns3VectorEnv(Uncopied, VectorEnv[Any, Any, Any]):
    """Several simulator processes as one vector environment.

    All actions are sent before the first answer is awaited, all simulators are started before the
    first is waited for, and those of the episodes before are closed together, so that the
    simulators run at the same time on as many cores as there are. No Python process is needed for
    that.

    When an episode ends, then as Gymnasium's `AutoresetMode` says:

    =============  ==============================================================================
    ``NEXT_STEP``  the next step ignores its action and returns the first state of the next
                   episode, with reward 0
    ``SAME_STEP``  the same step returns the first state of the next episode, and the last one of
                   the old in ``infos["final_obs"]`` and ``infos["final_info"]``
    ``DISABLED``   it is reset by ``reset(options={"reset_mask": …})``
    =============  ==============================================================================

    When a simulator dies, times out or talks nonsense, its episode is lost: what the action brought
    is not known. The step returns the observation before as its last one, truncated, with the
    reward NaN, and ``infos["transition_lost"]`` is true at its index; whoever learns leaves such a
    transition out. ``infos["simulator_error"]`` holds the error's text there (``None`` elsewhere).
    A new process serves the next episode, and the other simulators go on. A simulator that dies
    while an episode begins only leaves ``"simulator_error"``, and is started again.

    Parameters
    ----------
    num_envs
        Number of simulators, at least 1.
    make
        Makes one environment: `Ns3Env` itself, one of its subclasses, or a function.
    autoreset_mode
        When ended episodes are reset.
    on_failure
        ``"restart"``, or ``"raise"`` to close all and raise the simulator's error instead.
    **arguments
        Given to `make` each time. A file to record in becomes one for each simulator, with its
        number in the name.

    Attributes
    ----------
    feature_names, feature_units, action_names, action_units
        As of `Ns3Env`.

    Raises
    ------
    BridgeError
        If a simulator cannot be started, or fails `MAX_FAILURES` times in a row without a step
        between; all are then closed. A note says which it was.
    """

    # Whether the simulators run in processes of this one.
    _are_local = True

    def __init__(
        self,
        num_envs: int,
        make: Callable[..., AsyncEnv] = Ns3Env,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        on_failure: OnFailure = "restart",
        **arguments: Any,
    ) -> None:
        if num_envs < 1:
            raise InputError(f"num_envs={num_envs} must be at least 1.")
        if on_failure not in get_args(OnFailure):
            raise InputError(f"on_failure={on_failure!r} must be 'restart' or 'raise'.")
        super().__init__()
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.envs: list[AsyncEnv] = []
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self._max_failures = MAX_FAILURES if on_failure == "restart" else 1
        if self._are_local:
            require_descriptors(num_envs)
        try:
            for simulator_arguments in separate_simulators(arguments, num_envs):
                self.envs.append(make(**simulator_arguments))
        except BaseException:
            self.close()
            raise
        first = self.envs[0]
        self.feature_names = first.feature_names
        self.feature_units = first.feature_units
        self.action_names = first.action_names
        self.action_units = first.action_units
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(first.observation_space, num_envs)
        self.action_space = batch_space(first.action_space, num_envs)
        self._observations: list[Any] = [None] * num_envs
        # None before the first reset.
        self._is_over: BoolArray | None = None
        self._failures = np.zeros(num_envs, dtype=np.int64)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode in every simulator, or in some.

        Parameters
        ----------
        seed
            One for each environment, or one number for the first and its successors for the
            others: environment ``i`` does what an `Ns3Env` does after ``reset(seed=seed + i)``.
        options
            ``{"reset_mask": mask}`` resets only where the array of `num_envs` flags is true.

        Returns
        -------
        observations, infos
            Batched first states; of environments that are not reset, the present observations.
        """
        self._require_open("reset")
        unknown = set(options or {}) - {"reset_mask"}
        if unknown:
            raise InputError(
                f"reset takes no options but reset_mask; it was given {', '.join(unknown)}."
            )
        if seed is None or isinstance(seed, int | np.integer):
            seeds = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise InputError(f"{len(seeds)} seeds were given for {self.num_envs} environments.")
        mask = self._check_mask((options or {}).get("reset_mask"))
        infos: dict[str, Any] = {}
        infos = self._start_episodes(np.flatnonzero(mask), seeds, infos)
        self._is_over = np.zeros_like(mask) if self._is_over is None else self._is_over & ~mask
        return self._batch(), infos

    def step(self, actions: Any) -> tuple[Any, FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Step every simulator, or reset it if its episode ended in the step before.

        Parameters
        ----------
        actions
            A value of the batched action space.

        Returns
        -------
        observations, rewards, terminations, truncations, infos
            Batched states.
        """
        self._require_open("step")
        # A wrong call must leave every simulator as it was, so all actions are checked first.
        singles = self._single_actions(actions)
        if self._is_over is None:
            raise ResetNeeded("step() needs running episodes; call reset() first.")
        resetting = self._is_over
        if self.autoreset_mode is AutoresetMode.DISABLED and resetting.any():
            raise ResetNeeded(
                f"step() needs running episodes, but those of {np.flatnonzero(resetting)} have "
                "ended; call reset(options={'reset_mask': …}) first."
            )
        rewards = np.zeros(self.num_envs)
        terminations = np.zeros(self.num_envs, dtype=np.bool_)
        truncations = np.zeros(self.num_envs, dtype=np.bool_)
        infos: dict[str, Any] = {}

        def begin(i: int) -> None:
            if resetting[i]:
                self.envs[i].reset_async()
            else:
                self.envs[i].step_async(singles[i])

        def finish(i: int) -> tuple[Any, ...]:
            return self.envs[i].reset_wait() if resetting[i] else self.envs[i].step_wait()

        self._end_episodes(np.flatnonzero(resetting), [None] * self.num_envs)
        for i, outcome in self._together(range(self.num_envs), begin, finish):
            info: dict[str, Any]
            if isinstance(outcome, BridgeError):
                truncations[i] = True
                info = {}
                infos = self._add_info(infos, {"simulator_error": str(outcome)}, i)
                if not resetting[i]:
                    rewards[i] = np.nan
                    infos = self._add_info(infos, {"transition_lost": True}, i)
            elif resetting[i]:
                self._observations[i], info = outcome
            else:
                self._observations[i], rewards[i], terminations[i], truncations[i], info = outcome
                self._failures[i] = 0
            if self.autoreset_mode is AutoresetMode.SAME_STEP and (
                terminations[i] or truncations[i]
            ):
                info = {"final_obs": self._observations[i], "final_info": info}
            infos = self._add_info(infos, info, i)
        self._is_over = terminations | truncations
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._is_over.any():
            ended = np.flatnonzero(self._is_over)
            infos = self._start_episodes(ended, [None] * self.num_envs, infos)
            self._is_over = np.zeros_like(self._is_over)
        return self._batch(), rewards, terminations, truncations, infos

    def close_extras(self, **kwargs: Any) -> None:
        """End all simulators.

        Parameters
        ----------
        **kwargs
            Ignored, as Gymnasium passes them.
        """
        close_together(self.envs)

    def _single_actions(self, actions: Any) -> list[Any]:
        """Take a batch of actions apart and check each.

        Raises
        ------
        InvalidAction
            If it is no batch, or one of them is not in the action space.
        """
        try:
            batch = list(iterate(self.action_space, actions))
        except (TypeError, ValueError, LookupError):
            batch = []
        if len(batch) != self.num_envs:
            raise InvalidAction(
                f"step() was given {actions!r}, which is no batch of {self.num_envs} actions in "
                f"{self.single_action_space}."
            )
        singles = []
        for i, (env, action) in enumerate(zip(self.envs, batch, strict=True)):
            try:
                singles.append(env.check_action(action))
            except InvalidAction as error:
                raise InvalidAction(f"Environment {i}: {error}") from None
        return singles

    def _start_episodes(
        self, chosen: Iterable[int], seeds: Sequence[int | None], infos: dict[str, Any]
    ) -> dict[str, Any]:
        """Reset some environments, again where that fails, and add what they tell to `infos`."""
        left = [int(i) for i in chosen]
        while left:
            self._end_episodes(left, seeds)
            outcomes = self._together(
                left,
                lambda i: self.envs[i].reset_async(seed=seeds[i]),
                lambda i: self.envs[i].reset_wait(),
            )
            left = []
            for i, outcome in outcomes:
                if isinstance(outcome, BridgeError):
                    left.append(i)
                    infos = self._add_info(infos, {"simulator_error": str(outcome)}, i)
                else:
                    self._observations[i], info = outcome
                    infos = self._add_info(infos, info, i)
        return infos

    def _end_episodes(self, chosen: Iterable[int], seeds: Sequence[int | None]) -> None:
        """Close the simulators of some environments that their next episodes have no use for."""
        sessions = [self.envs[i].release_session(seed=seeds[i]) for i in chosen]
        close_together([session for session in sessions if session is not None])

    def _together(
        self,
        chosen: Iterable[int],
        begin: Callable[[int], None],
        finish: Callable[[int], tuple[Any, ...]],
    ) -> list[tuple[int, tuple[Any, ...] | BridgeError]]:
        """Begin something in all chosen environments before it is finished in the first.

        Returns
        -------
        outcomes
            Of each what `finish` returned, or the error of a simulator that may be restarted.
        """
        outcomes: dict[int, tuple[Any, ...] | BridgeError] = {}
        i = 0
        try:
            for i in chosen:
                try:
                    begin(i)
                except _PASSING as error:
                    outcomes[i] = self._tolerate(i, error)
            for i in chosen:
                try:
                    if i not in outcomes:
                        outcomes[i] = finish(i)
                except _PASSING as error:
                    outcomes[i] = self._tolerate(i, error)
        except BaseException as error:
            error.add_note(f"This was simulator {i} of {self.num_envs}; all have been closed.")
            self.close()
            raise
        return sorted(outcomes.items())

    def _tolerate(self, i: int, error: BridgeError) -> BridgeError:
        """Return an error of a simulator, or raise it if it has failed too often."""
        self._failures[i] += 1
        if self._failures[i] < self._max_failures:
            return error
        if self._max_failures > 1:
            error.add_note(f"It failed {self._failures[i]} times in a row without a step between.")
        raise error

    def _add_info(
        self, vector_infos: dict[str, Any], env_info: dict[str, Any], env_num: int
    ) -> dict[str, Any]:
        """Add one environment's info; where two disagree on an entry's type, as objects."""
        for key, value in env_info.items():
            held = vector_infos.get(key)
            if held is None or isinstance(held, dict) == isinstance(value, dict):
                try:
                    vector_infos = super()._add_info(vector_infos, {key: value}, env_num)
                    continue
                except (TypeError, ValueError):
                    held = vector_infos[key]
            mask = vector_infos[f"_{key}"]
            objects = np.full(self.num_envs, None, dtype=object)
            for i in range(self.num_envs):
                if mask[i]:
                    objects[i] = _single(held, i)
            objects[env_num] = value
            mask[env_num] = True
            vector_infos[key] = objects
        return vector_infos

    def _check_mask(self, mask: Any) -> BoolArray:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        if (
            not isinstance(mask, np.ndarray)
            or mask.dtype != np.bool_
            or mask.shape != (self.num_envs,)
            or not mask.any()
        ):
            raise InputError(
                f"options['reset_mask'] must be an array of {self.num_envs} flags, at least one of "
                f"them true, not {mask!r}."
            )
        if self._is_over is None and not mask.all():
            raise ResetNeeded("reset_mask needs running episodes; call reset() without it first.")
        return mask

    def _batch(self) -> Any:
        out: Any = create_empty_array(self.single_observation_space, self.num_envs)
        return concatenate(self.single_observation_space, self._observations, out)

    def _require_open(self, call: str) -> None:
        if self.closed:
            raise ClosedEnvironmentError(
                f"{call}() was called after close(); make a new environment."
            )


def close_together(simulators: Sequence[Closable]) -> None:
    """Close simulators at the same time, so that several that do not leave cost no more than one.

    Parameters
    ----------
    simulators
        Environments or sessions.
    """
    if len(simulators) > 1:
        try:
            with ThreadPoolExecutor(len(simulators)) as pool:
                list(pool.map(lambda one: one.close(), simulators))
            return
        except RuntimeError:
            pass  # the interpreter ends, and starts no more threads
    for one in simulators:
        one.close()


def _single(entry: Any, i: int) -> Any:
    """One environment's part of an entry of the batched infos."""
    if not isinstance(entry, dict):
        return entry[i]
    names = [name for name in entry if not name.startswith("_") and entry[f"_{name}"][i]]
    return {name: _single(entry[name], i) for name in names}
