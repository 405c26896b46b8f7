# SPDX-License-Identifier: MIT
"""Sign encodings: features turned so that a greater value always speaks for a queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.errors import QueueError

PAPER_SIGNS = {
    "single_hop": {"queue_length": 1, "capacity": 1, "arrival_rate": 1, "service_rate": -1},
    "multi_path": {"queue_length": -1, "capacity": 1, "service_rate": 1},
}
"""The paper's: (q, y, λ, −μ) for scheduling, (−q, y, μ) for routing."""


class SignEncoding(gymnasium.ObservationWrapper[FloatArray, np.int64, FloatArray]):
    """Multiply features of a queue environment by signs.

    Parameters
    ----------
    env
        A queue environment.
    signs
        1 or −1 for each feature; None for the paper's, under which a switch-type policy is one
        that does not decrease in any feature of a queue.

    Attributes
    ----------
    signs
        What the features are multiplied with, shape (features,).
    feature_names, feature_units
        As of the environment; a feature that was turned is called ``negative_…``.

    Raises
    ------
    QueueError
        If there is not one sign for each feature, or one is neither 1 nor −1.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], signs: Sequence[int] | None = None) -> None:
        super().__init__(env)
        self.signs = resolve_signs(env.unwrapped, signs)
        self.feature_names = _encoded_names(env.unwrapped, self.signs)
        self.feature_units: tuple[str, ...] = env.get_wrapper_attr("feature_units")
        self.observation_space = _encoded_space(env.observation_space, self.signs)

    def observation(self, observation: FloatArray) -> FloatArray:
        """Turn the signs of an observation of shape (K, features)."""
        return observation * self.signs


class VectorSignEncoding(gymnasium.vector.VectorObservationWrapper):
    """`SignEncoding` of a vector environment.

    Parameters
    ----------
    env
        A vector environment of queues.
    signs
        As for `SignEncoding`.

    Attributes
    ----------
    signs, feature_names, feature_units
        As of `SignEncoding`.

    Raises
    ------
    QueueError
        As for `SignEncoding`.
    """

    def __init__(
        self, env: gymnasium.vector.VectorEnv[Any, Any, Any], signs: Sequence[int] | None = None
    ) -> None:
        super().__init__(env)
        self.signs = resolve_signs(env.unwrapped, signs)
        self.feature_names = _encoded_names(env.unwrapped, self.signs)
        self.feature_units = env.unwrapped.feature_units  # type: ignore[attr-defined]
        self.single_observation_space = _encoded_space(env.single_observation_space, self.signs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def observations(self, observations: FloatArray) -> FloatArray:
        """Turn the signs of observations of shape (lanes, K, features)."""
        return observations * self.signs


def resolve_signs(env: Any, signs: Sequence[int] | None) -> FloatArray:
    """Signs as an array, checked against the features of an environment.

    Raises
    ------
    QueueError
        As for `SignEncoding`.
    """
    names = getattr(env, "feature_names", ())
    problem = getattr(env, "problem", None)
    if problem not in PAPER_SIGNS:
        raise QueueError(f"{env} is no queue environment, so its features cannot be encoded.")
    if signs is None:
        return np.array([PAPER_SIGNS[problem][name] for name in names], dtype=np.float64)
    if len(signs) != len(names):
        raise QueueError(
            f"{len(signs)} signs were given for the {len(names)} features {', '.join(names)}."
        )
    for name, sign in zip(names, signs, strict=True):
        if sign not in (1, -1):
            raise QueueError(f"The sign of {name} is {sign}; it must be 1 or -1.")
    return np.array(signs, dtype=np.float64)


def _encoded_names(env: Any, signs: FloatArray) -> tuple[str, ...]:
    return tuple(
        name if sign > 0 else f"negative_{name}"
        for name, sign in zip(env.feature_names, signs, strict=True)
    )


def _encoded_space(space: gymnasium.Space[Any], signs: FloatArray) -> Any:
    assert isinstance(space, spaces.Box)
    bounds = np.stack([space.low * signs, space.high * signs])
    return spaces.Box(bounds.min(axis=0), bounds.max(axis=0), dtype=np.float64)
