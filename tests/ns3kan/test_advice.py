# SPDX-License-Identifier: MIT
"""What commands advise for runs that they cannot do everything with, and that the advice holds."""

from __future__ import annotations

import pkgutil
import re
import shutil
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from command_line import ns3kan

from ns3kan.agents.components.actor_critic import ComponentActorCritic
from ns3kan.agents.components.average_cost_ppo import AverageCostPPO, AverageCostPPOConfig
from ns3kan.agents.ddqn import DDQN, DDQNConfig
from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.networks.actor_critic import ActorCritic, Architecture
from ns3kan.agents.networks.q_network import QArchitecture, QNetwork
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.analysis.runs.config import AverageCostRun, load_run
from ns3kan.analysis.runs.configuration import resolved
from ns3kan.analysis.runs.training import component_architecture
from ns3kan.bridge.ns3.sdwan import SdWanEnv
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv

SDWAN = "ns3kan/SdWan-v0"
IMAGES = "ns3kan/ImageFeatureSelection-v0"
QUEUES = "ns3kan/SingleHopScheduling-v0"
SHORT: dict[str, Any] = {"duration": 12.0, "warmup": 1.0, "interval": 0.1}

READ = "ns3kan.agents.equations.reading.readout.read_equations"
DISTIL = "ns3kan.agents.equations.search.distil.distil"


def make_run(folder: Path, settings: dict[str, object]) -> Path:
    """A finished run with settings, whose network has not learned anything."""
    folder.mkdir()
    config = load_run(changes=settings)
    (folder / "config.yaml").write_text(resolved(config))
    checkpoint = folder / "checkpoint.safetensors"
    if isinstance(config, AverageCostRun):
        env = gymnasium.make_vec(config.environment.id, num_envs=1)
        ComponentActorCritic(component_architecture(config, env)).save(checkpoint)
        env.close()
    elif config.algorithm == "ddqn":
        QNetwork(QArchitecture(5, 3, kind=config.training.network)).save(checkpoint)
    else:
        sizes = Architecture(2, 1, actor=config.training.actor, actor_hidden=(4,))
        policy = ActorCritic(sizes, ("rtt", "rate"), ("s", "bit/s"), ("share",))
        policy.provenance = {"steps": 0}
        policy.save(checkpoint)
    return folder


@pytest.mark.parametrize(
    ("settings", "sentences", "absent"),
    [
        ({"agent": "mlp"}, ["a perceptron, which has no splines", "agent=kan", DISTIL], READ),
        ({"environment.id": "CartPole-v1"}, ["not in CartPole-v1", READ], "agent="),
        ({"environment.id": "CartPole-v1", "agent": "mlp"}, ["perceptron", DISTIL], "agent="),
        ({"algorithm": "ddqn"}, ["among 3 by the Q-values of a KAN", READ], "agent="),
        ({"algorithm": "ddqn", "agent": "mlp"}, ["Q-values of a perceptron", DISTIL], "agent="),
        ({"environment.id": IMAGES}, ["among 3 pixels by 5 numbers", "ns3kan evaluate"], "agent="),
        ({"environment.id": QUEUES, "agent": "stn"}, ["stn", "agent=switch-type-kan", DISTIL],
         "agent=kan"),
        ({"environment.id": QUEUES, "agent": "kan"}, ["kan", "agent=switch-type-kan", DISTIL],
         "agent=kan"),
    ],
)  # fmt: skip
def test_extract_says_what_does_work(
    tmp_path: Path, settings: dict[str, object], sentences: list[str], absent: str
) -> None:
    run = make_run(tmp_path / "run", settings)
    done = ns3kan("extract", str(run))
    assert done.returncode == 1
    assert done.stderr.startswith(f"ns3kan: no equation is read by `ns3kan extract` from {run}: ")
    assert done.stderr.count("\n") == 1
    for sentence in sentences:
        assert sentence in done.stderr
    assert absent not in done.stderr
    names = re.findall(r"ns3kan(?:\.\w+){2,}", done.stderr)
    assert names or settings == {"environment.id": IMAGES}
    for name in names:
        assert callable(pkgutil.resolve_name(name))


def test_several_ratios_are_read_too(tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = {
        "environment.arguments": {"topology": "sdwan", **SHORT},
        "training.total_steps": 128,
        "training.rollout_steps": 64,
        "extraction.episodes": 1,
        "extraction.validation_seeds": 1,
        "extraction.search": {"population": 20, "generations": 1, "trials": 1, "states": 100},
    }
    given = [f"--set={name}={value}" for name, value in settings.items()]
    done = ns3kan("train", "ns3kan/ParallelPaths-v0", *given, "--folder", str(run))
    assert done.returncode == 0, done.stderr
    done = ns3kan("extract", str(run))
    assert done.returncode == 0, done.stderr
    names = [output.name for output in Controller.load(run / "controller.json").outputs]
    assert names == ["mpls_ratio", "internet_ratio"]
    # ns-3 takes them.
    again = [f"--set={name}={value}" for name, value in (SHORT | {"topology": "sdwan"}).items()]
    done = ns3kan("simulate", "parallel-paths", str(run / "controller.json"), "--seeds=1", *again)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's example in Python leaves."""
    folder = tmp_path_factory.mktemp("python") / "mine"
    simulators = Ns3VectorEnv(2, SdWanEnv, **SHORT)
    config = PPOConfig(total_steps=128, rollout_steps=64)
    PPO(config).learn(simulators, run_dir=folder)
    simulators.close()
    return folder


def test_what_python_trains_is_reported(mine: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = ns3kan("report", str(mine), f"--output={page}")
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "<h1>A trained network</h1>" in text
    assert "read out as a formula" not in text
    assert "only `ns3kan train` writes it" in text.replace("&#96;", "`")
    assert "make the run again" not in text


@pytest.mark.parametrize("command", ["extract", "evaluate"])
def test_what_python_trains_lacks_its_environment(mine: Path, command: str) -> None:
    done = ns3kan(command, str(mine))
    assert done.returncode == 1
    assert done.stderr == (
        f"ns3kan: {mine} was trained in Python, and its checkpoint does not say in which "
        "environment: add --set environment.id=ID, and the arguments that it was made with by "
        "--set environment.arguments={NAME: VALUE}\n"
    )


def test_what_python_trains_is_read_and_evaluated_where_it_is_told_to(
    mine: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(mine, tmp_path / "mine"))
    where = [f"--set=environment.id={SDWAN}", f"--set=environment.arguments={SHORT}"]
    few = ["--set=extraction.episodes=1", "--set=extraction.prices=[1e-3]"]
    done = ns3kan("extract", str(run), *where, *few)
    assert done.returncode == 0, done.stderr
    read = Controller.load(run / "controller.json")
    assert read.provenance["environment"] == {"id": SDWAN, "arguments": SHORT}
    done = ns3kan("evaluate", str(run), *where, "--seeds=1000..1001")
    assert done.returncode == 0, done.stderr
    assert (run / "evaluation.csv").is_file()
    done = ns3kan("evaluate", str(run), "equal", f"--env={SDWAN}", where[1], "--seeds=1000")
    assert done.returncode == 0, done.stderr


def test_other_algorithms_in_python_leave_such_folders_too(tmp_path: Path) -> None:
    env = gymnasium.make_vec(QUEUES, num_envs=2)
    settings = load_run(changes={"environment.id": QUEUES})
    assert isinstance(settings, AverageCostRun)
    config = AverageCostPPOConfig(total_steps=64, rollout_steps=32, minibatch_size=64)
    architecture = component_architecture(settings, env)
    AverageCostPPO(architecture, config).learn(env, tmp_path / "cost")
    env.close()
    env = gymnasium.make_vec(IMAGES, num_envs=2)
    DDQN(DDQNConfig(network="mlp", total_steps=64, warm_up_steps=32)).learn(env, tmp_path / "ddqn")
    env.close()
    for name, environment in (("cost", QUEUES), ("ddqn", IMAGES)):
        run, told = str(tmp_path / name), f"--set=environment.id={environment}"
        done = ns3kan("evaluate", run, told, "--seeds=1000", "--set=evaluation.steps=5")
        assert done.returncode == 0, done.stderr


def test_what_python_trains_is_not_trained_on_by_the_command(mine: Path) -> None:
    done = ns3kan("train", str(mine), "--resume")
    assert done.returncode == 1
    assert f"{mine} was trained in Python and is finished" in done.stderr


def test_a_training_that_has_not_finished_claims_nothing(mine: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(mine, tmp_path / "run"))
    (run / "checkpoint.safetensors").unlink()
    for command in ("extract", "evaluate"):
        done = ns3kan(command, str(run))
        assert "has not finished: call learn there again" in done.stderr
    (run / "config.yaml").write_text(resolved(load_run()))
    done = ns3kan("report", str(run))
    assert done.returncode == 0, done.stderr
    text = (run / "report.html").read_text()
    assert "<h1>A training that has not finished</h1>" in text
    assert f"Controller of {SDWAN}, trained for 128 decisions" in text
    assert "so far" in text
    assert "read out as a formula" not in text
    assert "ns3kan extract" not in text.replace("only `ns3kan extract`", "")
    assert "there is no network to make it from" in text
