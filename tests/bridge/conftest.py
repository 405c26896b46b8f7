# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


def living_children() -> set[int]:
    """Processes that this one has started and that still run."""
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        pids.update(map(int, (task / "children").read_text().split()))
    return pids


@pytest.fixture(autouse=True)
def _leaves_no_process() -> Iterator[None]:
    before = living_children()
    yield
    assert living_children() <= before
