# SPDX-License-Identifier: MIT
"""Exported controllers: their decisions, their errors, and that they can be built anywhere."""

import ast
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from compiled import COMPILERS, build, run_compiled
from matplotlib.mathtext import MathTextParser

from ns3kan.agents.equations.artefact.controller import (
    Controller,
    ControllerInput,
    ControllerOutput,
)
from ns3kan.agents.equations.artefact.export import LANGUAGES, export
from ns3kan.agents.equations.artefact.export.c_family import can_name_code
from ns3kan.agents.equations.expressions.grammar import EvaluationError
from ns3kan.agents.equations.expressions.parser import MAX_DEPTH

INPUTS = ("load", "delay")
REASONS = ("divides by zero", "is not a number", "is infinite")


def make(*expressions: str, decision: str = "ratio", names: tuple[str, ...] = INPUTS) -> Controller:
    return Controller(
        [ControllerInput(name, "1", (0.0, 1.0)) for name in names],
        [ControllerOutput(f"y_{i}", text, (0.0, 0.5)) for i, text in enumerate(expressions)],
        decision,
    )


def module(controller: Controller) -> Any:
    """Run the Python export, which must import nothing but math."""
    text = export(controller, "python")
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)]
    assert [alias.name for node in imports for alias in node.names] == ["math"]
    assert "from " not in text.replace("from 0", "")
    made = ModuleType("exported")
    exec(compile(text, "exported.py", "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("decision", ["ratio", "softmax", "argmax", "index"])
def test_decisions_are_equal(tmp_path: Path, decision: str) -> None:
    expressions = ["sin(5*load) + delay", "delay^2 + 0.3", "tanh(load) + 0.2"]
    controller = make(*expressions[: 1 if decision == "index" else 3], decision=decision)
    components = 3 if decision == "index" else 1
    rows = np.random.default_rng(0).uniform(-1, 2, (200, components, 2))
    rows[1:3] = 0.0  # ties
    observations = rows if decision == "index" else rows[:, 0]
    expected = np.asarray(controller(observations)).reshape(len(rows), -1)
    for language in COMPILERS:
        found = run_compiled(controller, language, rows, tmp_path, components)
        assert not found.status.any()
        np.testing.assert_allclose(found.decisions, expected, rtol=1e-12, atol=1e-15)
    decide = module(controller).decide
    plain = [decide(observation.tolist()) for observation in observations]
    np.testing.assert_allclose(np.reshape(plain, (len(rows), -1)), expected, rtol=1e-12, atol=1e-15)


FAILING = [
    "1/load",
    "1/(load - delay)",
    "2/0",
    "load^-1",
    "load^-0",
    "load^-0^-0",
    "load^-0.5",
    "load^(delay - 0.5)",
    "1/(1/load)",
    "log(load - 1)",
    "log(load)",
    "sqrt(-load)",
    "max(sqrt(-1), 2)",
    "min(load, log(-1), delay)",
    "exp(1000*load) - exp(1000*delay)",
    "exp(1000*(load + 1))",
    "(-1 - load)^(1/3)",
    "(-1e200 - load)^3",
    "1e200^(delay + 1.9)",
    "sin(exp(1000 + load))",
    "tan(exp(1000 + load)) + 1/(1 + exp(1000))",
    "1/(1 + exp(1000*load))",
    "abs(-load)^tanh(load)",
]


def test_errors_are_equal(tmp_path: Path) -> None:
    controller = make(*FAILING)
    plain = module(controller)
    rows = np.array([[x, y] for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5)])
    compiled = [run_compiled(controller, language, rows, tmp_path) for language in COMPILERS]
    failed = 0
    for row, values in enumerate(rows):
        for i, expression in enumerate(controller.expressions):
            evaluate = getattr(plain, f"evaluate_y_{i}")
            try:
                value = float(expression.evaluate(dict(zip(INPUTS, values, strict=True))))
            except EvaluationError as error:
                failed += 1
                status = 1 + REASONS.index(error.reason)
                assert [one.status[row, i] for one in compiled] == [status] * 2
                with pytest.raises(plain.EvaluationError, match=f"'y_{i}' {error.reason}"):
                    evaluate(values)
                continue
            assert [one.status[row, i] for one in compiled] == [0, 0]
            for found in (*(one.values[row, i] for one in compiled), evaluate(values)):
                assert found == pytest.approx(value, rel=1e-12)
    assert 60 < failed < 100


def long(size: int, depth: int) -> dict[str, str]:
    """Long and deep expressions of every kind."""
    product = " + ".join(["load*delay/2"] * (size // 3))
    return {
        "sum": "load" + " + 0.5*load" * size,
        "product": "1" + "*(-delay)/(-delay)" * (size // 2),
        "minimum": "min(1" + ",-load^-delay" * size + ")",
        "nested": "1 + 2*tanh(-" * (depth // 2) + "load" + ")" * (depth // 2),
        "powers": "1.001^" * depth + "load",
        "minus": "-" * depth + "load",
        "brackets": "(2 - " * depth + "load" + ")" * depth,
        "quotients": "1/(1 + " * depth + "load" + ")" * depth,
        "wide": f"({product} + 1)^2/({product} + 1)",
        "number": "0." + "3" * size,
    }


LONG = long(1500, MAX_DEPTH)


def test_long_expressions_are_equal(tmp_path: Path) -> None:
    controller = make(*LONG.values())
    rows = np.random.default_rng(3).uniform(0.5, 1, (5, 2))
    columns = dict(zip(INPUTS, rows.T, strict=True))
    expected = np.stack([one.evaluate(columns) for one in controller.expressions], axis=1)
    for language in COMPILERS:
        found = run_compiled(controller, language, rows, tmp_path)
        assert not found.status.any()
        np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    plain = module(controller)
    for i in range(len(LONG)):
        for row, wanted in zip(rows, expected[:, i], strict=True):
            value = getattr(plain, f"evaluate_y_{i}")(row.tolist())
            assert value == pytest.approx(wanted, rel=1e-12)
    # Compilers other than this one bound how deep brackets nest: Clang at 256, Python at 200.
    for language in ("cpp", "c", "python"):
        depth = deepest = 0
        for character in re.sub(r'"[^"]*"', "", export(controller, language)):
            depth += (character in "([{") - (character in ")]}")
            deepest = max(deepest, depth)
        assert deepest < 60


NAMES = (
    *("class", "double", "int", "return", "lambda", "def", "is", "linux", "unix", "std", "pow"),
    *("_Bool", "__LINE__", "_t", "t1", "t2", "input_t", "value", "inputs", "least", "exported"),
    *("result", "math", "map", "float", "M_PI", "isnan", "exported_least", "EXPORTED_OK", "I"),
    *("checked", "Status", "status", "INFINITY", "NULL", "EOF", "size_t", "None", "components"),
    *("stdin", "stderr", "bool", "complex", "true", "near", "environ", "signgam", "assert", "M_E"),
)


def test_any_name_can_be_exported(tmp_path: Path) -> None:
    total = " + ".join(f"{i + 1}*{name}/(2 + min({name}, 1))" for i, name in enumerate(NAMES))
    controller = make(total, names=NAMES)
    rows = np.random.default_rng(4).uniform(0, 1, (5, len(NAMES)))
    expected = controller.expressions[0].evaluate(dict(zip(NAMES, rows.T, strict=True)))
    for language in COMPILERS:
        found = run_compiled(controller, language, rows, tmp_path)
        np.testing.assert_allclose(found.values[:, 0], expected, rtol=1e-12)
    plain = module(controller)
    assert plain.INPUT_NAMES == NAMES
    for row, wanted in zip(rows, expected, strict=True):
        assert plain.evaluate_y_0(row.tolist()) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    "unit",
    ["*/ int x; /*", "\\", "s\nimport os", '"""', "// \\", "}%$#&~_\\end{document}", "µs²", "??/"],
)
def test_units_do_no_harm(tmp_path: Path, unit: str) -> None:
    controller = Controller(
        [ControllerInput("load", unit, (0.0, 1.0)), ControllerInput("delay", "s", (0.0, 1.0))],
        [ControllerOutput("y_0", "load + delay", (0.0, 2.0))],
    )
    for language in COMPILERS:
        found = run_compiled(controller, language, np.array([[0.5, 0.25]]), tmp_path)
        assert found.values[0, 0] == 0.75
    assert module(controller).evaluate_y_0([0.5, 0.25]) == 0.75
    check_latex(export(controller, "latex"))


@pytest.mark.parametrize("language", COMPILERS)
def test_nothing_is_allocated_or_depended_on(tmp_path: Path, language: str) -> None:
    controller = make(
        "min(load, exp(delay), 3)/(load + log(2 + delay))",
        "load^delay + sin(tan(cos(tanh(sqrt(abs(load))))))",
        decision="softmax",
    )
    build(controller, language, tmp_path)
    compiler, flags, suffix = COMPILERS[language]
    source, target = tmp_path / f"only{suffix}", tmp_path / "only.o"
    function = "exported::decide" if language == "cpp" else "exported_decide"
    header = next(tmp_path.glob("exported.h*")).name
    pointer = f"auto used = &{function};"
    if language == "c":
        pointer = (
            f"exported_status (*used)(const double *, double *);\n"
            f"void take(void) {{ used = &{function}; }}"
        )
    source.write_text(f'#include "{header}"\n{pointer}\n')
    subprocess.run([compiler, *flags, "-O1", "-c", source, "-o", target], check=True)
    done = subprocess.run(["nm", "-u", target], capture_output=True, text=True, check=True)
    needed = {line.split()[-1] for line in done.stdout.splitlines()}
    needed -= {"__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
    assert needed <= {"exp", "log", "pow", "sin", "cos", "tan", "tanh", "sqrt"}


def test_fast_math_is_refused(tmp_path: Path) -> None:
    build(make("load"), "c", tmp_path)
    done = subprocess.run(
        ["cc", "-ffast-math", "-fsyntax-only", tmp_path / "main.c"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "compile without -ffast-math" in done.stderr


def check_latex(text: str) -> None:
    """Check environments and braces; Matplotlib reads the mathematics, LaTeX all if it is there."""
    assert re.findall(r"\\begin\{(\w+)", text).count("document") == 1
    stack: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{([\w*]+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    balance = 0
    for character in re.sub(r"\\[{}\\]", "", text):
        balance += (character == "{") - (character == "}")
        assert balance >= 0
    assert balance == 0
    parser = MathTextParser("agg")
    pieces = re.findall(r"\$([^$]+)\$", text)
    for block in re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", text, re.DOTALL):
        pieces += [line.replace("&", "") for line in block.split("\\\\\n")]
    assert pieces
    for piece in pieces:
        parser.parse(f"${piece}$")
    if pdflatex := shutil.which("pdflatex"):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "test.tex").write_text(text)
            done = subprocess.run(
                [pdflatex, "-halt-on-error", "-draftmode", "-interaction=nonstopmode", "test.tex"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("kind", LONG)
def test_latex_of_long_expressions(kind: str) -> None:
    # Matplotlib takes long to read.
    check_latex(export(make(long(60, MAX_DEPTH // 2)[kind]), "latex"))


@pytest.mark.parametrize(
    "expression",
    [
        "1/(1 + exp(-(0.3*load^2 - 1.4*exp(-(17.9*delay - 1.78)^2) + 0.4*tanh(13.2*load - 2.5))))",
        "1e-05^2 + 1e+30^-load",
        "-(load - delay)*(-load)/(2 - 3*-delay)",
        "min(load, -delay, abs(load - 1))^(1/3)",
        "sqrt(load)/log(2 + delay)/tan(load)*cos(delay)",
    ],
)
def test_latex(expression: str) -> None:
    check_latex(export(make(expression, "load", decision="softmax"), "latex"))


def test_json_is_an_artefact_in_its_shortest_form(tmp_path: Path) -> None:
    path = tmp_path / "controller.json"
    path.write_text(
        json.dumps(
            {
                "outputs": [{"expression": "((load))+ (2.0 *delay)", "name": "y", "range": [0, 1]}],
                "decision": "ratio",
                "inputs": [
                    {"name": "load", "unit": "1", "range": [0, 1]},
                    {"name": "delay", "unit": "s", "range": [0, 1]},
                ],
                "version": 1,
                "format": "ns3kan-controller",
            }
        )
    )
    text = export(Controller.load(path), "json")
    assert json.loads(text)["outputs"][0]["expression"] == "load + 2*delay"
    path.write_text(text)
    assert export(Controller.load(path), "json") == text


HEADERS = [
    "array",
    "cmath",
    "cstddef",
    "initializer_list",
    "cctype",
    "cerrno",
    "cfenv",
    "cfloat",
    "cinttypes",
    "climits",
    "clocale",
    "csetjmp",
    "csignal",
    "cstdarg",
    "cstdint",
    "cstdio",
    "cstdlib",
    "cstring",
    "ctime",
    "cwchar",
    "iostream",
    "string",
    "vector",
    "strings.h",
    "unistd.h",
]


def test_names_that_headers_take_are_refused(tmp_path: Path) -> None:
    """Beside common headers a namespace of every name that is accepted compiles."""
    includes = "".join(f"#include <{header}>\n" for header in HEADERS)
    source = tmp_path / "headers.cpp"
    source.write_text(includes)
    compiler = ["c++", "-std=gnu++17", source]
    shown = [
        subprocess.run([*compiler, *flags], capture_output=True, text=True, check=True).stdout
        for flags in (["-E", "-P"], ["-E", "-dM"])
    ]
    names = sorted(set(re.findall(r"\b[A-Za-z][A-Za-z0-9_]*\b", "".join(shown))))
    accepted = [name for name in names if can_name_code(name)]
    assert len(names) - len(accepted) > 1000
    assert len(accepted) > 500
    source.write_text(includes + "".join(f"namespace {name} {{}}\n" for name in accepted))
    done = subprocess.run(
        [*compiler, "-fsyntax-only", "-w", "-fmax-errors=0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.parametrize("name", ["NULL", "EOF", "M_PI", "exp", "sqrtf", "index", "size_t", "y0"])
def test_taken_names_are_refused(name: str) -> None:
    for language in LANGUAGES:
        with pytest.raises(ValueError, match="cannot name code"):
            export(make("load"), language, name)


@pytest.mark.parametrize("name", ["controller", "sdwan", "Sdwan2", "my_rule", "load_balancer"])
def test_usual_names_can_name_code(tmp_path: Path, name: str) -> None:
    for language, (compiler, flags, suffix) in COMPILERS.items():
        source = tmp_path / f"named{suffix}"
        source.write_text(export(make("load"), language, name))
        subprocess.run([compiler, *flags, "-fsyntax-only", source], check=True)


@pytest.mark.parametrize("name", ["", "2x", "a b", "class", "int", "x;", "_x", "a__b", "a\nb"])
def test_names_of_code_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name code"):
        export(make("load"), "cpp", name)


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(ValueError, match=f"choose one of {', '.join(LANGUAGES)}"):
        export(make("load"), "fortran")
