# SPDX-License-Identifier: MIT
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from run_example import FEATURES, make_evaluation, make_intervals, make_splines

from ns3kan.analysis.report import episode_figures, figures

SVG = "{http://www.w3.org/2000/svg}"


def count(document: str, identifier: str) -> int:
    groups = ElementTree.fromstring(document).iter(f"{SVG}g")
    return sum(group.get("id", "").startswith(identifier) for group in groups)


def colours(document: str) -> set[str]:
    return {name for name, code in figures.COLOURS.items() if code.lower() in document.lower()}


def test_training_curve_has_the_curve_and_a_line_per_reference() -> None:
    metrics = pd.DataFrame({"steps": [100, 200, 300], "mean_reward": [-1.0, -0.8, -0.7]})
    alone = figures.training_curves({"demo": metrics}, {})
    compared = figures.training_curves({"demo": metrics}, {"Equation": -0.65, "Equal split": -0.9})
    assert count(alone, "reference") == 0
    assert count(compared, "reference") == 2
    # References outside the curve's range widen the axis instead of falling off it.
    assert figures.training_curves({"demo": metrics}, {"Equal split": -5.0}) != compared


@pytest.mark.parametrize("narrow", [False, True])
def test_the_curves_of_several_runs_are_named(narrow: bool) -> None:
    metrics = pd.DataFrame({"steps": [100, 200, 300], "mean_reward": [-1.0, -0.8, -0.7]})
    runs = {f"run {i}": metrics for i in range(7)}
    document = figures.training_curves(runs, {}, narrow=narrow)
    assert count(document, "run") == 7
    assert all(name in document for name in runs)


def test_one_panel_per_feature_and_no_fit_for_a_dropped_edge() -> None:
    splines = make_splines()
    units = {name: unit for name, (unit, _, _) in FEATURES.items()}
    document = figures.splines_and_fits(splines, units)
    assert count(document, "axes_") == len(FEATURES)
    assert count(document, "fit") == len(FEATURES) - 1
    assert count(figures.splines_and_fits(splines.assign(kept=True), units), "fit") == len(FEATURES)
    assert colours(document) == {"network", "equation", "traditional"}


def test_an_odd_number_of_features_and_flat_edges_are_drawn() -> None:
    x = np.linspace(0.0, 1.0, 5)
    flat = pd.DataFrame({"feature": "load", "x": x, "spline": 0.0, "fit": 0.0, "kept": True})
    assert count(figures.splines_and_fits(flat, {}), "axes_") == 1


def test_an_episode_draws_load_decisions_and_flows_of_the_learned_and_a_rule() -> None:
    intervals = make_intervals()
    episode = intervals[intervals["seed"] == 1000]
    kinds = {"network": "network", "equation": "equation", "equal": "traditional"}
    document = episode_figures.decisions_over_time(episode, kinds)
    assert colours(document) == {"network", "equation", "traditional"}
    assert count(document, "axes_") == 3
    assert "Equal split" in document
    only_time = episode[["controller", "seed", "time"]]
    assert episode_figures.decisions_over_time(only_time, kinds) == ""
    assert episode_figures.paths_over_time(only_time, "equation") == ""


def test_an_episode_draws_each_path_and_each_queue() -> None:
    episode = make_intervals().query("seed == 1000")
    queues = episode.assign(queue_length_0=1.0, queue_length_1=2.0, queue_length_2=3.0)
    document = episode_figures.paths_over_time(queues, "equation")
    assert count(document, "axes_") == 2
    assert count(document, "path") == 2 + 3


def test_colours_are_variables_of_the_page() -> None:
    document = figures.comparison(make_evaluation())
    assert "var(--equation, #d55e00)" in document
    assert not re.search(r"(fill|stroke): #", document)


def test_comparison_draws_four_quantities_even_of_a_single_seed() -> None:
    assert count(figures.comparison(make_evaluation()), "axes_") == 4
    assert count(figures.comparison(make_evaluation(seeds=1)), "axes_") == 4


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert figures.comparison(make_evaluation()) == figures.comparison(make_evaluation())
