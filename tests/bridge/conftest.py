# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator

import pytest
from faults import traces
from processes import living_children


@pytest.fixture(autouse=True)
def _leaves_nothing_running() -> Iterator[None]:
    processes, things = living_children(), traces()
    yield
    assert living_children() <= processes
    assert traces() <= things
