# SPDX-License-Identifier: MIT
"""Whether an artefact is what it says: guarantees proven anew, records compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.proofs.guarantees import PROVEN, digest, guarantee
from ns3kan.io.numbers import limits_text, number_text, point_text

_SLACK = 1e-9
"""How far bounds that were proven on different machines may differ, relative to their size."""


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes
    ----------
    guarantees
        As `guarantees.guarantee` proves them now.
    objections
        Sentences: what fails, what is not proven, which records do not belong to the expressions.
    """

    guarantees: Mapping[str, Any]
    objections: tuple[str, ...]


def check(controller: Controller) -> Checked:
    """Prove anew and compare with what the artefact says.

    Objected to are outputs that are not proven to have a value everywhere in the declared box, a
    fidelity record of other expressions, and guarantees of others or beyond what is proven.
    """
    proven = guarantee(controller)
    objections = []
    for name, output in proven["outputs"].items():
        evaluation = output["evaluation"]
        if evaluation["status"] != PROVEN:
            objections.append(
                f"Output '{name}' is {evaluation['status']} to have a value everywhere: "
                f"{evaluation['reason']}."
            )
    recorded = controller.fidelity.get("digest")
    if recorded is not None and recorded != proven["digest"]:
        objections.append(
            "The expressions were edited after 'fidelity' was written, which says nothing about "
            "them any more: measure it anew."
        )
    objections += _stale(controller, proven)
    return Checked(proven, tuple(objections))


def _stale(controller: Controller, proven: Mapping[str, Any]) -> Iterator[str]:
    recorded = controller.guarantees
    if not recorded:
        return
    anew = "write them anew with ns3kan check --write."
    if recorded.get("digest") != digest(controller):
        yield f"The recorded guarantees are of other expressions: {anew}"
    elif recorded.get("box") != proven["box"]:
        yield f"The recorded guarantees are over other ranges of the inputs: {anew}"
    elif not _covered(recorded, proven):
        yield f"The recorded guarantees are not those that are proven: {anew}"


def _covered(recorded: Any, proven: Any) -> bool:
    """Whether two records say the same, but for the last digits of bounds and for the wording."""
    if isinstance(recorded, dict) and isinstance(proven, dict):
        return recorded.keys() == proven.keys() and all(
            key == "reason" or _covered(recorded[key], proven[key]) for key in proven
        )
    if isinstance(recorded, list) and isinstance(proven, list):
        return len(recorded) == len(proven) and all(map(_covered, recorded, proven))
    if isinstance(recorded, int | float) and isinstance(proven, int | float):
        return math.isclose(recorded, proven, rel_tol=_SLACK, abs_tol=_SLACK)
    return bool(recorded == proven)


def lines(controller: Controller, checked: Checked) -> Iterator[str]:
    """Write what was found for people, line by line."""
    yield f"Decision: {controller.decision}, of {', '.join(controller.input_names)}"
    for entry in controller.inputs:
        unit = f" {entry.unit}" if entry.unit != "1" else ""
        yield f"  {entry.name}: {limits_text(*entry.range)}{unit}"
    for output, equation in zip(controller.outputs, controller.equations(), strict=True):
        found = checked.guarantees["outputs"][output.name]
        yield equation
        yield f"  a value everywhere: {_evaluation(found['evaluation'])}"
        yield f"  range: {limits_text(*found['range'])}{_clipping(found['range'], output.range)}"
        for name, entry in found["inputs"].items():
            yield f"  in {name}: {entry['direction']}, slope {_at_most(entry['slope'])}"
            if "rises_at" in entry:
                yield f"    rises at {point_text(found['points'][entry['rises_at']])}"
                yield f"    falls at {point_text(found['points'][entry['falls_at']])}"
        yield f"  change per distance of the inputs (Lipschitz): {_at_most(found['lipschitz'])}"
    if "switch_type" in checked.guarantees:
        yield f"Switch-type: {checked.guarantees['switch_type']['status']}"
    yield f"Fidelity record: {fidelity_state(controller)}"
    yield from checked.objections or ("No problems found.",)


def fidelity_state(controller: Controller) -> str:
    """Whether the fidelity record is about these expressions, in a word."""
    if not controller.fidelity:
        return "none"
    recorded = controller.fidelity.get("digest")
    if recorded is None:
        return "does not say of which expressions"
    return "of these expressions" if recorded == digest(controller) else "of other expressions"


def _evaluation(found: Mapping[str, Any]) -> str:
    reason = f" ({found['reason']})" if "reason" in found else ""
    return f"{found['status']}{reason}"


def _clipping(found: Any, limits: tuple[float, float] | None) -> str:
    if limits is None:
        return ""
    low, high = found
    inside = low is not None and high is not None and low >= limits[0] and high <= limits[1]
    return f", {'never' if inside else 'may be'} clipped to {limits_text(*limits)}"


def _at_most(bound: float | None) -> str:
    return "not bounded" if bound is None else f"at most {number_text(bound)}"
