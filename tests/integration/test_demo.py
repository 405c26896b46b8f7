# SPDX-License-Identifier: MIT
"""The main job on its small scale, run once for real; everything it promises is looked for."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.analysis.comparison.evaluate import summarise
from ns3kan.analysis.comparison.simulate import Simulation, simulate, simulator_seed
from ns3kan.analysis.demo import DemoConfig, run_demo
from ns3kan.analysis.runs.configuration import load
from ns3kan.analysis.runs.folder import RunFolder, RunFolderError
from ns3kan.analysis.runs.writing import writing
from ns3kan.bridge.ns3.errors import SimulatorError

COMMAND = [sys.executable, "-m", "ns3kan.cli"]
TRADITIONAL = ("equal", "capacity", "primary", "least-delay", "least-utilised")

pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True)
class Demo:
    """What was run: its folder, what it printed, and what the folder holds."""

    folder: Path
    stdout: str
    run: RunFolder
    config: DemoConfig


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    runs = tmp_path_factory.mktemp("runs")
    done = subprocess.run(
        [*COMMAND, "demo", "--quick", "--runs", str(runs)],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = runs / "demo-quick"
    assert list(runs.iterdir()) == [folder]
    config = load(DemoConfig, folder / "config.yaml")
    return Demo(folder, done.stdout, RunFolder.read(folder), config)


def test_the_run_folder_is_complete(demo: Demo) -> None:
    names = {path.name for path in demo.folder.iterdir()}
    events = {name for name in names if name.startswith("events.out.tfevents")}
    assert len(events) == 1
    assert names - events == {
        "checkpoint.safetensors",
        "config.yaml",
        "controller.json",
        "evaluation.csv",
        "intervals.csv",
        "metrics.csv",
        "report.html",
        "splines.csv",
    }
    assert demo.config == load(DemoConfig, "demo", "demo-quick")


def test_progress_and_results_are_printed(demo: Demo) -> None:
    for words in (
        "Training: 0 of",
        "steps/s",
        "Evaluating on held-out seeds: 28 of 28",
        "KAN network",
        "Least utilised",
        f"Report: {demo.folder / 'report.html'}",
    ):
        assert words in demo.stdout


def test_training_was_on_two_simulators_and_all_of_it_is_logged(demo: Demo) -> None:
    policy = ActorCritic.load(demo.folder / "checkpoint.safetensors")
    assert policy.provenance["environments"] == 2
    assert demo.run.metrics["steps"].is_monotonic_increasing
    assert demo.run.metrics["steps"].iloc[-1] == policy.provenance["steps"]


def test_everybody_ran_on_the_same_held_out_seeds(demo: Demo) -> None:
    evaluation = demo.run.evaluation
    assert list(evaluation["controller"].unique()) == ["network", "equation", *TRADITIONAL]
    held_out = demo.config.evaluation
    expected = set(range(held_out.first_seed, held_out.first_seed + held_out.seeds))
    for _, rows in evaluation.groupby("controller"):
        assert set(rows["seed"]) == expected
    assert np.isfinite(evaluation[["reward", "goodput", "delay", "loss"]]).all(axis=None)


def test_the_equation_in_python_and_in_ns3_gives_the_same_ratios(demo: Demo) -> None:
    controller = demo.run.controller
    rows = demo.run.intervals.query("controller == 'equation'")
    assert len(rows) == 60 * demo.config.evaluation.recorded
    ratios = controller(rows[list(controller.input_names)].to_numpy())[:, 0]
    assert np.abs(ratios - rows["ratio"]).max() <= 1e-9
    assert rows["ratio"].between(0.0, 1.0).all()


def test_the_network_decided_as_its_checkpoint_does(demo: Demo) -> None:
    policy = ActorCritic.load(demo.folder / "checkpoint.safetensors")
    rows = demo.run.intervals.query("controller == 'network'")
    with torch.no_grad():
        ratios = policy.actor.mode(torch.as_tensor(rows[list(policy.feature_names)].to_numpy()))
    assert np.abs(ratios[:, 0].numpy() - rows["ratio"]).max() <= 1e-6


def test_results_of_the_equation_can_be_had_again_from_its_file_alone(demo: Demo) -> None:
    row = demo.run.evaluation.query("controller == 'equation'").iloc[-1]
    again = simulate(
        Simulation(
            demo.folder / "controller.json",
            simulator_seed(int(row["seed"])),
            demo.config.environment.arguments,
        )
    )
    for name, value in summarise(again).items():
        assert value == pytest.approx(row[name], rel=1e-12)


def test_the_controller_says_where_it_comes_from(demo: Demo) -> None:
    controller: Controller = demo.run.controller
    provenance = controller.provenance
    assert provenance["environment"]["id"] == "ns3kan/SdWan-v0"
    assert provenance["environment"]["arguments"]["reward"] == "utility"
    assert provenance["seeds"]["training"] == 0
    assert provenance["steps"] == demo.run.metrics["steps"].iloc[-1]
    assert set(provenance["versions"]) >= {"ns3kan", "ns3"}
    gap = controller.fidelity["reward"]
    means = demo.run.evaluation.groupby("controller")["reward"].mean()
    assert gap["equation_minus_network"] == pytest.approx(means["equation"] - means["network"])


def test_splines_stand_beside_their_fits(demo: Demo) -> None:
    splines = demo.run.splines
    policy = ActorCritic.load(demo.folder / "checkpoint.safetensors")
    assert list(splines["feature"].unique()) == list(policy.feature_names)
    kept = set(splines.loc[splines["kept"], "feature"])
    assert kept == set(demo.run.controller.input_names)


def test_the_report_can_be_written_again_and_is_the_same(demo: Demo) -> None:
    path = demo.folder / "report.html"
    first = path.read_bytes()
    assert first.count(b"<math ") == 1
    assert first.count(b"<figure>") == 5
    assert b"This part is missing" not in first
    done = subprocess.run(
        [*COMMAND, "report", str(demo.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == str(path)
    assert path.read_bytes() == first


def test_a_failed_run_leaves_the_finished_one_alone(demo: Demo) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.folder.iterdir()}
    config = load(
        DemoConfig, "demo", "demo-quick", changes={"environment.arguments.reward": "fame"}
    )
    with pytest.raises(SimulatorError, match="fame"):
        run_demo(config, demo.folder)
    assert {path: path.stat().st_mtime_ns for path in demo.folder.iterdir()} == before
    assert list(demo.folder.parent.iterdir()) == [demo.folder]


def test_what_was_interrupted_after_its_training_goes_on_to_the_same_result(
    demo: Demo, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    begun = runs / ".demo.part"
    begun.mkdir(parents=True)
    for name in ("config.yaml", "checkpoint.safetensors", "metrics.csv"):
        shutil.copy(demo.folder / name, begun)
    other = dataclasses.replace(demo.config, checkpoint_every=30_000)
    with pytest.raises(RunFolderError, match="had other settings"):
        run_demo(other, runs / "demo", resume=True)
    with writing(begun), pytest.raises(RunFolderError, match="another ns3kan is writing"):
        run_demo(demo.config, runs / "demo", resume=True)
    run_demo(demo.config, runs / "demo", resume=True)
    assert list(runs.iterdir()) == [runs / "demo"]
    for name in ("controller.json", "evaluation.csv", "splines.csv", "intervals.csv"):
        assert (runs / "demo" / name).read_bytes() == (demo.folder / name).read_bytes()


def test_other_peoples_files_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "demo-quick").mkdir()
    (tmp_path / "demo-quick" / "thesis.tex").write_text("ten years of work")
    done = subprocess.run(
        [*COMMAND, "demo", "--quick", "--runs", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "holds other things than a run" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in (tmp_path / "demo-quick").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--quick"], ["demo", "--resume"]])
def test_a_finished_run_is_not_replaced_unasked(
    demo: Demo, tmp_path: Path, arguments: list[str]
) -> None:
    name = "demo-quick" if "--quick" in arguments else "demo"
    shutil.copytree(demo.folder, tmp_path / name)
    before = {path: path.read_bytes() for path in (tmp_path / name).iterdir()}
    done = subprocess.run(
        [*COMMAND, *arguments, "--runs", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"ns3kan: {tmp_path / name} holds a finished run: replace it by --overwrite, or choose "
        "another folder by --folder\n"
    )
    assert {path: path.read_bytes() for path in (tmp_path / name).iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def processes(mark: str) -> Iterator[str]:
    """Command lines of the live processes that have a mark in their environment."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and mark in (folder / "environ").read_text(errors="replace"):
                yield (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals) -> None:
    mark = f"NS3KAN_TEST={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    runs = tmp_path / "runs"
    with subprocess.Popen(
        [*COMMAND, "demo", "--quick", "--runs", str(runs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, name: value, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert "Training" in process.stdout.readline()
        # The second line comes after the first update, with two simulators at work.
        assert "reward" in process.stdout.readline()
        assert sum("sdwan" in command for command in processes(mark)) == 2
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert list(processes(mark)) == []
    assert list(runs.iterdir()) == []


def test_simulate_compares_what_ns3_ran_seed_by_seed(tmp_path: Path) -> None:
    saved = tmp_path / "means.csv"
    controllers = ["--controller", "equal", "constant:0.5", "primary"]
    options = ["--seeds=1000..1001", "--set=duration=12", "--set=warmup=2", f"--output={saved}"]
    done = subprocess.run(
        [*COMMAND, "simulate", "sdwan", *controllers, *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    means = pd.read_csv(saved).set_index(["controller", "seed"])["reward"]
    expected = simulate(Simulation("equal", simulator_seed(1001), {"duration": 12, "warmup": 2}))
    assert means["equal", 1001] == pytest.approx(expected["reward"].mean(), abs=1e-12)
    assert means["equal"].equals(means["constant:0.5"])
    both, paired = done.stdout.split("Equal split minus each")
    for line in both.splitlines():
        if line.strip().startswith(("Equal split", "Constant ratio 0.5")):
            shown = float(
                line.split("ratio 0.5")[-1].split("split")[-1].split()[0].replace("−", "-")
            )
            assert shown == pytest.approx(means["equal"].mean(), abs=5e-5)
    assert "+0.0000 ± 0.0000" in next(
        line for line in paired.splitlines() if line.strip().startswith("Constant ratio 0.5")
    )
