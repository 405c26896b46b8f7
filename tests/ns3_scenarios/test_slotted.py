# SPDX-License-Identifier: MIT
"""The slotted scenarios: packets in queues do what the recursion of the queue models says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from scipy import stats

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.simulator import scenario_path
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.trace import write_trace

ROUTING = ("ns3kan/MultiPathRouting-v0", "ns3kan/PacketMultiPathRouting-v0")
SCHEDULING = ("ns3kan/SingleHopScheduling-v0", "ns3kan/PacketSingleHopScheduling-v0")
SCENARIOS = ("multipath-routing", "single-hop-scheduling")

SYSTEMS: list[tuple[tuple[str, str], dict[str, Any]]] = [
    (ROUTING, {}),
    (ROUTING, {"arrivals": "poisson", "arrival_rates": 3.0, "num_queues": 5, "service_rates": 0.7}),
    (
        ROUTING,
        {
            "arrivals": "geometric",
            "arrival_rates": 4.0,
            "service_rates": [0.5, 1.0, 2.0],
            "buffer": [3, 6, 9],
            "cost": "quadratic",
            "cost_weights": [1.0, 2.0, 0.5],
            "drop_cost": 7.0,
            "observe_rates": True,
        },
    ),
    (SCHEDULING, {}),
    (SCHEDULING, {"num_queues": 12, "arrivals": "bernoulli", "arrival_rates": 0.05}),
    (
        SCHEDULING,
        {
            "arrivals": {"name": "binomial", "trials": 3},
            "arrival_rates": [0.2, 0.4, 0.9],
            "capacities": {"name": "table", "probabilities": [0.5, 0.1, 0.1, 0.3]},
            "buffer": 5,
            "drop_cost": 2.0,
            "observe_rates": True,
        },
    ),
]


@pytest.mark.parametrize(("ids", "arguments"), SYSTEMS)
def test_packets_follow_the_recursion(
    tmp_path: Path, ids: tuple[str, str], arguments: dict[str, Any]
) -> None:
    steps = 400
    model = gymnasium.make(ids[0], **arguments)
    path = tmp_path / "trace.csv"
    write_trace(path, model.unwrapped.model, seed=11, steps=steps)  # type: ignore[attr-defined]
    packets = gymnasium.make(ids[1], trace=path, **arguments)
    expected, _ = model.reset(seed=11)
    observed, _ = packets.reset()
    choices = np.random.default_rng(5).integers(expected.shape[0], size=steps)
    longest = 0.0
    for step, choice in enumerate(choices):
        np.testing.assert_array_equal(observed, expected)
        expected, reward, _, _, info = model.step(choice)
        observed, found, terminated, truncated, told = packets.step(choice)
        assert found == np.float32(reward)
        assert told == info
        assert (terminated, truncated) == (False, step == steps - 1)
        longest = max(longest, float(expected[:, 0].max()))
    np.testing.assert_array_equal(observed, expected)
    assert longest >= 3
    packets.close()


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [scenario_path(arguments[0]), *arguments[1:]],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_packet_is_delivered_dropped_or_waits(tmp_path: Path, scenario: str) -> None:
    done = run(
        scenario,
        "--controller=random",
        "--arrivals=deterministic",
        "--arrivalRates=2",
        "--queues=4",
        "--serviceRates=0.6",
        "--buffers=9",
        "--slots=2000",
        "--intervals=out.csv",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    table = read_intervals(tmp_path / "out.csv")
    assert len(table) == 2000
    sent = 2 * len(table) * (4 if scenario == "single-hop-scheduling" else 1)
    assert table["drops"].sum() > 0
    waiting = table["cost"].iloc[-1]
    assert table["delivered"].sum() + table["drops"].sum() + waiting == sent


@pytest.mark.parametrize(
    ("law", "mean", "expected"),
    [
        ("poisson", 1.7, stats.poisson(1.7)),
        ("poisson", 100, stats.poisson(100)),
        ("bernoulli", 0.3, stats.bernoulli(0.3)),
        ("binomial:5", 2, stats.binom(5, 0.4)),
        ("binomial:3", 3, stats.binom(3, 1.0)),
        ("geometric", 2.5, stats.geom(1 / 3.5, loc=-1)),
        ("deterministic", 4, stats.randint(4, 5)),
    ],
)
def test_counts_have_the_distribution_asked_for(
    tmp_path: Path, law: str, mean: float, expected: Any
) -> None:
    done = run(
        "multipath-routing",
        "--controller=random",
        "--queues=4",
        f"--capacities={law}",
        f"--serviceRates={mean}",
        "--slots=3000",
        "--intervals=out.csv",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    table = read_intervals(tmp_path / "out.csv")
    counts = table[[f"capacity_{k}" for k in range(4)]].to_numpy().ravel()
    assert (counts == np.rint(counts)).all()
    # Pearson's test over cells of at least five expected counts; one seed, so a fixed outcome.
    values, observed = np.unique(counts, return_counts=True)
    likely = expected.pmf(values) * len(counts) >= 5
    wanted = np.append(expected.pmf(values[likely]), 1 - expected.pmf(values[likely]).sum())
    seen = np.append(observed[likely], observed[~likely].sum())
    if wanted[-1] * len(counts) < 5:
        wanted, seen = wanted[:-1] / wanted[:-1].sum(), seen[:-1]
    if len(seen) == 1:
        assert seen[0] >= len(counts) - 5
    else:
        assert stats.chisquare(seen, wanted * seen.sum()).pvalue > 1e-3


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_gives_the_same_packets_under_every_controller(
    tmp_path: Path, scenario: str
) -> None:
    tables = []
    for seed, controller in ((3, "random"), (3, "random"), (3, "round-robin"), (4, "random")):
        arguments = (f"--simSeed={seed}", f"--controller={controller}", "--slots=300")
        assert run(scenario, *arguments, "--intervals=o.csv", folder=tmp_path).returncode == 0
        tables.append(read_intervals(tmp_path / "o.csv"))
    assert tables[0].equals(tables[1])
    capacities = [table.filter(like="capacity") for table in tables]
    assert capacities[0].equals(capacities[2])
    assert not capacities[0].equals(capacities[3])


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--controller=max-wait", "there is no controller"),
        ("--controller=missing.json", "missing.json"),
        ("--arrivals=uniform", "there is no distribution"),
        ("--capacities=binomial:0", "from 1 to 10000 trials"),
        ("--capacities=bernoulli --serviceRates=1.5", "more than the 1"),
        ("--capacities=deterministic --serviceRates=0.5", "must be whole"),
        ("--serviceRates=0.5,-1", "numbers from 0 to 100"),
        ("--serviceRates=0.5,", "numbers from 0 to 100"),
        ("--serviceRates=0.5,0.4,0.3 --queues=2", "3 numbers for 2"),
        ("--buffers=1.5", "whole numbers of packets"),
        ("--buffers=1,2,3", "3 numbers for"),
        ("--observeRates=maybe", "true or false"),
        ("--queues=2000", "from 0 to 1024"),
        ("--slots=0", "has no end"),
        ("--cost=cubic", "total, quadratic"),
        ("--slot=10us --arrivals=deterministic --arrivalRates=60", "slot is too short"),
        ("--trace=missing.csv", "missing.csv: cannot be read"),
        ("--trace=short.csv", "two rows or more"),
        ("--trace=bad.csv", "bad.csv, line 3: expected"),
        ("--nonsense=1", "there is no argument --nonsense"),
    ],
)
def test_what_is_refused_ends_with_one_sentence(
    tmp_path: Path, scenario: str, argument: str, says: str
) -> None:
    streams = 1 if scenario == "multipath-routing" else 4
    queues = 8 if scenario == "multipath-routing" else 4
    row = ",".join(["1"] * (streams + queues))
    (tmp_path / "short.csv").write_text(f"# units\n{row}\n")
    (tmp_path / "bad.csv").write_text(f"# units\n{row}\n{row}.5\n")
    files = sorted(tmp_path.iterdir())
    given = argument.split()
    if "--controller" not in argument:
        given.append("--controller=random")
    done = run(scenario, *given, "--intervals=out.csv", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith(f"{scenario}: ")
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == files


def test_a_trace_of_no_steps_or_no_lane_is_refused(tmp_path: Path) -> None:
    model = gymnasium.make(ROUTING[0]).unwrapped.model  # type: ignore[attr-defined]
    with pytest.raises(QueueError, match="steps=0"):
        write_trace(tmp_path / "t.csv", model, seed=1, steps=0)
    with pytest.raises(QueueError, match="lane=1"):
        write_trace(tmp_path / "t.csv", model, seed=1, steps=5, lane=1)
