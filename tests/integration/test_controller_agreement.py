# SPDX-License-Identifier: MIT
"""One controller.json, read by Python and by C++: equal numbers, equal refusals."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from random_controllers import random_expression

from ns3kan.agents.equations.artefact.controller import Controller, ControllerError
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.agents.equations.expressions.parser import MAX_DEPTH, MAX_LENGTH
from ns3kan.bridge.ns3.installed import scenario_path

NAMES = ("load", "delay", "x_1")
EVERYTHING = [-1e308, 1e308]


def write(path: Path, expressions: list[str], decision: str = "ratio", **changes: Any) -> Path:
    document = {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": decision,
        "inputs": [{"name": name, "unit": "1", "range": [0, 1]} for name in NAMES],
        "outputs": [
            {"name": f"y_{i}", "expression": expression, "range": EVERYTHING}
            for i, expression in enumerate(expressions)
        ],
        **changes,
    }
    path.write_text(json.dumps(document))
    return path


def run(path: Path, rows: NDArray[np.float64]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [scenario_path("evaluate-controller"), path],
        input="".join(" ".join(f"{value:.17g}" for value in row) + "\n" for row in rows),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def evaluate(path: Path, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    done = run(path, rows)
    assert done.returncode == 0, done.stderr
    return np.array([[float(word) for word in line.split()] for line in done.stdout.splitlines()])


def reference(controller: Controller, row: NDArray[np.float64]) -> float | str:
    """Python's value, or the predicate of its error."""
    try:
        return float(controller(row)[0])
    except EvaluationError as error:
        return error.reason


def test_200_random_expressions_have_equal_values(tmp_path: Path) -> None:
    generator = np.random.default_rng(20)
    points = generator.uniform(-2, 2, (30, len(NAMES)))
    points[0] = 0.0
    compared = equal = failures = 0
    for number in range(200):
        expression = random_expression(generator, NAMES, 2 + number % 4)
        path = write(tmp_path / f"{number}.json", [expression])
        controller = Controller.load(path)
        rows, expected = [], []
        for row in points:
            value, nearby = (reference(controller, row * scale) for scale in (1.0, 1 + 1e-15))
            if isinstance(value, str):
                if failures < 100:
                    failures += 1
                    assert value in run(path, row[None]).stderr, (expression, row)
            # Where the last bit of an input moves the value, the last bit of exp does too.
            elif isinstance(nearby, float) and abs(nearby - value) <= 1e-11 * max(1, abs(value)):
                rows.append(row)
                expected.append(value)
        if rows:
            values = evaluate(path, np.array(rows))[:, 0]
            np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9, err_msg=expression)
            compared += len(rows)
            equal += int(np.sum(values == expected))
    assert compared > 0.8 * 200 * len(points)
    assert equal > 0.5 * compared
    assert failures > 10


@pytest.mark.parametrize("decision", ["ratio", "softmax", "argmax"])
def test_decisions_are_equal(tmp_path: Path, decision: str) -> None:
    expressions = ["sin(5*load)", "delay^2", "tanh(x_1) + 0.2"]
    outputs = [
        {"name": f"y_{i}", "expression": expression, "range": [0, 0.5]}
        for i, expression in enumerate(expressions)
    ]
    path = write(tmp_path / "controller.json", [], decision, outputs=outputs)
    rows = np.random.default_rng(1).uniform(-1, 1, (50, len(NAMES)))
    expected = np.asarray(Controller.load(path)(rows)).reshape(len(rows), -1)
    np.testing.assert_allclose(evaluate(path, rows), expected, rtol=1e-12)


def test_index_decisions_are_equal(tmp_path: Path) -> None:
    path = write(tmp_path / "controller.json", ["load*delay - min(x_1, 0)"], "index")
    components = np.random.default_rng(2).integers(-2, 3, (50, 4, len(NAMES))).astype(float)
    expected = Controller.load(path)(components)
    np.testing.assert_array_equal(evaluate(path, components.reshape(50, -1))[:, 0], expected)


LONG = {
    "sum": "load" + " + 0.5*load" * 1500,
    "product": "1" + "*(-x_1)/(-x_1)" * 1400,
    "minimum": "min(1" + ",-load^-delay" * 1500 + ")",
    "numbers": "+".join(str(number) for number in range(10_000, 13_000)),
    "nested": "1 + 2*tanh(-" * (MAX_DEPTH // 2) + "load" + ")" * (MAX_DEPTH // 2),
    "powers": "1.001^" * MAX_DEPTH + "load",
    "minus": "-" * MAX_DEPTH + "load",
    "wide": "(" + "load*delay/2 + " * 600 + "1)^2/(" + "load*delay/2 + " * 600 + "1)",
}


@pytest.mark.parametrize("kind", LONG)
def test_long_expressions_are_equal(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "controller.json", [LONG[kind]])
    rows = np.random.default_rng(3).uniform(0.5, 1, (5, len(NAMES)))
    np.testing.assert_allclose(evaluate(path, rows), Controller.load(path)(rows), rtol=1e-12)


NUMBERS = ["0.1", ".1", "1.", "1.e-3", "5e-324", "1.7976931348623157e308", "0e999", "0.0e-999"]


@pytest.mark.parametrize("number", [*NUMBERS, "0." + "3" * 5000, "1" * 300])
def test_numbers_are_equal(tmp_path: Path, number: str) -> None:
    path = write(tmp_path / "controller.json", [number])
    assert evaluate(path, np.zeros((1, 3)))[0, 0] == min(float(number), EVERYTHING[1])


REFUSED = [
    "",
    "  ",
    "lod",
    "1 + lod",
    "exp",
    "exp + 1",
    "x_1(2)",
    "foo(2)",
    "foo(<",
    "foo <",
    "2(3)",
    "exp(1, 2)",
    "tanh(1 2)",
    "exp()",
    "min(1)",
    "min(1,)",
    "min(1,,2)",
    "x_1.real",
    "x_1.5",
    "1.5.2",
    ".",
    "load ** 2",
    "load * * 2",
    "load <= 2",
    "load == 2",
    "a = 2",
    "load = 2",
    "load ? 1 : 2",
    "load && delay",
    "!load",
    "+load",
    "load*+2",
    "load load",
    "2load",
    "2e",
    "2e+",
    "1 +",
    "-",
    "2^",
    "((load)",
    "min(load, (delay)",
    "(load]",
    "(load, delay)",
    "load)",
    "load, delay",
    "load; delay",
    "'load'",
    "load + \u00e9",
    "\u00e9" * 10_001,
    "load\u0000",
    "1\u00a0+ 2",
    "1\v+ 2",
    "\u0663",
    "1e999",
    "2 + 1e-999",
    "1e99999999999999999999",
    "9^9^9^9",
    "load*(9^(9))^-(99^9)",
    "0^-1",
    "(-8)^0.5",
    "2^-1075 + load",
    "load" + "d" * 1000,
    "d" * 1000 + "(2)",
    "_pi",
    "_e",
    "sign(load)",
    "rint(load)",
    "sum(1, 2)",
    "avg(1, 2)",
    "log10(load)",
    "(" * (MAX_DEPTH + 1) + "load",
    "-" * (MAX_DEPTH + 1) + "load",
    "2^" * (MAX_DEPTH + 1) + "load",
    "1" * (MAX_LENGTH + 1),
    "1" * 400,
]


@pytest.mark.parametrize("expression", REFUSED, ids=lambda text: ascii(text)[:30])
def test_refusals_are_equal(tmp_path: Path, expression: str) -> None:
    path = write(tmp_path / "controller.json", [expression])
    with pytest.raises(ControllerError) as error:
        Controller.load(path)
    done = run(path, np.zeros((1, 3)))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    # The same reason; what was meant instead may be said in other words.
    pattern = re.compile(r"expression of output 'y_0', at position \d+: [^,]*")
    found, expected = pattern.search(done.stderr), pattern.search(str(error.value))
    assert found is not None
    assert expected is not None
    assert found.group().strip() == expected.group().strip()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "onnx"},
        {"version": 2},
        {"version": True},
        {"decision": "coin"},
        {"decision": "argmax"},
        {"inputs": []},
        {"inputs": [{"name": "load", "unit": "1", "range": [0, 1]}] * 2},
        {"inputs": [{"name": "exp", "unit": "1", "range": [0, 1]}]},
        {"inputs": [{"name": "load\n", "unit": "1", "range": [0, 1]}]},
        {"inputs": [{"name": "load", "unit": "", "range": [0, 1]}]},
        {"inputs": [{"name": "load", "unit": "1", "range": [1, 1]}]},
        {"inputs": [{"name": "load", "unit": "1", "range": [False, True]}]},
        {"inputs": [{"name": "load", "unit": "1", "range": [0, 10**400]}]},
        {"inputs": [{"name": "load", "unit": "1", "range": [0, 1], "colour": "red"}]},
        {"outputs": [{"name": "y_0", "expression": "load"}]},
        {"outputs": [{"name": "y_0", "expression": 3, "range": [0, 1]}]},
        {"outputs": {"name": "y_0", "expression": "load", "range": [0, 1]}},
        {"provenance": 3},
        {"guarantees": []},
        {"warranty": {}},
    ],
    ids=str,
)
def test_artefacts_are_refused_by_both(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write(tmp_path / "controller.json", ["load"], **changes)
    with pytest.raises(ControllerError):
        Controller.load(path)
    done = run(path, np.zeros((1, 3)))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path}: ")


def test_extras_are_accepted_by_both(tmp_path: Path) -> None:
    extras: dict[str, Any] = {"provenance": {}, "fidelity": {}, "guarantees": {"digest": "?"}}
    path = write(tmp_path / "controller.json", ["load"], version=1.0, **extras)
    assert evaluate(path, np.ones((1, 3))) == Controller.load(path)([1.0, 1.0, 1.0])


def test_tool_refuses_bad_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "controller.json", ["1/load"])
    for row, message in (
        ([1.0, 2.0], "expected 3 values, got 2"),
        ([0.0, 2.0, 0.5], "output 'y_0' divides by zero at load=0, delay=2, x_1=0.5"),
        ([0.0, 1.1269769999999999, -1e-7 / 3], "at load=0, delay=1.12698, x_1=−3.33333e−8"),
    ):
        done = run(path, np.array([row]))
        assert done.returncode == 1
        assert message in done.stderr
    size = np.random.default_rng(30).uniform(-12, 12, (10, 2))
    for row in ([0.0, *values] for values in (10**size * [1, -1]).tolist()):
        with pytest.raises(EvaluationError) as error:
            Controller.load(path)(row)
        assert run(path, np.array([row])).stderr.strip().endswith(str(error.value))
    missing = run(tmp_path / "missing.json", np.zeros((1, 3)))
    assert missing.returncode == 1
    assert "missing.json: cannot be read" in missing.stderr
