# SPDX-License-Identifier: MIT
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from run_example import FEATURES, make_evaluation, make_intervals, make_splines

from ns3kan.analysis import figures

SVG = "{http://www.w3.org/2000/svg}"


def count(document: str, identifier: str) -> int:
    groups = ElementTree.fromstring(document).iter(f"{SVG}g")
    return sum(group.get("id", "").startswith(identifier) for group in groups)


def colours(document: str) -> set[str]:
    return {name for name, code in figures.COLOURS.items() if code.lower() in document.lower()}


def test_training_curve_has_the_curve_and_a_line_per_reference() -> None:
    metrics = pd.DataFrame({"steps": [100, 200, 300], "mean_reward": [-1.0, -0.8, -0.7]})
    alone = figures.training_curve(metrics, {})
    compared = figures.training_curve(metrics, {"Equation": -0.65, "Equal split": -0.9})
    assert count(alone, "reference") == 0
    assert count(compared, "reference") == 2
    # References outside the curve's range widen the axis instead of falling off it.
    assert figures.training_curve(metrics, {"Equal split": -5.0}) != compared


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


def test_ratio_over_time_draws_network_and_equation() -> None:
    intervals = make_intervals()
    episode = intervals[intervals["seed"] == 1000]
    kinds = {"network": "network", "equation": "equation"}
    assert {"network", "equation"} <= colours(figures.ratio_over_time(episode, kinds))


def test_comparison_draws_four_quantities_even_of_a_single_seed() -> None:
    assert count(figures.comparison(make_evaluation()), "axes_") == 4
    assert count(figures.comparison(make_evaluation(seeds=1)), "axes_") == 4


def test_the_same_numbers_give_the_same_bytes() -> None:
    assert figures.comparison(make_evaluation()) == figures.comparison(make_evaluation())
