# SPDX-License-Identifier: MIT
"""``ns3kan check`` as it is used."""

import json
from pathlib import Path

import pytest
from test_cli import ns3kan

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "analysis" / "results" / "demo" / "controller.json"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write an artefact by hand, with a division by zero in its box."""
    path = tmp_path / "mine.json"
    path.write_text(
        """{"format": "ns3kan-controller", "version": 1, "decision": "ratio",
            "inputs": [{"name": "load", "unit": "1", "range": [0, 1]}],
            "outputs": [{"name": "ratio", "expression": "0.1/load", "range": [0, 1]}],
            "fidelity": {"r2": 1}}"""
    )
    return path


def test_check_of_a_good_artefact_ends_with_0() -> None:
    done = ns3kan("check", str(DEMO))
    assert (done.returncode, done.stderr) == (0, "")
    assert "  a value everywhere: proven" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "Nothing to object."


def test_check_with_objections_ends_with_1(written: Path) -> None:
    done = ns3kan("check", str(written))
    assert (done.returncode, done.stderr) == (1, "")
    assert "at load=0 it divides by zero" in done.stdout.splitlines()[-1]


def test_check_of_no_artefact_ends_with_2(written: Path) -> None:
    written.write_text(written.read_text().replace("0.1/load", "0.1/load.real"))
    for arguments in ((), ("--json",)):
        done = ns3kan("check", str(written), *arguments)
        assert done.returncode == 2
        assert done.stderr == (
            f"ns3kan: {written}: expression of output 'ratio', at position 8: '.' must be "
            "followed by a digit, attributes are not part of the grammar\n"
        )
    assert json.loads(done.stdout) == {"valid": False, "error": done.stderr[8:-1]}


def test_check_writes_and_tells_in_json(written: Path) -> None:
    written.write_text(written.read_text().replace("0.1/load", "0.1 + load/2"))
    done = ns3kan("check", str(written), "--json", "--write")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert set(answer) == {"valid", "guarantees", "fidelity", "objections"}
    assert answer["fidelity"] == "of these expressions"
    document = json.loads(written.read_text())
    assert document["guarantees"] == answer["guarantees"]
    assert document["fidelity"] == {"r2": 1, "digest": answer["guarantees"]["digest"]}
