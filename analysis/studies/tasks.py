# SPDX-License-Identifier: MIT
"""Independent jobs in processes of their own, their results as they come."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

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
        In the order in which they are done. An error of a job is raised here, and jobs that have
        not begun are given up.
    """
    if workers == 1 or len(jobs) == 1:
        for job in jobs:
            yield job, function(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = {pool.submit(function, job): job for job in jobs}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
