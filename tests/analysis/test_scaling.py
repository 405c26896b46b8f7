# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ns3kan.analysis.bench.scaling import PLOT, TABLE, UNITS, exponent, findings, scaling


def test_exponents_are_slopes_of_logarithms() -> None:
    packets = np.array([1e3, 2e3, 8e3])
    assert exponent(packets, 1e-5 * packets) == pytest.approx(1)
    assert exponent(packets, 1e-9 * packets**2) == pytest.approx(2)


def test_findings_compare_with_what_is_allowed() -> None:
    table = pd.DataFrame(
        [
            ("packets", 2, 10.0, 1000, 1.0),
            ("packets", 2, 20.0, 2000, 2.0),
            ("paths", 2, 10.0, 1000, 1.0),
            ("paths", 64, 10.0, 32000, 64.0),
        ],
        columns=["sweep", "paths", "duration", "packets", "seconds"],
    )
    first, second = findings(table)
    assert "to the power 1.000" in first
    assert "costs 2.00 times as much; N log N allows 6.00" in second


def test_a_small_study(tmp_path: Path) -> None:
    table = scaling(tmp_path, rounds=1, durations=(10, 40), paths=(2, 8), paths_duration=10)
    assert (tmp_path / TABLE).read_text().startswith(UNITS)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / TABLE, comment="#"), table)
    assert (tmp_path / PLOT).read_bytes().startswith(b"\x89PNG")
    assert len(table) == 4
    packets = table.set_index(["sweep", "duration", "paths"])["packets"]
    assert 3 < packets["packets", 40.0, 2] / packets["packets", 10.0, 2] < 4
    assert 3 < packets["paths", 10.0, 8] / packets["paths", 10.0, 2] < 5
    assert (table["low"] <= table["high"]).all()
