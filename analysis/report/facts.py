# SPDX-License-Identifier: MIT
"""What a report says of one run: plain values for the template, part by part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.comparison import findings, tables
from ns3kan.analysis.report import pictures
from ns3kan.analysis.report.tree import explorer_data
from ns3kan.analysis.report.typeset import to_mathml
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.folder import RunParts
from ns3kan.io.numbers import formula_text, number_text

LISTED = 60
"""Longest list of inputs that is shown in whole."""


@dataclass(frozen=True)
class RunFacts:
    """What is shown of one run; a part that cannot be shown is None.

    Attributes
    ----------
    key
        Its place among the runs, for ids within the page.
    name
        Of its folder.
    subtitle, cards
        What it is, and its results in a few words.
    equation, explorer
        Of ``controller.json``: formulas and inputs; JSON for the explorer.
    results
        Of ``evaluation.csv``: sentences and the table of comparison.
    edges
        Of ``splines.csv``: the formula of each edge.
    provenance, fidelity
        Of ``controller.json``, as rows of two texts.
    configuration
        ``config.yaml`` as text.
    figures
        By name, those that can be drawn.
    faults
        Why a file cannot be used, by its name.
    version
        Of ns3kan that made the run.
    """

    key: str
    name: str
    subtitle: str
    cards: list[dict[str, str]]
    equation: dict[str, Any] | None
    explorer: Markup | None
    results: dict[str, Any] | None
    edges: list[dict[str, Any]] | None
    provenance: list[tuple[str, str]]
    fidelity: list[tuple[str, str]]
    configuration: str | None
    figures: Mapping[str, Markup]
    faults: Mapping[str, str]
    version: str


def facts_of(parts: RunParts, key: str) -> RunFacts:
    """Gather what a report says of a run."""
    controller: Controller | None = parts.files.get(run_folder.CONTROLLER)
    evaluation = parts.files.get(run_folder.EVALUATION)
    splines = parts.files.get(run_folder.SPLINES)
    config = parts.files.get(run_folder.CONFIG)
    provenance = {} if controller is None else controller.provenance
    return RunFacts(
        key=key,
        name=parts.path.resolve().name,
        subtitle=_subtitle(parts),
        cards=[] if evaluation is None else _cards(evaluation),
        equation=None if controller is None else _equation(controller),
        explorer=None if controller is None else to_json(explorer_data(controller)),
        results=None if evaluation is None else _results(evaluation),
        edges=None if splines is None else _edges(splines),
        provenance=_flat(provenance),
        fidelity=[] if controller is None else _flat(controller.fidelity),
        configuration=None
        if config is None
        else yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
        figures=pictures.draw(parts, key),
        faults=parts.faults,
        version=str(group(provenance, "versions").get("ns3kan", "")),
    )


def group(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a free record, empty if it is of another form."""
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def to_json(value: Any) -> Markup:
    """Write JSON that can stand inside a script element: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def title_of(parts: RunParts) -> str:
    """Say what a run has come to."""
    if run_folder.CONTROLLER in parts.files:
        return "A network read as an equation"
    if _is_trained(parts):
        return "A trained network"
    return "A training that has not finished"


def _is_trained(parts: RunParts) -> bool:
    # Whoever was evaluated had been trained.
    return (parts.path / run_folder.CHECKPOINT).is_file() or run_folder.EVALUATION in parts.files


def _subtitle(parts: RunParts) -> str:
    controller: Controller | None = parts.files.get(run_folder.CONTROLLER)
    origin = parts.files.get(run_folder.CONFIG, {}) if controller is None else controller.provenance
    environment = group(origin, "environment").get("id", "an unnamed environment")
    metrics: pd.DataFrame | None = parts.files.get(run_folder.METRICS)
    trained = ""
    if metrics is not None:
        trained = (
            f", trained for {int(metrics['steps'].max()):,} decisions in "
            f"{metrics['seconds'].max():.0f} s"
        )
    if controller is not None:
        read = ", read out as a formula that ns-3 runs without Python"
    else:
        read = "" if _is_trained(parts) else " so far"
    return f"Controller of {environment}{trained}{read}"


def _equation(controller: Controller) -> dict[str, Any]:
    return {
        "decision": controller.decision,
        "outputs": [
            {
                "plain": equation,
                "mathml": Markup(to_mathml(expression, output.name)),
                "range": [number_text(end) for end in output.range or ()],
            }
            for output, expression, equation in zip(
                controller.outputs, controller.expressions, controller.equations(), strict=True
            )
        ],
        "inputs": [
            {
                "name": entry.name,
                "unit": "—" if entry.unit == "1" else entry.unit,
                "low": number_text(entry.range[0]),
                "high": number_text(entry.range[1]),
            }
            for entry in controller.inputs
        ],
    }


def _results(evaluation: pd.DataFrame) -> dict[str, Any]:
    return {
        "findings": findings.findings(evaluation),
        "seeds": evaluation["seed"].nunique(),
        "quantities": tables.measured(evaluation).values(),
        "rows": [
            {
                "kind": row.kind,
                "title": row.title,
                "cells": [cell(tables.estimate_text(row, key)) for key in row.estimates],
                "difference": cell(tables.difference_text(row)),
                "verdict": row.verdict,
            }
            for row in tables.compare(evaluation)
        ],
    }


def _edges(splines: pd.DataFrame) -> list[dict[str, Any]]:
    first = splines.drop_duplicates("feature")
    return [
        {"feature": row.feature, "formula": formula_text(str(row.formula)), "kept": row.kept}
        for row in first.itertuples()
    ]


def cell(text: str) -> dict[str, str]:
    """Split ``mean ± half`` into the two lines of a narrow cell."""
    mean, _, half = text.partition(" ± ")
    return {"mean": mean, "spread": f"± {half}" if half else ""}


def _cards(evaluation: pd.DataFrame) -> list[dict[str, str]]:
    cards = []
    gain = findings.gain_kept(evaluation)
    if gain is not None and gain.bounded:
        cards.append(
            {
                "value": f"{100 * gain.mean:.1f} %",
                "text": f"of the network's gain over equal split is kept by the equation "
                f"({100 * gain.low:.1f} % to {100 * gain.high:.1f} %)",
            }
        )
    for kind in ("equation", "network"):
        if not {kind, "traditional"} <= set(evaluation["kind"]):
            continue
        won, lost = findings.beaten(evaluation, kind)
        cards.append(
            {
                "value": f"{len(won)} of {len(won) + len(lost)}",
                "text": f"traditional controllers beaten by the {kind} in reward",
            }
        )
    return cards


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        words = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{words}: ")
        elif isinstance(value, list) and _are_numbers(value):
            rows.append((words, " … ".join(map(_text, value))))
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            rows.append((words, "; ".join(value)))
        else:
            rows.append((words, _text(value)))
    return rows


def _are_numbers(values: list[Any]) -> bool:
    """Whether these are numbers, not all of them whole: counts and seeds stand as a list."""
    kinds = {type(value) for value in values}
    return float in kinds and kinds <= {int, float}


def _text(value: Any) -> str:
    """Write a value of JSON; whole numbers, such as seeds, in full."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_text(part)}" for name, part in value.items()) or "{}"
    return json.dumps(value)
