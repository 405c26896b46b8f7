# SPDX-License-Identifier: MIT
"""Reading a run's equation counts its work: no clock and no other load changes what is read."""

import itertools
import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ns3kan.agents.equations.reading import readout
from ns3kan.agents.equations.reading.fit import Extraction
from ns3kan.agents.equations.reading.index import Factor, ProductIndex
from ns3kan.agents.equations.reading.readout import read_equations
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.analysis.runs import extraction
from ns3kan.analysis.runs.config import PPORun

Array = NDArray[np.float64]
NAMES = ("load", "delay")


@pytest.fixture
def _jumping_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so slow that an hour passes between two looks at its clock."""
    hours = itertools.count(0.0, 3600.0)
    for name in ("monotonic", "perf_counter", "process_time", "time"):
        monkeypatch.setattr(time, name, lambda: next(hours))


def read() -> list[str]:
    torch.manual_seed(0)
    policy = ActorCritic(Architecture(2, 1, "kan", grid=4), NAMES, ("1", "s"), ("ratio",))
    policy.provenance = {"steps": 0}
    with torch.no_grad():
        for tensor in policy.actor.body.parameters():
            tensor.add_(0.3 * torch.randn_like(tensor))
    states = np.random.default_rng(0).uniform(0, 1, (120, 2))
    episodes = np.repeat(np.arange(6), 20)
    readings: list[Extraction] = []
    prices = PPORun().extraction.prices
    read_equations(policy, states, episodes=episodes, prices=prices, on_reading=readings.append)
    return [f"{one.controller.expressions[0]} {one.notes}" for one in readings] + [
        note for one in readings for note in one.controller.fidelity["notes"]
    ]


@pytest.fixture(scope="module")
def undisturbed() -> list[str]:
    return read()


@pytest.mark.usefixtures("_jumping_clock")
def test_a_slow_clock_changes_no_equation(undisturbed: list[str]) -> None:
    assert len(undisturbed) > 1
    assert read() == undisturbed


def test_after_enough_work_no_equation_is_begun(
    undisturbed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readout, "MOST_REFINED", 1)
    first, *notes = read()
    assert first == undisturbed[0]
    assert notes[-1] == "shorter equations may be missing: 1 formulas were tried"


def searched() -> list[str]:
    start = ProductIndex(
        ("queue_length", "capacity"),
        (Factor("queue_length", 1, 1.3, 0.7), Factor("capacity", 1, 0.6, 0.2)),
    )

    def costs(index: ProductIndex) -> Array:
        states = np.array([[3.0, 2.0], [1.0, 5.0], [8.0, 1.0]])
        wanted = np.array([1.0, 2.0, 3.0])
        return np.abs(np.log(index(states)) - wanted)

    found = extraction._searched(start, costs, costs, lambda progress: None)
    return [str(each.index) for each in found]


def test_a_slow_clock_changes_no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = searched()
    assert len(undisturbed) > 2
    hours = itertools.count(0.0, 3600.0)
    with monkeypatch.context() as patched:
        patched.setattr(time, "monotonic", lambda: next(hours))
        assert searched() == undisturbed
    monkeypatch.setattr(extraction, "MOST_TRIALS", 1)
    assert searched() == undisturbed[:1]
