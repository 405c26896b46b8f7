# SPDX-License-Identifier: MIT
"""ns-3's own test suites of the module, under ns-3's own runner; and what makes it a module."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ns3kan.bridge.ns3.installed import installed_file

MODULE = Path(__file__).parents[2] / "ns3_scenarios"
SUITES = sorted(
    name
    for file in (MODULE / "test").glob("*.cc")
    for name in re.findall(r'TestSuite\("(ns3kan-[a-z-]+)"', file.read_text(encoding="utf-8"))
)


def test_every_file_of_tests_is_a_suite() -> None:
    assert len(SUITES) == len(list((MODULE / "test").glob("*-test-suite.cc"))) > 1


@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str) -> None:
    done = subprocess.run(
        [str(installed_file("bin/test-runner")), f"--suite={suite}", "--verbose"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(rf"PASS {suite} ", done.stdout), done.stdout


def test_every_file_is_in_the_one_list() -> None:
    # Both the stand-alone project and the module in a tree of ns-3 are made of these lists.
    listed = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    for source in MODULE.glob("*/*.cc"):
        name = source.relative_to(MODULE).as_posix()
        if name != "test/test-runner.cc":  # a tree of ns-3 has its own
            assert re.search(rf"[\s(]{re.escape(name)}[\s)]", listed), name


def test_public_headers_include_each_other_as_an_installed_module_needs() -> None:
    listed = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    (block,) = re.findall(r"set\(public_headers\s([^)]*)\)", listed)
    public = [MODULE / line for line in block.split()]
    names = {header.name for header in public}
    assert len(names) == len(public) > 20
    for header in public:
        for included in re.findall(r'#include "([^"]+)"', header.read_text(encoding="utf-8")):
            # There all of them lie in one folder, ns3.
            assert included.removeprefix("ns3/").count("/") == 0, (header.name, included)
            assert "ns3/" in included or included in names, (header.name, included)
