# SPDX-License-Identifier: MIT
"""Trajectories of policies over components, and what every way to make them has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Trajectories:
    """What happened in ``steps`` steps of each lane.

    Attributes
    ----------
    observations
        Shape (steps + 1, lanes, K, features), float32; the last are those after the last step.
    actions
        Components chosen, shape (steps, lanes).
    costs
        Minus the rewards, shape (steps, lanes).
    is_interrupted
        Whether a simulator died after these steps, so that what comes next does not follow them.
    """

    observations: npt.NDArray[np.float32]
    actions: npt.NDArray[np.int64]
    costs: FloatArray
    is_interrupted: bool = False


class Runner(ABC):
    """Goes on with the trajectories of one policy in the lanes of one environment."""

    @abstractmethod
    def refresh(self) -> None:
        """Take notice that the policy's weights have changed."""

    @abstractmethod
    def forget(self, lanes: BoolArray) -> None:
        """Empty the queues of the lanes where the mask, shape (lanes,), is true."""

    @abstractmethod
    def record(self, steps: int, *, mode: str = "sample", ties: str = "random") -> Trajectories:
        """Take ``steps`` steps in all lanes and keep everything.

        At least one and fewer steps than asked for are made where a simulator dies: the step in
        which it did is left out in all lanes, and so is the one in which it starts anew.

        Parameters
        ----------
        steps
            In each lane.
        mode
            "sample" from the softmax of the values, or "greedy": the greatest.
        ties
            "random" or "lowest": which of equal values a greedy decision takes.
        """

    @abstractmethod
    def mean_costs(self, steps: int, *, mode: str = "greedy", ties: str = "random") -> FloatArray:
        """Take ``steps`` steps; mean cost of a step, shape (lanes,). Parameters as for `record`.

        Raises
        ------
        LostEpisodeError
            If a simulator dies.
        """
