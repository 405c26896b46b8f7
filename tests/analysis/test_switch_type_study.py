# SPDX-License-Identifier: MIT
import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.reading.index import Factor, ProductIndex
from ns3kan.analysis.comparison.statistics import crossed_mean
from ns3kan.analysis.studies.switch_type.ablation import LINEAR, VARIANTS
from ns3kan.analysis.studies.switch_type.beyond import capacity, loaded_environments
from ns3kan.analysis.studies.switch_type.environments import study_sets
from ns3kan.analysis.studies.switch_type.evaluation import (
    GIVE_UP,
    evaluate,
    of_classical,
    of_index,
)
from ns3kan.analysis.studies.switch_type.figures import draw_final_costs
from ns3kan.analysis.studies.switch_type.index_study import search_costs
from ns3kan.analysis.studies.switch_type.packets import packet_costs
from ns3kan.analysis.studies.switch_type.reproduce import quick_study, reproduce
from ns3kan.analysis.studies.switch_type.settings import SwitchTypeStudy
from ns3kan.analysis.studies.switch_type.tables import (
    INDEX,
    STRONGEST,
    cost_difference,
    cost_table,
    summary,
)
from ns3kan.cli import app

TINY = dataclasses.replace(
    quick_study(),
    training_environments=2,
    test_environments=2,
    validation_environments=2,
    reference_steps=2_500,
    general_steps=20_000,
    packet_slots=2_500,
    ablation_steps=4_000,
    single_steps=6_000,
    evaluation_steps=2_500,
    tuning_evaluations=6,
    workers=1,
    rates={name: SwitchTypeStudy().rates[name] for name in ("mlp", "switch-type-kan")},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp("study")
    list(reproduce(TINY, result, ["III", "4", "7", "ablation"], lambda line: None))
    return result


def test_the_table_has_all_methods(folder: Path) -> None:
    table = pd.read_csv(folder / "table-3.csv")
    test = table[table["set"] == "test"].set_index("method")
    for method in ("mlp", "switch-type-kan", "index, read", "index, tuned", "index, searched"):
        assert test.loc[method, "n"] == TINY.test_environments
    assert test.loc["shortest_queue", "mean"] == pytest.approx(1.0, abs=0.1)
    assert test.loc["shortest_expected_delay_after_service", "difference"] == 0.0
    assert "1.03" in test.loc["mlp", "published"]


def test_the_index_is_short_and_proven(folder: Path) -> None:
    controller = Controller.load(folder / "controllers" / "multi-path-seed-0-tuned.json")
    assert controller.decision == "index"
    assert controller.expressions[0].nodes() <= TINY.most_nodes
    assert controller.fidelity["proof"]["switch_type"] is True


def test_the_ablation_leaves_out_one_choice_at_a_time(folder: Path) -> None:
    table = pd.read_csv(folder / "ablation.csv").set_index("variant")
    assert list(table.index) == [*VARIANTS, LINEAR]
    assert (table["runs"] == TINY.validation_environments).all()
    assert ((table["low"] <= table["validation"]) & (table["validation"] <= table["high"])).all()
    assert ((table["seed_low"] > 0) & (table["seed_low"] <= table["seed_high"])).all()
    assert table["validation"].nunique() > len(VARIANTS) / 2


def test_costs_of_packets_are_those_of_the_queue_model(tmp_path: Path) -> None:
    """The same policy, in ns-3 and in the model, costs the same up to the noise of its draws."""
    sets = study_sets(TINY, "multi_path", tmp_path)
    two = dataclasses.replace(sets.test, environments=sets.test.environments[:2])
    (in_packets,) = packet_costs("multi_path", two, ["join-shortest-queue"], 10_000)
    run = functools.partial(evaluate, of_classical("shortest_queue"), two, ties="lowest")
    in_model = np.array(
        [run(steps=10_000, trajectories=1, seed=seed) * two.reference_costs for seed in range(8)]
    )
    # Nine runs of one policy: a new one lies within 4.3 deviations (Student's t, 7 degrees of
    # freedom, 1 in 300) of the others' mean.
    spread = in_model.std(axis=0, ddof=1) * np.sqrt(1 + 1 / 8)
    assert (abs(in_packets - in_model.mean(axis=0)) < 4.3 * spread).all()


def test_figures_are_drawn(folder: Path) -> None:
    curves = pd.read_csv(folder / "figure-4.csv")
    assert set(curves["network"]) == set(TINY.rates)
    assert (folder / "figure-4.png").stat().st_size > 10_000
    assert (folder / "figure-7.png").stat().st_size > 5_000


def test_nothing_is_trained_twice(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "models").iterdir()}
    said: list[str] = []
    list(reproduce(TINY, folder, ["III"], said.append))
    assert {path: path.stat().st_mtime_ns for path in (folder / "models").iterdir()} == before
    assert said == []


def test_other_environments_in_the_folder_are_refused(folder: Path) -> None:
    other = dataclasses.replace(TINY, set_seed=7)
    with pytest.raises(ValueError, match="delete it, or change the study"):
        study_sets(other, "multi_path", folder / "environments")


def test_unknown_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no VIII; it has I, II, III"):
        list(reproduce(TINY, tmp_path, ["VIII"], lambda line: None))
    result = CliRunner().invoke(app, ["reproduce", "switch-type", "--figure", "9"])
    assert result.exit_code == 2
    assert "it has I, II, III" in result.output


def test_unstable_policies_have_infinite_cost(folder: Path) -> None:
    sets = study_sets(TINY, "multi_path", folder / "environments")
    costs = evaluate(
        of_index(lambda states: states[:, 0]), sets.test, steps=5_000, trajectories=1, give_up=5.0
    )
    assert np.isinf(costs).all()


def test_a_search_goes_on_where_numbers_overflow(folder: Path) -> None:
    environments = study_sets(TINY, "multi_path", folder / "environments").validation
    names = ("queue_length", "capacity", "service_rate")

    def index(exponent: float) -> ProductIndex:
        rate = Factor("service_rate", 1, exponent, 1e3)
        return ProductIndex(names, (rate, Factor("queue_length", -1, 1.0, 1.0)))

    costs = search_costs(environments, 2_500, 1)
    assert (costs(index(1.0)) < 5).all()
    assert (costs(index(400.0)) == costs(index(401.0))).all()
    assert (costs(index(400.0)) > 5).all()


def test_the_reference_has_cost_one() -> None:
    environments = loaded_environments("single_hop", 3, 0.6, count=4, seed=1, steps=20_000)
    costs = evaluate(of_classical("max_weight"), environments, steps=20_000, trajectories=2)
    assert costs == pytest.approx(np.ones(4), abs=0.25)


def test_the_capacity_of_one_queue_is_its_service_rate() -> None:
    rng = np.random.default_rng(0)
    assert capacity(np.array([0.5]), np.array([1.5]), rng) == pytest.approx(3.0, rel=0.05)


def test_the_capacity_of_equal_queues_is_shared() -> None:
    """E max(y_1, y_2) of Poisson(1) variables is 1.5236 (summed numerically)."""
    rng = np.random.default_rng(1)
    found = capacity(np.array([0.5, 0.5]), np.array([1.0, 1.0]), rng)
    assert found == pytest.approx(1.5236, rel=0.03)


def test_costs_above_five_are_left_out() -> None:
    rows = [
        {"set": kind, "environment": i, "normalised_cost": cost, "method": method, "seed": None}
        for kind in ("training", "test")
        for method, costs in (
            ("mlp", (0.5, 40.0, 0.7)),
            ("shortest_expected_delay_after_service", (0.5, 0.6, 0.7)),
        )
        for i, cost in enumerate(costs)
    ]
    table = cost_table(pd.DataFrame(rows), "multi_path")
    mlp = table[(table["method"] == "mlp") & (table["set"] == "test")].iloc[0]
    assert mlp["unstable"] == 1
    assert mlp["mean_kept"] == pytest.approx(0.6)
    assert mlp["mean"] == pytest.approx(41.2 / 3)


def test_the_tables_of_costs_cover() -> None:
    """Means and differences lie in their intervals as often as 95 % intervals must."""
    repetitions, environments = 500, 20
    # A rule is not trained, so nothing is drawn but environments and noise.
    trainings = {INDEX: 3, "stn": 3, STRONGEST["single_hop"]: 1}
    costs = pd.DataFrame(
        [
            {"set": kind, "method": method, "seed": seed if count > 1 else None, "environment": i}
            for kind in ("training", "test")
            for method, count in trainings.items()
            for seed in range(count)
            for i in range(environments)
        ]
    )
    rng = np.random.default_rng(30)
    mean = difference = 0
    for _ in range(repetitions):
        easy = rng.normal(0, 0.1, environments)
        effects = [rng.normal(0, 0.03, count) * (count > 1) for count in trainings.values()]
        values = 1.0 + np.add.outer(np.concatenate(effects), easy)
        values = np.stack([values + rng.normal(0, 0.03, values.shape) for _ in range(2)])
        table = cost_table(costs.assign(normalised_cost=values.ravel()), "single_hop")
        row = table.set_index(["set", "method"]).loc[("test", "stn")]
        mean += row["low"] <= 1.0 <= row["high"]
        difference += row["index_difference_low"] <= 0.0 <= row["index_difference_high"]
    least = 0.95 - 3 * math.sqrt(0.95 * 0.05 / repetitions)
    assert mean / repetitions >= least
    assert difference / repetitions >= least


def test_an_unstable_run_leaves_a_lower_bound() -> None:
    rng = np.random.default_rng(4)
    costs = rng.normal(1.0, 0.1, (3, 30))
    costs[1, 7] = np.inf
    row = summary(costs)
    assert row["mean"] == row["high"] == np.inf
    assert row["low"] == crossed_mean(np.minimum(costs, GIVE_UP)).low
    assert row["unstable"] == 1
    rule = rng.normal(1.0, 0.1, (1, 30))
    worse, better = cost_difference(costs, rule), cost_difference(rule, costs)
    assert (worse.mean, worse.high) == (np.inf, np.inf)
    assert math.isfinite(worse.low)
    assert (better.mean, better.low, better.high) == (-np.inf, -np.inf, -worse.low)
    assert not cost_difference(costs, costs).bounded


def test_final_costs_are_drawn_whatever_they_are(tmp_path: Path) -> None:
    # The mean of three equal numbers may differ from them in the last digit.
    same = [0.1 + 0.2] * 3
    costs = {"mlp": [1.0, math.inf, math.inf], "stn": same, "switch-type-kan": [0.8, 0.9, 0.7]}
    rows = [
        {"problem": problem, "environment": 0, "network": network, "normalised_cost": cost}
        for problem in ("single_hop", "multi_path")
        for network, found in costs.items()
        for cost in found
    ]
    draw_final_costs(pd.DataFrame(rows), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5_000
