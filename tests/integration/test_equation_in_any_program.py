# SPDX-License-Identifier: MIT
"""A controller.json decides in any simulation with the interface as Python would by it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ns3kan import Controller, Ns3Env
from ns3kan.analysis.comparison.simulate import read_intervals, simulator_seed
from ns3kan.bridge.ns3.installed import scenario_path

PROGRAM = scenario_path("rate-control")
SEED = 7


def artefact(path: Path, decision: str = "ratio", **changes: Any) -> Path:
    output = {
        "name": "rate",
        "expression": "2e6 + 4e6/(1 + queue_length) - 1e4*queue_length^2",
        "range": [1e5, 1e7],
    }
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": decision,
        "inputs": [{"name": "queue_length", "unit": "packet", "range": [0, 100]}],
        "outputs": [output | changes],
    }
    path.write_text(json.dumps(document))
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("way", ["argument", "attribute"])
def test_decisions_are_those_of_python(tmp_path: Path, way: str) -> None:
    path, table = artefact(tmp_path / "controller.json"), tmp_path / "decisions.csv"
    prefix = "--" if way == "argument" else "--ns3::GymInterface::"
    names = ("controller", "decisions") if way == "argument" else ("Controller", "Decisions")
    done = run(
        f"--simSeed={simulator_seed(SEED)}",
        *(f"{prefix}{name}={file}" for name, file in zip(names, (path, table), strict=True)),
    )
    assert done.returncode == 0, done.stderr
    inside = read_intervals(table)

    controller = Controller.load(path)
    rows = []
    with Ns3Env(PROGRAM) as env:
        observation, _ = env.reset(seed=SEED)
        over = False
        while not over:
            action = controller(np.asarray(observation, np.float64))
            seen = observation
            observation, reward, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
            rows.append((float(seen[0]), float(action[0]), reward))
    assert len(rows) == len(inside) == 99
    outside = np.array(rows)
    np.testing.assert_allclose(inside["queue_length"], outside[:, 0], rtol=0, atol=0)
    np.testing.assert_allclose(inside.iloc[:, 2], outside[:, 1], rtol=1e-9)
    # Rewards travel in single precision.
    np.testing.assert_allclose(inside["reward"], outside[:, 2], rtol=1e-6)
    # It does decide: the rate is not the same all the time.
    assert inside.iloc[:, 2].nunique() > 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"range": [0, 1e9]}, "output rate goes from .* beyond the action's bounds"),
        ({"expression": "delay"}, "delay"),
        ({"expression": "1/(queue_length - queue_length)"}, "divides by zero"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = artefact(tmp_path / "controller.json", **changes)
    done = run(f"--controller={path}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert re.search(message, done.stderr), done.stderr


def test_a_controller_and_a_port_are_one_too_many(tmp_path: Path) -> None:
    path = artefact(tmp_path / "controller.json")
    done = run(f"--controller={path}", "--ns3::GymInterface::Port=5555")
    assert done.returncode == 1
    assert "give one of them" in done.stderr
    done = run("--decisions=somewhere.csv")
    assert done.returncode == 1
    assert "none is given" in done.stderr


def test_an_unwritable_table_is_named(tmp_path: Path) -> None:
    path = artefact(tmp_path / "controller.json")
    done = run(f"--controller={path}", f"--decisions={tmp_path / 'no' / 'd.csv'}")
    assert done.returncode == 1
    assert "decisions" in done.stderr


def test_choices_are_made_in_a_program_that_knows_nothing_of_it(tmp_path: Path) -> None:
    """Its observation is its last action, five indicators; each step takes the next choice."""
    names = [f"observation_{i}" for i in range(5)]
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": "argmax",
        "inputs": [{"name": name, "unit": "1", "range": [0, 1]} for name in names],
        "outputs": [{"name": f"choice_{i}", "expression": names[i - 1]} for i in range(5)],
    }
    path, table = tmp_path / "controller.json", tmp_path / "decisions.csv"
    path.write_text(json.dumps(document))
    program, where = str(scenario_path("gym-example")), f"--ns3::GymInterface::Controller={path}"
    done = subprocess.run(
        [program, "--space=discrete", where, f"--ns3::GymInterface::Decisions={table}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    inside = read_intervals(table)
    assert inside["action"].tolist() == [(i + 1) % 5 for i in range(10)]
    controller = Controller.load(path)
    assert controller(inside[names].to_numpy()).tolist() == inside["action"].tolist()

    done = subprocess.run(
        [program, "--space=dict", where], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "the action is a Tuple or a Dict" in done.stderr
