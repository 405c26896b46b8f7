# SPDX-License-Identifier: MIT
from pathlib import Path

import pytest
from run_example import make_run

from ns3kan.analysis.report import write_report


@pytest.fixture(scope="session")
def full_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report with all its parts, once: its figures take seconds."""
    return write_report(make_run(tmp_path_factory.mktemp("runs") / "run"))
