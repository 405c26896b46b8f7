# SPDX-License-Identifier: MIT
"""``ns3kan check`` as it is used."""

import json
import re
from pathlib import Path

import pytest
from test_cli import ns3kan

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.analysis.report.facts import facts_of
from ns3kan.analysis.runs.folder import RunParts

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
    assert done.stdout.splitlines()[-1] == "No problems found."


def test_check_with_objections_ends_with_1(written: Path) -> None:
    done = ns3kan("check", str(written))
    assert (done.returncode, done.stderr) == (1, "")
    assert "at load=0 it divides by zero" in done.stdout.splitlines()[-1]


@pytest.fixture
def long_constants(tmp_path: Path) -> Path:
    """Write an artefact whose constants need all digits of a double, with its record."""
    controller = Controller(
        [
            ControllerInput("load", "1", (-0.8287714356351842, 1.1269769999999999)),
            ControllerInput("delay", "s", (1e-5 / 3, 1 / 3)),
        ],
        [
            ControllerOutput(
                "ratio",
                "1/(1 + exp(-(0.8287714356351842*load^2 - 1.1269769999999999*delay)))",
                (0.0, 0.9999999999999999),
            ),
            ControllerOutput("other", "1/(load - 0.30000000000000004)", (0.0, 1.0)),
        ],
        fidelity={"r2": 0.9087714356351842, "interval_95": [0, 1 / 3], "parts": [[1 / 3], 7**20]},
    )
    path = tmp_path / "long.json"
    controller.save(path)
    return path


def shown_digits(text: str) -> int:
    """Digits of the longest number that is not whole."""
    return max(
        len(number.replace(".", "").lstrip("0")) for number in re.findall(r"[0-9]+\.[0-9]+", text)
    )


def test_no_17_digits_are_shown(long_constants: Path) -> None:
    printed = ns3kan("check", str(long_constants)).stdout
    assert "ratio = 1/(1 + exp(-(0.828771*load^2 - 1.12698*delay)))" in printed.splitlines()
    assert "  load: −0.828771 to 1.12698" in printed.splitlines()
    assert "  delay: 3.33333e−6 to 0.333333 s" in printed.splitlines()
    assert "load - 0.3 may be 0, and is divided by: at load=0.3" in printed
    latex = ns3kan("export", str(long_constants), "--to", "latex").stdout
    assert r"0.828771 \cdot \mathrm{load}^{2} - 1.12698\, \mathrm{delay}" in latex
    for text in (printed, latex):
        assert shown_digits(text) == 6


def test_a_report_shows_no_17_digits(long_constants: Path) -> None:
    folder = long_constants.rename(long_constants.parent / "controller.json").parent
    found = facts_of(RunParts.read(folder), "run")
    assert found.equation is not None
    assert shown_digits(json.dumps(found.equation, ensure_ascii=False)) == 6
    assert dict(found.fidelity) == {
        "r2": "0.908771",
        "interval 95": "0 … 0.333333",
        "parts": f"[[0.333333], {7**20}]",
    }


def test_exact_constants_stay_in_artefacts_and_code(long_constants: Path) -> None:
    before = Controller.load(long_constants)
    ns3kan("check", str(long_constants), "--write")
    after = Controller.load(long_constants)
    assert (after.expressions, after.inputs) == (before.expressions, before.inputs)
    for language in ("c", "cpp", "python", "json"):
        code = ns3kan("export", str(long_constants), "--to", language).stdout
        assert "0.8287714356351842" in code


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


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("cpp", "namespace sdwan"),
        ("c", "static const char *const sdwan_input_names[7] = {"),
        ("latex", r"\documentclass{article}"),
        ("python", "def decide(inputs):"),
        ("json", '  "format": "ns3kan-controller",'),
    ],
)
def test_export_prints_or_writes(language: str, line: str, tmp_path: Path) -> None:
    arguments = ("export", str(DEMO), "--to", language, "--name", "sdwan")
    done = ns3kan(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert line in done.stdout.splitlines()
    path = tmp_path / "exported"
    assert ns3kan(*arguments, "--output", str(path)).stdout == ""
    assert path.read_text() == done.stdout


def test_what_cannot_be_exported_is_said() -> None:
    done = ns3kan("export", str(DEMO), "--to", "cpp", "--name", "class")
    assert done.returncode == 1
    assert done.stderr.startswith("ns3kan: 'class' cannot name code; choose letters")
    assert ns3kan("export", str(DEMO), "--to", "fortran").returncode == 2
    assert ns3kan("export", str(DEMO)).returncode == 2


def test_the_artefact_of_the_documentation_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "concepts" / "artefact.md").read_text()
    path = tmp_path / "controller.json"
    path.write_text(page.partition("```json\n")[2].partition("```")[0])
    assert ns3kan("check", str(path)).returncode == 0
    assert "namespace sdwan" in ns3kan("export", str(path), "--to", "cpp", "--name", "sdwan").stdout
