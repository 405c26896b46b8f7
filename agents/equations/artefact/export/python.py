# SPDX-License-Identifier: MIT
"""A controller as a Python module that needs nothing but Python."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Iterable, Sequence

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export.comments import described, headline, wrapped
from ns3kan.agents.equations.artefact.export.statements import Dialect, local_names, write_body

_USED = "math map float inputs"
RESERVED = frozenset([*keyword.kwlist, *keyword.softkwlist, *_USED.split()])

_FILE = '''\
"""{headline}

{notice}
"""

import math

INPUT_NAMES = (
{names})


class EvaluationError(ArithmeticError):
    """An output divides by zero, or its value is not finite."""


{functions}
'''

_NOTICE = (
    "It gives the values of ns3kan's other evaluations, in the same order of operations, and "
    "raises EvaluationError where they refuse: a division by zero, and values that are not finite."
)

_HELPERS = {
    "exp": """\
def _exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
""",
    "log": """\
def _log(x):
    return math.log(x) if x > 0 else -math.inf if x == 0 else math.nan
""",
    "sqrt": """\
def _sqrt(x):
    return math.sqrt(x) if x >= 0 else math.nan
""",
    "wave": """\
def _wave(function, x):
    return function(x) if math.isfinite(x) else math.nan
""",
    "power": """\
def _power(base, exponent):
    try:
        return math.pow(base, exponent)
    except OverflowError:
        odd = exponent == int(exponent) and int(exponent) % 2 == 1
        return -math.inf if base < 0 and odd else math.inf
    except ValueError:
        return math.nan
""",
    "extreme": """\
def _extreme(choose, *values):
    return math.nan if any(map(math.isnan, values)) else choose(values)
""",
    "divide": """\
def _refuse_zero(output, condition):
    if condition:
        raise EvaluationError(f"output '{output}' divides by zero")
""",
    "check": """\
def _check(output, value):
    if math.isfinite(value):
        return value
    reason = "is not a number" if math.isnan(value) else "is infinite"
    raise EvaluationError(f"output '{output}' {reason}")
""",
}

_EVALUATE = '''\
def evaluate_{output}(inputs):
    """Value of output '{output}' before its decision; inputs in the order of INPUT_NAMES."""
    (
{unpacking}    ) = map(float, inputs)
{statements}
'''

_DECISIONS = {
    "ratio": '''\
LIMITS = (
{limits})


def decide(inputs):
    """Decide: each output, clipped to its limits; inputs in the order of INPUT_NAMES."""
    values = [{calls}]
    return [min(max(value, low), high) for value, (low, high) in zip(values, LIMITS)]
''',
    "softmax": '''\
def decide(inputs):
    """Decide: a probability per output, in proportion to the exponential of its value."""
    values = [{calls}]
    best = max(values)
    weights = [math.exp(value - best) for value in values]
    total = sum(weights)
    return [weight / total for weight in weights]
''',
    "argmax": '''\
def decide(inputs):
    """Decide: the number of the output with the greatest value, from 0, the first of equals."""
    values = [{calls}]
    return values.index(max(values))
''',
    "index": '''\
def decide(components):
    """Decide: the number of the component with the greatest index, from 0, the first of equals."""
    values = [evaluate_{output}(inputs) for inputs in components]
    return values.index(max(values))
''',
}


class _Python(Dialect):
    reserved = RESERVED

    def __init__(self, output: str) -> None:
        self.output = output
        self.helpers = {"check"}

    def call(self, function: str, arguments: Sequence[str]) -> str:
        """Write a call of math, or of a helper where math raises."""
        listed = ", ".join(arguments)
        match function:
            case "exp" | "log" | "sqrt":
                self.helpers.add(function)
                return f"_{function}({listed})"
            case "sin" | "cos" | "tan":
                self.helpers.add("wave")
                return f"_wave(math.{function}, {listed})"
            case "min" | "max":
                self.helpers.add("extreme")
                return f"_extreme({function}, {listed})"
            case "abs":
                return f"abs({listed})"
            case _:
                return f"math.{function}({listed})"

    def power(self, base: str, exponent: str) -> str:
        """Write a call of a helper."""
        self.helpers.add("power")
        return f"_power({base}, {exponent})"

    def assign(self, name: str, value: str) -> str:
        """Write an assignment, whose value may go over several lines."""
        return f"{name} = ({value})"

    def refuse(self, conditions: Sequence[str]) -> str:
        """Write a call that raises."""
        self.helpers.add("divide")
        return f"_refuse_zero('{self.output}', {' and '.join(conditions)})"


def to_python(controller: Controller) -> str:
    """Write a controller as a Python module."""
    names = local_names(controller.input_names, RESERVED)
    helpers: set[str] = set()
    functions = []
    for output, expression in zip(controller.outputs, controller.expressions, strict=True):
        dialect = _Python(output.name)
        body = write_body(expression, names, dialect)
        statements = [*body.statements, f"return _check('{output.name}', {body.result})"]
        functions.append(
            _EVALUATE.format(
                output=output.name,
                unpacking="".join(f"        {one},\n" for one in names.values()),
                statements=_indented(statements),
            )
        )
        helpers |= dialect.helpers
    functions.append(
        _DECISIONS[controller.decision].format(
            output=controller.outputs[0].name,
            calls=", ".join(f"evaluate_{output.name}(inputs)" for output in controller.outputs),
            limits="".join(
                f"    {output.range},  # {output.name}\n" for output in controller.outputs
            ),
        )
    )
    used = [text for helper, text in _HELPERS.items() if helper in helpers]
    return _FILE.format(
        headline=headline(controller),
        notice=wrapped(_NOTICE),
        names="".join(
            f'    "{entry.name}",  # {described(entry)}\n' for entry in controller.inputs
        ),
        functions="\n\n".join([*used, *functions]).rstrip(),
    )


def _indented(statements: Iterable[str]) -> str:
    """Indent statements; what is wrapped lies within brackets."""
    lines: list[str] = []
    for statement in statements:
        lines += textwrap.wrap(
            statement,
            100,
            initial_indent=" " * 4,
            subsequent_indent=" " * 8,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
