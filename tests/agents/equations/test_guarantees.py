# SPDX-License-Identifier: MIT
"""The record of guarantees in an artefact, and what a check objects to."""

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from committed import committed_controllers

from ns3kan.agents.equations.artefact.check import check, lines
from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.proofs.guarantees import certify, digest, guarantee
from ns3kan.io.documents import MAX_BYTES

COMMITTED = committed_controllers()


def make(*expressions: str, decision: str = "ratio", **options: Any) -> Controller:
    return Controller(
        [ControllerInput("load", "1", (0.0, 1.0)), ControllerInput("delay", "s", (0.0, 0.5))],
        [ControllerOutput(f"y_{i}", text, (0.0, 1.0)) for i, text in enumerate(expressions)],
        decision,
        **options,
    )


def test_a_record_says_everything() -> None:
    record = guarantee(make("0.5*load^2 - delay + 0.5", "abs(load - 0.5)"))
    assert json.loads(json.dumps(record)) == record
    assert record["digest"].startswith("sha256:")
    assert record["box"] == {"load": [0.0, 1.0], "delay": [0.0, 0.5]}
    first, second = record["outputs"]["y_0"], record["outputs"]["y_1"]
    assert first["evaluation"] == {"status": "proven"}
    assert first["range"] == pytest.approx([0.0, 1.0], abs=1e-12)
    assert first["inputs"]["load"]["direction"] == "non-decreasing"
    assert first["inputs"]["delay"]["direction"] == "non-increasing"
    assert first["inputs"]["load"]["slope"] == pytest.approx(1.0, rel=1e-12)
    assert first["lipschitz"] == pytest.approx(math.sqrt(2), rel=1e-12)
    assert first["lipschitz"] >= math.sqrt(2)
    moves = second["inputs"]["load"]
    assert moves["direction"] == "not monotone"
    rises, falls = (second["points"][moves[key]]["load"] for key in ("rises_at", "falls_at"))
    assert rises > 0.5 > falls
    assert all(set(point) == {"load"} for point in second["points"])
    assert second["inputs"]["delay"] == {"direction": "constant", "slope": 0.0}
    assert "switch_type" not in record


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("load - 2*delay", "proven"),
        ("load*(1 - load) - delay", "refuted"),
        # Its slope is 0 at load = 1, and less than nothing by the last bits.
        ("load - load^3/3 - delay", "not proven"),
    ],
)
def test_an_index_is_judged(text: str, status: str) -> None:
    assert guarantee(make(text, decision="index"))["switch_type"]["status"] == status


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("1/(load - delay)", "refuted", "load - delay may be 0, and is divided by: at load="),
        ("tan(10*load)", "not proven", "10*load may pass a pole, in tan(10*load)"),
        ("exp(1000*load)", "refuted", "too large for a double: at load=1, delay=0 it is infinite"),
    ],
)
def test_what_may_fail_is_objected_to(text: str, status: str, reason: str) -> None:
    found = check(make(text))
    evaluation = found.guarantees["outputs"]["y_0"]["evaluation"]
    assert evaluation["status"] == status
    assert reason in evaluation["reason"]
    assert ("at" in evaluation) is (status == "refuted")
    assert len(found.objections) == 1
    assert f"Output 'y_0' is {status} to have a value everywhere" in found.objections[0]
    assert found.guarantees["outputs"]["y_0"]["range"][1] is None


def test_the_digest_is_of_what_decides() -> None:
    same = [make("load + 2*delay"), make(" (load)+ (2.0*delay) ")]
    others = [
        make("load + 2.5*delay"),
        make("load + 2*delay", decision="index"),
        make("load + 2*delay", "load"),
        Controller(same[0].inputs, [ControllerOutput("y_0", "load + 2*delay", (0.0, 0.9))]),
        Controller(same[0].inputs[::-1], same[0].outputs),
    ]
    assert digest(same[0]) == digest(same[1])
    assert len({digest(controller) for controller in [same[0], *others]}) == 6
    # It stands in files, so that it must never change.
    assert digest(same[0]) == (
        "sha256:6c46e687c0282ee27f1d8910c8ba65785e324095e1b93b789923c9c347feac39"
    )


def edited(path: Path, old: str, new: str) -> Controller:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return Controller.load(path)


def test_an_edited_expression_is_flagged_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "controller.json"
    controller = make("0.25*load + delay", fidelity={"r2": 0.99})
    certify(controller)
    controller.save(path)
    assert check(Controller.load(path)).objections == ()
    changed = edited(path, "0.25*load", "0.26*load")
    objections = check(changed).objections
    assert len(objections) == 2
    assert objections[0].startswith("The expressions were edited after 'fidelity' was written")
    assert objections[1].startswith("The recorded guarantees are of other expressions")
    assert changed([1.0, 0.0]) == pytest.approx([0.26])
    # New guarantees do not make the old measurement true.
    certify(changed)
    assert [objections[0]] == list(check(changed).objections)


@pytest.mark.parametrize(
    ("old", "new", "objection"),
    [
        ('"range": [\n          0.0,', '"range": [\n          0.1,', "not those that are proven"),
        ('"non-decreasing"', '"constant"', "not those that are proven"),
        (
            '"range": [\n        0.0,\n        0.5',
            '"range": [\n        0.0,\n        0.6',
            "over other ranges",
        ),
    ],
)
def test_guarantees_that_claim_too_much(tmp_path: Path, old: str, new: str, objection: str) -> None:
    path = tmp_path / "controller.json"
    controller = make("0.5*load + delay")
    certify(controller)
    controller.save(path)
    (found,) = check(edited(path, old, new)).objections
    assert objection in found
    assert found.endswith("write them anew with ns3kan check --write.")


def test_a_check_is_written_for_people() -> None:
    controller = make("0.25*load + delay", "abs(load - 0.5)/(delay - 2)")
    text = "\n".join(lines(controller, check(controller)))
    for line in (
        "  load: 0 to 1",
        "  delay: 0 to 0.5 s",
        "y_0 = 0.25*load + delay",
        "  a value everywhere: proven",
        "  range: 0 to 0.75, never clipped to 0 to 1",
        "  in delay: non-decreasing, slope at most 1",
        "  range: −0.333333 to 0, may be clipped to 0 to 1",
        "  in load: not monotone, slope at most 0.666667",
        "Fidelity record: none",
        "No problems found.",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_artefacts_are_what_they_say(path: Path) -> None:
    controller = Controller.load(path)
    assert controller.guarantees
    found = check(controller)
    assert found.objections == ()
    if controller.decision == "index":
        assert found.guarantees["switch_type"]["status"] == "proven"


def test_large_controllers_take_seconds() -> None:
    names = [f"x_{i}" for i in range(64)]
    terms = (f"0.{i % 9 + 1}*tanh({name} - 0.{i % 7})*{name}" for i, name in enumerate(names))
    total = " + ".join(terms)
    inputs = [ControllerInput(name, "1", (0.0, 1.0)) for name in names]
    outputs = [ControllerOutput(f"q_{i}", f"sin({total}) + 0.{i}*cos({total})") for i in range(10)]
    start = time.process_time()
    record = guarantee(Controller(inputs, outputs, "argmax"))
    # Half a minute where the machine is slow; without a common budget it would be hours.
    assert time.process_time() - start < 30
    assert len(json.dumps(record, indent=2)) < MAX_BYTES / 2
    assert all(output["evaluation"]["status"] == "proven" for output in record["outputs"].values())
