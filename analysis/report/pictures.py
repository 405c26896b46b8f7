# SPDX-License-Identifier: MIT
"""The figures of a page, drawn into it for wide and for narrow windows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.comparison import findings, tables
from ns3kan.analysis.report import episode_figures, figures
from ns3kan.analysis.runs import folder as run_folder
from ns3kan.analysis.runs.folder import RunParts


def draw(parts: RunParts, key: str) -> dict[str, Markup]:
    """Draw what a run has numbers for.

    Parameters
    ----------
    parts : RunParts
    key : str
        For ids within the page.

    Returns
    -------
    dict of str to Markup
        Figures by name: ``comparison``, ``decisions``, ``paths``, ``splines``, ``training``.
    """
    files = parts.files
    evaluation = files.get(run_folder.EVALUATION)
    intervals = files.get(run_folder.INTERVALS)
    drawn: dict[str, tuple[Callable[..., str], str]] = {}
    if evaluation is not None:
        drawn["comparison"] = (
            partial(figures.comparison, evaluation),
            f"{_listed(evaluation)} of every controller, as in the table.",
        )
    if intervals is not None:
        seed = int(intervals["seed"].min())
        episode = intervals[intervals["seed"] == seed]
        kinds = _shown(episode, evaluation)
        drawn["decisions"] = (
            partial(episode_figures.decisions_over_time, episode, kinds),
            f"One episode (seed {seed}), interval by interval: the traffic offered, what network "
            f"and equation decided, and what became of the flows.",
        )
        subject = "equation" if "equation" in kinds else next(iter(kinds))
        drawn["paths"] = (
            partial(episode_figures.paths_over_time, episode, subject),
            f"The paths in the same episode; controller: {tables.title_of(subject)}. Delay above "
            f"that of an empty path is time spent in its queue.",
        )
    if run_folder.SPLINES in files:
        controller: Controller | None = files.get(run_folder.CONTROLLER)
        units = {} if controller is None else {one.name: one.unit for one in controller.inputs}
        drawn["splines"] = (
            partial(figures.splines_and_fits, files[run_folder.SPLINES], units),
            "Each learned curve over the range of its feature, beside the function fitted to it. "
            "All panels share one scale.",
        )
    if run_folder.METRICS in files:
        references = {} if evaluation is None else _references(evaluation)
        dashed = "; dashed, for comparison, the means on the held-out seeds" if references else ""
        drawn["training"] = (
            partial(
                figures.training_curves, {parts.path.name: files[run_folder.METRICS]}, references
            ),
            f"Mean reward per interval while training, with exploration{dashed}.",
        )
    placed = {name: place(*how, f"{key}-{name}") for name, how in drawn.items()}
    return {name: figure for name, figure in placed.items() if figure}


def place(draw_one: Callable[..., str], caption: str, key: str) -> Markup:
    """Put a figure into a page, once for wide windows and once for narrow ones.

    Parameters
    ----------
    draw_one : callable
        Takes ``narrow`` and returns an SVG document.
    caption : str
        Also what is read out to those who do not see it.
    key : str
        For ids within the page.

    Returns
    -------
    Markup
        Empty if there is nothing to draw.
    """
    drawings = {form: draw_one(narrow=form == "narrow") for form in ("wide", "narrow")}
    if not drawings["wide"]:
        return Markup()
    inside = [
        Markup('<div class="{0}" role="img" aria-label="{1}">{2}</div>').format(
            form, caption, Markup(_inline(drawing, f"{key}-{form}"))
        )
        for form, drawing in drawings.items()
    ]
    return Markup("<figure>{0}<figcaption>{1}</figcaption></figure>").format(
        Markup("").join(inside), caption
    )


def _inline(document: str, key: str) -> str:
    """Make an SVG document a part of a page: nothing around it, and ids that are its own."""
    text = document[document.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'(\bid="|#)(?=[a-z][0-9a-f]{10}\b)', rf"\g<1>{key}-", text)
    return re.sub(r"\s*\n\s*", " ", text).replace("> <", "><")


def _references(evaluation: pd.DataFrame) -> dict[str, float]:
    """Mean rewards of the learned controllers, of equal split and of the best rule."""
    means = {row.controller: row.estimates["reward"].mean for row in tables.compare(evaluation)}
    learned = [name for name in means if _kinds(evaluation)[name] != "traditional"]
    compared = dict.fromkeys([*learned, findings.BASELINE, _best(evaluation)])
    return {tables.title_of(name): means[name] for name in compared if name in means}


def _shown(episode: pd.DataFrame, evaluation: pd.DataFrame | None) -> dict[str, str]:
    """Kinds of the controllers of an episode that are drawn: the learned and the best rule."""
    present = list(dict.fromkeys(episode["controller"]))
    if evaluation is None:
        kinds: Mapping[str, Any] = {name: name for name in present if name in figures.COLOURS}
    else:
        kinds = _kinds(evaluation)
    best = None if evaluation is None else _best(evaluation)
    shown = {
        name: str(kinds[name])
        for name in present
        if name in kinds and (kinds[name] != "traditional" or name == best)
    }
    return shown or {present[0]: "traditional"}


def _kinds(evaluation: pd.DataFrame) -> dict[str, str]:
    return dict(zip(evaluation["controller"], evaluation["kind"], strict=True))


def _best(evaluation: pd.DataFrame) -> str:
    """Name the traditional controller of the greatest mean reward, or the first of all."""
    rows = tables.compare(evaluation)
    rules = [row.controller for row in rows if row.kind == "traditional"]
    return (rules or [rows[0].controller])[0]


def _listed(evaluation: pd.DataFrame) -> str:
    """Name the quantities of an evaluation as in the beginning of a sentence."""
    *first, last = (each.title.lower() for each in tables.measured(evaluation).values())
    return (f"{', '.join(first)} and {last}" if first else last).capitalize()
