# SPDX-License-Identifier: MIT
"""Every command takes paths with blanks, quotes and other letters, also with a dash in front."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from command_line import ns3kan

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.analysis.comparison.simulate import Simulation, simulate
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.parallel_paths import topology_path
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.queues.multi_path import MultiPathRouting
from ns3kan.bridge.queues.trace import write_trace

NAME = '-größe it\'s "50%" $HOME;#&(1) \\n ünï'
SHORT = ("--set", "duration=5s", "--set", "warmup=1s", "--seeds", "1")
QUEUES = "ns3kan/SingleHopScheduling-v0"
TRAINING = [
    f"--set={each}"
    for each in (
        "training.total_steps=2000",
        "training.rollout_steps=500",
        "training.minibatch_size=500",
        "extraction.episodes=1",
        "extraction.validation_seeds=2",
        "evaluation.seeds=2",
        "evaluation.steps=100",
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of such a name that is the working directory and that of temporary files."""
    odd = tmp_path_factory.mktemp("odd") / NAME
    (odd / "tmp").mkdir(parents=True)
    ratio = ControllerOutput("ratio", "0.3 + load/4", (0.0, 1.0))
    Controller([ControllerInput("load", "1", (0.0, 1.0))], [ratio]).save(odd / "a b.json")
    shutil.copy(topology_path("sdwan"), odd / "top ö.json")
    env = MultiPathRouting(num_queues=2, allow_unstable=True)
    write_trace(odd / "trace 'x'.csv", env.model, seed=1, steps=50)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(odd)
        patch.setenv("TMPDIR", str(odd / "tmp"))
        patch.setattr("tempfile.tempdir", None)
        yield odd


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A run folder of such a name."""
    name = folder / "run 'ä'"
    done = ns3kan("train", QUEUES, *TRAINING, "--run", str(name))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"Run: {name}\n")
    return name


@pytest.mark.parametrize(
    "command",
    [
        ["simulate", "sdwan", "{}/a b.json", "equal", *SHORT, "--output", "{}/out put.csv"],
        ["simulate", "sdwan", "equal", *SHORT, "--set", "transport=udp"],
        ["simulate", "parallel-paths", "equal", *SHORT, "--set", "topology={}/top ö.json"],
        ["simulate", "multipath-routing", "random", "--seeds", "1",
         "--set", "trace={}/trace 'x'.csv", "--set", "queues=2", "--set", "slots=40"],
        ["simulate", "sdwan", "equal", *SHORT, "--set", "flows={}/flows ö.csv"],
        ["simulate", "sdwan", "equal", *SHORT, "--set", "flowMonitor={}/flow monitor.xml"],
        ["simulate", "sdwan", "equal", *SHORT, "--set", "pcap={}/packets p"],
        ["evaluate", "{}/a b.json", "equal", "--env", "ns3kan/SdWan-v0", "--seeds", "1000",
         "--set", "environment.arguments={{duration: 5s, warmup: 1s}}", "--output", "{}/e v.csv"],
        ["check", "{}/a b.json"],
        ["check", "--write", "{}/a b.json"],
        *(["export", "{}/a b.json", "--to", language, "--output", "{}/ex port"]
          for language in ("cpp", "c", "latex", "python", "json")),
    ],
    ids=lambda command: " ".join(command[:4]).replace("/", "-")[:40],
)  # fmt: skip
def test_commands_take_such_paths(folder: Path, command: list[str]) -> None:
    words = [word.replace("{}", str(folder)) for word in command]
    done = ns3kan(*(word.replace("{{", "{").replace("}}", "}") for word in words))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [["check"], ["export", "--to", "c"], ["simulate", *SHORT, "sdwan"], ["report", "--output=p ö"]],
)
def test_a_dash_in_front_is_a_part_of_the_name(
    folder: Path, command: list[str], request: pytest.FixtureRequest
) -> None:
    name = Path("-a b.json")
    if command[0] == "report":
        name = Path(shutil.copytree(request.getfixturevalue("run"), "-r n"))
    else:
        shutil.copy("a b.json", name)
    done = ns3kan(*command, "--", str(name))
    assert done.returncode == 0, done.stderr


def test_recorded_files_have_the_names_that_were_given(folder: Path) -> None:
    seen = {path.name for path in folder.iterdir()}
    recorded = {"out put.csv", "flows ö.csv", "flow monitor.xml", "e v.csv", "ex port"}
    assert recorded <= seen
    assert any(name.startswith("packets p") and name.endswith(".pcap") for name in seen)
    # Nothing was cut at a blank or a quote.
    assert not {"out", "flows", "flow", "packets", "a", "top", "trace", "e", "ex"} & seen


@pytest.mark.parametrize("command", ["extract", "evaluate", "report", "train"])
def test_commands_take_such_run_folders(run: Path, command: str) -> None:
    done = ns3kan(command, str(run), *(["--resume"] if command == "train" else []))
    assert done.returncode == 0, done.stderr


def test_a_run_folder_is_compared_with_a_file(run: Path, folder: Path) -> None:
    ns3kan("extract", str(run))
    shutil.copy(run / "controller.json", folder / "read out.json")
    done = ns3kan("evaluate", str(run), str(folder / "read out.json"), "max-weight",
                  "--seeds", "1000..1001", "--set", "evaluation.steps=50")  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_sweep_and_keys_take_such_folders(folder: Path) -> None:
    done = ns3kan("sweep", QUEUES, *TRAINING, "--seeds", "0", "--out", str(folder / "sweep ö"))
    assert done.returncode == 0, done.stderr
    assert (folder / "sweep ö" / "results.csv").is_file()
    keys = folder / "keys 'ö'.json"
    assert ns3kan("keys", str(keys)).returncode == 0
    assert json.loads(keys.read_text())


def test_simulators_are_started_from_such_folders(folder: Path) -> None:
    program = folder / "my sim ö"
    program.symlink_to(scenario_path("gym-example"))
    done = ns3kan("run", "--steps", "3", "--", str(program))
    assert done.returncode == 0, done.stderr
    for transport in ("zmq", "shm"):
        env = Ns3Env(program, transport=transport)
        env.reset(seed=1)
        env.step(env.action_space.sample())
        env.close()


def test_environments_and_simulations_take_such_paths(folder: Path) -> None:
    recorded = folder / "environment ö.csv"
    env = SdWanEnv(intervals=recorded, duration="2s", warmup="1s")
    env.reset(seed=1)
    ended = False
    while not ended:
        *_, ended, _ = env.step(env.action_space.sample())
    env.close()
    assert len(pd.read_csv(recorded, comment="#")) > 1
    table = simulate(Simulation(folder / "a b.json", 1, {"duration": "5s", "warmup": "1s"}))
    assert len(table) > 1
    assert table["ratio"].between(0.3, 0.8).all()


def test_programs_take_such_paths_from_a_shell(folder: Path) -> None:
    intervals = folder / "my file.csv"
    subprocess.run(
        [scenario_path("sdwan"), f"--controller={folder / 'a b.json'}", "--duration=5s",
         "--warmup=1s", f"--intervals={intervals}"],
        check=True, timeout=60, cwd=folder,
    )  # fmt: skip
    assert len(pd.read_csv(intervals, comment="#")) > 1
