# SPDX-License-Identifier: MIT
"""Where arithmetic has its edges all evaluations agree on what fails, on why, and on all values.

Zeros of either sign, powers of and to them, poles, overflows and the smallest numbers, in Python,
ns-3, generated C, C++ and Python, PyTorch, interval arithmetic and SymPy.
"""

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from compiled import COMPILERS, run_compiled
from numpy.typing import NDArray
from random_controllers import CORNERS, corner_expression

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.artefact.export import export
from ns3kan.agents.equations.expressions.algebra import simplified
from ns3kan.agents.equations.expressions.grammar import EvaluationError, Expression
from ns3kan.agents.equations.expressions.parser import ExpressionError, parse
from ns3kan.agents.equations.fitting.module import FormulaModule
from ns3kan.agents.equations.proofs.enclosure import enclose
from ns3kan.agents.equations.proofs.intervals import Interval
from ns3kan.bridge.ns3.installed import scenario_path

Array = NDArray[np.float64]

NAMES = ("x", "y")
REASONS = ("divides by zero", "is not a number", "is infinite")
ROWS = np.array(list(itertools.product(CORNERS, repeat=2)))
MODERATE = np.array(list(itertools.product((0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0), repeat=2)))
# The first are those of the findings.
TEXTS = ["x^-0", "x^-0.0", "x^-(0)", "(x*y)^-0", "x^-0^-0", "(x^-0)^-1", "y/x^-0", "0^-0 + x"]


def expressions(count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    texts = list(TEXTS)
    while len(texts) < count:
        text = corner_expression(generator, NAMES, 1 + len(texts) % 4)
        try:
            texts.append(str(parse(text, NAMES)))
        except ExpressionError:
            # Powers of numbers that fit no double.
            continue
    return texts


def controller_of(texts: Sequence[str]) -> Controller:
    return Controller(
        [ControllerInput(name, "1", (-1.0, 1.0)) for name in NAMES],
        [ControllerOutput(f"f_{i}", text, (-1e308, 1e308)) for i, text in enumerate(texts)],
    )


def outcomes(expression: Expression, rows: Array) -> tuple[NDArray[np.intp], Array]:
    """Status of each row, 0 or 1 + the place of the reason, and its value."""
    status, values = np.zeros(len(rows), np.intp), np.full(len(rows), np.nan)
    for place, row in enumerate(rows):
        try:
            values[place] = expression.evaluate(dict(zip(NAMES, row, strict=True)))
        except EvaluationError as error:
            status[place] = 1 + REASONS.index(error.reason)
    return status, values


@pytest.fixture(scope="module")
def cases() -> tuple[Controller, NDArray[np.intp], Array]:
    """One output per expression, and Python's statuses and values (rows, outputs)."""
    controller = controller_of(expressions(240, seed=18))
    found = [outcomes(each, ROWS) for each in controller.expressions]
    status = np.stack([each[0] for each in found], axis=1)
    # Each of the outcomes is there often enough to be compared.
    assert np.bincount(status.flat).min() > 500
    return controller, status, np.stack([each[1] for each in found], axis=1)


def agree(found: Array, wanted: Array) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("language", COMPILERS)
def test_generated_sources(
    cases: tuple[Controller, NDArray[np.intp], Array], language: str, tmp_path: Path
) -> None:
    controller, status, values = cases
    found = run_compiled(controller, language, ROWS, tmp_path)
    wrong = np.argwhere(found.status != status)
    assert not len(wrong), [
        (controller.outputs[i].expression, ROWS[row], status[row, i], found.status[row, i])
        for row, i in wrong[:5]
    ]
    agree(found.values[status == 0], values[status == 0])


def test_exported_python(cases: tuple[Controller, NDArray[np.intp], Array]) -> None:
    controller, status, values = cases
    exported = ModuleType("exported")
    exec(export(controller, "python"), exported.__dict__)
    for i, output in enumerate(controller.outputs):
        evaluate = getattr(exported, f"evaluate_{output.name}")
        for row, inputs in enumerate(ROWS.tolist()):
            try:
                value, found = evaluate(inputs), 0
            except exported.EvaluationError as error:
                found = 1 + [reason in str(error) for reason in REASONS].index(True)
            assert found == status[row, i], (output.expression, inputs)
            if not found:
                agree(value, values[row, i])


def test_ns3(cases: tuple[Controller, NDArray[np.intp], Array], tmp_path: Path) -> None:
    controller, status, values = cases

    def run(number: int, rows: Array) -> subprocess.CompletedProcess[str]:
        path = tmp_path / f"{number}.json"
        if not path.exists():
            controller_of([controller.outputs[number].expression]).save(path)
        return subprocess.run(
            [scenario_path("evaluate-controller"), path],
            input="".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist()),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    for i, output in enumerate(controller.outputs):
        fine = status[:, i] == 0
        if fine.any():
            done = run(i, ROWS[fine])
            assert done.returncode == 0, (output.expression, done.stderr)
            agree(np.array(done.stdout.split(), np.float64), values[fine, i])
        # A process ends with its first failure: one of each kind.
        for reason, row in zip(*np.unique(status[:, i], return_index=True), strict=True):
            if reason:
                done = run(i, ROWS[[row]])
                assert done.returncode == 1
                assert REASONS[reason - 1] in done.stderr, (output.expression, ROWS[row])


def test_torch(cases: tuple[Controller, NDArray[np.intp], Array]) -> None:
    controller, status, values = cases
    for i, expression in enumerate(controller.expressions):
        module = FormulaModule([expression], NAMES).double()
        # Its constants start in single precision.
        exact = np.abs(module.start.numpy() - module.template.constants)
        if np.any(exact > 0):
            continue
        fine = status[:, i] == 0
        with torch.no_grad():
            found = module(torch.from_numpy(ROWS[fine])).numpy()[:, 0]
        # PyTorch takes the smallest numbers for 0.
        np.testing.assert_allclose(found, values[fine, i], rtol=1e-12, atol=1e-300)


def test_interval_arithmetic(cases: tuple[Controller, NDArray[np.intp], Array]) -> None:
    controller, status, values = cases
    for i, expression in enumerate(controller.expressions):
        columns = {name: Interval.of(ROWS[:, place]) for place, name in enumerate(NAMES)}
        bounds = enclose(expression, columns)
        low, high = bounds.value.low, bounds.value.high
        # What is sure to be defined fails at most because it is too large for a double.
        sure = bounds.excess == 0
        assert (np.isin(status[sure, i], (0, 3))).all(), expression
        assert (np.isinf(low) | np.isinf(high))[sure & (status[:, i] == 3)].all(), expression
        inside = (low <= values[:, i]) & (values[:, i] <= high)
        assert inside[sure & (status[:, i] == 0)].all(), expression


def test_simplified_expressions() -> None:
    compared = 0
    for text in expressions(240, seed=19):
        if "e" in text.replace("exp", ""):
            # Beyond all doubles between is nothing that survives another order of operations.
            continue
        expression = parse(text, NAMES)
        refusal = ""
        try:
            shorter = simplified(expression, NAMES)
        except ValueError as error:
            refusal = str(error)
        if refusal:
            # Not a real number anywhere but where an input is 0, as 0^-x; or a part of it without
            # inputs is infinite, as log(0)^0, which a formula of SymPy does not hold.
            is_defined = (outcomes(expression, MODERATE)[0] == 0)[(MODERATE != 0).all(axis=1)]
            assert "is infinite" in refusal or not is_defined.any(), (text, refusal)
            continue
        status, values = outcomes(expression, MODERATE)
        again, found = outcomes(shorter, MODERATE)
        # What cancels is defined in more places, but in none less; only (x*y)^0.5 becomes
        # x^0.5*y^0.5, which is not where one factor is 0 and the other negative.
        fine = status == 0
        assert (again[fine & (MODERATE != 0).all(axis=1)] == 0).all(), (text, str(shorter))
        fine &= again == 0
        np.testing.assert_allclose(found[fine], values[fine], rtol=1e-9, atol=1e-12)
        compared += int(fine.sum())
    assert compared > 4_000
