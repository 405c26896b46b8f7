# SPDX-License-Identifier: MIT
"""A first look at a simulation: drive it with random actions and tell what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.io.numbers import MINUS, number_text

_SHOWN = 6


def try_out(env: Ns3Env, steps: int, seed: int | None, tell: Callable[[str], None]) -> None:
    """Play one episode with random actions and close the environment.

    Parameters
    ----------
    env
        An environment that has just been made.
    steps
        Most steps to take.
    seed
        Seed of the simulation and of the actions.
    tell
        Takes each line: the spaces, one line a step, and a summary.
    """
    with env:
        _describe(env, tell)
        observation, info = env.reset(seed=seed)
        env.action_space.seed(seed)
        tell(f"reset: observation {brief(observation)}{_brief_info(info)}")
        rewards: list[float] = []
        end = "stopped here"
        for step in range(1, steps + 1):
            action = env.action_space.sample()
            observation, reward, terminated, truncated, info = env.step(action)
            rewards.append(reward)
            tell(
                f"step {step}: action {brief(action)}, reward {number_text(reward)}, "
                f"observation {brief(observation)}{_brief_info(info)}"
            )
            if terminated or truncated:
                end = "game over" if terminated else "the simulated time ran out"
                break
        mean = float(np.mean(rewards)) if rewards else 0.0
        total = number_text(sum(rewards))
        tell(f"{len(rewards)} steps, sum of rewards {total}, mean {number_text(mean)}; {end}")


def brief(value: Any) -> str:
    """Text of a value of a space, of the first numbers only if they are many."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {brief(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(brief, value)) + ")"
    array = np.asarray(value)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        return number_text(float(value)) if array.dtype.kind == "f" else str(value)
    write: Callable[[Any], str] = number_text if array.dtype.kind == "f" else _whole_text
    shown = ", ".join(map(write, array.ravel()[:_SHOWN].tolist()))
    return f"[{shown}, … {array.size} numbers]" if array.size > _SHOWN else f"[{shown}]"


def _whole_text(number: int) -> str:
    return str(int(number)).replace("-", MINUS)


def _brief_info(info: dict[str, Any]) -> str:
    return f", info {brief(info)}" if info else ""


def _describe(env: Ns3Env, tell: Callable[[str], None]) -> None:
    for kind, space, names, units in (
        ("observation", env.observation_space, env.feature_names, env.feature_units),
        ("action", env.action_space, env.action_names, env.action_units),
    ):
        tell(f"{kind} space: {space}")
        is_named = isinstance(space, spaces.Box) and names[:1] not in ((), (f"{kind}_0",))
        if is_named:
            named = (
                f"{name} [{unit}]" if unit else name
                for name, unit in zip(names, units, strict=True)
            )
            tell(f"  {', '.join(named)}")
