# SPDX-License-Identifier: MIT
"""Evaluate a run on its held-out seeds and keep what was found in its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.comparison import findings, tables
from ns3kan.analysis.comparison.evaluate import Evaluation, evaluate
from ns3kan.analysis.comparison.policies import Contestant
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.config import ComparisonConfig, RunConfig
from ns3kan.analysis.runs.contestants import contestant, of_run
from ns3kan.analysis.runs.progress import Progress
from ns3kan.errors import InputError
from ns3kan.io.files import write_atomically
from ns3kan.registration import environment_facts


def evaluate_run(
    config: RunConfig,
    run: Path,
    on_progress: Callable[[Progress], None] | None = None,
    workers: int | None = None,
) -> Evaluation:
    """Compare a run's network, its equation and traditional rules, and write what was found.

    ``evaluation.csv`` has the means of every episode, ``intervals.csv`` the decisions of some. What
    the equation loses is added to ``controller.json``.

    Parameters
    ----------
    config : RunConfig
    run : Path
        The run folder, with a trained network.
    on_progress : callable, optional
        Called often with a `Progress`.
    workers : int, optional
        Episodes at a time; by default as many as there are cores.

    Raises
    ------
    CheckpointError
        If there is no trained network, or it is damaged.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    settings, environment = config.evaluation, config.environment
    facts = environment_facts(environment.id)
    rules = facts.rules if settings.traditional is None else settings.traditional
    contestants = [*of_run(run), *(Contestant(each, "traditional", None, each) for each in rules)]
    found = _evaluated(config, contestants, on_progress, workers)
    recorded = settings.held_out[: settings.recorded]
    _save(run, found, recorded, facts.scenario is not None)
    if (run / run_folder.CONTROLLER).is_file():
        # Only now is it known what the equation loses in the simulator itself.
        controller = Controller.load(run / run_folder.CONTROLLER)
        controller.fidelity["reward"] = reward_gap(found)
        controller.save(run / run_folder.CONTROLLER)
    return found


def compare(
    config: RunConfig | ComparisonConfig,
    who: Sequence[str],
    on_progress: Callable[[Progress], None] | None = None,
    workers: int | None = None,
) -> Evaluation:
    """Compare run folders, files ``controller.json`` and rules on the held-out seeds.

    Parameters
    ----------
    config : RunConfig or ComparisonConfig
        Its environment and evaluation are meant.
    who : sequence of str
        As for `ns3kan.analysis.runs.contestants.contestant`.
    on_progress, workers
        As for `evaluate_run`.

    Raises
    ------
    ValueError
        If one of them does not exist, comes twice, or does not suit the environment.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    twice = sorted({each for each in who if list(who).count(each) > 1})
    if twice:
        raise InputError(f"{twice[0]} is named twice: name each once")
    return _evaluated(config, [contestant(each) for each in who], on_progress, workers)


def _evaluated(
    config: RunConfig | ComparisonConfig,
    contestants: Sequence[Contestant],
    on_progress: Callable[[Progress], None] | None,
    workers: int | None,
) -> Evaluation:
    tell = on_progress or (lambda progress: None)
    held_out = config.evaluation.held_out
    tell(Progress("evaluation", 0, len(held_out) * len(contestants)))
    return evaluate(
        contestants,
        held_out,
        environment=config.environment.id,
        arguments=dict(config.environment.arguments),
        steps=config.evaluation.steps,
        workers=workers,
        on_done=lambda done, total: tell(Progress("evaluation", done, total)),
    )


def reward_gap(found: Evaluation) -> dict[str, Any]:
    """Say in numbers what the equation's reward lacks to the network's."""
    gap = tables.equation_minus(found.results, "network")
    numbers: dict[str, Any] = {"seeds": gap.n, "equation_minus_network": gap.mean}
    if gap.bounded:
        numbers["interval_95"] = [gap.low, gap.high]
    gain = findings.gain_kept(found.results)
    if gain is not None and gain.bounded:
        numbers["share_of_gain_over_equal"] = gain.mean
        numbers["share_interval_95"] = [gain.low, gain.high]
    return numbers


def _save(run: Path, found: Evaluation, recorded: list[int], has_intervals: bool) -> None:
    write_atomically(run / run_folder.EVALUATION, found.results.to_csv(index=False))
    if not has_intervals:
        return
    learned = found.results.loc[found.results["kind"] != "traditional", "controller"].unique()
    is_recorded = found.intervals["seed"].isin(recorded) & (
        found.intervals["controller"].isin(learned) | (found.intervals["seed"] == recorded[0])
    )
    write_atomically(run / run_folder.INTERVALS, found.intervals[is_recorded].to_csv(index=False))
