# SPDX-License-Identifier: MIT
"""What the README reports is what the committed results say."""

from pathlib import Path

import pandas as pd
import pytest

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.analysis.comparison.findings import findings
from ns3kan.analysis.comparison.tables import QUANTITIES, compare, difference_text, estimate_text
from ns3kan.analysis.runs.folder import read_evaluation
from ns3kan.analysis.studies.switch_type.tables import INDEX

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "analysis" / "results" / "demo"


def results_section() -> list[str]:
    """Write the README's lines about the committed demo."""
    evaluation = read_evaluation(RESULTS / "evaluation.csv")
    titles = [f"{shown.title.lower()} ({shown.unit})" for shown in QUANTITIES.values()]
    lines = [
        f"| controller | {' | '.join(titles)} | reward: equation minus this |",
        "|---" * (len(QUANTITIES) + 2) + "|",
    ]
    for row in compare(evaluation):
        cells = [row.title, *(estimate_text(row, name) for name in QUANTITIES)]
        lines.append(f"| {' | '.join(cells)} | {difference_text(row)} |")
    controller = Controller.load(RESULTS / "controller.json")
    lines.append(f"ratio = {controller.outputs[0].expression}")
    return lines + findings(evaluation)


def test_the_results_are_the_committed_ones() -> None:
    readme = (ROOT / "README.md").read_text().splitlines()
    for line in results_section():
        assert line in readme


LOAD_BALANCING = ROOT / "analysis" / "results" / "load-balancing"
REWARDS = ("utility", "loss", "delay", "combined")


@pytest.mark.parametrize("reward", REWARDS)
def test_the_short_equations_are_the_committed_ones(reward: str) -> None:
    row = pd.read_csv(LOAD_BALANCING / "targets.csv").set_index("reward").loc[reward]
    controller = Controller.load(LOAD_BALANCING / "deployed" / f"{reward}.json")
    assert controller.expressions[0].nodes() == row["nodes"] <= 25
    wanted = (
        f"| {reward} | `{controller.outputs[0].expression}` | {row['improvement']:.0%} | "
        f"{row['margin']:+.4f} ({row['margin low']:+.4f} to {row['margin high']:+.4f}) | "
        f"{row['closest rival'].removesuffix(', deployed')}: {row['rival margin']:+.4f} "
        f"({row['rival margin low']:+.4f} to {row['rival margin high']:+.4f}) |"
    )
    assert wanted in (ROOT / "README.md").read_text().splitlines()


SWITCH_TYPE = ROOT / "analysis" / "results" / "switch-type"
POLICIES = {
    "MLP": "mlp",
    "Switch-type network (STN)": "stn",
    "Switch-type KAN": "switch-type-kan",
    "Index as read out of the KAN": "index, read",
    "Index, tuned and at most 15 nodes": "index, tuned",
    "Index searched without a network, at most 15 nodes": "index, searched",
    "√q·min(q, y)/μ, nothing tuned": "untuned index",
    "Hand-made index, min(q, y)·√q/√(μ + 0.1)": "hand-made index",
    "MaxWeight, q·y": "max_weight",
}


@pytest.mark.parametrize("title", POLICIES)
def test_the_costs_of_scheduling_are_the_committed_ones(title: str) -> None:
    table = pd.read_csv(SWITCH_TYPE / "table-2.csv")
    row = table[(table["set"] == "test") & (table["method"] == POLICIES[title])].iloc[0]
    difference = "—"
    if row["method"] != INDEX:
        difference = (
            f"{row['index_difference']:+.4f} ({row['index_difference_low']:+.4f} to "
            f"{row['index_difference_high']:+.4f})"
        ).replace("-", "−")
    wanted = (
        f"| {title} | {row['mean']:.3f} ({row['std']:.3f}) | {row['low']:.3f} to "
        f"{row['high']:.3f} | {row['unstable']} of {row['runs']} | {difference} |"
    )
    assert any(line.startswith(wanted) for line in (ROOT / "README.md").read_text().splitlines())


def test_the_index_is_the_committed_one() -> None:
    controller = Controller.load(SWITCH_TYPE / "controllers" / "single-hop-seed-0-tuned.json")
    assert controller.outputs[0].expression in (ROOT / "README.md").read_text().splitlines()
    assert controller.expressions[0].nodes() <= 15


PIXELS = ROOT / "analysis" / "results" / "feature-selection"
SELECTIONS = {
    "greedy search, the same for all images": "pixels by greedy search, the same for all",
    "one after another, each by those seen before": (
        "pixels one after another, each by those seen before"
    ),
    "by the whole image, against the fixed classifier": (
        "perceptron, each image's own pixels, learned against a fixed classifier"
    ),
    "by the whole image, with its own classifier": "perceptron, each image's own pixels, learned",
}


PLACES = (("digits", 8), ("digits", 16), ("mnist", 8), ("mnist", 16))


def selection_line(table: pd.DataFrame, title: str) -> str:
    """Write a row of the README: accuracies by the fixed classifier, gains, and of the mask."""
    rows = table[table["method"] == SELECTIONS[title]].set_index(["data set", "pixels"])
    cells = [title]
    for place in PLACES:
        row = rows.loc[place]
        gain = (
            ""
            if pd.isna(row["fixed gain"])
            else f" ({row['fixed gain low']:+.3f} to {row['fixed gain high']:+.3f})"
        )
        cells.append(f"{row['fixed classifier']:.3f}{gain}; {row['mask alone, logistic']:.2f}")
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("title", SELECTIONS)
def test_the_selections_of_pixels_are_the_committed_ones(title: str) -> None:
    line = selection_line(pd.read_csv(PIXELS / "table-budgets.csv"), title)
    assert line in (ROOT / "README.md").read_text().splitlines()
