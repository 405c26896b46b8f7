# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from ns3kan.analysis.bench.soak import SAMPLES, TOLERANCE_BYTES, Sample, _children, growth, soak

ONE = Sample(1, 1, 0.1, 100 << 20, 20 << 20, 30, 10, 2, 8, 1)


def test_a_short_soak_is_flat(tmp_path: Path) -> None:
    seen: list[Sample] = []
    # Earlier tests may have left multiprocessing's resource tracker running.
    before = len(_children())
    assert soak(2 * SAMPLES, 800, tmp_path, seen.append) == []
    assert len(seen) == SAMPLES
    assert (seen[-1].resets, seen[-1].steps) == (2 * SAMPLES, 800)
    assert seen[-1].processes == before + 2
    with (tmp_path / "soak.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == SAMPLES
    assert float(rows[-1]["memory"]) == seen[-1].memory


@pytest.mark.parametrize(
    ("name", "step"),
    [("descriptors", 1), ("processes", 1), ("shared_memory", 1), ("memory", TOLERANCE_BYTES)],
)
def test_what_grows_is_named(name: str, step: int) -> None:
    samples = [replace(ONE, **{name: getattr(ONE, name) + i * step}) for i in range(8)]
    (complaint,) = growth(samples)
    assert complaint.lower().startswith(name.replace("_", " "))
    assert growth([ONE] * 8) == []


def test_what_grows_only_at_the_beginning_is_no_leak() -> None:
    assert growth([replace(ONE, memory=0), *[ONE] * 7]) == []


def test_too_short_a_test_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too few"):
        soak(10, 10, tmp_path)
