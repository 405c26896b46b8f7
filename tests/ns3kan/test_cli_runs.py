# SPDX-License-Identifier: MIT
"""From an environment to an evaluated equation by commands, interrupted on the way."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from command_line import ns3kan

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.training.checkpoint import load_checkpoint, save_checkpoint
from ns3kan.agents.training.state import STATE
from ns3kan.analysis.runs.config import load_run, read_config
from ns3kan.analysis.runs.writing import writing

ROOT = Path(__file__).parents[2]
QUEUES = "ns3kan/SingleHopScheduling-v0"
SETTINGS = [
    f"--set={each}"
    for each in (
        "training.total_steps=3e4",
        "training.rollout_steps=500",
        "training.minibatch_size=500",
        "checkpoint_every=3000",
        "extraction.episodes=1",
        "extraction.validation_seeds=2",
        "evaluation.seeds=2",
        "evaluation.steps=100",
    )
]
CHECKPOINT = "checkpoint.safetensors"
# Wall time is the only thing that may differ.
TIMES = ["seconds", "steps_per_second"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training; to be copied before it is changed."""
    folder = tmp_path_factory.mktemp("runs") / "queues"
    done = ns3kan("train", QUEUES, *SETTINGS, "--run", str(folder))
    assert done.returncode == 0, done.stderr
    assert "Training: 30,000 of 30,000" in done.stdout
    assert done.stdout.endswith(f"Run: {folder}\n")
    return folder


def begin(folder: Path, **arguments: Any) -> subprocess.Popen[str]:
    """Start the same training in a process of its own."""
    command = [sys.executable, "-m", "ns3kan.cli", "train", QUEUES, *SETTINGS, "--run", str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **arguments
    )


def assert_same(folder: Path, other: Path) -> None:
    assert (folder / CHECKPOINT).read_bytes() == (other / CHECKPOINT).read_bytes()
    tables = [pd.read_csv(each / "metrics.csv").drop(columns=TIMES) for each in (folder, other)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_the_run_folder_says_everything(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    events = {name for name in names if name.startswith("events.out.tfevents")}
    assert len(events) == 1
    assert names - events == {".lock", CHECKPOINT, "config.yaml", "metrics.csv"}
    config = read_config(run)
    assert config.algorithm == "average-cost-ppo"
    assert config.training.total_steps == 30_000
    shown = ns3kan("train", QUEUES, *SETTINGS, "--print-config").stdout
    assert shown == (run / "config.yaml").read_text()


def test_an_interrupted_training_goes_on_to_the_same_result(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    with begin(folder) as process:
        deadline = time.monotonic() + 100
        while not (folder / STATE).is_file():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == f"ns3kan: interrupted; `ns3kan train {folder} --resume` continues\n"
    assert not (folder / CHECKPOINT).exists()
    other = ns3kan("train", str(folder), "--resume", "--set", "training.seed=1")
    assert other.returncode == 1
    assert "was begun with other settings" in other.stderr
    done = ns3kan("train", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    assert_same(folder, run)


def test_a_full_disk_loses_nothing(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    # Enough for half of the rows.
    most = (run / "metrics.csv").stat().st_size // 2

    def allow_little() -> None:
        # No file can grow beyond this, as on a disk that is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    # `make coverage` would have the process write a file of its own.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with begin(folder, preexec_fn=allow_little, env=env) as process:
        _, errors = process.communicate(timeout=100)
    assert process.returncode == 1
    advice = "raise the limit on the size of files (ulimit -f), or choose another place"
    again = f"`ns3kan train {folder} --resume` continues"
    # Which file is too long first depends on when TensorBoard's thread writes its own.
    assert errors.startswith(f"ns3kan: {folder}")
    assert errors.endswith(f": File too large; {advice}; {again}\n")
    assert errors.count("\n") == 1
    done = ns3kan("train", str(folder), "--resume")
    assert done.returncode == 0, done.stderr
    assert_same(folder, run)


def test_an_equation_is_read_and_evaluated(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    done = ns3kan("extract", str(folder))
    assert done.returncode == 0, done.stderr
    controller = Controller.load(folder / "controller.json")
    assert set(controller.equations()) <= set(done.stdout.splitlines())
    assert controller.decision == "index"
    assert controller.provenance["environment"]["id"] == QUEUES
    front = pd.read_csv(folder / "front" / "front.csv")
    assert front["knee"].sum() == 1
    assert len(front) > 1

    done = ns3kan("evaluate", str(folder))
    assert done.returncode == 0, done.stderr
    kept = pd.read_csv(folder / "evaluation.csv")
    names = ["network", "equation", "max-weight", "longest-queue", "random"]
    assert list(kept["controller"].unique()) == names
    for name in ("MaxWeight", "Random", "minus each"):
        assert name in done.stdout
    gap = Controller.load(folder / "controller.json").fidelity["reward"]
    means = kept.groupby("controller")["reward"].mean()
    assert gap["equation_minus_network"] == pytest.approx(means["equation"] - means["network"])

    # The same, named one by one, from their files.
    saved = tmp_path / "means.csv"
    files = [str(folder / "controller.json"), str(folder), "max-weight"]
    same = ["--seeds=1000..1001", "--set=evaluation.steps=100", f"--output={saved}"]
    done = ns3kan("evaluate", *files, *same)
    assert done.returncode == 0, done.stderr
    again = pd.read_csv(saved).groupby("controller")["reward"].mean()
    assert again[files].tolist() == means[["equation", "network", "max-weight"]].tolist()


def test_a_kan_with_hidden_layers_is_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    settings = (
        "environment.arguments={duration: 12.0, warmup: 1.0, interval: 0.1}",
        "training.actor_hidden=[2]",
        "training.total_steps=512",
        "extraction.episodes=1",
        "extraction.validation_seeds=1",
        "extraction.search={population: 100, generations: 5, trials: 10, states: 100}",
    )
    arguments = [f"--set={each}" for each in settings]
    done = ns3kan("train", "ns3kan/SdWan-v0", *arguments, "--run", str(folder))
    assert done.returncode == 0, done.stderr
    done = ns3kan("extract", str(folder))
    assert done.returncode == 0, done.stderr
    controller = Controller.load(folder / "controller.json")
    assert controller.decision == "ratio"
    assert controller.guarantees["outputs"]["ratio"]["evaluation"]["status"] == "proven"

    # With a single price nothing is validated, and the closest is taken: not a constant.
    done = ns3kan("extract", str(folder), "--set=extraction.prices=[3e-5]")
    assert done.returncode == 0, done.stderr
    assert Controller.load(folder / "controller.json").expressions[0].inputs()


def test_other_choices_are_learned_by_double_q_learning(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    few = ["--set=training.total_steps=256", "--set=training.warm_up_steps=128", "--set=agent=mlp"]
    done = ns3kan("train", "ns3kan/ImageFeatureSelection-v0", *few, "--run", str(folder))
    assert done.returncode == 0, done.stderr
    assert read_config(folder).algorithm == "ddqn"
    tried = ["--set=evaluation.steps=20", "--set=environment.arguments.split=test"]
    done = ns3kan("evaluate", str(folder), "--seeds=1000..1002", *tried)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(folder / "evaluation.csv")["reward"].between(0, 1).all()
    refused = ns3kan("extract", str(folder))
    assert refused.returncode == 1
    assert "it chooses among" in refused.stderr
    assert "train one" not in refused.stderr


def damage_config(run: Path) -> None:
    (run / "config.yaml").write_text("training: [")


def other_version(run: Path) -> None:
    text = yaml.safe_load((run / "config.yaml").read_text())
    text["training"]["momentum"] = 0.9
    (run / "config.yaml").write_text(yaml.safe_dump(text))


def no_checkpoint(run: Path) -> None:
    (run / CHECKPOINT).unlink()


def short_checkpoint(run: Path) -> None:
    path = run / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-100])


def newer_checkpoint(run: Path) -> None:
    tensors, description = load_checkpoint(run / CHECKPOINT)
    path = run / CHECKPOINT
    save_checkpoint(path, tensors, {**description, "version": 99})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_config, "are damaged or of another version"),
        (other_version, "unknown setting 'training.momentum'"),
        (no_checkpoint, "There is no checkpoint"),
        (short_checkpoint, "is truncated or damaged"),
        (newer_checkpoint, "has version 99"),
    ],
)
@pytest.mark.parametrize("command", ["extract", "evaluate"])
def test_a_damaged_run_is_named(
    run: Path, tmp_path: Path, damage: Callable[[Path], None], sentence: str, command: str
) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    damage(folder)
    done = ns3kan(command, str(folder))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("ns3kan: ")
    assert done.stderr.count("\n") == 1


def test_a_run_is_not_written_over(run: Path) -> None:
    done = ns3kan("train", QUEUES, *SETTINGS, "--run", str(run))
    assert done.returncode == 1
    assert "holds a finished run" in done.stderr
    # One that is finished stays as it is.
    before = (run / CHECKPOINT).stat().st_mtime_ns
    assert ns3kan("train", str(run), "--resume").returncode == 0
    assert (run / CHECKPOINT).stat().st_mtime_ns == before


def test_two_do_not_write_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    with writing(folder):
        done = ns3kan("train", QUEUES, *SETTINGS, "--run", str(folder))
    assert done.returncode == 1
    assert "another ns3kan is writing" in done.stderr


def test_a_place_that_cannot_be_written_is_named() -> None:
    done = ns3kan("train", QUEUES, *SETTINGS, "--run", "/proc/ns3kan-run")
    assert done.returncode == 1
    assert "cannot write in /proc/ns3kan-run" in done.stderr
    assert done.stderr.count("\n") == 1


def test_arguments_that_an_environment_does_not_take_are_named(tmp_path: Path) -> None:
    wrong = "--set=environment.arguments.rate=3"
    done = ns3kan("train", QUEUES, wrong, "--folder", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "'rate'" in done.stderr
    assert done.stderr.count("\n") == 1
    # Nothing is in the way of the next try.
    assert list(tmp_path.iterdir()) == []


def test_arguments_that_a_scenario_does_not_take_leave_no_folder(tmp_path: Path) -> None:
    wrong = "--set=environment.arguments.nonsense=3"
    done = ns3kan("train", "ns3kan/SdWan-v0", wrong, "--folder", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "--nonsense" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_controller_without_a_run_is_evaluated_on_any_seeds() -> None:
    """There is no training whose seeds could be looked at again."""
    controller = ROOT / "analysis" / "results" / "demo" / "controller.json"
    short = [f"--set=environment.arguments.{name}" for name in ("duration=12", "warmup=2")]
    done = ns3kan("evaluate", str(controller), "--seeds", "1..2", *short)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Means over 2 seeds" in done.stdout


def test_environments_are_listed_with_features_and_units() -> None:
    done = ns3kan("envs")
    assert done.returncode == 0
    assert "ns3kan/SdWan-v0: Two sites, two paths" in done.stdout
    assert "mpls_delay [s]" in done.stdout
    assert "Box(1,) from 0 to 1: ratio" in done.stdout
    (one,) = json.loads(ns3kan("envs", QUEUES, "--json").stdout)
    assert one["features"] == ["queue_length", "capacity"]
    assert one["units"] == ["packet", "packet/step"]


def test_the_doctor_tells_a_well_machine_from_a_sick_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = ns3kan("doctor")
    assert done.returncode == 0, done.stdout
    well = [line for line in done.stdout.splitlines() if line.startswith("ok")]
    for name in ("ns-3", "simulator sdwan", "extension", "ports", "shared memory", "torch"):
        assert any(name in line for line in well), name
    monkeypatch.setenv("NS3KAN_DATA", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    done = ns3kan("doctor")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("MISSING  temporary files") for line in lines)
    assert any("`ns3kan data fetch mnist`" in line for line in lines)


def test_agent_is_short_for_the_network_of_any_algorithm() -> None:
    assert load_run(changes={"agent": "mlp"}).training.actor == "mlp"
    queues = load_run(changes={"environment.id": QUEUES, "agent": "stn"})
    assert queues.network.kind == "stn"
    assert load_run(changes={"algorithm": "ddqn", "agent": "mlp"}).training.network == "mlp"
