# SPDX-License-Identifier: MIT
"""Independent jobs in processes of their own, their results as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from typing import TypeVar

from ns3kan.analysis.worker_pool import worker_pool

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_tasks(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Run a function on each job.

    Parameters
    ----------
    function
        Importable, for it runs in other processes; with one worker it runs in this one.
    jobs
        Its arguments, which can be pickled.
    workers
        Jobs at the same time.

    Yields
    ------
    job and result
        In the order in which they are done. An error of a job is raised here, and all others are
        given up.
    """
    if workers == 1 or len(jobs) == 1:
        for job in jobs:
            yield job, function(job)
        return
    with worker_pool(function, jobs, workers) as running:
        for done in as_completed(running):
            yield jobs[running[done]], done.result()
