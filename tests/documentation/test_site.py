# SPDX-License-Identifier: MIT
"""The site builds with every link, every reference and every table in place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.timeout(600)  # 15 s of processor time, on whatever share of a core there is
def test_tables_are_those_of_the_committed_results(site: Path) -> None:
    page = (site / "studies" / "switch-type.html").read_text(encoding="utf-8")
    table = pd.read_csv(ROOT / "analysis" / "results" / "switch-type" / "table-3.csv")
    for row in table[table["set"] == "test"].itertuples():
        cells = re.search(rf"<td>{row.method}</td>\s*<td>(.*?)</td>", page)
        assert cells is not None
    stn = table[(table["set"] == "test") & (table["method"] == "stn")].iloc[0]
    assert f"<td>{stn['mean']:.3f} ({stn['std']:.3f})</td>" in page


def test_pages_have_the_arguments_of_scenarios_and_the_reference(site: Path) -> None:
    scenarios = (site / "reference" / "scenarios.html").read_text(encoding="utf-8")
    assert re.search(
        r"<td><code>--mplsRate</code></td>\s*<td>Rate of the mpls path</td>\s*<td>bit/s</td>\s*"
        r"<td><code>6000000bps</code></td>",
        scenarios,
    )
    agents = (site / "reference" / "agents.html").read_text(encoding="utf-8")
    assert 'id="ns3kan.agents.ppo.PPOConfig.gamma"' in agents


def test_files_that_are_linked_to_are_there_and_nothing_is_loaded_from_elsewhere(
    site: Path,
) -> None:
    assert (site / "repository" / "analysis" / "results" / "demo" / "report.html").is_file()
    index = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="start.html"' in index
    assert not re.search(r'<(script|img|link)[^>]*(src|href)="https?://', index)


def test_no_comment_is_left_that_should_be_a_table(site: Path) -> None:
    for page in site.rglob("*.html"):
        if "repository" not in page.parts:
            assert not re.search(
                r"<!-- (commands|table|bench|figures|parameters|evaluation|equation)\b",
                page.read_text(encoding="utf-8"),
            )
