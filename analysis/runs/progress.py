# SPDX-License-Identifier: MIT
"""Show how far a long command is: live bars in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich import progress as rich_progress
from rich.console import Console

STAGES = {
    "training": "Training",
    "states": "Collecting states",
    "equation": "Reading the equation",
    "front": "Choosing among equations",
    "evaluation": "Evaluating on held-out seeds",
    "report": "Writing the report",
}
_PLAIN_PERIOD = 5.0  # seconds between two plain lines of one stage


@dataclass(frozen=True)
class Progress:
    """How far a command is.

    Parameters
    ----------
    stage : str
        One of `STAGES`.
    done, total : int
        Decisions in training, episodes in states and evaluation.
    reward : float or None
        Mean reward per interval of late, in training.
    steps_per_second : float or None
        In training.
    """

    stage: str
    done: int
    total: int
    reward: float | None = None
    steps_per_second: float | None = None

    @property
    def detail(self) -> str:
        """Reward and speed in words, as far as they are known."""
        parts = []
        if self.reward is not None:
            parts.append(f"reward {self.reward:+.4f}")
        if self.steps_per_second is not None:
            parts.append(f"{self.steps_per_second:.0f} steps/s")
        return ", ".join(parts)


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show progress while the context lasts.

    Parameters
    ----------
    console : Console
        Where; decides whether it is a terminal.

    Yields
    ------
    callable
        To be called with a `Progress` as often as one likes.
    """
    if not console.is_terminal:
        yield _PlainLines(console)
        return
    bars = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(bar_width=24),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[detail]}"),
        console=console,
    )
    with bars:
        tasks: dict[str, rich_progress.TaskID] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in tasks:
                # The stages follow each other, so a new one means that those before are done.
                for task in tasks.values():
                    bars.update(task, completed=bars.tasks[task].total)
                tasks[progress.stage] = bars.add_task(
                    STAGES[progress.stage], total=progress.total, detail=""
                )
            bars.update(
                tasks[progress.stage],
                completed=progress.done,
                total=progress.total,
                detail=progress.detail,
            )

        yield show


class _PlainLines:
    """Prints a line when a stage begins and ends, and every few seconds between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._began = self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        is_new = progress.stage != self._stage
        if is_new:
            self._stage, self._began = progress.stage, now
        if not (is_new or progress.done == progress.total or now - self._last >= _PLAIN_PERIOD):
            return
        self._last = now
        line = STAGES[progress.stage]
        if progress.total > 1:
            line += f": {progress.done:,} of {progress.total:,}"
        if progress.detail:
            line += f", {progress.detail}"
        elapsed = now - self._began
        if 0 < progress.done < progress.total:
            left = elapsed * (progress.total - progress.done) / progress.done
            line += f", {left:.0f} s left"
        self._console.print(line, highlight=False, soft_wrap=True)
