# SPDX-License-Identifier: MIT
"""A step of the bridge through shared memory, through ZeroMQ, and what ZeroMQ itself costs.

8 floats in, 2 out, an empty scenario, everything on one host:

``shm_over_zmq``
    Steps per second of ``transport="shm"`` over those of ``transport="zmq"``.
``zmq_over_raw_echo``
    Steps per second of ``transport="zmq"`` over round trips per second of a bare request and reply
    of the same bytes between the same languages: pyzmq here, libzmq's C interface there.
``reset_in_process``
    Time to start a simulator afresh over time for `reset` in the running process.
``two_simulators``
    Environment steps per second of two simulators over those of one, 5 ms of processor time a step.

Figures: ``shm_step_us`` and ``zmq_step_us`` are medians of single steps, ``shm_p99_us`` and
``zmq_p99_us`` what 99 of 100 stay below; ``idle_cpu_share`` is the largest share of a core that
either side used while it waited for the other, over either transport; ``reset_ms`` and
``restart_ms`` are medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from ns3kan.analysis.bench import Result, alternate
from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.codec import encode_value
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import installed_file, scenario_path
from ns3kan.bridge.ns3.session import Transport
from ns3kan.bridge.ns3.simulator import Simulator
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

FOREVER = 2**32 - 1  # steps
ACTION = np.full(2, 0.5, np.float32)
WORK = 0.005  # seconds of processor time
# Long enough that the kernel's clock of processor time, which ticks, does not matter [s].
IDLE = 1.0
TRANSPORTS: tuple[Transport, ...] = ("shm", "zmq")
# Short turns, so that what else the machine does falls on few of them.
STEPS = {"shm": 1000, "zmq": 100}
TURNS = 4


def run(rounds: int = 12, idle: float = IDLE) -> Result:
    """Compare the transports, resets and vector environments.

    Parameters
    ----------
    rounds
        How often each candidate gets its turn; transports get four times as many.
    idle
        How long each side is let wait [s].
    """
    single: dict[str, list[float]] = {transport: [] for transport in TRANSPORTS}
    with ExitStack() as stack:
        envs = {
            transport: stack.enter_context(_example(transport=transport))
            for transport in TRANSPORTS
        }
        candidates: dict[str, Callable[[], object]] = {
            transport: _steps(env, STEPS[transport], single[transport])
            for transport, env in envs.items()
        }
        candidates["raw"] = stack.enter_context(_raw_echo(envs["zmq"], STEPS["zmq"]))
        seconds = alternate(candidates, TURNS * rounds, dict.fromkeys(candidates, 1))
    per_step = {
        name: [turn / STEPS.get(name, STEPS["zmq"]) for turn in turns]
        for name, turns in seconds.items()
    }
    resets = _resets(rounds)
    together = _together(rounds)
    return Result(
        bench="bridge",
        ratios={
            "shm_over_zmq": _ratios(per_step["zmq"], per_step["shm"]),
            "zmq_over_raw_echo": _ratios(per_step["raw"], per_step["zmq"]),
            "reset_in_process": _ratios(resets["restart"], resets["reset"]),
            "two_simulators": [2 * r for r in _ratios(together["one"], together["two"])],
        },
        figures={
            f"{name}_step_us": 1e6 * statistics.median(times) for name, times in single.items()
        }
        | {
            f"{name}_p99_us": 1e6 * float(np.quantile(times, 0.99))
            for name, times in single.items()
        }
        | {"raw_echo_us": 1e6 * statistics.median(per_step["raw"])}
        | {"idle_cpu_share": max(share for t in TRANSPORTS for share in idle_shares(t, idle))}
        | {f"{name}_ms": 1e3 * statistics.median(times) for name, times in resets.items()},
    )


def _example(**arguments: Any) -> Ns3Env:
    return Ns3Env(scenario_path("gym-example"), **{"space": "empty", "steps": FOREVER, **arguments})


def _ratios(theirs: list[float], mine: list[float]) -> list[float]:
    return [one / other for one, other in zip(theirs, mine, strict=True)]


def _steps(env: Ns3Env, count: int, times: list[float]) -> Callable[[], None]:
    env.reset()

    def step() -> None:
        before = time.perf_counter()
        for _ in range(count):
            env.step(ACTION)
            now = time.perf_counter()
            times.append(now - before)
            before = now

    return step


@contextmanager
def _raw_echo(env: Ns3Env, count: int) -> Iterator[Callable[[], None]]:
    """Exchange messages as long as a step's of `env` with a simulator that does nothing else."""
    observation = encode_value(env.observation_space.sample(), env.observation_space)
    state = messages.EnvStateMsg(obsData=observation, info="{}").SerializeToString()
    answer = messages.EnvActMsg(actData=encode_value(ACTION, env.action_space)).SerializeToString()
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        socket.linger = 500
        socket.rcvtimeo = 10_000
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        peer = Simulator([str(installed_file("bin/raw-echo")), str(port), str(len(state))])

        def echo() -> None:
            for _ in range(count):
                socket.recv()
                socket.send(answer)

        try:
            yield echo
            socket.recv()
            socket.send(b"")
        finally:
            peer.stop(patience=1.0)


def _resets(rounds: int) -> dict[str, list[float]]:
    with ExitStack() as stack:
        env = stack.enter_context(_example())

        def restart() -> None:
            stack.enter_context(_example()).reset()

        def reset() -> None:
            env.reset()
            env.step(ACTION)

        env.reset()
        return alternate({"reset": reset, "restart": restart}, rounds, {"reset": 5, "restart": 1})


def _together(rounds: int) -> dict[str, list[float]]:
    with ExitStack() as stack:

        def steps(num_envs: int) -> Callable[[], None]:
            env = Ns3VectorEnv(num_envs, _example, busy=WORK)
            stack.callback(env.close)
            env.reset()
            actions = np.stack([ACTION] * num_envs)

            def step() -> None:
                env.step(actions)

            return step

        return alternate(
            {"one": steps(1), "two": steps(2)}, rounds, dict.fromkeys(("one", "two"), 20)
        )


def idle_shares(transport: Transport, seconds: float) -> tuple[float, float]:
    """Share of a core that each side uses while it waits for the other.

    Parameters
    ----------
    transport
        What they wait at.
    seconds
        How long each is let wait.

    Returns
    -------
    python, simulator
    """
    before = _children()
    with _example(transport=transport, work=seconds) as env:
        (simulator,) = _children() - before
        env.reset()
        started, used = time.monotonic(), time.process_time()
        env.step(ACTION)
        python_share = (time.process_time() - used) / (time.monotonic() - started)
        started, used = time.monotonic(), _processor_time(simulator)
        time.sleep(seconds)
        simulator_share = (_processor_time(simulator) - used) / (time.monotonic() - started)
    return python_share, simulator_share


def _children() -> set[int]:
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        pids.update(map(int, (task / "children").read_text().split()))
    return pids


def _processor_time(pid: int) -> float:
    """Seconds that all threads of a process have run."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
