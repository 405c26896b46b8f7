# SPDX-License-Identifier: MIT
"""One decision of the committed equation, wherever it runs, against the network it was read from.

Everything decides on the same observations, drawn from the ranges of the equation's inputs, one at
a time, on one thread, after all evaluations of the equation have been shown to agree:

``torch``
    Time of the network's deterministic action under PyTorch's inference mode over that of the
    equation as exported to C++, compiled with ``c++ -O2``.

Figures, in nanoseconds of processor time per decision: ``cpp_ns``; ``ns3_ns``, inside ns-3
with all that a simulation does for a decision; ``python_ns``, the `Controller` as it is called;
``plain_python_ns``, the equation as exported to Python; ``torch_ns``.
"""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export import export
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.analysis.bench import Result, alternate
from ns3kan.analysis.scratch import scratch_folder
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.simulator import tied

Array = NDArray[np.float64]

RUN = Path(__file__).parents[1] / "results" / "demo"
ROWS = 256
TOLERANCE = 1e-9
PASSES = 400
"""How often compiled code goes over all observations in a call."""
CALLS = {"cpp": 1, "ns3": 1, "python": 1, "plain_python": 4, "torch": 1}
"""How often each is called in a turn, which takes some hundredths of a second."""
NS3_SECONDS = 0.05

_SOURCE = """\
#include "exported.hpp"

extern "C" double
repeat(const double* rows, std::size_t count, std::size_t repetitions)
{
    double sum = 0;
    std::array<double, exported::INPUT_NAMES.size()> inputs;
    std::array<double, 1> decision{};
    for (std::size_t i = 0; i < count * repetitions; ++i)
    {
        const double* row = rows + i % count * inputs.size();
        for (std::size_t j = 0; j < inputs.size(); ++j)
        {
            inputs[j] = row[j];
        }
        if (exported::decide(inputs, decision) != exported::Status::ok)
        {
            return NAN;
        }
        sum += decision[0];
    }
    return sum;
}
"""


def run(rounds: int = 20) -> Result:
    """Compare the evaluations of one policy.

    Parameters
    ----------
    rounds
        How often each gets its turn.

    Raises
    ------
    RuntimeError
        If the committed run or a C++ compiler is missing, or evaluations of the equation differ by
        more than 1e-9.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with scratch_folder() as folder:
            return _run(rounds, folder)
    finally:
        torch.set_num_threads(threads)


def _run(rounds: int, folder: Path) -> Result:
    if not (RUN / "checkpoint.safetensors").is_file():
        raise RuntimeError(
            f"The benchmark 'controller' compares the committed policy, which is not in {RUN}; "
            "run it from a checkout."
        )
    controller = Controller.load(RUN / "controller.json")
    low, high = np.transpose([entry.range for entry in controller.inputs])
    rows = np.random.default_rng(0).uniform(low, high, (ROWS, len(low)))
    compiled = _compile(controller, folder)
    _check_agreement(controller, rows, compiled)
    # ns-3 takes its own time, for its process takes long to start.
    by_ns3: list[float] = []
    seconds = alternate(
        {
            "cpp": lambda: compiled(rows, PASSES),
            "ns3": lambda: by_ns3.append(_time_ns3(rows)),
            "python": lambda: [controller(row) for row in rows],
            "plain_python": _plain_python(controller, rows),
            "torch": _torch(controller, rows),
        },
        rounds,
        CALLS,
        time.process_time,
    )
    seconds["cpp"] = [one / PASSES for one in seconds["cpp"]]
    nanoseconds = {name: [1e9 * one / ROWS for one in times] for name, times in seconds.items()}
    nanoseconds["ns3"] = by_ns3[-rounds:]
    pairs = zip(nanoseconds["torch"], nanoseconds["cpp"], strict=True)
    return Result(
        bench="controller",
        ratios={"torch": [theirs / mine for theirs, mine in pairs]},
        figures={f"{name}_ns": statistics.median(times) for name, times in nanoseconds.items()},
    )


def _compile(controller: Controller, folder: Path) -> Callable[[Array, int], float]:
    compiler = shutil.which("c++")
    if compiler is None:
        raise RuntimeError(
            "The benchmark 'controller' compiles the exported equation and finds no c++; install "
            "a C++ compiler."
        )
    (folder / "exported.hpp").write_text(export(controller, "cpp", "exported"))
    (folder / "repeat.cpp").write_text(_SOURCE)
    library = folder / "repeat.so"
    subprocess.run(
        [compiler, "-O2", "-std=c++17", "-shared", "-fPIC", folder / "repeat.cpp", "-o", library],
        check=True,
    )
    repeat = ctypes.CDLL(str(library)).repeat
    repeat.restype = ctypes.c_double
    repeat.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]

    def compiled(rows: Array, repetitions: int) -> float:
        return float(repeat(rows.ctypes.data, len(rows), repetitions))

    return compiled


def _plain_python(controller: Controller, rows: Array) -> Callable[[], object]:
    module = ModuleType("exported")
    exec(export(controller, "python"), module.__dict__)
    decide, observations = module.decide, rows.tolist()
    return lambda: [decide(observation) for observation in observations]


def _torch(controller: Controller, rows: Array) -> Callable[[], object]:
    policy = ActorCritic.load(RUN / "checkpoint.safetensors")
    observations = np.zeros((len(rows), len(policy.feature_names)), np.float32)
    columns = list(controller.check_inputs(policy.feature_names))
    observations[:, columns] = rows
    tensors = list(torch.from_numpy(observations)[:, None, :])
    actor = policy.actor

    def decide() -> None:
        with torch.inference_mode():
            for observation in tensors:
                actor.mode(observation)

    return decide


def _ns3(rows: Array, *options: str) -> Array:
    """Numbers that ns-3's evaluation writes."""
    done = subprocess.run(
        tied([str(scenario_path("evaluate-controller")), str(RUN / "controller.json"), *options]),
        input="".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist()),
        capture_output=True,
        text=True,
        check=True,
    )
    return np.array(done.stdout.split(), dtype=np.float64)


def _time_ns3(rows: Array) -> float:
    return float(_ns3(rows, f"--time={NS3_SECONDS}")[0])


def _check_agreement(
    controller: Controller, rows: Array, compiled: Callable[[Array, int], float]
) -> None:
    expected = controller(rows)[:, 0]
    answers = {
        "C++": np.array([compiled(row[None], 1) for row in rows]),
        "ns-3": _ns3(rows),
    }
    for name, decisions in answers.items():
        difference = float(np.max(np.abs(decisions / expected - 1)))
        if not difference <= TOLERANCE:
            raise RuntimeError(
                f"The decisions in {name} and Python differ by {difference:.1e} for the same "
                f"inputs; at most {TOLERANCE:.0e} is accepted."
            )
