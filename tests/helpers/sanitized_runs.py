# SPDX-License-Identifier: MIT
"""Short runs of programs that were built with sanitizers (``make sanitize``).

    python tests/helpers/sanitized_runs.py build/sanitized

Every scenario with a rule, an equation and Python; the gym interface through both transports, with
several episodes in a process; the suites of tests; damaged controllers. A program ends with a
report and status 99 where a sanitizer finds something.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
from controller_mutations import differences

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.parallel_paths import topology_path

FAILED = 99
SHORT = ("--duration=3s", "--warmup=500ms", "--simSeed=1")
SLOTS = ("--slots=300", "--simSeed=1")
SUITES = ("balancing", "controllers", "leaf-spine", "measurement", "types", "uplinks")


def ratio(folder: Path, *names: str) -> Path:
    """Write a controller of shares over the mean load."""
    path = folder / "ratio.json"
    outputs = [ControllerOutput(name, "1/(1 + exp(-(3*load - 1)))", (0.0, 1.0)) for name in names]
    Controller([ControllerInput("load", "1", (0.0, 2.0))], outputs).save(path)
    return path


def index(folder: Path) -> Path:
    """Write a controller of queues."""
    path = folder / "index.json"
    inputs = [ControllerInput(name, "1", (0.0, 9.0)) for name in ("queue_length", "capacity")]
    Controller(
        inputs,
        [ControllerOutput("index", "queue_length*min(queue_length, capacity)", None)],
        "index",
    ).save(path)
    return path


def run(program: Path, *arguments: str) -> None:
    """Run a program to its end."""
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        words = " ".join([program.name, *arguments])
        sys.exit(f"{words} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-6000:]}")


def drive(make: Callable[[], gymnasium.Env[Any, Any]], episodes: int = 2, steps: int = 5) -> None:
    """Play episodes; their simulator must end well."""
    env = make()
    env.action_space.seed(1)
    for episode in range(episodes):
        env.reset(seed=episode)
        for _ in range(steps):
            env.step(env.action_space.sample())
    env.close()


def main() -> None:
    """Run everything; the first thing that is found ends it."""
    programs = Path(sys.argv[1]).absolute()
    checks = f"exitcode={FAILED}:detect_stack_use_after_return=1"
    # ns-3 keeps its singletons and registries to the end, and calls nearly all of this code: what
    # it holds cannot be told from what is lost here. What runs without it is checked for leaks.
    os.environ["ASAN_OPTIONS"] = f"{checks}:detect_leaks=0"
    os.environ["UBSAN_OPTIONS"] = f"print_stacktrace=1:exitcode={FAILED}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        share, greatest = ratio(folder, "ratio"), index(folder)
        records = [f"--{each}={folder / each}" for each in ("intervals", "flows", "pcap")]
        print("scenarios", flush=True)
        for controller in ("equal", "primary", str(share)):
            run(programs / "sdwan", *SHORT, f"--controller={controller}", *records)
        run(programs / "sdwan", *SHORT, "--transport=tcp", "--controller=least-delay")
        topology = f"--topology={topology_path('four-paths')}"
        run(programs / "parallel-paths", *SHORT, topology, "--controller=least-utilised")
        for controller in ("ecmp", "conga"):
            run(programs / "leaf-spine", "--duration=20ms", "--warmup=5ms", "--simSeed=1",
                f"--controller={controller}")  # fmt: skip
        for program in ("single-hop-scheduling", "multipath-routing"):
            for controller in (str(greatest), "random"):
                run(programs / program, *SLOTS, f"--controller={controller}")
        print("gym interface", flush=True)
        for transport in ("zmq", "shm"):
            for program, arguments in (
                ("gym-example", {}),
                ("sdwan", {"duration": "5s", "warmup": "1s", "controller": "gym"}),
            ):
                drive(lambda p=program, a=arguments, t=transport: Ns3Env(  # type: ignore[misc]
                    programs / p, transport=t, **a
                ))  # fmt: skip
        print("damaged controllers", flush=True)
        os.environ["ASAN_OPTIONS"] = f"{checks}:detect_leaks=1"
        for path, what in differences(2000, 5, folder, programs / "evaluate-controller"):
            sys.exit(f"{path.read_bytes()!r}: {what}")
        print("suites", flush=True)
        os.environ["ASAN_OPTIONS"] = f"{checks}:detect_leaks=0"
        for suite in SUITES:
            run(programs / "test-runner", f"--suite=ns3kan-{suite}")
    print("Nothing was found.")


if __name__ == "__main__":
    main()
