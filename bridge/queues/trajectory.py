# SPDX-License-Identifier: MIT
"""Whole trajectories of queue environments: what goes in and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ns3kan._native import queues as _native
from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.errors import QueueError

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Trajectory:
    """Steps that all lanes of a vector environment made with a policy.

    Attributes
    ----------
    steps
        T, how many were made.
    total_cost
        Sum of the costs, which are minus the rewards of `QueueVectorEnv.step`, shape (lanes,).
    costs
        With ``record``: of each step, shape (T, lanes). With ``every``: means over that many
        steps, over the rest in the last row, shape (⌈T / every⌉, lanes). Else None.
    queue_lengths, capacities
        With ``record``: before each step and after the last, shape (T + 1, lanes, K) [packets].
        Else None.
    actions
        With ``record``: the chosen queues, shape (T, lanes). Else None.
    """

    steps: int
    total_cost: FloatArray
    costs: FloatArray | None = None
    queue_lengths: Int32Array | None = None
    capacities: Int32Array | None = None
    actions: Int32Array | None = None


class Recorder:
    """Memory for a trajectory.

    Parameters
    ----------
    lanes, queues
        Numbers of lanes and of queues.
    steps
        Greatest number of steps.
    record
        Whether states, actions and costs are kept.
    every
        Steps over which costs are averaged; None for no averages.

    Raises
    ------
    QueueError
        If steps or every is no such number, or both record and every are given.
    """

    def __init__(
        self, lanes: int, queues: int, steps: int, *, record: bool, every: int | None
    ) -> None:
        check_count(steps, "steps", 0)
        if every is not None:
            check_count(every, "every", 1)
            if record:
                raise QueueError("record keeps the cost of every step; leave out every.")
        self.steps = int(steps)
        self._averages = every is not None
        self._every = int(every or 1)
        self._totals = np.zeros(lanes)
        self._costs: FloatArray | None = None
        if record or self._averages:
            self._costs = np.zeros((-(-self.steps // self._every), lanes))
        self._queues = self._capacities = self._actions = None
        if record:
            self._queues = np.empty((self.steps + 1, lanes, queues), dtype=np.int32)
            self._capacities = np.empty_like(self._queues)
            self._actions = np.empty((self.steps, lanes), dtype=np.int32)

    @property
    def memory(self) -> tuple[Any, ...]:
        """The last arguments of the kernel's runs."""
        return (
            self._totals,
            self._costs,
            self._every,
            self._queues,
            self._capacities,
            self._actions,
        )

    def finish(self, steps: int) -> Trajectory:
        """Return what was written in so many steps."""
        costs = self._costs
        if costs is not None:
            costs = costs[: -(-steps // self._every)]
        if costs is not None and self._averages:
            first = np.arange(len(costs)) * self._every
            costs /= np.minimum(steps - first, self._every)[:, None]
        if self._queues is None or self._capacities is None or self._actions is None:
            return Trajectory(steps, self._totals, costs)
        return Trajectory(
            steps,
            self._totals,
            costs,
            self._queues[: steps + 1],
            self._capacities[: steps + 1],
            self._actions[:steps],
        )


def choice_rule(mode: str, ties: str) -> int:
    """Return the kernel's name of a way to choose.

    Raises
    ------
    QueueError
        If there is no such mode or rule for ties.
    """
    if mode not in ("greedy", "sample"):
        raise QueueError(f"There is no mode {mode!r}; choose greedy or sample.")
    if ties not in ("random", "lowest"):
        raise QueueError(f"There is no rule {ties!r} for ties; choose random or lowest.")
    if mode == "sample":
        return _native.SAMPLE
    return _native.GREATEST_RANDOM if ties == "random" else _native.GREATEST_LOWEST


def checked_tables(
    values: npt.NDArray[Any],
    rows: npt.NDArray[Any],
    shape: tuple[int, int],
    largest: int,
    mode: str,
) -> tuple[npt.NDArray[Any], Int32Array]:
    """Check tables of values and the table of each queue for the kernel.

    Parameters
    ----------
    values, rows, mode
        As of `QueueVectorEnv.run_index`.
    shape
        (lanes, K).
    largest
        Greatest capacity.

    Raises
    ------
    QueueError
        If they are of another shape or type, hold NaN, or do not reach as far as the capacities.
    """
    values, rows = np.asarray(values), np.asarray(rows)
    if values.ndim != 3 or values.size == 0 or values.dtype not in (np.float32, np.float64):
        raise QueueError(
            f"values of shape {values.shape} and type {values.dtype} were given; give float32 or "
            "float64 of shape (tables, queue lengths, capacities)."
        )
    if values.shape[2] <= largest:
        raise QueueError(
            f"values reach up to a capacity of {values.shape[2] - 1}, but {largest} can occur; "
            f"give values of shape (tables, queue lengths, {largest + 1})."
        )
    _check_numbers(values, "values", mode)
    if rows.shape != shape or rows.dtype.kind not in "iu":
        raise QueueError(
            f"rows of shape {rows.shape} and type {rows.dtype} were given; give whole numbers of "
            f"shape {shape}."
        )
    if rows.min() < 0 or rows.max() >= len(values):
        wrong = rows[(rows < 0) | (rows >= len(values))][0]
        raise QueueError(f"Row {wrong} is none of the {len(values)} tables of values.")
    return np.ascontiguousarray(values), np.ascontiguousarray(rows, dtype=np.int32)


def checked_network(
    layers: Any, scales: Any, constants: Any, shape: tuple[int, int, int]
) -> tuple[list[tuple[Any, Any]], FloatArray, npt.NDArray[np.float32]]:
    """Check a perceptron, the scales of its inputs and its constants for the kernel.

    Parameters
    ----------
    layers, scales, constants
        As of `QueueVectorEnv.run_network`.
    shape
        (lanes, K, features).

    Raises
    ------
    QueueError
        If they are of another shape or not finite.
    """
    _, queues, features = shape
    constants = np.ascontiguousarray(constants, dtype=np.float32)
    expected = (*shape[:2], features - 2)
    if constants.shape != expected or not np.isfinite(constants).all():
        raise QueueError(
            f"constants of shape {constants.shape} were given; give finite numbers of shape "
            f"{expected}."
        )
    scales = np.ascontiguousarray(scales, dtype=np.float64)
    if (
        scales.shape != (2, 2)
        or not np.isfinite(scales).all()
        or (scales[:, 0] <= 0).any()
        or (scales[:, 1] < 0).any()
    ):
        raise QueueError(
            f"scales={scales.tolist()} must be (high, offset) of the queue length and of the "
            "capacity, highs positive and offsets not negative."
        )
    checked = []
    inputs = queues * features
    for place, (weight, bias) in enumerate(layers):
        weight = np.ascontiguousarray(weight, dtype=np.float32)
        bias = np.ascontiguousarray(bias, dtype=np.float32)
        if weight.ndim != 2 or weight.shape[1] != inputs or bias.shape != weight.shape[:1]:
            raise QueueError(
                f"Layer {place} has a weight of shape {weight.shape} and a bias of shape "
                f"{bias.shape}; give (outputs, {inputs}) and (outputs,)."
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise QueueError(f"Layer {place} holds a number that is not finite.")
        inputs = len(bias)
        checked.append((weight, bias))
    if not checked or inputs != queues:
        raise QueueError(
            f"The network has {inputs if checked else 'no'} outputs; give one for each of the "
            f"{queues} queues."
        )
    return checked, scales, constants


def _check_numbers(values: npt.NDArray[Any], name: str, mode: str) -> None:
    low, high = values.min(), values.max()
    if np.isnan(low) or (mode == "sample" and not np.isfinite([low, high]).all()):
        wrong = "NaN" if np.isnan(low) else "an infinite number, from which nothing can be sampled"
        raise QueueError(f"{name} hold {wrong}.")


def check_count(value: Any, name: str, least: int) -> None:
    """Raise `QueueError` unless a value is a whole number and not below the least."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise QueueError(f"{name}={value!r} must be a whole number, at least {least}.")
