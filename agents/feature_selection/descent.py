# SPDX-License-Identifier: MIT
"""Gradient descent on batches of examples, the same for all networks that are trained by a loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ns3kan.errors import InputError

_WARM_UP = 0.1


@dataclass(frozen=True)
class DescentConfig:
    """Length and step size of a training."""

    steps: int = 1_000
    """Gradient steps."""
    batch_size: int = 256
    """Examples in a step; all, if there are fewer."""
    learning_rate: float = 3e-3
    """Highest of AdamW: it rises over the first tenth of the steps and falls along a cosine."""
    weight_decay: float = 1e-4
    """Decoupled."""
    seed: int = 0
    """Of the batches and of what the loss draws."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} must be at least 1.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning_rate={self.learning_rate} must be positive.")


def minimise(
    module: nn.Module,
    loss: Callable[[Tensor, float], Tensor],
    examples: int,
    config: DescentConfig,
) -> None:
    """Train a module in place; afterwards it is in evaluation mode.

    Parameters
    ----------
    module
        Its parameters are trained.
    loss
        Of some examples' indices, shape (batch,), and the share of the training that is over, in
        [0, 1): a scalar.
    examples
        How many there are.
    config
        Steps, batches, step size.

    Raises
    ------
    ValueError
        If there are no examples.
    """
    if examples < 1:
        raise InputError("There are no examples to train on.")
    batch = min(config.batch_size, examples)
    optimiser = torch.optim.AdamW(
        module.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps + 1, pct_start=_WARM_UP
    )
    module.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        order = torch.randperm(examples)
        start = 0
        for step in range(config.steps):
            if start + batch > examples:
                order, start = torch.randperm(examples), 0
            value = loss(order[start : start + batch], step / config.steps)
            start += batch
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    module.eval()
