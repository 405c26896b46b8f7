# SPDX-License-Identifier: MIT
"""What the README reports is what the committed results say."""

from pathlib import Path

from ns3kan.agents.equations.controller import Controller
from ns3kan.analysis.findings import findings
from ns3kan.analysis.run_folder import read_evaluation
from ns3kan.analysis.tables import QUANTITIES, compare, difference_text, estimate_text

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
