# SPDX-License-Identifier: MIT
"""Independent jobs on this machine's cores or on a Ray cluster, whatever dies on the way.

Unlike `ns3kan.analysis.studies.tasks` it goes on when a job fails or its process dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ns3kan.analysis.worker_pool import worker_pool
from ns3kan.bridge.ray_cluster import connect, require_alive
from ns3kan.errors import Ns3kanError

Job = TypeVar("Job")
Result = TypeVar("Result")

RETRIES = 3
"""How often a job whose process or node died is tried again."""
_LOOK_SECONDS = 30.0  # between two looks at whether a cluster is still there


class TaskPoolError(Ns3kanError):
    """A job was given up."""


def in_processes(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result | Exception]]:
    """Run a function on each job, in processes of this machine.

    Parameters
    ----------
    function
        Importable, for it runs in other processes.
    jobs
        Its arguments, which can be pickled.
    workers
        Jobs at the same time.

    Yields
    ------
    job, and its result or the error that it raised
        In the order in which they are done. Jobs whose process died are tried again.
    """
    left = dict(enumerate(jobs))
    barren = 0
    while left and barren <= RETRIES:
        before, died = len(left), False
        places = list(left)
        # A pool whose process died takes no more jobs; another does.
        with worker_pool(function, list(left.values()), workers) as running:
            for done in as_completed(running):
                result: Result | Exception
                try:
                    result = done.result()
                except BrokenProcessPool:
                    died = True
                    continue
                except Exception as error:
                    result = error
                yield left.pop(places[running[done]]), result
        barren = barren + 1 if died and len(left) == before else 0
    for job in left.values():
        yield job, TaskPoolError(f"its process died {RETRIES + 1} times")


def on_ray(
    function: Callable[[Job], Result], jobs: Sequence[Job], address: str
) -> Iterator[tuple[Job, Result | Exception]]:
    """Run a function on each job, as Ray tasks of one core each.

    Parameters
    ----------
    function, jobs
        As for `in_processes`; ns3kan is installed on all nodes.
    address
        Of the cluster, as for ``ray.init``: ``"auto"``, ``"HOST:PORT"`` or ``"ray://HOST:PORT"``.

    Yields
    ------
    As `in_processes`; jobs whose worker or node died are tried again elsewhere.

    Raises
    ------
    ClusterError
        If Ray is not installed, or the cluster cannot be reached, or none of it is left.
    """
    ray = connect(address)
    try:
        remote = ray.remote(function).options(max_retries=RETRIES, num_cpus=1)
        running = {remote.remote(job): job for job in jobs}
        while running:
            finished, _ = ray.wait(list(running), num_returns=1, timeout=_LOOK_SECONDS)
            if not finished:
                require_alive(ray)
                continue
            done = finished[0]
            job = running.pop(done)
            try:
                result = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                result = error.cause or TaskPoolError(str(error))
            except ray.exceptions.RayError as error:
                result = TaskPoolError(" ".join(str(error).split()))
            yield job, result
    finally:
        ray.shutdown()
