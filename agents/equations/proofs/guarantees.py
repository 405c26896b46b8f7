# SPDX-License-Identifier: MIT
"""What is proven of a controller over the declared ranges of its inputs, as its artefact says it.

The record is made to be read: ``ns3kan check`` proves anew and compares.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.proofs.examination import (
    WORK,
    Direction,
    Examination,
    NotProven,
    Point,
)

PROVEN, REFUTED, OPEN = "proven", "refuted", "not proven"

_MOST_WORK = 4e7
"""What all questions about a controller may cost together: some seconds."""
_MOST_NODES = 100_000
"""Nodes of all expressions together that are examined, for each takes time."""
_MOST_PAIRS = 2_000
"""Pairs of inputs and outputs of which directions and slopes are asked."""


def digest(controller: Controller) -> str:
    """Fingerprint of what decides: decision, inputs, expressions as trees, limits of outputs.

    Blanks and needless parentheses do not change it.
    """
    content = [
        controller.decision,
        list(controller.input_names),
        [
            [output.name, str(expression), output.range]
            for output, expression in zip(controller.outputs, controller.expressions, strict=True)
        ],
    ]
    return "sha256:" + hashlib.sha256(json.dumps(content).encode()).hexdigest()


def guarantee(controller: Controller) -> dict[str, Any]:
    """Prove what can be proven of a controller.

    Returns
    -------
    a record for JSON (docs/concepts/fidelity.md explains it), infinite bounds being null:

    ``digest``, ``box``
        Which expressions it is about, over which ranges of the inputs.
    ``outputs``
        For each output ``evaluation`` (that it has a finite value everywhere: ``status`` and, if
        that is not "proven", ``reason`` and ``at``, a point where it has none), ``range`` (bounds
        on its value before any clipping), ``inputs`` (for each input ``direction``, ``slope``, a
        bound on the absolute slope, and, if it is not monotone, ``rises_at`` and ``falls_at``,
        numbers of ``points``), ``points`` (values of the inputs that occur), and ``lipschitz``
        (bound on the change per Euclidean distance of the inputs). ``inputs`` is empty if there are
        more than 2,000 pairs of inputs and outputs.
    ``switch_type``
        Of an index: ``status``, and the ``directions`` that it is switch-type in.
    """
    questions = len(controller.outputs) * (3 + 2 * len(controller.inputs))
    work = min(WORK, _MOST_WORK / questions)
    box = controller.box
    pairs = len(controller.outputs) * len(controller.inputs)
    asked = controller.input_names if pairs <= _MOST_PAIRS else ()
    outputs = {}
    nodes = 0
    for output, expression in zip(controller.outputs, controller.expressions, strict=True):
        nodes += expression.nodes()
        try:
            if nodes > _MOST_NODES:
                raise NotProven(f"the expressions have more than {_MOST_NODES} nodes together")
            outputs[output.name] = _guarantee_output(Examination(expression, box, work), asked)
        except NotProven as error:
            outputs[output.name] = _nothing(error, asked)
    record: dict[str, Any] = {
        "digest": digest(controller),
        "box": {name: list(ends) for name, ends in box.items()},
        "outputs": outputs,
    }
    if controller.decision == "index":
        record["switch_type"] = _switch_type(next(iter(outputs.values())))
    return record


def certify(controller: Controller) -> None:
    """Write into a controller what is proven of it.

    A fidelity record that does not yet say which expressions it is about gets their digest; call
    this where both have just been made.
    """
    controller.guarantees = guarantee(controller)
    if controller.fidelity:
        controller.fidelity.setdefault("digest", digest(controller))


def _nothing(error: NotProven, asked: Sequence[str]) -> dict[str, Any]:
    nothing = {"direction": Direction.UNKNOWN.value, "slope": None}
    return {
        "evaluation": _failure(error),
        "range": [None, None],
        "inputs": {name: dict(nothing) for name in asked},
        "points": [],
        "lipschitz": None,
    }


def _guarantee_output(examined: Examination, asked: Sequence[str]) -> dict[str, Any]:
    inputs: dict[str, dict[str, Any]] = {}
    points: list[Point] = []
    occurring = examined.expression.inputs()
    for name in asked:
        found = examined.monotonicity(name)
        inputs[name] = {"direction": found.direction.value, "slope": _finite(examined.slope(name))}
        for key, point in (("rises_at", found.rises_at), ("falls_at", found.falls_at)):
            if point is not None:
                values_used = {one: value for one, value in point.items() if one in occurring}
                if values_used not in points:
                    points.append(values_used)
                inputs[name][key] = points.index(values_used)
    slopes = [entry["slope"] for entry in inputs.values()]
    steepest = math.inf if None in slopes or not asked else _length(slopes)
    return {
        "evaluation": _evaluation(examined),
        "range": [_finite(end) for end in examined.range],
        "inputs": inputs,
        "points": [dict(point) for point in points],
        "lipschitz": _finite(steepest),
    }


def _evaluation(examined: Examination) -> dict[str, Any]:
    if all(map(math.isfinite, examined.range)):
        return {"status": PROVEN}
    suspicion = "its value may be too large for a double"
    try:
        examined.refute(suspicion)
    except NotProven as error:
        return _failure(error)
    return {"status": OPEN, "reason": suspicion}


def _failure(error: NotProven) -> dict[str, Any]:
    if error.at is None:
        return {"status": OPEN, "reason": str(error)}
    return {"status": REFUTED, "reason": str(error), "at": dict(error.at)}


def _switch_type(output: Mapping[str, Any]) -> dict[str, Any]:
    """Judge an index by lemma 1 of the paper on switch-type networks: monotone in every input.

    An index that is not monotone is not switch-type either: a component that loses by more of an
    input is overtaken by one whose index lies between.
    """
    directions = {name: entry["direction"] for name, entry in output["inputs"].items()}
    found = set(directions.values())
    status = PROVEN if found else OPEN
    if Direction.MIXED.value in found:
        status = REFUTED
    elif Direction.UNKNOWN.value in found:
        status = OPEN
    return {"status": status, "directions": directions}


def _length(slopes: list[float]) -> float:
    """Euclidean length, rounded upwards."""
    length = math.hypot(*slopes)
    return 0.0 if length == 0 else length * (1 + 2.0**-50)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
