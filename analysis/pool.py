# SPDX-License-Identifier: MIT
"""Independent jobs at the same time: in processes, on a Ray cluster, or waiting in threads.

| function | runs in | a job raises | a worker dies | results |
|---|---|---|---|---|
| `in_processes` | processes here | raised, the others are given up | the same | as they come |
| `whatever_dies` | processes here | yielded with its job | tried again | as they come |
| `on_ray` | a cluster's nodes | yielded with its job | tried again elsewhere | as they come |
| `in_threads` | threads here | raised when those under way end | cannot happen | in order |
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar

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
) -> Iterator[tuple[Job, Result]]:
    """Run a function on each job, in fresh processes of this machine.

    The processes and what they have started are killed if the caller is given up, interrupted or
    killed.

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
        In the order in which they are done. The first error of a job is raised here, and all others
        are given up.
    """
    if workers == 1 or len(jobs) == 1:
        for job in jobs:
            yield job, function(job)
        return
    with _pool(function, jobs, workers) as running:
        for done in as_completed(running):
            yield jobs[running[done]], done.result()


def whatever_dies(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Result | Exception]]:
    """Run a function on each job, as `in_processes`, whatever fails or dies.

    Yields
    ------
    job, and its result or the error that it raised
        In the order in which they are done. Jobs whose process died are tried again `RETRIES`
        times.
    """
    left = dict(enumerate(jobs))
    failures = 0
    while left and failures <= RETRIES:
        before, died = len(left), False
        places = list(left)
        # A pool whose process died takes no more jobs; another does.
        with _pool(function, list(left.values()), workers) as running:
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
        failures = failures + 1 if died and len(left) == before else 0
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
    As `whatever_dies`; jobs whose worker or node died are tried again elsewhere.

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


def in_threads(
    calls: Sequence[Callable[[], Result]],
    *,
    workers: int | None = None,
    on_done: Callable[[], None] | None = None,
) -> list[Result]:
    """Make calls that wait for simulators, several at a time, and return their results in order.

    Threads suffice: the work is done by the simulators' own processes.

    Parameters
    ----------
    calls : sequence of callable
    workers : int, optional
        How many at a time; by default as many as there are cores.
    on_done : callable, optional
        Called after each.

    Returns
    -------
    list
        Their results. If one raises, or on an interrupt, those not yet begun are dropped, and
        the first error is raised once those under way have ended.
    """
    with ThreadPoolExecutor(workers or os.cpu_count() or 1, "ns3kan-simulate") as pool:
        futures = [pool.submit(call) for call in calls]
        try:
            for future in as_completed(futures):
                future.result()
                if on_done is not None:
                    on_done()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


@contextlib.contextmanager
def _pool(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[dict[Future[Result], int]]:
    """Start a function on each job; futures with the jobs' places.

    Each process watches a pipe of which only this process has the other end, and ends with it.
    """
    context = multiprocessing.get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        min(workers, max(len(jobs), 1)), context, initializer=_end_with, initargs=(watched,)
    )
    try:
        with _interrupts_held():
            futures = {pool.submit(function, job): i for i, job in enumerate(jobs)}
        yield futures
    except BaseException:
        held.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        held.close()
        watched.close()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that know no Ctrl-C, which is for the process that started them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(watched: Connection) -> None:
    """Make this process end when the other end of a pipe is closed."""

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            watched.recv_bytes()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="ns3kan-end-with-parent", daemon=True).start()
