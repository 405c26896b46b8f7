# SPDX-License-Identifier: MIT
"""One self-contained HTML page about a run, made from the files of its run folder alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ns3kan.analysis import figures, findings, run_folder, tables
from ns3kan.analysis.report.typeset import to_mathml
from ns3kan.analysis.run_folder import RunFolder

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)


def write_report(run: Path | str) -> Path:
    """Write ``report.html`` into a run folder.

    The page holds the equation typeset and as text, the comparison of all controllers with 95 %
    intervals, the learned splines beside their fits, the decisions of one episode, the training
    curve, provenance and fidelity. Everything is inside the one file.

    Parameters
    ----------
    run : Path or str
        A finished run folder.

    Returns
    -------
    Path
        The page, written whole or not at all.

    Raises
    ------
    RunFolderError
        If a file of the run is missing, damaged or incomplete.
    """
    folder = RunFolder.read(run)
    pictures = _pictures(folder)

    def figure(name: str, caption: str) -> Markup:
        # As an image and not inline, because ids inside several SVG documents would clash.
        data = base64.b64encode(pictures[name].encode()).decode()
        return Markup(
            '<figure><img alt="{0}" src="data:image/svg+xml;base64,{1}">'
            "<figcaption>{0}</figcaption></figure>"
        ).format(caption, Markup(data))

    page = _TEMPLATES.get_template("report.html.j2").render(
        **_facts(folder), figure=figure, episode_seed=_episode(folder)
    )
    path = folder.path / run_folder.REPORT
    run_folder.write_text(path, page)
    return path


def _facts(folder: RunFolder) -> dict[str, object]:
    controller, evaluation = folder.controller, folder.evaluation
    provenance = controller.provenance
    environment = _group(provenance, "environment")
    rows = tables.compare(evaluation)
    return {
        "title": "A network read as an equation",
        "subtitle": (
            f"Controller of {environment.get('id', 'an unnamed environment')}, trained for "
            f"{int(folder.metrics['steps'].max()):,} decisions in "
            f"{folder.metrics['seconds'].max():.0f} s, then read out as a formula that ns-3 runs "
            f"without Python"
        ),
        "cards": _cards(evaluation),
        "outputs": [
            {
                "plain": f"{output.name} = {output.expression}",
                "mathml": Markup(to_mathml(expression, output.name)),
                "range": [f"{end:g}" for end in output.range or ()],
            }
            for output, expression in zip(controller.outputs, controller.expressions, strict=True)
        ],
        "inputs": [
            {
                "name": entry.name,
                "unit": "—" if entry.unit == "1" else entry.unit,
                "low": f"{entry.range[0]:.4g}",
                "high": f"{entry.range[1]:.4g}",
            }
            for entry in controller.inputs
        ],
        "findings": findings.findings(evaluation),
        "seeds": evaluation["seed"].nunique(),
        "quantities": tables.QUANTITIES.values(),
        "rows": [
            {
                "kind": row.kind,
                "title": row.title,
                "cells": [_cell(tables.estimate_text(row, key)) for key in tables.QUANTITIES],
                "difference": _cell(tables.difference_text(row)),
                "verdict": row.verdict,
            }
            for row in rows
        ],
        "edges": folder.splines.drop_duplicates("feature")[["feature", "formula", "kept"]].to_dict(
            "records"
        ),
        "provenance": _flat(provenance),
        "fidelity": _flat(controller.fidelity),
        "configuration": yaml.safe_dump(dict(folder.config), sort_keys=False, allow_unicode=True),
        "version": _group(provenance, "versions").get("ns3kan", ""),
    }


def _group(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = values.get(name)
    return group if isinstance(group, Mapping) else {}


def _cell(text: str) -> dict[str, str]:
    """Split ``mean ± half`` into the two lines of a narrow cell."""
    mean, _, half = text.partition(" ± ")
    return {"mean": mean, "spread": f"± {half}" if half else ""}


def _cards(evaluation: Any) -> list[dict[str, str]]:
    cards = []
    kept = findings.gain_kept(evaluation)
    if kept is not None and kept.bounded:
        cards.append(
            {
                "value": f"{100 * kept.mean:.1f} %",
                "text": f"of the network's gain over equal split is kept by the equation "
                f"({100 * kept.low:.1f} % to {100 * kept.high:.1f} %)",
            }
        )
    for kind in ("equation", "network"):
        won, lost = findings.beaten(evaluation, kind)
        cards.append(
            {
                "value": f"{len(won)} of {len(won) + len(lost)}",
                "text": f"traditional controllers beaten by the {kind} in reward",
            }
        )
    return cards


def _pictures(folder: RunFolder) -> dict[str, str]:
    evaluation = folder.evaluation
    means = {row.controller: row.estimates["reward"].mean for row in tables.compare(evaluation)}
    kinds = dict(zip(evaluation["controller"], evaluation["kind"], strict=True))
    learned = {name: kind for name, kind in kinds.items() if kind != "traditional"}
    best = max((name for name in kinds if kinds[name] == "traditional"), key=means.__getitem__)
    compared = (
        [*learned, findings.BASELINE, best] if findings.BASELINE in means else [*learned, best]
    )
    references = {tables.title_of(name): means[name] for name in compared}
    return {
        "training": figures.training_curve(folder.metrics, references),
        "splines": figures.splines_and_fits(
            folder.splines, {entry.name: entry.unit for entry in folder.controller.inputs}
        ),
        "ratio": figures.ratio_over_time(
            folder.intervals[folder.intervals["seed"] == _episode(folder)], learned
        ),
        "comparison": figures.comparison(evaluation),
    }


def _episode(folder: RunFolder) -> int:
    return int(folder.intervals["seed"].min())


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        words = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{words}: ")
        elif isinstance(value, float):
            rows.append((words, f"{value:.6g}"))
        elif isinstance(value, list) and all(isinstance(item, float) for item in value):
            rows.append((words, " … ".join(f"{item:.6g}" for item in value)))
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            rows.append((words, "; ".join(value)))
        else:
            rows.append((words, value if isinstance(value, str) else json.dumps(value)))
    return rows
