# SPDX-License-Identifier: MIT
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from run_example import GAINS, make_evaluation

from ns3kan.analysis.comparison.completion import Episode
from ns3kan.analysis.comparison.findings import beaten, findings, gain_kept
from ns3kan.analysis.comparison.statistics import mean_interval, paired_difference, share_of_gain
from ns3kan.analysis.comparison.tables import (
    compare,
    comparison_table,
    episode_means,
    rich_table,
    simulation_tables,
    title_of,
)


def rewards(evaluation: pd.DataFrame, controller: str) -> np.ndarray:
    return evaluation.loc[evaluation["controller"] == controller, "reward"].to_numpy(float)


def test_network_and_equation_come_first_then_the_best() -> None:
    order = [row.controller for row in compare(make_evaluation())]
    assert order[:2] == ["network", "equation"]
    assert order[2:] == sorted(order[2:], key=lambda name: -GAINS[name])


def test_numbers_of_the_table_are_those_of_the_statistics() -> None:
    evaluation = make_evaluation()
    table = comparison_table(evaluation).set_index("controller")
    assert table.loc["equal", "seeds"] == 20
    mean = mean_interval(rewards(evaluation, "equal"))
    assert table.loc["equal", ["reward", "reward_low", "reward_high"]].tolist() == [
        mean.mean,
        mean.low,
        mean.high,
    ]
    difference = paired_difference(rewards(evaluation, "equation"), rewards(evaluation, "equal"))
    assert table.loc["equal", "equation_minus_low"] == difference.low
    assert math.isnan(table.loc["equation", "equation_minus"])


def test_the_order_of_the_rows_does_not_matter() -> None:
    evaluation = make_evaluation()
    shuffled = evaluation.sample(frac=1.0, random_state=1)
    kept = gain_kept(evaluation)
    assert kept == gain_kept(shuffled)
    assert kept == share_of_gain(
        *(rewards(evaluation, name) for name in ("equation", "network", "equal"))
    )
    assert sorted(findings(evaluation)) == sorted(findings(shuffled))


def test_beaten_needs_the_whole_interval_above_zero() -> None:
    evaluation = make_evaluation()
    won, lost = beaten(evaluation, "equation")
    assert lost == []
    assert len(won) == 5
    mask = evaluation["controller"] == "least-delay"
    evaluation.loc[mask, "reward"] = rewards(evaluation, "equation") + np.tile([-0.1, 0.1], 10)
    won, lost = beaten(evaluation, "equation")
    assert lost == ["least-delay"]
    assert any("not shown to beat: least delay" in sentence for sentence in findings(evaluation))
    assert {row.controller: row.verdict for row in compare(evaluation)}[
        "least-delay"
    ] == "no difference shown"


def test_findings_say_when_there_is_no_share_to_state() -> None:
    evaluation = make_evaluation()
    equal = evaluation["controller"] == "equal"
    evaluation.loc[equal, "reward"] = rewards(evaluation, "network") + np.tile([-0.1, 0.1], 10)
    assert "cannot be told from zero" in findings(evaluation)[0]
    without = evaluation[~equal]
    assert gain_kept(without) is None
    assert len(findings(without)) == 2


def test_the_terminal_table_names_every_controller_in_plain_words() -> None:
    console = Console(width=140, record=True)
    console.print(rich_table(make_evaluation()))
    text = console.export_text()
    for name in GAINS:
        assert title_of(name) in text
    assert "20 held-out seeds" in text
    assert "±" in text


@pytest.mark.parametrize(
    ("name", "title"), [("constant:0.3", "Constant ratio 0.3"), ("mine.json", "mine.json")]
)
def test_titles_of_other_controllers(name: str, title: str) -> None:
    assert title_of(name) == title


def test_simulations_are_compared_seed_by_seed() -> None:
    """The second controller costs one more with each seed, and so is worse, though seeds differ."""

    def episode(cost: float) -> Episode:
        rewards = [0.5 - cost, -cost - 0.5]
        return Episode(pd.DataFrame({"reward": rewards, "drops": [0.0, 0.0]}))

    costs = (1.0, 5.0, 9.0)
    episodes = {
        "max-weight": [episode(cost) for cost in costs],
        "random": [episode(cost + 1.0 + 0.01 * cost) for cost in costs],
    }
    means = episode_means(episodes, [7, 8, 9])
    assert means["seed"].tolist() == [7, 8, 9] * 2
    assert means["reward"].tolist()[:3] == [-cost for cost in costs]
    both, paired = simulation_tables(means)
    assert both.row_count == 2
    (difference,) = paired.columns[1].cells
    # Differences 1.01, 1.05 and 1.09: mean 1.05, deviation 0.04, half width 4.303 * 0.04 / √3.
    assert difference == "+1.0500 ± 0.0994 better"
    (drops,) = paired.columns[2].cells
    assert drops == "+0.0000 ± 0.0000"
    assert len(simulation_tables(means[means["controller"] == "random"])) == 1
