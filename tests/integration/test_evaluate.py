# SPDX-License-Identifier: MIT
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.analysis.comparison.evaluate import evaluate, play, summarise
from ns3kan.analysis.comparison.policies import Contestant
from ns3kan.analysis.comparison.simulate import Simulation, simulate, simulate_all, simulator_seed
from ns3kan.bridge.ns3.errors import SimulatorError, SimulatorTimeoutError

ID = "ns3kan/SdWan-v0"
SHORT = {"duration": 5, "reward": "utility"}


def constant(ratio: float) -> Contestant:
    return Contestant("network", "network", lambda seen: np.full((len(seen), 1), ratio))


def rule(name: str) -> Contestant:
    return Contestant(name, "traditional", None, name)


def test_python_and_ns3_see_the_same_packets_for_the_same_seed() -> None:
    policy = constant(0.25).policy
    assert policy is not None
    through_python = play(policy, 7, ID, SHORT)
    inside = simulate(Simulation("constant:0.25", simulator_seed(7), SHORT))
    assert len(inside) == 10
    pd.testing.assert_frame_equal(through_python, inside, check_exact=True)


def test_all_controllers_are_measured_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "controller.json"
    Controller(
        [ControllerInput("load", "1", (0.0, 1.0))],
        [ControllerOutput("ratio", "0.5", (0.0, 1.0))],
    ).save(path)
    counts = []
    found = evaluate(
        [
            constant(0.5),
            Contestant("equation", "equation", None, path),
            rule("equal"),
            rule("capacity"),
        ],
        [3, 4],
        environment=ID,
        arguments=SHORT,
        on_done=lambda done, total: counts.append((done, total)),
    )
    assert counts == [(done, 8) for done in range(1, 9)]
    results = found.results
    assert list(results["controller"].unique()) == ["network", "equation", "equal", "capacity"]
    numbers = {
        name: rows.drop(columns=["controller", "kind"]).to_numpy()
        for name, rows in results.groupby("controller")
    }
    # Half and half is half and half, whoever decides it and wherever.
    assert (numbers["network"] == numbers["equal"]).all()
    assert (numbers["equation"] == numbers["equal"]).all()
    assert (numbers["capacity"] != numbers["equal"])[:, 1:].any()
    assert list(found.intervals.columns[:4]) == ["controller", "seed", "time", "load"]
    own = found.intervals.query("controller == 'capacity' and seed == 4")
    expected = results.query("controller == 'capacity' and seed == 4").iloc[0]
    assert summarise(own) == expected[["reward", "goodput", "delay", "loss"]].to_dict()


def test_the_same_seed_gives_the_same_packets_and_another_others() -> None:
    runs = [Simulation("equal", seed, SHORT) for seed in (1, 1, 2)]
    first, again, other = simulate_all(runs, workers=2)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first["load"].equals(other["load"])


def test_an_unknown_controller_is_named() -> None:
    with pytest.raises(SimulatorError, match="controller=nonsense") as error:
        simulate_all([Simulation("nonsense", 1, SHORT)])
    assert "least-delay" in str(error.value)
    assert error.value.exit_status == 1


def test_a_simulation_that_takes_too_long_is_ended() -> None:
    with pytest.raises(SimulatorTimeoutError, match=r"did not end within 0\.2 s"):
        simulate(Simulation("equal", 1, {"duration": 10_000_000}), timeout=0.2)


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_must_differ(seeds: list[int]) -> None:
    with pytest.raises(ValueError, match="different seeds"):
        evaluate([constant(0.5)], seeds, environment=ID, arguments=SHORT)
