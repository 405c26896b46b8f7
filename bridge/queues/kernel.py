# SPDX-License-Identifier: MIT
"""The compiled kernel of a model: tables of its distributions, and random streams."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ns3kan._native import queues as _native
from ns3kan.bridge.queues.model import QueueModel

# Draws are 32 bits.
_FULL = 1 << 32


def make_kernel(model: QueueModel) -> _native.Lanes:
    """Lanes of a model, their streams seeded by the operating system.

    A lane's counts come from an SFC64 generator of its own, in the order of steps and columns,
    arrivals before capacities. They depend on its seed and on nothing else. Inversion of the
    cumulative probabilities, rounded to multiples of 2⁻³², turns each 32 bits into one count.
    """
    laws = (model.arrivals, model.capacities)
    width = max(law.probabilities.shape[-1] for law in laws)
    mass = np.zeros((model.num_lanes, sum(law.mean.shape[1] for law in laws), width))
    bases = np.concatenate([law.offset for law in laws], axis=1)
    start = 0
    for law in laws:
        end = start + law.mean.shape[1]
        mass[:, start:end, : law.probabilities.shape[-1]] = law.probabilities
        start = end
    rows, first_use, table = np.unique(
        mass.reshape(-1, width), axis=0, return_index=True, return_inverse=True
    )
    # In the order of their first use, so that the lanes walk through memory.
    order = np.argsort(first_use)
    table = np.argsort(order)[table.reshape(bases.shape)]
    # A count is the number of thresholds at or below the draw; the last is out of reach.
    thresholds = np.rint(np.cumsum(rows[order], axis=1) * _FULL).astype(np.int64)
    thresholds[:, -1] = _FULL
    used = (thresholds > 0) & (thresholds < _FULL)
    sizes = used.sum(axis=1)
    lanes = _native.Lanes(
        model.problem == "single_hop",
        # The kernel counts those below the draw.
        (thresholds[used] - 1).astype(np.uint32),
        np.concatenate([[0], np.cumsum(sizes)]),
        table.astype(np.int32),
        # Every draw is at or above a threshold of zero.
        bases + (thresholds == 0).sum(axis=1)[table],
        _constants(model),
        model.buffers,
        model.cost_weights,
        model.cost == "quadratic",
        model.drop_cost,
        model.reward_scale,
    )
    everything = np.arange(model.num_lanes)
    for is_policy in (False, True):
        states = np.random.SeedSequence().generate_state(4 * model.num_lanes, np.uint64)
        words = states.astype(np.uint64, copy=False).reshape(-1, 4)
        lanes.seed(everything, words, is_policy)
    return lanes


def seed_streams(kernel: _native.Lanes, seeds: Iterable[int | None]) -> None:
    """Start the lanes' streams anew; a lane whose seed is None goes on with its own."""
    chosen = {lane: seed for lane, seed in enumerate(seeds) if seed is not None}
    sequences = [np.random.SeedSequence(seed) for seed in chosen.values()]
    kernel.seed(np.array(list(chosen), dtype=np.int64), _states(sequences), False)


def seed_policies(kernel: _native.Lanes, seed: int, num_lanes: int) -> None:
    """Start anew what the policy of each lane draws from, apart from all streams of lanes."""
    sequences = [np.random.SeedSequence(seed, spawn_key=(lane,)) for lane in range(num_lanes)]
    kernel.seed(np.arange(num_lanes), _states(sequences), True)


def _states(sequences: list[np.random.SeedSequence]) -> npt.NDArray[np.uint64]:
    states: list[Any] = [np.random.SFC64(each).state["state"]["state"] for each in sequences]
    return np.array(states, dtype=np.uint64).reshape(-1, 4)


def _constants(model: QueueModel) -> npt.NDArray[np.float64]:
    """Features that do not change, shape (lanes, K, features - 2)."""
    shape = model.capacities.mean.shape
    rates = []
    if model.observe_rates:
        rates = [model.arrivals.mean] if model.problem == "single_hop" else []
        rates.append(model.capacities.mean)
    return np.stack(rates, axis=-1) if rates else np.zeros((*shape, 0))
