# SPDX-License-Identifier: MIT
"""The random counts of a queue environment as a file, for simulators that can be fed with it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from ns3kan.bridge.queues.distributions import FloatArray
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.kernel import make_kernel, seed_streams
from ns3kan.bridge.queues.model import QueueModel
from ns3kan.io.files import write_atomically


def write_trace(
    path: str | os.PathLike[str], model: QueueModel, *, seed: int, steps: int, lane: int = 0
) -> None:
    """Write the arrivals and capacities that an environment meets after ``reset(seed=seed)``.

    Parameters
    ----------
    path
        CSV file to write: a comment line with the units, a header, and ``steps + 1`` rows. Row t
        holds the arrivals of step t, of each stream, and the capacities that are known before it,
        of each queue. The last row is that of the state after the last step; nothing arrives in
        it any more.
    model
        The environment's ``model``.
    seed
        As given to ``reset``; lane i of a vector environment takes that of its single twin.
    steps
        Length of the episode.
    lane
        Whose rates are drawn with, of a model of several lanes.

    Raises
    ------
    QueueError
        If there is no step or no such lane.

    Examples
    --------
    >>> from ns3kan.bridge.queues.multi_path import MultiPathRouting
    >>> env = MultiPathRouting(num_queues=2)
    >>> write_trace("trace.csv", env.model, seed=1, steps=1000)
    """
    if steps < 1:
        raise QueueError(f"steps={steps} must be at least 1.")
    if not 0 <= lane < model.num_lanes:
        raise QueueError(f"lane={lane} is none of the {model.num_lanes} lanes.")
    streams = model.arrivals.mean.shape[1]
    columns = [f"arrivals_{i}" for i in range(streams)]
    columns += [f"capacity_{k}" for k in range(model.num_queues)]
    units = ["packet"] * streams + ["packet/step"] * model.num_queues
    lines = [f"# units: {','.join(units)}", ",".join(columns)]
    # Without buffers, what arrived is what a queue holds beyond what was left of it.
    kernel = make_kernel(replace(model, buffers=None, observe_rates=False))
    seed_streams(kernel, [seed if i == lane else None for i in range(model.num_lanes)])
    kernel.restart()
    states = np.empty((model.num_lanes, model.num_queues, 2))
    actions = np.zeros(model.num_lanes, dtype=np.int64)
    rewards = np.empty(model.num_lanes)
    kernel.observe(states)
    for _ in range(steps):
        queues, capacities = states[lane].T.copy()
        left = queues.copy()
        served = slice(0, 1) if model.problem == "single_hop" else slice(None)
        left[served] = np.maximum(queues - capacities, 0)[served]
        kernel.step(actions, states, rewards, None)
        arrivals = (states[lane, :, 0] - left)[:streams]
        lines.append(_row(arrivals, capacities))
    lines.append(_row(np.zeros(streams), states[lane, :, 1]))
    write_atomically(Path(path), "\n".join(lines) + "\n")


def _row(arrivals: FloatArray, capacities: FloatArray) -> str:
    return ",".join(str(int(count)) for count in (*arrivals, *capacities))
