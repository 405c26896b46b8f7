# SPDX-License-Identifier: MIT
"""Compiles exported controllers and runs them on rows of inputs."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export import export

Array = NDArray[np.float64]

_FLAGS = ["-O1", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wconversion", "-pedantic"]
COMPILERS = {"cpp": ("c++", ["-std=c++17"], ".cpp"), "c": ("cc", ["-std=c99"], ".c")}

# Reads rows of doubles and writes for each the status of each output, its value, and the decision.
_C_MAIN = """\
#include "{header}"
#include <stdio.h>

int main(void)
{{
    double inputs[{width}];
    while (fread(inputs, sizeof(double), {width}, stdin) == {width})
    {{
        double row[{length}] = {{0}};
{calls}
{decide}
        fwrite(row, sizeof(double), {length}, stdout);
    }}
    return 0;
}}
"""
_CPP_MAIN = """\
#include "{header}"
#include <cstdio>
#include <cstring>

int main()
{{
    double read[{width}];
    while (std::fread(read, sizeof(double), {width}, stdin) == {width})
    {{
        std::array<double, {length}> row{{}};
        std::array<std::array<double, {inputs}>, {components}> inputs;
        std::memcpy(inputs.data(), read, sizeof(read));
{calls}
{decide}
        std::fwrite(row.data(), sizeof(double), row.size(), stdout);
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Results:
    """What a compiled controller says of each row.

    Attributes
    ----------
    status
        Of each output 0 if all is well; 1, 2 or 3 for a division by zero, no number or an infinity;
        shape (rows, outputs).
    values
        Of each output, shape (rows, outputs).
    decisions
        Shape (rows, outputs) or (rows, 1).
    """

    status: NDArray[np.intp]
    values: Array
    decisions: Array


def run_compiled(
    controller: Controller, language: str, rows: Array, folder: Path, components: int = 1
) -> Results:
    """Export, compile and run; of an index, rows are those of all components side by side."""
    program = build(controller, language, folder, components)
    done = subprocess.run(
        [program], input=np.ascontiguousarray(rows).tobytes(), capture_output=True, check=True
    )
    outputs = len(controller.outputs)
    table = np.frombuffer(done.stdout).reshape(len(rows), -1)
    status, values, decisions = np.split(table, [outputs, 2 * outputs], axis=1)
    return Results(status.astype(np.intp), values, decisions)


def build(controller: Controller, language: str, folder: Path, components: int = 1) -> Path:
    """Export and compile."""
    compiler, flags, suffix = COMPILERS[language]
    header = folder / f"exported.h{suffix[2:]}"
    header.write_text(export(controller, language, "exported"))
    source = folder / f"main{suffix}"
    source.write_text((_cpp if language == "cpp" else _c)(controller, header.name, components))
    program = folder / f"run-{language}"
    path = shutil.which(compiler)
    assert path is not None, f"the tests need a {compiler}"
    done = subprocess.run(
        [path, *flags, *_FLAGS, source, "-o", program, "-lm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:3000]
    return program


def _c(controller: Controller, header: str, components: int) -> str:
    outputs = len(controller.outputs)
    calls = "\n".join(
        f"        row[{i}] = exported_evaluate_{output.name}(inputs, &row[{outputs + i}]);"
        for i, output in enumerate(controller.outputs)
    )
    place = 2 * outputs
    match controller.decision:
        case "ratio" | "softmax":
            decide, decided = f"(void)exported_decide(inputs, &row[{place}]);", outputs
        case "argmax":
            decide, decided = "(void)exported_decide(inputs, &chosen);", 1
        case _:
            decide, decided = f"(void)exported_decide(inputs, {components}, &chosen);", 1
    if "chosen" in decide:
        decide = f"size_t chosen = 0; {decide} row[{place}] = (double)chosen;"
    return _C_MAIN.format(
        header=header,
        width=len(controller.inputs) * components,
        length=2 * outputs + decided,
        calls=calls,
        decide=f"        {decide}",
    )


def _cpp(controller: Controller, header: str, components: int) -> str:
    outputs = len(controller.outputs)
    calls = "\n".join(
        f"        row[{i}] = static_cast<double>(exported::evaluate_{output.name}"
        f"(inputs[0], row[{outputs + i}]));"
        for i, output in enumerate(controller.outputs)
    )
    match controller.decision:
        case "ratio" | "softmax":
            decided = outputs
            decide = (
                f"std::array<double, {outputs}> decision{{}}; "
                "static_cast<void>(exported::decide(inputs[0], decision)); "
                f"std::memcpy(&row[{2 * outputs}], decision.data(), sizeof(decision));"
            )
        case _:
            decided = 1
            count = f", {components}" if controller.decision == "index" else ""
            first = "inputs.data()" if controller.decision == "index" else "inputs[0]"
            decide = (
                f"std::size_t chosen = 0; static_cast<void>(exported::decide({first}{count}, "
                f"chosen)); row[{2 * outputs}] = static_cast<double>(chosen);"
            )
    return _CPP_MAIN.format(
        header=header,
        width=len(controller.inputs) * components,
        inputs=len(controller.inputs),
        components=components,
        length=2 * outputs + decided,
        calls=calls,
        decide=f"        {decide}",
    )
