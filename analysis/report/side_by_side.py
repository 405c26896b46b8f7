# SPDX-License-Identifier: MIT
"""Several runs beside each other: one row per run, and their curves in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.comparison import findings, tables
from ns3kan.analysis.comparison.statistics import paired_difference
from ns3kan.analysis.report import figures, pictures
from ns3kan.analysis.report.facts import cell, group
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.folder import RunParts


def side_by_side(runs: Sequence[RunParts]) -> dict[str, Any]:
    """Compare runs.

    Parameters
    ----------
    runs : sequence of RunParts
        Two at least.

    Returns
    -------
    dict
        ``rows``, a table whose cells are ``{"mean", "spread"}``, and ``training``, a figure or
        nothing. A cell of what a run lacks is a dash. The difference is that of the equations'
        rewards to the first run's, seed by seed, where both ran on the same seeds of the same
        environment.
    """
    curves = {
        name_of(run, runs): run.files[run_folder.METRICS]
        for run in runs
        if run_folder.METRICS in run.files
    }
    caption = "Mean reward per interval while training, with exploration, of each run."
    return {
        "rows": [_row(run, runs) for run in runs],
        "training": pictures.place(
            partial(figures.training_curves, curves, {}), caption, "all-training"
        )
        if curves
        else "",
    }


def name_of(run: RunParts, runs: Sequence[RunParts]) -> str:
    """Name a run by its folder, by its whole path where folders of two runs share a name."""
    name = run.path.resolve().name
    alone = sum(other.path.resolve().name == name for other in runs) == 1
    return name if alone else str(run.path)


def _row(run: RunParts, runs: Sequence[RunParts]) -> dict[str, Any]:
    controller: Controller | None = run.files.get(run_folder.CONTROLLER)
    metrics = run.files.get(run_folder.METRICS)
    evaluation = run.files.get(run_folder.EVALUATION)
    rows = [] if evaluation is None else tables.compare(evaluation)
    rewards = {
        row.kind: tables.estimate_text(row, "reward") for row in rows if row.kind != "traditional"
    }
    gain = None if evaluation is None else findings.gain_kept(evaluation)
    r2 = None if controller is None else controller.fidelity.get("r2")
    return {
        "name": name_of(run, runs),
        "environment": "—"
        if controller is None
        else group(controller.provenance, "environment").get("id", "—"),
        "cells": [
            cell(text)
            for text in (
                "—" if metrics is None else f"{int(metrics['steps'].max()):,}",
                rewards.get("equation", "—"),
                rewards.get("network", "—"),
                _difference(run, runs[0]),
                "—" if gain is None or not gain.bounded else f"{100 * gain.mean:.1f} %",
                f"{r2:.4f}" if isinstance(r2, float) else "—",
                "—" if controller is None else str(sum(e.nodes() for e in controller.expressions)),
            )
        ],
    }


def _difference(run: RunParts, first: RunParts) -> str:
    own, other = _rewards(run), _rewards(first)
    if run is first or own is None or other is None or _world(run) != _world(first):
        return "—"
    if list(own.index) != list(other.index):
        return "—"
    difference = paired_difference(own.to_numpy(float), other.to_numpy(float))
    return tables.signed_text(difference, "reward")


def _rewards(run: RunParts) -> pd.Series | None:
    """Rewards of a run's equation by seed."""
    evaluation: pd.DataFrame | None = run.files.get(run_folder.EVALUATION)
    if evaluation is None:
        return None
    own: pd.DataFrame = evaluation[evaluation["kind"] == "equation"]
    return own.set_index("seed")["reward"].sort_index()


def _world(run: RunParts) -> Any:
    """Return what a run was evaluated on; one that does not say is like no other."""
    controller: Controller | None = run.files.get(run_folder.CONTROLLER)
    return object() if controller is None else controller.provenance.get("environment", object())
