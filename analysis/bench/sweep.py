# SPDX-License-Identifier: MIT
"""What a sweep adds to its tasks, on this machine's cores and on a Ray cluster of one node.

200 tasks that do nothing and bring home what a training does, 200 kB of files and 30 rows, are
handed out, collected, and written to disk, table included:

``local_minute``, ``ray_minute``
    2 % of a minute over the time of a core that a task takes: above one, a sweep of tasks of a
    minute wastes less than 2 %. The second only where Ray is installed.

Figures: ``local_ms`` and ``ray_ms``, that time; processes that start are left out.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import statistics
import time
from collections.abc import Iterator

from ns3kan.analysis.bench import Result
from ns3kan.analysis.runs.sweep import SweepTask, TaskResult, sweep
from ns3kan.analysis.scratch import scratch_folder

TASKS = 200
EPISODES = 30
BYTES = 200_000
ALLOWED_SECONDS = 0.02 * 60


def run(rounds: int = 3, tasks: int = TASKS) -> Result:
    """Time sweeps whose tasks do nothing.

    Parameters
    ----------
    rounds
        How often each kind gets its turn.
    tasks
        Of a sweep.
    """
    cores = os.cpu_count() or 1
    with contextlib.ExitStack() as stack:
        addresses: dict[str, str | None] = {"local": None}
        if importlib.util.find_spec("ray") is not None:
            addresses["ray"] = stack.enter_context(_cluster(cores))
        seconds: dict[str, list[float]] = {name: [] for name in addresses}
        for _ in range(rounds):
            for name, address in addresses.items():
                seconds[name].append(cores * _seconds_per_task(tasks, address))
    return Result(
        bench="sweep",
        ratios={
            f"{name}_minute": [ALLOWED_SECONDS / value for value in own]
            for name, own in seconds.items()
        },
        figures={f"{name}_ms": 1e3 * statistics.median(own) for name, own in seconds.items()},
    )


def bring_home(task: SweepTask) -> TaskResult:
    """Do nothing, and return as much as a training would."""
    rows = [{"task": task.name, "digest": task.digest, "reward": 0.0} for _ in range(EPISODES)]
    return TaskResult(list(rows), {"checkpoint.safetensors": bytes(BYTES)})


def _seconds_per_task(tasks: int, address: str | None) -> float:
    """Time between two finished tasks, from the first on."""
    times: list[float] = []

    def stamp(sentence: str) -> None:
        times.append(time.perf_counter())

    with scratch_folder() as folder:
        jobs = [SweepTask(f"task-{n}", {}, f"seed: {n}") for n in range(tasks)]
        sweep(jobs, folder, address=address, on_done=stamp, function=bring_home)
    return (times[-1] - times[0]) / (len(times) - 1)


@contextlib.contextmanager
def _cluster(cores: int) -> Iterator[str]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": cores, "include_dashboard": False}
    )
    try:
        yield cluster.address
    finally:
        cluster.shutdown()
