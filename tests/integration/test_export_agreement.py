# SPDX-License-Identifier: MIT
"""Python, ns-3, generated C++, C and Python on 10,000 points of the declared box.

What they may differ by follows from interval arithmetic: at a point it bounds what any of them can
give (see ns3kan.agents.equations.proofs.intervals), so that every value must lie within its bounds.
Where these are closer than 1e-9, relative to the value, the values must be so too; elsewhere the
expression itself loses the digits.
"""

import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from committed import committed_controllers
from compiled import COMPILERS, run_compiled
from numpy.typing import NDArray
from random_controllers import random_expression

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.artefact.export import export
from ns3kan.agents.equations.expressions.grammar import FUNCTIONS
from ns3kan.agents.equations.expressions.parser import parse
from ns3kan.agents.equations.proofs.enclosure import enclose
from ns3kan.agents.equations.proofs.examination import Examination, NotProven
from ns3kan.agents.equations.proofs.intervals import Interval
from ns3kan.bridge.ns3.installed import scenario_path

Array = NDArray[np.float64]

COMMITTED = committed_controllers()
POINTS = 10_000
PLAIN_POINTS = 300
"""Points for exported Python, which is slow."""
TOLERANCE = 1e-9
BOX = {"load": (0.1, 2.0), "delay": (-1.0, 1.0), "x_1": (0.5, 3.0)}
EVERYTHING = (-1e308, 1e308)


def by_ns3(controller: Controller, rows: Array, folder: Path) -> Array:
    path = folder / "for-ns3.json"
    controller.save(path)
    text = "\n".join(" ".join(map(repr, row)) for row in rows.tolist()) + "\n"
    done = subprocess.run(
        [scenario_path("evaluate-controller"), path],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return np.array(done.stdout.split(), dtype=np.float64).reshape(len(rows), -1)


def plain_module(controller: Controller) -> ModuleType:
    made = ModuleType("exported")
    exec(export(controller, "python"), made.__dict__)
    return made


def compare(controller: Controller, folder: Path, seed: int) -> float:
    """Compare the values of all outputs; say on what share of them they had to agree to 1e-9."""
    # What is compared are values, not what a decision makes of them.
    values_only = Controller(
        controller.inputs,
        [ControllerOutput(one.name, one.expression, EVERYTHING) for one in controller.outputs],
    )
    low, high = np.transpose([entry.range for entry in controller.inputs])
    rows = np.random.default_rng(seed).uniform(low, high, (POINTS, len(low)))
    found = {
        "python": values_only(rows),
        "ns3": by_ns3(values_only, rows, folder),
    }
    for language in COMPILERS:
        results = run_compiled(values_only, language, rows, folder)
        assert not results.status.any()
        found[language] = results.values
    plain = plain_module(values_only)
    few = np.array([plain.decide(row) for row in rows[:PLAIN_POINTS].tolist()])

    columns = {name: Interval.of(rows[:, i]) for i, name in enumerate(controller.input_names)}
    bounds = [enclose(expression, columns).value for expression in controller.expressions]
    lows = np.stack([bound.low for bound in bounds], axis=1)
    highs = np.stack([bound.high for bound in bounds], axis=1)
    reference = found["python"]
    close = highs - lows <= TOLERANCE * np.abs(reference)
    for values in found.values():
        assert ((lows <= values) & (values <= highs)).all()
        error = np.abs(values - reference)
        assert (error[close] <= TOLERANCE * np.abs(reference[close])).all()
    assert ((lows[:PLAIN_POINTS] <= few) & (few <= highs[:PLAIN_POINTS])).all()
    return float(close.mean())


# Half a minute where nothing else runs.
@pytest.mark.timeout(600)
def test_200_random_expressions(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    names = tuple(BOX)
    texts: list[str] = []
    while len(texts) < 200:
        text = random_expression(generator, names, 2 + len(texts) % 4)
        try:
            low, high = Examination(parse(text, names), BOX, work=3e4).range
        except NotProven:
            continue
        if np.isfinite(high - low):
            texts.append(text)
    assert all(any(f"{name}(" in text for text in texts) for name in FUNCTIONS)
    assert all(any(operator in text for text in texts) for operator in "+-*/^")
    controller = Controller(
        [ControllerInput(name, "1", ends) for name, ends in BOX.items()],
        [ControllerOutput(f"y_{i}", text, EVERYTHING) for i, text in enumerate(texts)],
    )
    # Some differences cancel all digits, few points do.
    assert compare(controller, tmp_path, seed=8) > 0.98


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_artefacts(path: Path, tmp_path: Path) -> None:
    # Values are known to about 1e-14 of their largest terms, and to 1e-9 of themselves unless they
    # lie within 1e-5 of these from 0, as about one in 1e5 values of a class does.
    assert compare(Controller.load(path), tmp_path, seed=9) > 0.999


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_decisions_of_committed_artefacts(path: Path, tmp_path: Path) -> None:
    controller = Controller.load(path)
    components = 4 if controller.decision == "index" else 1
    low, high = np.transpose([entry.range for entry in controller.inputs])
    rows = np.random.default_rng(10).uniform(low, high, (1000, components, len(low)))
    observations = rows if controller.decision == "index" else rows[:, 0]
    expected = np.asarray(controller(observations)).reshape(len(rows), -1)
    flat = rows.reshape(len(rows), -1)
    found = [by_ns3(controller, flat, tmp_path)]
    for language in COMPILERS:
        found.append(run_compiled(controller, language, flat, tmp_path, components).decisions)
    for decisions in found:
        # Indices are equal; ratios agree to what was shown above.
        np.testing.assert_allclose(decisions, expected, rtol=TOLERANCE)
