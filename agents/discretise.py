# SPDX-License-Identifier: MIT
"""Ratios as a choice among levels, for agents that choose."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorActionWrapper, VectorEnv
from gymnasium.vector.utils import batch_space

from ns3kan.agents.spaces import advice, are_ratios
from ns3kan.agents.training.stepping import Array
from ns3kan.errors import InputError

_MOST_CHOICES = 10_000


class DiscretiseRatios(VectorActionWrapper):
    """A vector environment whose ratios are chosen among equally spaced levels from 0 to 1.

    Choice ``c`` of k ratios with n levels is the number whose digits in base n, the first ratio's
    the most significant, are the levels: with 11 levels and one ratio, choice 3 is 0.3.

    Parameters
    ----------
    env
        Decides a Box of one axis from 0 to 1.
    levels
        At least 2.

    Attributes
    ----------
    ratios : (choices, k)
        The ratios of each choice.

    Raises
    ------
    ValueError
        If the action space is another, or there are too few levels or more than 10,000 choices.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], levels: int = 11) -> None:
        super().__init__(env)
        space = env.single_action_space
        if not are_ratios(space):
            raise InputError(
                "Only ratios, a Box of one axis from 0 to 1, can be made levels; the "
                f"environment's action space is {space}: {advice(space)}."
            )
        assert isinstance(space, spaces.Box)
        count = space.shape[0]
        if levels < 2 or levels**count > _MOST_CHOICES:
            raise InputError(
                f"{levels} levels of {count} ratios are {max(levels, 0) ** count} choices; give at "
                f"least 2 levels and at most {_MOST_CHOICES} choices."
            )
        self.ratios: Array = ratio_levels(levels, count).astype(space.dtype)
        self.single_action_space = spaces.Discrete(len(self.ratios))
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def actions(self, actions: Array) -> Array:
        """Return the ratios (environments, k) of choices (environments,)."""
        return np.asarray(self.ratios[actions])


def ratio_levels(levels: int, count: int) -> Array:
    """Return the ratios (choices, count) of each choice, see `DiscretiseRatios`."""
    steps = np.indices((levels,) * count).reshape(count, -1).T
    return np.asarray(steps / (levels - 1))
