# SPDX-License-Identifier: MIT
"""Benchmarks by name: what is compared runs alternating in one process.

Each benchmark is a module of this package with a function ``run() -> Result``.
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from ns3kan.errors import InputError

_MODULES = {
    "bridge": "ns3kan.analysis.bench.bridge",
    "controller": "ns3kan.analysis.bench.controller",
    "ddqn": "ns3kan.analysis.bench.ddqn",
    "kan": "ns3kan.analysis.bench.kan",
    "ppo": "ns3kan.analysis.bench.ppo",
    "queues": "ns3kan.analysis.bench.queues",
    "sim": "ns3kan.analysis.bench.sim",
    "sweep": "ns3kan.analysis.bench.sweep",
}
NAMES = tuple(_MODULES)


@dataclass(frozen=True)
class Result:
    """What a benchmark measured.

    Attributes
    ----------
    bench
        Its name.
    ratios
        For each rival the ratio in each round; above one means that this project is better.
    figures
        Further numbers by name, with their unit in the name.
    """

    bench: str
    ratios: Mapping[str, Sequence[float]]
    figures: Mapping[str, float]

    def to_json(self) -> str:
        """One line: medians, minima and maxima of the ratios, and the figures."""
        return json.dumps(
            {
                "bench": self.bench,
                "ratios": {
                    key: {
                        "median": statistics.median(values),
                        "min": min(values),
                        "max": max(values),
                    }
                    for key, values in self.ratios.items()
                },
                "figures": dict(self.figures),
            }
        )


def run(name: str) -> Result:
    """Run the benchmark ``name``.

    Raises
    ------
    ValueError
        If there is no such benchmark.
    """
    if name not in _MODULES:
        raise InputError(f"There is no benchmark {name!r}; choose one of {', '.join(NAMES)}.")
    result: Result = import_module(_MODULES[name]).run()
    return result


def alternate(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    repetitions: Mapping[str, int],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time the candidates in turn, round after round.

    Parameters
    ----------
    candidates
        Functions of no argument by name.
    rounds
        How often each gets its turn, after one turn each that is not counted.
    repetitions
        How often a candidate is called in one turn, so that turns last long enough to be timed.
    clock
        What is read before and after a turn [s]; ``time.process_time`` where nothing waits, so that
        it does not matter what else the machine does.

    Returns
    -------
    dict of str to list of float
        Seconds per call of each candidate in each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for counted in range(-1, rounds):
        for name, candidate in candidates.items():
            start = clock()
            for _ in range(repetitions[name]):
                candidate()
            if counted >= 0:
                seconds[name].append((clock() - start) / repetitions[name])
    return seconds
