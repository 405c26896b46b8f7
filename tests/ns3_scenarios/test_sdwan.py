# SPDX-License-Identifier: MIT
"""The scenario `sdwan` as a program: what it measures, what it refuses, what it leaves behind."""

import io
import json
import socket
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ns3kan.bridge.ns3.simulator import scenario_path

SHORT = ("--duration=10", "--simSeed=3")


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run sdwan to its end inside a folder of its own."""
    return subprocess.run(
        [scenario_path("sdwan"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )


def intervals(*arguments: str, folder: Path) -> pd.DataFrame:
    """Run sdwan and read its table of intervals."""
    done = run(*arguments, "--intervals=out.csv", folder=folder)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(io.StringIO((folder / "out.csv").read_text()), comment="#")


def test_help_names_every_argument_with_its_unit(tmp_path: Path) -> None:
    done = run("--PrintHelp", folder=tmp_path)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if line.startswith("    --")]
    lines = lines[: next(i for i, line in enumerate(lines) if "--PrintGlobals" in line)]
    for name in ("mplsRate", "internetLoss", "crossRate", "interval", "delayWeight", "simSeed"):
        line = next(line for line in lines if line.startswith(f"    --{name}:"))
        assert "[" in line.split("]")[0], line
    assert len(lines) >= 30


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_same_seed_gives_the_same_packets(tmp_path: Path, transport: str) -> None:
    arguments = (*SHORT, "--controller=primary", f"--transport={transport}")
    first = intervals(*arguments, folder=tmp_path)
    second = intervals(*arguments, folder=tmp_path)
    other = intervals(*arguments[:1], *arguments[2:], "--simSeed=4", folder=tmp_path)
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert not first["load"].equals(other["load"])


def test_controllers_meet_the_same_traffic(tmp_path: Path) -> None:
    equal = intervals(*SHORT, "--controller=equal", folder=tmp_path)
    least = intervals(*SHORT, "--controller=least-delay", folder=tmp_path)
    assert equal["load"].equals(least["load"])
    assert not equal["reward"].equals(least["reward"])


def test_all_flows_on_one_path(tmp_path: Path) -> None:
    quiet = ("--crossSources=0", "--internetLoss=0", "--maxLoad=3Mbps")
    mpls = intervals(*SHORT, *quiet, "--controller=constant:0", folder=tmp_path).iloc[4:]
    internet = intervals(*SHORT, *quiet, "--controller=constant:1", folder=tmp_path).iloc[4:]
    # Only probes (64 bytes every 50 ms) are left on the path that no flow takes.
    assert (mpls["internet_utilisation"] < 0.01).all()
    assert (internet["mpls_utilisation"] < 0.01).all()
    # Bytes on the wire over all links are what was offered: load and utilisation agree on average.
    assert mpls["mpls_utilisation"].mean() * 6 == pytest.approx(
        mpls["load"].mean() * 16, rel=0.03, abs=0.05
    )
    assert mpls["delay"].mean() == pytest.approx(0.010 + 1252 * 8 / 6e6, abs=0.002)
    assert internet["delay"].mean() == pytest.approx(0.025 + 1252 * 8 / 10e6, abs=0.002)


def test_goodput_equals_load_without_loss(tmp_path: Path) -> None:
    table = intervals(
        "--duration=60",
        "--crossSources=0",
        "--internetLoss=0",
        "--maxLoad=4Mbps",
        "--controller=equal",
        folder=tmp_path,
    )
    assert table["loss"].sum() == 0
    assert table["reward"].sum() == 0
    # 1222 of 1250 bytes of a full packet are the application's; last packets are smaller.
    assert table["goodput"].mean() == pytest.approx(table["load"].mean() * 16e6 * 0.976, rel=0.02)


def test_random_loss_is_the_loss_asked_for(tmp_path: Path) -> None:
    table = intervals(
        "--duration=60",
        "--crossSources=0",
        "--internetLoss=0.02",
        "--controller=constant:1",
        "--maxLoad=6Mbps",
        folder=tmp_path,
    )
    packets = int(table["goodput"].sum() * 0.5 / 8 / 1222)
    lost = round(table["loss"].mean() * packets)
    assert stats.binomtest(lost, packets, 0.02).pvalue > 1e-4


def test_flows_are_placed_with_the_ratio_asked_for(tmp_path: Path) -> None:
    table = intervals(
        "--duration=120",
        "--crossSources=0",
        "--controller=constant:0.3",
        "--minLoad=3Mbps",
        "--maxLoad=3Mbps",
        "--meanFlowSize=2000",
        folder=tmp_path,
    )
    # Share of bytes on the internet path, less the probes' 20 × 66 bytes a second on each path.
    probes = 20 * 66 * 8
    internet = table["internet_utilisation"].mean() * 10e6 - probes
    mpls = table["mpls_utilisation"].mean() * 6e6 - probes
    # 3 Mbit/s of exponential 2 kB flows over 120 s are 22,500 flows; the share of bytes has the
    # variance of a binomial with E[X²]/E[X]² = 2 times the weight per flow. Five deviations.
    deviation = np.sqrt(0.3 * 0.7 * 2 / 22500)
    assert internet / (internet + mpls) == pytest.approx(0.3, abs=5 * deviation)


def test_a_running_flow_is_never_moved(tmp_path: Path) -> None:
    # A new flow every 5 s, each of 200 kbit/s and without an end. The ratio jumps from one path
    # to the other with each, so a flow that followed it would make some path's traffic fall.
    table = intervals(
        "--duration=60",
        "--crossSources=0",
        "--internetLoss=0",
        "--controller=least-utilised",
        "--minLoad=1600Mbps",
        "--maxLoad=1600Mbps",
        "--meanFlowSize=1e9",
        "--rateLimit=200kbps",
        folder=tmp_path,
    )
    assert table["ratio"].nunique() == 2
    assert table["active_flows"].iloc[-1] >= 5
    for path, rate in (("mpls", 6e6), ("internet", 10e6)):
        traffic = table[f"{path}_utilisation"] * rate
        assert traffic.iloc[-1] > 200e3
        assert traffic.diff().min() > -100e3


def test_tcp_carries_what_is_offered(tmp_path: Path) -> None:
    table = intervals(
        "--duration=20",
        "--transport=tcp",
        "--crossSources=0",
        "--internetLoss=0",
        "--maxLoad=4Mbps",
        "--controller=equal",
        folder=tmp_path,
    )
    assert table["goodput"].mean() > 1e6
    assert table["loss"].max() == 0
    assert -1 < table["reward"].mean() < 0


@pytest.mark.parametrize("reward", ["loss", "delay", "combined"])
def test_rewards_are_made_of_the_metrics(tmp_path: Path, reward: str) -> None:
    utility = intervals(*SHORT, "--controller=equal", "--reward=utility", folder=tmp_path)
    table = intervals(
        *SHORT,
        "--controller=equal",
        f"--reward={reward}",
        "--utilityWeight=2",
        "--lossWeight=3",
        "--delayWeight=5",
        folder=tmp_path,
    )
    expected = {
        "loss": -table["loss"],
        "delay": -table["delay"],
        "combined": 2 * utility["reward"] - 3 * table["loss"] - 5 * table["delay"],
    }[reward]
    np.testing.assert_allclose(table["reward"], expected, rtol=1e-12)


def test_pareto_sizes_have_the_mean_asked_for(tmp_path: Path) -> None:
    arguments = ("--duration=100", "--controller=equal", "--crossSources=0", "--maxLoad=2Mbps")
    table = intervals(*arguments, "--flowSizes=pareto", "--tailIndex=2.5", folder=tmp_path)
    # Constant 2 Mbit/s of application bytes; Pareto with index 2.5 has E[X²]/E[X]² = 9/5.
    flows = 2e6 / 8 / 40000 * 100
    assert table["load"].mean() * 16e6 == pytest.approx(
        2e6 * 1250 / 1222, rel=5 * np.sqrt(1.8 / flows)
    )


def test_a_static_controller_needs_no_python(tmp_path: Path) -> None:
    # Nobody listens at this port, and nobody needs to.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = run(*SHORT, "--controller=equal", f"--openGymPort={port}", folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--reward=fairness", "utility, loss, delay, combined"),
        ("--controller=ecmp", "there is no controller"),
        ("--controller=constant:1.5", "from 0 to 1"),
        ("--controller=constant:", "from 0 to 1"),
        ("--controller=missing.json", "missing.json"),
        ("--mplsRate=0", "data rate above 0"),
        ("--mplsRate=-6Mbps", "data rate above 0"),
        ("--mplsRate=6MB", "data rate above 0"),
        ("--internetLoss=1.5", "from 0 to 0.99"),
        ("--internetLoss=nan", "from 0 to 0.99"),
        ("--internetDelay=-1ms", "a time of at least"),
        ("--interval=0", "a time of at least"),
        ("--interval=120", "longer than --duration"),
        ("--warmup=100ms", "shorter than --interval"),
        ("--minLoad=20Mbps", "above --maxLoad"),
        ("--packetSize=9000", "64 to 1500"),
        ("--mplsQueue=1.5", "whole number"),
        ("--transport=sctp", "udp, tcp"),
        ("--flowSizes=uniform", "exponential, pareto"),
        ("--simSeed=-1", "whole number"),
        ("--nonsense=1", "there is no argument --nonsense"),
        ("mplsRate=6Mbps", "write --name=value"),
        ("--intervals=/nowhere/out.csv", "existing, writable folder"),
    ],
)
def test_what_is_refused_ends_with_one_sentence(tmp_path: Path, argument: str, says: str) -> None:
    arguments = (argument,) if "controller" in argument else ("--controller=equal", argument)
    done = run(*SHORT, *arguments, folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.startswith("sdwan: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def artefact(expression: str, inputs: list[str]) -> str:
    """Write a controller artefact as its user would."""
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": "ratio",
        "inputs": [{"name": name, "unit": "1", "range": [0, 1]} for name in inputs],
        "outputs": [{"name": "ratio", "expression": expression, "range": [0, 1]}],
    }
    return json.dumps(document)


@pytest.mark.parametrize(
    ("expression", "inputs", "says"),
    [
        ("satellite_delay", ["satellite_delay"], "satellite_delay"),
        ("load.real", ["load"], "position 4"),
        ("system(load)", ["load"], "position 0"),
        ("1/(load - load)", ["load"], "divides by zero"),
        ("log(load - 100)", ["load"], "not a number"),
        ("exp(1e5*(load + 1))", ["load"], "inf"),
    ],
)
def test_an_equation_that_cannot_be_run_is_an_error(
    tmp_path: Path, expression: str, inputs: list[str], says: str
) -> None:
    (tmp_path / "a.json").write_text(artefact(expression, inputs))
    done = run(*SHORT, "--controller=a.json", "--intervals=out.csv", folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr.lower()
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_equation_is_clipped_to_a_ratio(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(artefact("4*load - 0.5", ["load"]))
    table = intervals("--duration=60", "--controller=a.json", folder=tmp_path)
    np.testing.assert_allclose(table["ratio"], np.clip(4 * table["load"] - 0.5, 0, 1), atol=1e-12)
    assert table["ratio"].min() == 0
    assert table["ratio"].max() == 1
