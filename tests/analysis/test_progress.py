# SPDX-License-Identifier: MIT
import io

from rich.console import Console

from ns3kan.analysis.runs.progress import Progress, show_progress

STEPS = [
    Progress("training", 0, 2000),
    Progress("training", 1000, 2000, reward=-0.25, steps_per_second=180.0),
    Progress("training", 2000, 2000, reward=-0.125, steps_per_second=181.0),
    Progress("states", 0, 2),
    Progress("states", 2, 2),
    Progress("equation", 0, 1),
]


def show(console: Console) -> str:
    with show_progress(console) as on_progress:
        for step in STEPS:
            on_progress(step)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_plain_lines_at_the_ends_of_each_stage() -> None:
    lines = show(Console(file=io.StringIO(), width=40)).splitlines()
    assert lines == [
        "Training: 0 of 2,000",
        "Training: 2,000 of 2,000, reward -0.1250, 181 steps/s",
        "Collecting states: 0 of 2",
        "Collecting states: 2 of 2",
        "Reading the equation",
    ]


def test_live_bars_in_a_terminal() -> None:
    text = show(Console(file=io.StringIO(), width=120, force_terminal=True))
    assert "2000/2000" in text
    assert "reward -0.1250, 181 steps/s" in text
    assert "Collecting states" in text
