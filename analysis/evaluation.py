# SPDX-License-Identifier: MIT
"""Evaluate a run on its held-out seeds and keep what was found in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ns3kan.agents.equations.controller import Controller
from ns3kan.analysis import findings, run_folder, tables
from ns3kan.analysis.evaluate import SCENARIOS, Evaluation, evaluate
from ns3kan.analysis.policies import Contestant, of_run, usual_rules
from ns3kan.analysis.progress import Progress
from ns3kan.analysis.run_config import RunConfig


def evaluate_run(
    config: RunConfig, run: Path, on_progress: Callable[[Progress], None] | None = None
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

    Raises
    ------
    CheckpointError
        If there is no trained network, or it is damaged.
    BridgeError
        If a simulator is missing, refuses its arguments, dies or does not answer.
    """
    tell = on_progress or (lambda progress: None)
    settings, environment = config.evaluation, config.environment
    rules = settings.traditional
    if rules is None:
        rules = usual_rules(environment.id)
    contestants = [*of_run(run), *(Contestant(each, "traditional", None, each) for each in rules)]
    held_out = settings.held_out
    tell(Progress("evaluation", 0, len(held_out) * len(contestants)))
    found = evaluate(
        contestants,
        held_out,
        environment=environment.id,
        arguments=dict(environment.arguments),
        steps=settings.steps,
        on_done=lambda done, total: tell(Progress("evaluation", done, total)),
    )
    _save(run, found, held_out[: settings.recorded], environment.id in SCENARIOS)
    if (run / run_folder.CONTROLLER).is_file():
        # Only now is it known what the equation loses in the simulator itself.
        controller = Controller.load(run / run_folder.CONTROLLER)
        controller.fidelity["reward"] = reward_gap(found)
        controller.save(run / run_folder.CONTROLLER)
    return found


def reward_gap(found: Evaluation) -> dict[str, Any]:
    """Say in numbers what the equation's reward lacks to the network's."""
    gap = tables.equation_minus(found.results, "network")
    numbers: dict[str, Any] = {"seeds": gap.n, "equation_minus_network": gap.mean}
    if gap.bounded:
        numbers["interval_95"] = [gap.low, gap.high]
    kept = findings.gain_kept(found.results)
    if kept is not None and kept.bounded:
        numbers["share_of_gain_over_equal"] = kept.mean
        numbers["share_interval_95"] = [kept.low, kept.high]
    return numbers


def _save(run: Path, found: Evaluation, recorded: list[int], has_intervals: bool) -> None:
    run_folder.write_text(run / run_folder.EVALUATION, found.results.to_csv(index=False))
    if not has_intervals:
        return
    learned = found.results.loc[found.results["kind"] != "traditional", "controller"].unique()
    kept = found.intervals["controller"].isin(learned) & found.intervals["seed"].isin(recorded)
    run_folder.write_text(run / run_folder.INTERVALS, found.intervals[kept].to_csv(index=False))
