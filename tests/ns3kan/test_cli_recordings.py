# SPDX-License-Identifier: MIT
"""Files that scenarios record by an argument, and completion times, through the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import ns3kan

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.analysis.comparison.evaluate import evaluate
from ns3kan.analysis.comparison.policies import Contestant
from ns3kan.analysis.comparison.simulate import (
    Simulation,
    read_intervals,
    simulate,
    simulate_all,
    simulator_seed,
)

# Runs as short as these do not deliver what they offer.
pytestmark = pytest.mark.filterwarnings("ignore::ns3kan.analysis.comparison.simulate.LoadWarning")

FABRIC = {
    "leaves": "2",
    "spines": "2",
    "hosts": "2",
    "load": "0.3",
    "sizeScale": "0.01",
    "warmup": "1ms",
    "duration": "4ms",
}
PATHS = {"duration": "5s", "warmup": "1s"}


def settings(arguments: dict[str, Any], prefix: str = "") -> list[str]:
    return [f"--set={prefix}{name}={value}" for name, value in arguments.items()]


def test_every_run_of_a_fabric_leaves_its_files(tmp_path: Path) -> None:
    names = ("summary", "flows", "links", "intervals")
    files = {name: tmp_path / f"{name}.csv" for name in names}
    means = tmp_path / "means.csv"
    done = ns3kan(
        "simulate", "leaf-spine", "ecmp", "conga", "--seeds=1..2", f"--output={means}",
        *settings(FABRIC | files),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = [f"{controller}-{seed}" for controller in ("ecmp", "conga") for seed in (1, 2)]
    expected = {f"{name}-{run}.csv" for name in files for run in runs} | {"means.csv"}
    assert {path.name for path in tmp_path.iterdir()} == expected

    table = pd.read_csv(means).set_index(["controller", "seed"])
    for controller, seed in table.index:
        run = f"{controller}-{seed}.csv"
        summary = read_intervals(tmp_path / f"summary-{run}").iloc[0]
        own = table.loc[(controller, seed)]
        for name in ("fct_mean", "fct_p99", "slowdown_mean"):
            assert own[name] == summary[name]
        flows = read_intervals(tmp_path / f"flows-{run}")
        assert own["fct_mean"] == pytest.approx(flows["fct"].mean())
        assert own["unfinished"] == flows["fct"].isna().mean()
        # Where the flows went, another simulation of this seed agrees on.
        again = simulate(Simulation(controller, simulator_seed(seed), FABRIC, "leaf-spine"))
        pd.testing.assert_frame_equal(read_intervals(tmp_path / f"intervals-{run}"), again)
    for title in ("mean completion", "99th percentile", "mean slowdown", "unfinished"):
        assert title in done.stdout


def test_a_single_run_records_where_it_was_told_to(tmp_path: Path) -> None:
    files = {"summary": tmp_path / "s.csv", "intervals": tmp_path / "x.csv"}
    done = ns3kan("simulate", "leaf-spine", "ecmp", "--seeds=1", *settings(FABRIC | files))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"s.csv", "x.csv"}


def test_recordings_in_the_formats_of_ns3_are_separate_too(tmp_path: Path) -> None:
    equation = Controller(
        [ControllerInput("load", "1", (0.0, 1.0))], [ControllerOutput("ratio", "0.5", (0.0, 1.0))]
    )
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        equation.save(tmp_path / folder / "controller.json")
    records = tmp_path / "records"
    records.mkdir()
    files = {
        "pcap": records / "p",
        "netanim": records / "n.xml",
        "flowMonitor": records / "m.xml",
        "flows": records / "f.csv",
    }
    short = {"duration": "1s", "warmup": "1s", "maxLoad": "1Mbps", "minLoad": "1Mbps"}
    done = ns3kan(
        "simulate", "sdwan", str(tmp_path / "one/controller.json"),
        str(tmp_path / "two/controller.json"), "--seeds=7", *settings(short | files),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # UDP's flows may lose bytes: there is no completion.
    assert "completion" not in done.stdout
    names = sorted(path.name for path in records.iterdir())
    for folder in ("one", "two"):
        own = [name for name in names if f"{folder}-controller-7" in name]
        assert {name[0] for name in own} == {"f", "m", "n", "p"}
        names = [name for name in names if name not in own]
    assert not names


def test_flows_over_tcp_are_timed_in_simulate_and_evaluate(tmp_path: Path) -> None:
    tcp = PATHS | {"transport": "tcp"}
    simulated, evaluated = tmp_path / "simulated.csv", tmp_path / "evaluated.csv"
    done = ns3kan("simulate", "sdwan", "equal", "capacity", "--seeds=1..2", *settings(tcp),
                  "--set", f"flows={tmp_path / 'f.csv'}", "--output", str(simulated))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "99th percentile" in done.stdout
    environment = settings(
        tcp | {"flows": tmp_path / "g.csv", "intervals": tmp_path / "i.csv"},
        "environment.arguments.",
    )
    done = ns3kan("evaluate", "equal", "capacity", "--env=ns3kan/SdWan-v0", "--seeds=1..2",
                  *environment, "--output", str(evaluated))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "99th percentile" in done.stdout
    columns = ["controller", "seed", "reward", "fct_mean", "fct_p99", "unfinished"]
    first, second = (pd.read_csv(path)[columns] for path in (simulated, evaluated))
    pd.testing.assert_frame_equal(first, second)
    for controller, seed in zip(first["controller"], first["seed"], strict=True):
        run = f"{controller}-{seed}.csv"
        flows = read_intervals(tmp_path / f"f-{run}")
        assert (tmp_path / f"f-{run}").read_bytes() == (tmp_path / f"g-{run}").read_bytes()
        assert (tmp_path / f"i-{run}").is_file()
        flows = flows[flows["start"] >= 1.0]
        finished = flows[flows["completed"] == 1]
        times = finished["end"] - finished["start"]
        own = first[(first["controller"] == controller) & (first["seed"] == seed)].iloc[0]
        assert own["fct_mean"] == pytest.approx(times.mean())
        assert own["fct_p99"] == pytest.approx(times.quantile(0.99))
        assert own["unfinished"] == pytest.approx(1 - len(finished) / len(flows))


def test_networks_and_rules_of_a_fabric_are_timed_alike(tmp_path: Path) -> None:
    arguments = {**FABRIC, "summary": str(tmp_path / "s.csv")}
    # Python's names of the same arguments.
    arguments["size_scale"] = arguments.pop("sizeScale")
    equal = Contestant("network", "network", lambda seen: np.full((len(seen), 4), 1.0))
    rule = Contestant("equal", "traditional", None, "equal")
    found = evaluate([equal, rule], [3], environment="ns3kan/LeafSpine-v0", arguments=arguments)
    network, inside = found.results.drop(columns=["controller", "kind"]).to_numpy()
    np.testing.assert_array_equal(network, inside)
    assert found.results["slowdown_mean"].ge(1).all()
    assert (tmp_path / "s-network-3.csv").read_bytes() == (tmp_path / "s-equal-3.csv").read_bytes()


def test_simulations_from_python_are_separate_too(tmp_path: Path) -> None:
    arguments = {**PATHS, "flows": tmp_path / "f.csv"}
    same = Simulation("equal", 1, arguments)
    simulate_all([same, same, Simulation("capacity", 1, arguments)])
    assert {path.name for path in tmp_path.iterdir()} == {
        "f-equal-1.csv", "f-equal-1-2.csv", "f-capacity-1.csv"
    }  # fmt: skip


def test_the_controllers_of_simulate_are_not_replaced_by_an_argument() -> None:
    # Each row would have named one controller and measured another.
    done = ns3kan("simulate", "sdwan", "equal", "--seeds", "1", "--set", "controller=primary")
    assert done.returncode == 1
    assert done.stderr == "ns3kan: controller is not set by --set: name it after the scenario\n"
