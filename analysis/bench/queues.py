# SPDX-License-Identifier: MIT
"""The vector environment of queues against Gymnasium's over the single environment.

``ns3kan/SingleHopScheduling-v0``, 1,024 lanes with Poisson rates of their own, K = 8, rates
observed, random actions drawn beforehand; `gymnasium.vector.SyncVectorEnv` steps 1,024 single
environments with the same rates. Both are seeded alike and must give the same states.
"""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.analysis.bench import Result, alternate

ENVIRONMENT = "ns3kan/SingleHopScheduling-v0"
LANES, QUEUES = 1024, 8
SIZES = ((256, 8), (1024, 8), (4096, 8), (1024, 2), (1024, 32))
"""Lanes and K of the figures that show how the cost of a step grows."""
STEPS = 128
"""Steps of the vector environment in one turn: as many as are drawn at once, and about as long as a
step of the other, so that both see the same load of the machine."""


def run(rounds: int = 25, lanes: int = LANES, sizes: Sequence[tuple[int, int]] = SIZES) -> Result:
    """Compare steps per second, and measure the cost of a step at several sizes.

    Parameters
    ----------
    rounds
        How often each gets its turn.
    lanes
        Number of environments compared.
    sizes
        Lanes and K of the figures.

    Raises
    ------
    RuntimeError
        If the two do not give the same states.
    """
    arguments = _arguments(lanes, QUEUES)
    ours = gymnasium.make_vec(
        ENVIRONMENT, lanes, vectorization_mode="vector_entry_point", **arguments
    )
    theirs = gymnasium.vector.SyncVectorEnv([_maker(arguments, i) for i in range(lanes)])
    actions = np.random.default_rng(1).integers(0, QUEUES, (STEPS, lanes))
    try:
        ours.reset(seed=0)
        theirs.reset(seed=0)
        for chosen in actions[:5]:
            if not np.array_equal(ours.step(chosen)[0], theirs.step(chosen)[0]):
                raise RuntimeError("The vector and the single environment differ; report this.")

        def step_ours() -> None:
            for chosen in actions:
                ours.step(chosen)

        seconds = alternate(
            {"vector_env": step_ours, "sync_vector_env": lambda: theirs.step(actions[0])},
            rounds,
            {"vector_env": 1, "sync_vector_env": 1},
        )
    finally:
        ours.close()
        theirs.close()
    seconds["vector_env"] = [value / STEPS for value in seconds["vector_env"]]
    return Result(
        bench="queues",
        ratios={
            "sync_vector_env": [
                theirs_ / mine
                for theirs_, mine in zip(
                    seconds["sync_vector_env"], seconds["vector_env"], strict=True
                )
            ]
        },
        figures={
            f"{name}_steps_per_second": lanes / statistics.median(values)
            for name, values in seconds.items()
        }
        | {f"ns_per_queue_{n}_lanes_k_{k}": _nanoseconds(n, k) for n, k in sizes},
    )


def _arguments(lanes: int, queues: int) -> dict[str, Any]:
    """Rates that load every lane to about a half."""
    rng = np.random.default_rng(0)
    return {
        "arrival_rates": rng.uniform(0, 2, (lanes, queues)) / queues,
        "service_rates": rng.uniform(1, 3, (lanes, queues)),
        "observe_rates": True,
        "allow_unstable": True,
    }


def _maker(arguments: dict[str, Any], lane: int) -> Any:
    rates = {name: arguments[name][lane] for name in ("arrival_rates", "service_rates")}
    return lambda: gymnasium.make(ENVIRONMENT, **(arguments | rates))


def _nanoseconds(lanes: int, queues: int) -> float:
    """Nanoseconds per step and queue: constant if the cost is linear in lanes · K."""
    env = gymnasium.make_vec(
        ENVIRONMENT,
        lanes,
        vectorization_mode="vector_entry_point",
        **_arguments(lanes, queues),
    )
    env.reset(seed=0)
    actions = np.random.default_rng(1).integers(0, queues, lanes)
    steps = max(2**21 // (lanes * queues), 128)
    turns = []
    for _ in range(4):
        start = time.perf_counter()
        for _ in range(steps):
            env.step(actions)
        turns.append((time.perf_counter() - start) / steps)
    env.close()
    return 1e9 * min(turns) / (lanes * queues)
