# SPDX-License-Identifier: MIT
"""Environments made by their ids, and described: features, units, actions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

from ns3kan.errors import InputError
from ns3kan.registration import SCENARIOS, environment_facts

_SHOWN = 12


@dataclass(frozen=True)
class Description:
    """An environment as ``ns3kan envs`` shows it.

    Attributes
    ----------
    id, summary
        Its name for ``gymnasium.make``, and what it is.
    observation, action
        The spaces.
    features, units
        Names and units of the observation; of each row where it has two axes.
    actions
        Names of the action's components, where they have names.
    measured
        What its scenario measures beside them in each interval, and the units.
    problem
        Why it cannot be made here; then the others are empty.
    """

    id: str
    summary: str
    observation: str = ""
    features: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    action: str = ""
    actions: tuple[str, ...] = ()
    measured: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        head = f"{self.id}: {self.summary}"
        if self.problem:
            return [head, f"  cannot be made here: {self.problem}"]
        named = _with_units(zip(self.features, self.units, strict=True))
        decides = f"  decides {self.action}"
        lines = [
            head,
            f"  observes {self.observation}: {_listed(named)}",
            f"{decides}: {_listed(self.actions)}" if self.actions else decides,
        ]
        if self.measured:
            lines.append(f"  measures {_listed(_with_units(self.measured.items()))}")
        return lines


def make_environments(
    environment: str, count: int, arguments: Mapping[str, Any]
) -> VectorEnv[Any, Any, Any]:
    """Make several environments that are stepped together.

    Raises
    ------
    InputError
        If the environment does not take the arguments.
    """
    try:
        return gymnasium.make_vec(environment, num_envs=count, **arguments)
    except TypeError as error:
        raise InputError(f"environment.arguments do not suit {environment}: {error}") from error


def describe(environment: str) -> Description:
    """Make an environment and describe it.

    Raises
    ------
    gymnasium.error.Error
        If there is no environment of this id.
    """
    spec = gymnasium.spec(environment)
    entry = spec.entry_point
    assert entry is not None
    kind = gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
    summary = (inspect.getdoc(kind) or "").partition("\n")[0]
    try:
        env = gymnasium.make(environment)
    except Exception as error:
        # A simulator that was not built, or images that are not there: that is the answer.
        return Description(environment, summary, problem=" ".join(str(error).split()))
    scenario = environment_facts(environment).scenario
    try:
        return Description(
            environment,
            summary,
            _space(env.observation_space),
            tuple(_attribute(env, "feature_names")),
            tuple(_attribute(env, "feature_units")),
            _space(env.action_space),
            tuple(_attribute(env, "action_names")),
            {} if scenario is None else SCENARIOS[scenario].quantities,
        )
    finally:
        env.close()


def _with_units(units: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name} [{unit}]" for name, unit in units]


def _attribute(env: Any, name: str) -> Sequence[str]:
    return getattr(env.unwrapped, name, None) or ()


def _space(space: gymnasium.spaces.Space[Any]) -> str:
    if isinstance(space, gymnasium.spaces.Box):
        return f"Box{space.shape} from {space.low.min():g} to {space.high.max():g}"
    return str(space)


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{names[0]}, {names[1]}, … {names[-1]} ({len(names)} in all)"
