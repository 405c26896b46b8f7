# SPDX-License-Identifier: MIT
"""What the switch-type study shows beyond paper 2, on a very small scale."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ns3kan.analysis.studies.switch_type.beyond import LOADS, NUMBERS_OF_QUEUES, compared
from ns3kan.analysis.studies.switch_type.reproduce import quick_study, reproduce
from ns3kan.analysis.studies.switch_type.settings import PROBLEMS, REFERENCES, SwitchTypeStudy

TINY = dataclasses.replace(
    quick_study(),
    test_environments=2,
    validation_environments=2,
    reference_steps=2_500,
    general_steps=8_000,
    sweep_steps=4_000,
    optimum_steps=4_000,
    optimum_copies=2,
    packet_slots=1_000,
    evaluation_steps=2_500,
    tuning_evaluations=6,
    workers=1,
    rates={name: SwitchTypeStudy().rates[name] for name in ("stn", "switch-type-kan")},
    sweep={"stn": [3e-3]},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp("extras")
    wanted = ["I", "transfer", "heavy-traffic", "optimum", "packets"]
    list(reproduce(TINY, result, wanted, lambda line: None))
    return result


def test_no_policy_is_better_than_the_optimum(folder: Path) -> None:
    table = pd.read_csv(folder / "optimum.csv")
    assert (table["high"] > 0).all()
    # As published: this rule is nearly optimal.
    nearly = table.set_index("method").loc["shortest_expected_delay_after_service"]
    assert 0.9 < nearly["cost"] / nearly["optimum"] < 1.2
    trained = [f"{network}, trained at K = 2" for network in TINY.rates]
    for problem in PROBLEMS:
        assert set(trained) < set(table[table["problem"] == problem]["method"])


def test_an_index_costs_in_packets_what_it_costs_in_the_model(folder: Path) -> None:
    table = pd.read_csv(folder / "packets.csv").pivot(
        index="problem", columns="simulator", values="mean"
    )
    assert set(table.index) == set(PROBLEMS)
    # Both are relative to the reference under the same draws, and draws differ between the two.
    assert (abs(table["ns-3"] - table["queue model"]) < 0.1).all()


def test_policies_serve_any_number_of_queues(folder: Path) -> None:
    table = pd.read_csv(folder / "transfer.csv")
    for problem in PROBLEMS:
        own = table[table["problem"] == problem]
        assert sorted(set(own["queues"])) == list(NUMBERS_OF_QUEUES)
        # Costs are relative to the reference's own, of another trajectory.
        reference = own[own["method"] == REFERENCES[problem]]
        assert (abs(reference["mean"] - 1) < 0.2).all()


def test_policies_meet_heavy_traffic(folder: Path) -> None:
    table = pd.read_csv(folder / "heavy-traffic.csv")
    assert sorted(set(table["load"])) == sorted(LOADS)
    methods = {problem: len(list(compared(TINY, problem))) for problem in PROBLEMS}
    for (problem, _), rows in table.groupby(["problem", "load"]):
        assert len(rows) == rows["method"].nunique() == methods[problem]
    # The mean of a method that is unstable somewhere is infinite, and so is the upper end then.
    assert (table["low"] < table["mean"]).all()
    stable = np.isfinite(table["mean"])
    assert (table["mean"] < table["high"])[stable].all()
    assert np.isinf(table["high"])[~stable].all()


def test_settings_and_their_sweep(folder: Path) -> None:
    settings = pd.read_csv(folder / "table-1.csv").set_index(["network", "quantity"])
    assert settings.loc[("stn", "learning rate"), "published"] == 0.003
    sweep = pd.read_csv(folder / "table-1-sweep.csv")
    assert set(sweep["problem"]) == set(PROBLEMS)
    assert (sweep["n"] == TINY.validation_environments).all()
