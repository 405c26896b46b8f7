# SPDX-License-Identifier: MIT
"""Controllers of queues inside ns-3 against the same policies in Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.components.classical import make_policy
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.queue_policy import controller_policy
from ns3kan.analysis.comparison.simulate import read_intervals
from ns3kan.bridge.ns3.simulator import scenario_path
from ns3kan.bridge.queues.trace import write_trace

ROUTING, SCHEDULING = "multipath-routing", "single-hop-scheduling"
MODELS = {ROUTING: "ns3kan/MultiPathRouting-v0", SCHEDULING: "ns3kan/SingleHopScheduling-v0"}
# Two with the same rate, so that there are ties, and one that is never served.
RATES = {
    ROUTING: {"service_rates": [0.9, 0.5, 0.5, 0.3, 0.0]},
    SCHEDULING: {
        "arrival_rates": [0.3, 0.2, 0.2, 0.1, 0.1],
        "service_rates": [1.0, 2.0, 1.5, 1.0, 3.0],
    },
}


def model_of(scenario: str, **arguments: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(MODELS[scenario], observe_rates=True, **RATES[scenario], **arguments)


def run(scenario: str, controller: str | Path, *arguments: str, folder: Path) -> pd.DataFrame:
    rates = [
        f"--{'serviceRates' if name == 'service_rates' else 'arrivalRates'}="
        + ",".join(map(str, values))
        for name, values in RATES[scenario].items()
    ]
    done = subprocess.run(
        [
            scenario_path(scenario),
            f"--controller={controller}",
            "--intervals=out.csv",
            *rates,
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


def states(table: pd.DataFrame, scenario: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Observations of shape (slots, K, features), with the rates."""
    columns = [
        table.filter(like=name).to_numpy(np.float64) for name in ("queue_length", "capacity")
    ]
    columns += [np.broadcast_to(rates, columns[0].shape) for rates in RATES[scenario].values()]
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize(
    ("scenario", "name", "policy"),
    [
        (ROUTING, "join-shortest-queue", "shortest_queue"),
        (ROUTING, "shortest-expected-delay", "shortest_expected_delay"),
        (ROUTING, "round-robin", "round_robin"),
        (SCHEDULING, "longest-queue", "longest_queue"),
        (SCHEDULING, "longest-connected-queue", "longest_connected_queue"),
        (SCHEDULING, "max-weight", "max_weight"),
        (SCHEDULING, "round-robin", "round_robin"),
    ],
)
def test_decisions_are_those_of_the_python_policy(
    tmp_path: Path, scenario: str, name: str, policy: str
) -> None:
    table = run(scenario, name, "--slots=3000", folder=tmp_path)
    reference = make_policy(policy, model_of(scenario), ties="lowest")
    seen = states(table, scenario)
    if name == "round-robin":
        expected = np.array([reference(state) for state in seen])
    else:
        expected = reference(seen)
    np.testing.assert_array_equal(table["decision"], expected)
    assert table["decision"].nunique() >= 4


def test_random_choices_are_equally_likely(tmp_path: Path) -> None:
    for scenario in (ROUTING, SCHEDULING):
        table = run(scenario, "random", "--slots=5000", folder=tmp_path)
        counts = np.bincount(table["decision"].astype(int), minlength=5)
        assert stats.chisquare(counts).pvalue > 1e-3


def test_power_of_two_takes_the_shorter_of_each_pair_equally_often(tmp_path: Path) -> None:
    # The k-th shortest of K, counted from 0, is chosen when the other drawn is any longer one:
    # with probability (K - 1 - k)/(K(K - 1)/2). Equal lengths are ordered by number.
    table = run(ROUTING, "power-of-two", "--slots=5000", folder=tmp_path)
    lengths = states(table, ROUTING)[..., 0]
    chosen = table["decision"].astype(int).to_numpy()
    order = np.argsort(lengths, axis=1, kind="stable")
    ranks = np.argmax(order == chosen[:, None], axis=1)
    counts = np.bincount(ranks, minlength=5)
    assert counts[4] == 0
    assert stats.chisquare(counts[:4], 5000 * np.array([4, 3, 2, 1]) / 10).pvalue > 1e-3


def artefact(path: Path, decision: str, inputs: list[str], expressions: list[str]) -> Path:
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": decision,
        "inputs": [{"name": name, "unit": "1", "range": [-100, 100]} for name in inputs],
        "outputs": [
            {"name": f"y_{i}", "expression": expression, "range": [-1e9, 1e9]}
            for i, expression in enumerate(expressions)
        ],
    }
    path.write_text(json.dumps(document))
    return path


INDICES = {
    ROUTING: (
        ["capacity", "queue_length", "service_rate"],
        "-queue_length/(0.2 + service_rate) + 0.7*tanh(capacity - 1) + sqrt(service_rate)",
    ),
    SCHEDULING: (
        ["queue_length", "capacity", "service_rate", "arrival_rate"],
        "min(queue_length, capacity)*(1.3 - 0.1*service_rate) + exp(0.3*queue_length)*arrival_rate",
    ),
}


@pytest.mark.parametrize("scenario", [ROUTING, SCHEDULING])
def test_an_index_runs_the_same_in_ns3_and_in_the_queue_model(
    tmp_path: Path, scenario: str
) -> None:
    inputs, expression = INDICES[scenario]
    path = artefact(tmp_path / "controller.json", "index", inputs, [expression])
    model = model_of(scenario)
    steps = 2000
    trace = tmp_path / "trace.csv"
    write_trace(trace, model.unwrapped.model, seed=8, steps=steps)  # type: ignore[attr-defined]
    table = run(scenario, path, f"--trace={trace}", folder=tmp_path)
    policy = controller_policy(Controller.load(path), model, ties="lowest")
    observation, _ = model.reset(seed=8)
    costs = []
    for seen, decision in zip(states(table, scenario), table["decision"], strict=True):
        np.testing.assert_array_equal(seen, observation)
        assert policy(observation) == decision
        observation, reward, *_ = model.step(int(decision))
        costs.append(-float(reward))
    np.testing.assert_array_equal(table["cost"], costs)
    assert table["decision"].nunique() >= 4


def test_argmax_and_softmax_take_one_output_per_queue(tmp_path: Path) -> None:
    inputs = [f"queue_length_{k}" for k in range(5)]
    scores = [f"-queue_length_{k}" for k in range(5)]
    path = artefact(tmp_path / "argmax.json", "argmax", inputs, scores)
    greatest = run(ROUTING, path, "--slots=500", folder=tmp_path)
    shortest = run(ROUTING, "join-shortest-queue", "--slots=500", folder=tmp_path)
    assert greatest.equals(shortest)

    path = artefact(tmp_path / "softmax.json", "softmax", inputs, scores)
    table = run(ROUTING, path, "--slots=4000", folder=tmp_path)
    probabilities = np.exp(-states(table, ROUTING)[..., 0])
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    chosen = table["decision"].astype(int).to_numpy()
    # A sum of independent indicators per queue, given the states; five standard deviations.
    for queue in range(5):
        p = probabilities[:, queue]
        spread = np.sqrt((p * (1 - p)).sum())
        assert abs((chosen == queue).sum() - p.sum()) < 5 * spread


@pytest.mark.parametrize(
    ("decision", "inputs", "expressions", "says"),
    [
        ("ratio", ["capacity"], ["capacity"], "index, argmax or softmax, not ratio"),
        ("index", ["load"], ["load"], "does not have the inputs load, it offers queue_length"),
        ("index", ["arrival_rate"], ["arrival_rate"], "inputs arrival_rate"),
        ("argmax", ["capacity_0"], ["capacity_0", "1"], "one of 2, but there are 5 queues"),
        ("argmax", ["capacity_7"], ["capacity_7"] * 5, "inputs capacity_7"),
        ("index", ["capacity"], ["1/(capacity - capacity)"], "divides by zero"),
    ],
)
def test_an_artefact_that_does_not_fit_is_refused(
    tmp_path: Path, decision: str, inputs: list[str], expressions: list[str], says: str
) -> None:
    path = artefact(tmp_path / "c.json", decision, inputs, expressions)
    done = subprocess.run(
        [scenario_path(ROUTING), f"--controller={path}", "--queues=5"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_simulate_compares_the_costs_of_controllers(tmp_path: Path) -> None:
    name = "controller.json"
    artefact(tmp_path / name, "index", ["queue_length"], ["-(queue_length + 1)"])
    controllers = ["join-shortest-queue", name, "random"]
    arguments = ["simulate", ROUTING, *controllers, "--seeds=1..2", "--set", "slots=500"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ns3kan.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"COLUMNS": "200", "PATH": "/usr/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    means, paired = done.stdout.split("Join the shortest queue minus each")
    # One word for what is measured, as in `ns3kan evaluate`: a reward, which the cost takes away.
    assert "reward" in means
    assert "cost" not in means
    rows = {
        title: line.split(title)[1].split()
        for title in ("Join the shortest queue", name, "Random")
        for line in means.splitlines()
        if title in line
    }
    (same,) = [line.split(name)[1] for line in paired.splitlines() if name in line]
    assert same.split()[:3] == ["+0.0000", "±", "0.0000"]
    assert rows["Join the shortest queue"] == rows[name]
    random, own = (float(rows[title][0].replace("−", "-")) for title in ("Random", name))
    assert random < own < 0
