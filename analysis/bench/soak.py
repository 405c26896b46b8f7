# SPDX-License-Identifier: MIT
"""Many resets and steps of the bridge, with everything that could leak watched.

Two simulators live through the whole test, one behind each transport, and begin one episode after
the other in the same process; every tenth episode belongs to a simulator that is started for it
and ended after it. The result is flat if what both sides own does not grow between the second
quarter of the test and the last.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.session import Transport
from ns3kan.errors import InputError
from ns3kan.io.files import write_atomically

RESULTS = "soak.csv"
SAMPLES = 100
# Memory may differ by so much from quarter to quarter without growing: allocators keep spare pages.
TOLERANCE_BYTES = 4 << 20
_TRANSPORTS: tuple[Transport, ...] = ("zmq", "shm")
_FRESH_EVERY = 10
_IN_BYTES = ("memory", "simulator_memory")


@dataclass(frozen=True)
class Sample:
    """What both sides own at one moment.

    Attributes
    ----------
    resets, steps
        How many there have been.
    seconds
        Since the beginning [s].
    memory
        Resident memory of Python [byte].
    simulator_memory
        The same of the simulators that live through the test, added [byte].
    descriptors, simulator_descriptors
        Open files, sockets and pipes of either side.
    processes, threads
        Living children, and Python's threads.
    shared_memory
        Shared memory that is mapped or lies in /dev/shm, by number.
    """

    resets: int
    steps: int
    seconds: float
    memory: int
    simulator_memory: int
    descriptors: int
    simulator_descriptors: int
    processes: int
    threads: int
    shared_memory: int


def soak(
    resets: int, steps: int, folder: Path, on_sample: Callable[[Sample], None] = lambda _: None
) -> list[str]:
    """Run the test and write its samples.

    Parameters
    ----------
    resets, steps
        How many of each to do, together.
    folder
        Where ``soak.csv`` is written, anew with each sample.
    on_sample
        Called with each sample.

    Returns
    -------
    list of str
        What has grown, in sentences; empty if the test was passed.
    """
    if resets < 2 * SAMPLES or steps < resets:
        raise InputError(
            f"{resets} resets and {steps} steps are too few; give at least {2 * SAMPLES} resets "
            "and as many steps."
        )
    length = -(-steps // resets)
    folder.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    started = time.monotonic()
    environments = [_make(transport, length) for transport in _TRANSPORTS]
    # What was there before is not searched for garbage again with each sample.
    gc.collect()
    gc.freeze()
    try:
        pids = sorted(_children())
        for done in range(1, resets + 1):
            if done % _FRESH_EVERY == 0:
                fresh = _make(_TRANSPORTS[done // _FRESH_EVERY % 2], length)
                _play(fresh, length, done)
                fresh.close()
            else:
                _play(environments[done % 2], length, done)
            if done * SAMPLES // resets > len(samples):
                seconds = time.monotonic() - started
                samples.append(_sample(done, done * length, seconds, pids))
                write_atomically(folder / RESULTS, pd.DataFrame(samples).to_csv(index=False))
                on_sample(samples[-1])
    finally:
        gc.unfreeze()
        for env in environments:
            env.close()
    return growth(samples)


def growth(samples: list[Sample]) -> list[str]:
    """Compare the second quarter of a test with its last.

    Parameters
    ----------
    samples
        In their order.

    Returns
    -------
    list of str
        A sentence for everything that has grown.
    """
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    complaints = []
    for name in [field.name for field in fields(Sample)][3:]:
        before = max(getattr(sample, name) for sample in early)
        after = max(getattr(sample, name) for sample in late)
        if after > before + (TOLERANCE_BYTES if name in _IN_BYTES else 0):
            complaints.append(
                f"{name.replace('_', ' ').capitalize()} grew from {before} to {after}."
            )
    return complaints


def _make(transport: Transport, length: int) -> Ns3Env:
    return Ns3Env(scenario_path("gym-example"), transport=transport, steps=length)


def _play(env: Ns3Env, length: int, seed: int) -> None:
    env.reset(seed=seed)
    action = np.array([0.5])
    for step in range(1, length + 1):
        *_, truncated, _ = env.step(action)
        if truncated != (step == length):
            raise RuntimeError(f"Episode {seed} ended at step {step} of {length}.")


def _sample(resets: int, steps: int, seconds: float, simulators: Iterable[int]) -> Sample:
    gc.collect()
    mapped = Path("/proc/self/maps").read_text().count("memfd:")
    return Sample(
        resets,
        steps,
        round(seconds, 2),
        _memory(os.getpid()),
        sum(map(_memory, simulators)),
        _descriptors(os.getpid()),
        sum(map(_descriptors, simulators)),
        len(_children()),
        len(list(Path("/proc/self/task").iterdir())),
        mapped + sum("ns3kan" in path.name for path in Path("/dev/shm").iterdir()),
    )


def _memory(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _children() -> set[int]:
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        pids.update(map(int, (task / "children").read_text().split()))
    return pids
