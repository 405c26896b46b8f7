# SPDX-License-Identifier: MIT
"""One path of `parallel-paths` against queueing theory.

Flows of one packet each arrive as a Poisson process at a link of rate C, so the path is an M/G/1
queue with the service time S = (size + headers)/C. Bounds are t intervals of the mean over
independent runs, at a confidence of 99.9 %; each test also says how narrow its interval must be,
so that it means something. A run is short enough for every flow to have a port of its own.

Queues in series and the fairness of two flows are tested where the network is built for it, in
``ns3_scenarios/test/theory-test-suite.cc``.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.simulator import scenario_path

FloatArray = npt.NDArray[np.float64]

RATE = 2e5  # bit/s
DELAY = 0.010  # s
HEADERS = 30  # IPv4, UDP and PPP [byte]
RUNS = 12


def run(folder: Path, queue: str, seed: int, *arguments: str, rate: float = RATE) -> pd.DataFrame:
    """Intervals of a run with two equal paths.

    Of a row, `delay`, `loss` and `goodput` are those of the interval after the decision.
    """
    path = {"rate": f"{rate:.0f}bps", "delay": "10ms", "queue": queue}
    document = {
        "format": "ns3kan-topology",
        "version": 1,
        "paths": [{"name": "used", **path}, {"name": "spare", **path}],
    }
    (folder / "t.json").write_text(json.dumps(document))
    done = subprocess.run(
        [
            scenario_path("parallel-paths"),
            "--topology=t.json",
            "--intervals=out.csv",
            "--packetSize=1500",
            "--probeInterval=1000s",
            f"--simSeed={seed}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return read_intervals(folder / "out.csv")


def single_packets(rho: float, sizes: str, mean_size: int) -> tuple[tuple[str, ...], float]:
    """Arguments for flows of one packet that use the share ``rho`` of the link; their rate."""
    arrivals = rho * RATE / (8 * (mean_size + HEADERS))
    # The load counts the bytes of applications over the rates of both paths.
    load = repr(arrivals * 8 * mean_size / (2 * RATE))
    return (
        "--controller=constant:1,0",
        f"--flowSizes={sizes}",
        f"--meanFlowSize={mean_size}",
        f"--minLoad={load}",
        f"--maxLoad={load}",
        "--warmup=36s",
        "--interval=36s",
        "--duration=36s",
    ), arrivals


def service_times(sizes: str, mean_size: int) -> tuple[FloatArray, FloatArray]:
    """Possible service times [s] and their probabilities: sizes are rounded, and at least 1."""
    if sizes == "constant":
        return np.array([(mean_size + HEADERS) * 8 / RATE]), np.ones(1)
    size = np.arange(1, 1473)
    edges = np.concatenate([[0.0], size[:-1] + 0.5, [np.inf]])
    mass = np.diff(1 - np.exp(-edges / mean_size))
    return (size + HEADERS) * 8 / RATE, mass


def interval(samples: list[float]) -> tuple[float, float]:
    """Mean and half width of its 99.9 % interval."""
    half = stats.t.ppf(0.9995, len(samples) - 1) * stats.sem(samples)
    return float(np.mean(samples)), float(half)


@pytest.mark.parametrize(("sizes", "mean_size"), [("exponential", 100), ("constant", 100)])
@pytest.mark.parametrize("rho", [0.4, 0.7])
def test_delay_is_that_of_pollaczek_and_khinchine(
    tmp_path: Path, sizes: str, mean_size: int, rho: float
) -> None:
    arguments, arrivals = single_packets(rho, sizes, mean_size)
    # The queue is so long that nothing is lost: M/M/1 (but for the headers) and M/D/1.
    tables = [run(tmp_path, "10000p", seed, *arguments) for seed in range(1, RUNS + 1)]
    assert all((table["loss"] == 0).all() for table in tables)
    times, mass = service_times(sizes, mean_size)
    service, square = times @ mass, times**2 @ mass
    expected = DELAY + service + arrivals * square / (2 * (1 - arrivals * service))
    mean, half = interval([float(table["delay"].iloc[0]) for table in tables])
    assert half < 0.15 * (expected - DELAY)
    assert abs(mean - expected) < half
    # What arrives gets through: ρ = λ E[S].
    carried = [float(table["goodput"].iloc[0]) / (8 * mean_size) for table in tables]
    mean, half = interval(carried)
    assert abs(mean * service - rho) < half * service < 0.1


def loss_of_finite_queue(arrivals: float, times: FloatArray, mass: FloatArray, room: int) -> float:
    """Loss of M/G/1/K by its chain at departures (Takagi, Queueing Analysis 2, 1993)."""
    load = arrivals * times
    per_service = np.array([(stats.poisson.pmf(k, load) * mass).sum() for k in range(room)])
    chain = np.zeros((room, room))
    for left in range(room):
        first = max(left - 1, 0)
        # From `left` customers one is served while k come; what has no room is lost.
        chain[left, first : room - 1] = per_service[: room - 1 - first]
        chain[left, room - 1] = 1 - chain[left].sum()
    system = np.vstack([chain.T - np.eye(room), np.ones(room)])
    empty = np.linalg.lstsq(system, np.append(np.zeros(room), 1.0), rcond=None)[0][0]
    return float(1 - 1 / (empty + load @ mass))


def test_the_formula_for_loss_is_that_of_a_queue_with_exponential_service() -> None:
    # M/M/1/K has the loss (1 - ρ) ρ^K / (1 - ρ^(K+1)); service times on a fine grid come close.
    edges = np.linspace(0, 30, 30001)
    mass = np.diff(1 - np.exp(-edges))
    middle = (edges[:-1] + edges[1:]) / 2
    rho, room = 0.9, 6
    exact = (1 - rho) * rho**room / (1 - rho ** (room + 1))
    assert loss_of_finite_queue(rho, middle, mass, room) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("sizes", ["exponential", "constant"])
def test_loss_is_that_of_a_finite_queue(tmp_path: Path, sizes: str) -> None:
    mean_size, rho, queue = 100, 0.9, 5
    arguments, arrivals = single_packets(rho, sizes, mean_size)
    times, mass = service_times(sizes, mean_size)
    # Beside those in the queue, one packet is on the wire.
    expected = loss_of_finite_queue(arrivals, times, mass, queue + 1)
    tables = [run(tmp_path, f"{queue}p", seed, *arguments) for seed in range(1, RUNS + 1)]
    mean, half = interval([float(table["loss"].iloc[0]) for table in tables])
    assert half < 0.25 * expected
    assert abs(mean - expected) < half


def test_tcp_fills_the_link_but_for_the_headers(tmp_path: Path) -> None:
    # A few flows without an end that would each send faster than the link. Their sockets hold more
    # than the queue, so packets are lost, but before the link: what crosses it is new. The queue
    # holds 15 times rate times delay, so halved windows do not leave the link idle.
    queue, rate = 50, 2e6
    table = run(
        tmp_path,
        f"{queue}p",
        5,
        "--controller=constant:1,0",
        "--transport=tcp",
        "--flowSizes=constant",
        "--meanFlowSize=1e8",
        "--rateLimit=3Mbps",
        "--minLoad=10",
        "--maxLoad=10",
        "--warmup=1s",
        "--interval=1s",
        "--duration=120s",
        rate=rate,
    ).iloc[60:]
    # Of a second's packets the first may have begun in the second before.
    assert (table["used_utilisation"] >= 1 - 1502 * 8 / rate).all()
    assert (table["active_flows"] >= 2).all()
    # 1,500 bytes of IP carry 1,448 of the application behind 52 of IPv4 and TCP with timestamps;
    # PPP adds 2. At the edges of a minute, packets that wait at the receiver for a lost one may
    # fall either way: no more than the queue held behind it, and one.
    limit = rate * 1448 / 1502
    edge = (queue + 1) * 1500 * 8 / 60
    assert 0.99 * limit < table["goodput"].mean() < limit + edge


@pytest.mark.parametrize("asked", [(0.5, 0.5), (0.9, 0.1), (0.02, 0.98)])
def test_flows_are_split_with_the_probability_asked_for(
    tmp_path: Path, asked: tuple[float, float]
) -> None:
    run(
        tmp_path,
        "100p",
        3,
        f"--controller=constant:{asked[0]},{asked[1]}",
        "--flows=flows.csv",
        "--meanFlowSize=200",
        "--minLoad=0.2",
        "--maxLoad=0.2",
        "--warmup=1s",
        "--interval=1s",
        "--duration=100s",
    )
    flows = read_intervals(tmp_path / "flows.csv")
    # In the first second all shares are equal.
    flows = flows[(flows["start"] >= 1) & (flows["flow"] > 0)]
    # The path of each flow is a draw of its own, so counts are binomial; Clopper and Pearson's
    # interval holds the probability in 999 of 1,000 runs.
    count = int((flows["path"] == 0).sum())
    found = stats.binomtest(count, len(flows)).proportion_ci(0.999)
    assert len(flows) > 4000
    assert found.low < asked[0] < found.high
