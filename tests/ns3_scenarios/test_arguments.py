# SPDX-License-Identifier: MIT
"""Arguments of every program are read whole, or refused; files may have any name."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ns3kan.bridge.ns3.installed import installed_file
from ns3kan.bridge.ns3.parallel_paths import topology_path

NAME = "größer als 1 – ünï.csv"
"""A name with blanks and letters beyond ASCII."""


def start(program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end in a folder, with nothing on its standard input."""
    return subprocess.run(
        [str(installed_file(f"bin/{program}")), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )


QUANTITIES = [
    ("sdwan", "--mplsDelay=10 ms", "a time of at least 0s"),
    ("sdwan", "--duration=2000 ms", "a time of at least 0.001s"),
    ("sdwan", "--duration=2.s", "a time of at least 0.001s"),
    ("sdwan", "--mplsRate=6 Mbps", "a data rate above 0"),
    ("sdwan", "--mplsRate= 6Mbps", "a data rate above 0"),
    ("sdwan", "--mplsRate=6Mbps ", "a data rate above 0"),
    ("sdwan", "--mplsQueue=6 0", "a whole number from 1"),
    ("sdwan", "--internetLoss=0.1 0.2", "a number from 0"),
    ("sdwan", "--reward=utility or loss", "one of utility, loss"),
    ("sdwan", "--controller=constant:0.3 0.4", "is not a number from 0 to 1"),
    ("sdwan", "--controller=constant: 0.3", "is not a number from 0 to 1"),
    ("sdwan", "--controller=equal split", 'no controller "equal split"'),
    ("leaf-spine", "--uplinkRates=1 Gbps", "data rates above 0 with commas"),
    ("leaf-spine", "--sizeBins=5, 6", "numbers from"),
    ("leaf-spine", "--failures=0-1@1 ms..2ms", "write LEAF-SPINE@FROM..TO"),
    ("leaf-spine", "--failures=0-1@1ms..2ms*0.5 ", "write LEAF-SPINE@FROM..TO"),
    ("multipath-routing", "--slot=1 ms", "a time of at least"),
    ("multipath-routing", "--arrivals=poisson or so", "poisson or so"),
    ("single-hop-scheduling", "--serviceRates=1 2", "numbers from 0"),
    ("gym-example", "--steps=10 s", "Invalid command-line argument: --steps=10 s"),
    ("gym-example", "--timeout=5ms", "Invalid command-line argument: --timeout=5ms"),
    ("gym-example", "--openGymPort=70000", "Invalid command-line argument: --openGymPort=70000"),
    ("gym-example", "--space=named too", "unknown --space=named too"),
    ("agents-example", "--agents=2 3", "Invalid command-line argument: --agents=2 3"),
    ("minimal-sdwan", "--duration=10 ms", "Invalid command-line argument: --duration=10 ms"),
    ("rate-control", "--simSeed=3 4", "Invalid command-line argument: --simSeed=3 4"),
]


@pytest.mark.parametrize(("program", "argument", "says"), QUANTITIES)
def test_a_value_that_does_not_end_where_it_should_is_refused(
    tmp_path: Path, program: str, argument: str, says: str
) -> None:
    controller = () if "controller" in argument else ("--controller=equal",)
    mine = controller if program in ("sdwan", "leaf-spine") else ()
    if program.startswith(("multipath", "single")):
        mine = ("--controller=random", "--slots=2")
    done = start(program, *mine, argument, folder=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_time_to_evaluate_is_a_whole_number(tmp_path: Path) -> None:
    done = start("evaluate-controller", "c.json", "--time=5 s", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


CONTROLLER = {
    "format": "ns3kan-controller",
    "version": 1,
    "decision": "ratio",
    "inputs": [{"name": "load", "unit": "1", "range": [0, 1]}],
    "outputs": [{"name": "ratio", "expression": "load", "range": [0, 1]}],
}


def files_of(program: str, folder: Path) -> tuple[list[str], list[str]]:
    """Write what a run reads, and return its arguments and the names of what it writes."""
    shutil.copy(topology_path("sdwan"), folder / "zwei Wege.json")
    (folder / "my trace.csv").write_text("1,1,1\n1,1,1\n1,1,1\n")
    (folder / "my sizes.csv").write_text("size,cumulative\n1000,0\n3000,1\n")
    (folder / "my equation.json").write_text(json.dumps(CONTROLLER))
    short = ["--duration=2s", "--warmup=1s"]
    slotted = ["--trace=my trace.csv", "--controller=random", "--queues=2"]
    reads = {
        "sdwan": ["--controller=my equation.json", *short],
        "parallel-paths": ["--topology=zwei Wege.json", "--controller=equal", *short],
        "leaf-spine": [
            "--controller=ecmp",
            "--flowSizes=my sizes.csv",
            "--sizeScale=1",
            "--load=0.01",
            "--warmup=1ms",
            "--duration=1ms",
        ],
        "multipath-routing": slotted,
    }[program]
    writes = ["intervals", "netanim", "flowMonitor"]
    writes += {"leaf-spine": ["flows", "summary", "links"], "multipath-routing": []}.get(
        program, ["flows"]
    )
    names = [f"{argument} {NAME}" for argument in writes]
    given = [f"--{argument}={name}" for argument, name in zip(writes, names, strict=True)]
    return [*reads, *given], names


@pytest.mark.parametrize("program", ["sdwan", "parallel-paths", "leaf-spine", "multipath-routing"])
def test_files_with_blanks_and_any_letters(tmp_path: Path, program: str) -> None:
    folder = tmp_path / "mein Ordner für ns-3"
    folder.mkdir()
    arguments, names = files_of(program, folder)
    before = {path.name for path in folder.iterdir()}
    done = start(program, *arguments, f"--pcap=p {NAME}", folder=folder)
    assert done.returncode == 0, done.stderr
    after = {path.name for path in folder.iterdir()} - before
    packets = {name for name in after if name.startswith(f"p {NAME}-")}
    assert packets
    assert after - packets == set(names)


def test_the_minimal_program_reads_what_sdwan_has_written(tmp_path: Path) -> None:
    shown = ("--duration=2", "--warmup=3", "--simSeed=7")
    done = start("sdwan", "--controller=constant:0.5", f"--flows={NAME}", *shown, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = start("minimal-sdwan", f"--flows={NAME}", "--simSeed=7", "--duration=2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split("received=")[1].split()[0]) > 100
