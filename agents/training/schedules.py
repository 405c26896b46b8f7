# SPDX-License-Identifier: MIT
"""How exploration and step size change while an agent learns."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, LRScheduler

from ns3kan.errors import InputError

Schedule = Literal["constant", "exponential", "cosine"]


def linear(start: float, end: float, share: float) -> float:
    """Return the value on the line from ``start`` to ``end`` at a share of the way, cut to 0..1."""
    return start + (end - start) * min(1.0, max(0.0, share))


def learning_rate_schedule(
    optimiser: Optimizer, name: str, updates: int, final_share: float = 0.01
) -> LRScheduler:
    """Return a scheduler to be stepped ``updates`` times.

    Parameters
    ----------
    optimiser
        What it steers.
    name
        "constant", "exponential" (the same factor each time) or "cosine".
    updates
        After how many steps the learning rate is ``final_share`` of what it was at first.
    final_share
        Above 0 for "exponential".

    Raises
    ------
    ValueError
        If there is no such schedule.
    """
    if name == "constant":
        return LambdaLR(optimiser, lambda _: 1.0)
    if name == "exponential":
        return ExponentialLR(optimiser, final_share ** (1.0 / max(1, updates)))
    if name == "cosine":
        lowest = final_share * float(optimiser.param_groups[0]["lr"])
        return CosineAnnealingLR(optimiser, max(1, updates), lowest)
    raise InputError(
        f"There is no learning rate schedule {name!r}; choose one of "
        f"{', '.join(get_args(Schedule))}."
    )


def epsilon_greedy(values: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    """Choose the best action of each row of (batch, actions), or a random one with ``epsilon``."""
    best = values.argmax(-1)
    if epsilon <= 0.0:
        return best
    explore = torch.rand(len(values), generator=generator) < epsilon
    return torch.where(
        explore, torch.randint(values.shape[1], (len(values),), generator=generator), best
    )


def schedule_state(schedule: LRScheduler) -> dict[str, Any]:
    """Return the state of a schedule without functions, which a new one of its kind has."""
    return {name: value for name, value in schedule.state_dict().items() if name != "lr_lambdas"}
