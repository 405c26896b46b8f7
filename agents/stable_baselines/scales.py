# SPDX-License-Identifier: MIT
"""How observations are scaled for a network, found by play or from the space's bounds."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike
from torch import Tensor

from ns3kan.agents.networks.normalisation import scales_of
from ns3kan.errors import InputError


def observation_scales(
    env: gymnasium.Env[Any, Any], steps: int = 512, seed: int = 0
) -> dict[str, list[float]]:
    """Play at random and say how observations are to be scaled for a KAN's grid.

    Parameters
    ----------
    env
        Observes a Box; it is reset with the seed.
    steps
        How many decisions to make.
    seed
        Of environment and decisions.

    Returns
    -------
    dict
        ``shift`` and ``scale``, each a number per feature of the flattened observation; the
        quantiles 1 % and 99 % of what was seen come to -1 and 1.

    Raises
    ------
    ValueError
        If the environment does not observe a Box.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Box):
        raise InputError(
            f"The environment observes {space}; scales are found for a Box, so wrap it in "
            "gymnasium.wrappers.FlattenObservation."
        )
    env.action_space.seed(seed)
    seen = [env.reset(seed=seed)[0]]
    for _ in range(steps):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        seen.append(env.reset()[0] if terminated or truncated else observation)
    shift, scale = scales_of(np.asarray(seen, np.float64).reshape(len(seen), -1), space)
    return {"shift": shift.tolist(), "scale": scale.tolist()}


def checked_scales(
    space: spaces.Space[Any], shift: ArrayLike | None, scale: ArrayLike | None
) -> tuple[Tensor, Tensor]:
    """Check given scales, or make them of the space's bounds."""
    count = spaces.flatdim(space)
    if (shift is None) != (scale is None):
        raise InputError("Give both shift and scale, or neither.")
    if shift is None:
        low, high = (
            np.asarray(getattr(space, name, np.inf), np.float64).reshape(-1)
            for name in ("low", "high")
        )
        if not np.all(high - low < np.inf) or np.any(high <= low):
            raise InputError(
                f"The observation space {space} has no bounds to scale by; give shift and scale, "
                "as from observation_scales(env)."
            )
        shift, scale = (low + high) / 2, (high - low) / 2
    both = [torch.as_tensor(np.asarray(each), dtype=torch.float32) for each in (shift, scale)]
    if any(each.shape != (count,) for each in both) or not (both[1] > 0).all():
        raise InputError(f"shift and scale must hold {count} numbers each, scale positive ones.")
    return both[0], both[1]


def set_scales(network: Any, scales: tuple[Tensor, Tensor]) -> None:
    """Put a shift and a scale into a network that has both."""
    network.shift.copy_(scales[0])
    network.scale.copy_(scales[1])
