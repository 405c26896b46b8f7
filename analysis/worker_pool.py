# SPDX-License-Identifier: MIT
"""Processes that work through jobs and end with the process that started them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@contextlib.contextmanager
def worker_pool(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[dict[Future[Result], int]]:
    """Start a function on each job, in fresh processes of this machine.

    If the block ends with an error or an interrupt, the processes are killed with what they have
    started, and so they are if this process is killed: each watches a pipe of which only this
    process has the other end.

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
    futures
        Of each job, with its index.
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

    threading.Thread(target=watch, name="ns3kan-leash", daemon=True).start()
