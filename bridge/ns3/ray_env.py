# SPDX-License-Identifier: MIT
"""Simulators on the nodes of a Ray cluster, for one learner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import BridgeError, SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.values import conform_action
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv, OnFailure
from ns3kan.bridge.ray_cluster import connect

TIMEOUT = 300.0
"""Longest wait for a node, in seconds: to start a worker and a simulator, or for a step."""

_STARTS = 3
"""How often the process of an environment is started before its death counts."""


class RayVectorEnv(Ns3VectorEnv):
    """An `Ns3VectorEnv` whose simulators run on the nodes of a Ray cluster, one core each.

    With the same seeds it does what an `Ns3VectorEnv` of the same environments does. A node that
    dies is a simulator that dies: the episode is lost and told in ``infos["simulator_error"]``, and
    the next one runs on another node. A step costs a round trip between the hosts, about a
    millisecond; it pays where the simulation of a decision takes much longer.

    Parameters
    ----------
    num_envs
        Number of simulators, at least 1; the cluster needs a free core for each.
    make
        Makes one environment on its node, where ns3kan is installed too.
    address
        Of the cluster, as for ``ray.init``.
    timeout
        Longest wait for a node, in seconds.
    autoreset_mode, on_failure, **arguments
        As for `Ns3VectorEnv`.

    Raises
    ------
    ClusterError
        If Ray is not installed, or no cluster answers.
    BridgeError
        As from `Ns3VectorEnv`.

    Examples
    --------
    >>> env = RayVectorEnv(64, SdWanEnv, reward="loss")  # doctest: +SKIP
    >>> agent = PPO(PPOConfig()).learn(env)  # doctest: +SKIP
    """

    _are_local = False

    def __init__(
        self,
        num_envs: int,
        make: Callable[..., Ns3Env] = Ns3Env,
        *,
        address: str = "auto",
        timeout: float = TIMEOUT,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        on_failure: OnFailure = "restart",
        **arguments: Any,
    ) -> None:
        ray = connect(address)

        def make_remote(**of_one: Any) -> RayEnv:
            return RayEnv(ray, make, of_one, timeout)

        super().__init__(
            num_envs,
            make_remote,
            autoreset_mode=autoreset_mode,
            on_failure=on_failure,
            **arguments,
        )


class RayEnv:
    """One environment in a process of the cluster, with what `Ns3VectorEnv` needs of it.

    Parameters
    ----------
    ray
        The module, connected.
    make, arguments
        Make the environment.
    timeout
        Longest wait for an answer, in seconds.
    """

    def __init__(
        self, ray: Any, make: Callable[..., Ns3Env], arguments: dict[str, Any], timeout: float
    ) -> None:
        self._ray, self._make, self._arguments, self._timeout = ray, make, arguments, timeout
        self._pending: Any = None
        self._host: Any = None
        # For the seed of the first episode on another node.
        self._seeds = np.random.default_rng()
        self.observation_space, self.action_space, names = self._start()
        self.feature_names, self.feature_units, self.action_names, self.action_units = names

    def check_action(self, action: Any) -> Any:
        """As `Ns3Env.check_action`."""
        return conform_action(action, self.action_space)

    def release_session(self, *, seed: int | None = None) -> None:
        """Release nothing: nodes close their simulators at the same time anyway."""

    def reset_async(self, *, seed: int | None = None) -> None:
        """As `Ns3Env.reset_async`."""
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        if self._host is None:
            self._start()
            if seed is None:
                seed = int(self._seeds.integers(2**31))
        self._pending = self._host.reset.remote(seed)

    def reset_wait(self) -> tuple[Any, dict[str, Any]]:
        """As `Ns3Env.reset_wait`."""
        return self._wait(self._pending)  # type: ignore[no-any-return]

    def step_async(self, action: Any) -> None:
        """As `Ns3Env.step_async`."""
        self._pending = self._host.step.remote(action)

    def step_wait(self) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As `Ns3Env.step_wait`."""
        return self._wait(self._pending)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the simulator and its process."""
        if self._host is not None and self._ray.is_initialized():
            # A simulator ends with the process that started it.
            self._ray.kill(self._host)
        self._host = None

    def _start(self) -> tuple[Any, ...]:
        """Start the process, and return what it says of its environment.

        For some seconds after its end a cluster takes a node for a free one, so where a process
        dies before it has said anything, the next one is tried.
        """
        remote = self._ray.remote(_Host).options(num_cpus=1, scheduling_strategy="SPREAD")
        for left in reversed(range(_STARTS)):
            self._host = remote.remote(self._make, self._arguments)
            try:
                described: tuple[Any, ...] = self._wait(self._host.describe.remote())
                return described
            except SimulatorError as error:
                died: Any = error.__cause__
                is_lost = isinstance(died, self._ray.exceptions.RayActorError)
                if not is_lost or died.actor_init_failed or not left:
                    raise
        raise AssertionError

    def _wait(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=self._timeout)
        except errors.GetTimeoutError as error:
            self.close()
            raise SimulatorTimeoutError(
                f"The node of a simulator said nothing for {self._timeout:g} s; is there a core "
                "for each simulator (`ray status`)?",
                stderr="",
            ) from error
        except errors.RayTaskError as error:
            if isinstance(error.cause, BridgeError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            self.close()
            raise SimulatorError(
                f"The node of a simulator, or its process there, died: {error}",
                exit_status=None,
                signal_name=None,
                stderr="",
            ) from error


class _Host:
    """The environment, in its process on a node."""

    def __init__(self, make: Callable[..., Ns3Env], arguments: dict[str, Any]) -> None:
        self._env = make(**arguments)

    def describe(self) -> tuple[Any, ...]:
        env = self._env
        names = (env.feature_names, env.feature_units, env.action_names, env.action_units)
        return env.observation_space, env.action_space, names

    def reset(self, seed: int | None) -> tuple[Any, dict[str, Any]]:
        return self._env.reset(seed=seed)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._env.step(action)
