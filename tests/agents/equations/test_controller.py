# SPDX-License-Identifier: MIT
"""The controller artefact: what it decides, what it refuses, what it writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerError,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.expressions.grammar import EvaluationError

LOAD = ControllerInput("load", "1", (0.0, 1.3))
DELAY = ControllerInput("mpls_delay", "s", (0.0, 0.2))


def make(*expressions: str, decision: str = "ratio") -> Controller:
    outputs = [
        ControllerOutput(f"output_{i}", expression, (0.0, 1.0))
        for i, expression in enumerate(expressions)
    ]
    return Controller([LOAD, DELAY], outputs, decision)


def document() -> dict[str, Any]:
    return {
        "format": "ns3kan-controller",
        "version": 1,
        "decision": "ratio",
        "inputs": [{"name": "load", "unit": "1", "range": [0.0, 1.3]}],
        "outputs": [{"name": "ratio", "expression": "0.3*load^2 + 0.1", "range": [0, 1]}],
        "provenance": {"seeds": {"training": 0}},
        "fidelity": {"r2": 0.99},
    }


def test_ratio_is_clipped() -> None:
    controller = make("load - 1", "0.5 + 2*mpls_delay")
    np.testing.assert_allclose(controller([1.25, 0.125]), [0.25, 0.75])
    decisions = controller([[0.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(decisions, [[0.0, 0.5], [1.0, 1.0]])


def test_softmax() -> None:
    probabilities = make("1000*load", "1000*load + log(3)", decision="softmax")([[1.0, 0.0]] * 2)
    np.testing.assert_allclose(probabilities, [[0.25, 0.75]] * 2)


def test_argmax_takes_the_first_of_equals() -> None:
    controller = make("load", "mpls_delay", decision="argmax")
    assert controller([1.0, 2.0]) == 1
    assert controller([[1.0, 1.0], [0.0, 1.0]]).tolist() == [0, 1]


def test_index_compares_components() -> None:
    controller = make("load - mpls_delay", decision="index")
    components = np.array([[1.0, 1.0], [3.0, 1.0], [4.0, 2.0]])
    assert controller(components) == 1
    assert controller(np.stack([components, components[::-1]])).tolist() == [1, 0]


def test_equations_for_people_are_short_and_those_of_the_file_exact(tmp_path: Path) -> None:
    controller = make("0.8287714356351842*load - 1.1269769999999999", "load^0.30000000000000004")
    assert controller.equations() == (
        "output_0 = 0.828771*load - 1.12698",
        "output_1 = load^0.3",
    )
    controller.save(tmp_path / "controller.json")
    assert Controller.load(tmp_path / "controller.json").outputs == controller.outputs
    assert controller([0.5, 0.0])[1] == 0.5**0.30000000000000004


def test_evaluation_error_names_output_and_inputs() -> None:
    controller = make("load", "1/(load - mpls_delay)")
    with pytest.raises(EvaluationError) as error:
        controller([[1.0, 0.0], [0.1, 0.1]])
    assert str(error.value) == ("output 'output_1' divides by zero at load=0.1, mpls_delay=0.1")
    with pytest.raises(EvaluationError, match="'output_0' is not a number at load=nan"):
        controller([float("nan"), 0.0])


@pytest.mark.parametrize("shape", [(), (3,), (1, 1, 2), (2, 3)])
def test_wrong_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ControllerError, match="shape"):
        make("load")(np.zeros(shape))


def test_check_inputs() -> None:
    controller = make("load + mpls_delay")
    assert controller.check_inputs(("time", "mpls_delay", "load")) == (2, 1)
    with pytest.raises(ControllerError, match="inputs mpls_delay, it offers time, load"):
        controller.check_inputs(("time", "load"))


def test_saved_artefact_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "controller.json"
    path.write_text(json.dumps(document()))
    controller = Controller.load(path)
    controller.save(path)
    assert json.loads(path.read_text()) == document()
    assert [entry.name for entry in tmp_path.iterdir()] == ["controller.json"]
    assert str(controller.expressions[0]) == "0.3*load^2 + 0.1"
    assert controller([1.0]) == pytest.approx([0.4])


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "controller.json"
    path.write_text("old")
    controller = make("load")
    controller.fidelity["r2"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        controller.save(path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ControllerError, match=r"missing\.json: cannot be read"):
        Controller.load(tmp_path / "missing.json")
    with pytest.raises(ControllerError, match="cannot be read"):
        Controller.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "\xff", "[" * 100_000])
def test_not_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "controller.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ControllerError, match=r"controller\.json: not JSON"):
        Controller.load(path)


def change(keys: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = document()
    place: Any = changed
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return changed


MISTAKES: list[tuple[dict[str, Any] | list[Any], str]] = [
    ([], "format"),
    (change(("format",), "onnx"), "format"),
    (change(("version",), 2), "'version' is 2, this program reads version 1: take a newer"),
    (change(("version",), True), "'version' is true"),
    (change(("version",), None), "'version' is null"),
    (change(("decision",), "coin"), "decision"),
    (change(("decision",), None), "decision"),
    (change(("decision",), "argmax"), "outputs"),
    (change(("inputs",), None), "inputs"),
    (change(("inputs",), []), "inputs"),
    (change(("inputs", 0), "load"), r"inputs\[0\]"),
    (change(("inputs", 0, "name"), "2load"), r"inputs\[0\].name"),
    (change(("inputs", 0, "name"), "load\n"), r"inputs\[0\].name"),
    (change(("inputs", 0, "name"), "exp"), r"inputs\[0\].name .* function, 'exp'"),
    (change(("inputs", 0, "unit"), ""), r"inputs\[0\].unit"),
    (change(("inputs", 0, "unit"), None), r"inputs\[0\].*'unit'"),
    (change(("inputs", 0, "colour"), "red"), r"inputs\[0\].*'colour'"),
    (change(("inputs", 0, "range"), [1, 1]), r"inputs\[0\].range must be finite"),
    (change(("inputs", 0, "range"), [0, 10**400]), r"inputs\[0\].range|not JSON"),
    (change(("inputs", 0, "range"), [0, 1, 2]), r"inputs\[0\].range"),
    (change(("inputs", 0, "range"), [False, True]), r"inputs\[0\].range"),
    (change(("outputs", 0, "range"), None), r"outputs\[0\].*'range'"),
    (change(("outputs", 0, "expression"), 3), r"outputs\[0\].expression"),
    (change(("outputs", 0, "expression"), "load ** 2"), "of output 'ratio', at position 5"),
    (change(("outputs", 0, "expression"), "1 + delay"), "of output 'ratio', at position 4"),
    (change(("inputs",), document()["inputs"] * 2), "two inputs are named 'load'"),
    (change(("outputs",), document()["outputs"] * 2), "two outputs are named 'ratio'"),
    (change(("provenance",), "me"), "provenance"),
    (change(("fidelity",), 1), "fidelity"),
    (change(("guarantees",), []), "guarantees"),
    (change(("warranty",), {}), "'warranty'"),
]


@pytest.mark.parametrize(("wrong", "message"), MISTAKES)
def test_mistakes(tmp_path: Path, wrong: Any, message: str) -> None:
    path = tmp_path / "controller.json"
    path.write_text(json.dumps(wrong))
    with pytest.raises(ControllerError, match=message) as error:
        Controller.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value).replace("load\\n", "")


def test_index_takes_one_output() -> None:
    with pytest.raises(ControllerError, match="outputs"):
        make("load", "mpls_delay", decision="index")


def linear() -> Controller:
    return Controller(
        [ControllerInput("load", "1", (0.0, 1.0)), ControllerInput("delay", "s", (0.0, 1.0))],
        [ControllerOutput("ratio", "load - 0.5*delay", (-9.0, 9.0))],
    )


def test_inputs_are_taken_from_tables_by_their_names() -> None:
    table = pd.DataFrame({"delay": [0.2, 0.4], "other": [7.0, 8.0], "load": [1.0, 0.5]})
    np.testing.assert_allclose(linear()(table)[:, 0], [0.9, 0.3])
    np.testing.assert_allclose(linear()(table.iloc[1]), [0.3])
    np.testing.assert_allclose(linear()({"delay": 0.2, "load": 1.0}), [0.9])
    np.testing.assert_allclose(
        linear()({"delay": np.array([0.2, 0.4]), "load": np.array([1.0, 0.5])})[:, 0], [0.9, 0.3]
    )
    with pytest.raises(ControllerError, match="inputs load are missing among delay, other"):
        linear()(table.drop(columns="load"))
    # Columns without names are in order.
    np.testing.assert_allclose(linear()(table[["load", "delay"]].to_numpy())[:, 0], [0.9, 0.3])


def test_numbers_of_numpy_are_saved_as_numbers(tmp_path: Path) -> None:
    controller = Controller(
        [ControllerInput("load", "1", (np.float32(0.0), np.float64(1.0)))],
        [ControllerOutput("ratio", "load", (np.int64(0), np.int32(1)))],
        provenance={"seeds": np.arange(3), "steps": np.int64(7), "path": tmp_path, "set": (1, 2)},
        fidelity={"r2": np.float32(0.5), "flags": {"good": np.bool_(True)}},
    )
    controller.save(tmp_path / "controller.json")
    read = Controller.load(tmp_path / "controller.json")
    assert read.document() == controller.document()
    assert read.provenance["seeds"] == [0, 1, 2]
    assert read.provenance["steps"] == 7
    assert read.fidelity == {"r2": 0.5, "flags": {"good": True}}
    assert read.inputs[0].range == (0.0, 1.0)
