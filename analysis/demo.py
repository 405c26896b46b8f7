# SPDX-License-Identifier: MIT
"""The whole loop once: train a KAN on ns-3, read out its equation, run the equation in ns-3."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

import ns3kan  # noqa: F401 - registers the environments
from ns3kan.agents.equations.fit import extract
from ns3kan.agents.equations.guarantees import certify
from ns3kan.agents.networks.actor_critic import ActorCritic
from ns3kan.agents.ppo import PPO, PPOConfig
from ns3kan.agents.ppo import Progress as TrainingProgress
from ns3kan.analysis import findings, run_folder, tables
from ns3kan.analysis.configuration import resolved
from ns3kan.analysis.evaluate import Evaluation, evaluate, play, visited_states
from ns3kan.analysis.progress import Progress
from ns3kan.analysis.report import write_report
from ns3kan.analysis.run_folder import RunFolderError
from ns3kan.analysis.simulate import in_threads

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EnvironmentConfig:
    """What is controlled.

    Parameters
    ----------
    id : str
        Gymnasium id of an environment that runs an ns-3 scenario.
    simulators : int
        How many simulators to train on at once.
    arguments : mapping of str to object
        Arguments of the environment: its reward and anything that its scenario takes.
    """

    id: str = "ns3kan/SdWan-v0"
    simulators: int = 2
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _at_least_one("simulators", self.simulators)


@dataclass(frozen=True)
class ExtractionConfig:
    """How the states are collected on which the equation is fitted.

    Parameters
    ----------
    first_seed : int
        Seed of the first episode; the others follow.
    episodes : int
        How many episodes the trained network plays.
    """

    first_seed: int = 500
    episodes: int = 6

    def __post_init__(self) -> None:
        _at_least_one("episodes", self.episodes)


@dataclass(frozen=True)
class EvaluationConfig:
    """On what the controllers are compared.

    Parameters
    ----------
    first_seed : int
        Seed of the first held-out episode; the others follow.
    seeds : int
        How many held-out episodes.
    traditional : tuple of str
        Names of the traditional controllers.
    recorded : int
        Of how many episodes to keep every decision of network and equation; of the traditional
        controllers the first is kept.
    """

    first_seed: int = 1000
    seeds: int = 20
    traditional: tuple[str, ...] = (
        "equal",
        "capacity",
        "primary",
        "least-delay",
        "least-utilised",
    )
    recorded: int = 3

    def __post_init__(self) -> None:
        _at_least_one("seeds", self.seeds)
        _at_least_one("recorded", self.recorded)
        if not self.traditional or len(set(self.traditional)) != len(self.traditional):
            raise ValueError("traditional must name different controllers, at least one")


@dataclass(frozen=True)
class DemoConfig:
    """Settings of the demonstration.

    Parameters
    ----------
    environment : EnvironmentConfig
    training : PPOConfig
    extraction : ExtractionConfig
    evaluation : EvaluationConfig
    """

    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    training: PPOConfig = field(default_factory=PPOConfig)
    extraction: ExtractionConfig = field(default_factory=ExtractionConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        if self.training.actor != "kan" or self.training.actor_hidden:
            raise ValueError(
                "an equation is read from a KAN without hidden layers: set training.actor to kan "
                "and training.actor_hidden to []"
            )
        used = {
            "training": range(self.training.seed, self.training.seed + self.environment.simulators),
            "extraction": _seeds(self.extraction.first_seed, self.extraction.episodes),
            "evaluation": _seeds(self.evaluation.first_seed, self.evaluation.seeds),
        }
        for first, second in (("training", "evaluation"), ("extraction", "evaluation")):
            common = set(used[first]) & set(used[second])
            if common:
                raise ValueError(
                    f"seed {min(common)} is used by {first} and by {second}: "
                    f"choose seeds that are not, or the evaluation is not held out"
                )


def run_demo(
    config: DemoConfig, run: Path, on_progress: Callable[[Progress], None] | None = None
) -> Path:
    """Train, extract, evaluate and report.

    Everything is written into a hidden folder beside ``run``, which becomes ``run`` when it is
    complete. A finished run of that name is replaced then and not before; on any failure or
    interrupt it stays as it is, and nothing else is left.

    Parameters
    ----------
    config : DemoConfig
    run : Path
        The run folder.
    on_progress : callable, optional
        Called often with a `Progress`.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    RunFolderError
        If ``run`` is something else than a run folder, or its place cannot be written.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    tell = on_progress or (lambda progress: None)
    _check_place(run)
    try:
        run.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{run.name}-", dir=run.parent))
    except OSError as error:
        raise RunFolderError(
            f"cannot write in {run.parent} ({error.strerror}): choose another place for runs"
        ) from error
    try:
        _fill(work, config, tell)
        _put_in_place(work, run)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return run / run_folder.REPORT


def _fill(folder: Path, config: DemoConfig, tell: Callable[[Progress], None]) -> None:
    """Do everything that belongs into the run folder."""
    run_folder.write_text(folder / run_folder.CONFIG, resolved(config))
    environment, arguments = config.environment.id, dict(config.environment.arguments)

    agent = _train(folder, config, tell)

    def policy(observations: Array) -> Array:
        with torch.no_grad():
            return agent.actor.mode(torch.as_tensor(observations)).numpy().astype(np.float64)

    seeds = _seeds(config.extraction.first_seed, config.extraction.episodes)
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        tell(Progress("states", done, len(seeds)))

    tell(Progress("states", 0, len(seeds)))
    episodes = in_threads(
        [lambda seed=seed: play(policy, seed, environment, arguments) for seed in seeds],  # type: ignore[misc]  # mypy cannot type a lambda's default
        on_done=count,
    )
    states = np.concatenate([visited_states(episode, agent.feature_names) for episode in episodes])

    tell(Progress("equation", 0, 1))
    extraction = extract(
        agent.actor,
        states,
        agent.feature_names,
        agent.feature_units,
        provenance=_provenance(config, agent),
    )
    controller = extraction.controller
    controller.fidelity["notes"] = list(extraction.notes)
    certify(controller)
    controller.save(folder / run_folder.CONTROLLER)
    extraction.splines.to_csv(folder / run_folder.SPLINES, index=False)

    held_out = _seeds(config.evaluation.first_seed, config.evaluation.seeds)
    total = len(held_out) * (2 + len(config.evaluation.traditional))
    tell(Progress("evaluation", 0, total))
    found = evaluate(
        policy,
        folder / run_folder.CONTROLLER,
        config.evaluation.traditional,
        held_out,
        environment=environment,
        arguments=arguments,
        on_done=lambda done, total: tell(Progress("evaluation", done, total)),
    )
    _save_evaluation(folder, found, held_out[: config.evaluation.recorded])
    # Only now is it known what the equation loses in the simulator itself.
    controller.fidelity["reward"] = _reward_gap(found)
    controller.save(folder / run_folder.CONTROLLER)

    tell(Progress("report", 0, 1))
    write_report(folder)


def _train(folder: Path, config: DemoConfig, tell: Callable[[Progress], None]) -> ActorCritic:
    total = config.training.total_steps

    def pass_on(training: TrainingProgress) -> None:
        tell(
            Progress(
                "training",
                min(training.steps, total),
                total,
                training.mean_reward,
                training.steps_per_second,
            )
        )

    tell(Progress("training", 0, total))
    env = gymnasium.make_vec(
        config.environment.id,
        num_envs=config.environment.simulators,
        **config.environment.arguments,
    )
    try:
        return PPO(config.training).learn(env, run_dir=folder, on_progress=pass_on)
    finally:
        env.close()


def _save_evaluation(folder: Path, found: Evaluation, recorded: list[int]) -> None:
    run_folder.write_text(folder / run_folder.EVALUATION, found.results.to_csv(index=False))
    learned = found.results.loc[found.results["kind"] != "traditional", "controller"].unique()
    kept = found.intervals["seed"].isin(recorded) & (
        found.intervals["controller"].isin(learned) | (found.intervals["seed"] == recorded[0])
    )
    run_folder.write_text(folder / run_folder.INTERVALS, found.intervals[kept].to_csv(index=False))


def _reward_gap(found: Evaluation) -> dict[str, Any]:
    """Say in numbers what the equation's reward lacks to the network's."""
    gap = next(row.difference for row in tables.compare(found.results) if row.kind == "network")
    assert gap is not None
    numbers: dict[str, Any] = {"seeds": gap.n, "equation_minus_network": gap.mean}
    if gap.bounded:
        numbers["interval_95"] = [gap.low, gap.high]
    kept = findings.gain_kept(found.results)
    if kept is not None and kept.bounded:
        numbers["share_of_gain_over_equal"] = kept.mean
        numbers["share_interval_95"] = [kept.low, kept.high]
    return numbers


def _provenance(config: DemoConfig, agent: ActorCritic) -> dict[str, Any]:
    return {
        "environment": {
            "id": config.environment.id,
            "arguments": dict(config.environment.arguments),
        },
        "seeds": {
            "training": config.training.seed,
            "extraction": {
                "first": config.extraction.first_seed,
                "count": config.extraction.episodes,
            },
            "evaluation": {"first": config.evaluation.first_seed, "count": config.evaluation.seeds},
        },
        "steps": agent.provenance["steps"],
        "versions": {name: _version(name) for name in ("ns3kan", "ns3", "torch")},
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        # ns-3 may come from somewhere else than its wheel.
        return "unknown"


def _seeds(first: int, count: int) -> list[int]:
    return list(range(first, first + count))


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")


def _check_place(run: Path) -> None:
    """Refuse to replace what is not a run."""
    if run.is_symlink() or (run.exists() and not run.is_dir()):
        raise RunFolderError(f"{run} is not a folder: move it away or choose another place")
    if run.is_dir() and any(run.iterdir()) and not (run / run_folder.CONFIG).is_file():
        raise RunFolderError(
            f"{run} holds other things than a run: move it away or choose another place for runs"
        )


def _put_in_place(work: Path, run: Path) -> None:
    """Rename a complete folder to its place; what was there goes only then."""
    work.chmod(run.parent.stat().st_mode & 0o777)
    if not run.exists():
        work.rename(run)
        return
    old = work.with_name(f"{work.name}-old")
    run.rename(old)
    try:
        work.rename(run)
    except BaseException:
        old.rename(run)
        raise
    shutil.rmtree(old, ignore_errors=True)
