# SPDX-License-Identifier: MIT
"""A controller as a C99 header without allocation or dependencies."""

from __future__ import annotations

from ns3kan.agents.equations.artefact.controller import Controller
from ns3kan.agents.equations.artefact.export.c_family import (
    FAST_MATH,
    NOTICE,
    CFamily,
    function_body,
    indented,
    limits,
)
from ns3kan.agents.equations.artefact.export.comments import headline, wrapped

_HELPERS = """\
/* What came of an evaluation. */
typedef enum
{{
    {upper}_OK,
    {upper}_DIVIDES_BY_ZERO,
    {upper}_IS_NOT_A_NUMBER,
    {upper}_IS_INFINITE
}} {name}_status;

/* Least of some values; not a number if one of them is none. */
static inline double {name}_least(const double *values, int count)
{{
    double result = values[0];
    for (int i = 1; i < count; ++i)
    {{
        result = isnan(values[i]) || values[i] < result ? values[i] : result;
    }}
    return result;
}}

/* Greatest of some values; not a number if one of them is none. */
static inline double {name}_greatest(const double *values, int count)
{{
    double result = values[0];
    for (int i = 1; i < count; ++i)
    {{
        result = isnan(values[i]) || values[i] > result ? values[i] : result;
    }}
    return result;
}}

/* Hand a result on, or say what is wrong with it. */
static inline {name}_status {name}_checked(double result, double *value)
{{
    *value = result;
    if (isnan(result))
    {{
        return {upper}_IS_NOT_A_NUMBER;
    }}
    return isinf(result) ? {upper}_IS_INFINITE : {upper}_OK;
}}
"""

_EVALUATE = """\
/*
 * Value of output '{output}', before its decision.
 * inputs: in the order of {name}_input_names.
 */
static inline {name}_status {name}_evaluate_{output}(const double inputs[{inputs}], double *value)
{{
{unused}{statements}
}}
"""

_ALL = """\
/* Values of all outputs, before their decision. */
static inline {name}_status {name}_evaluate(const double inputs[{inputs}], double values[{outputs}])
{{
    {name}_status status = {upper}_OK;
{calls}
    return status;
}}
"""

_CALL = """\
    status = {name}_evaluate_{output}(inputs, &values[{place}]);
    if (status != {upper}_OK)
    {{
        return status;
    }}"""

_RATIO = """\
/*
 * Decide: each output, clipped to its limits.
 * inputs: in the order of {name}_input_names; decision: a ratio per output.
 */
static inline {name}_status {name}_decide(const double inputs[{inputs}], double decision[{outputs}])
{{
    static const double limits[{outputs}][2] = {{{limits}}};
    const {name}_status status = {name}_evaluate(inputs, decision);
    if (status != {upper}_OK)
    {{
        return status;
    }}
    for (int i = 0; i < {outputs}; ++i)
    {{
        const double low = limits[i][0];
        const double high = limits[i][1];
        decision[i] = decision[i] < low ? low : decision[i] > high ? high : decision[i];
    }}
    return status;
}}
"""

_SOFTMAX = """\
/*
 * Decide: a probability per output, in proportion to the exponential of its value.
 * inputs: in the order of {name}_input_names; decision: probabilities that add up to 1.
 */
static inline {name}_status {name}_decide(const double inputs[{inputs}], double decision[{outputs}])
{{
    const {name}_status status = {name}_evaluate(inputs, decision);
    if (status != {upper}_OK)
    {{
        return status;
    }}
    double best = decision[0];
    for (int i = 1; i < {outputs}; ++i)
    {{
        best = decision[i] > best ? decision[i] : best;
    }}
    double total = 0;
    for (int i = 0; i < {outputs}; ++i)
    {{
        decision[i] = exp(decision[i] - best);
        total += decision[i];
    }}
    for (int i = 0; i < {outputs}; ++i)
    {{
        decision[i] /= total;
    }}
    return status;
}}
"""

_ARGMAX = """\
/*
 * Decide: the number of the output with the greatest value, from 0, the first of equals.
 * inputs: in the order of {name}_input_names.
 */
static inline {name}_status {name}_decide(const double inputs[{inputs}], size_t *chosen)
{{
    double values[{outputs}] = {{0}};
    const {name}_status status = {name}_evaluate(inputs, values);
    *chosen = 0;
    for (size_t i = 1; i < {outputs}; ++i)
    {{
        *chosen = values[i] > values[*chosen] ? i : *chosen;
    }}
    return status;
}}
"""

_INDEX = """\
/*
 * Decide: the number of the component with the greatest index, from 0, the first of equals.
 * components: inputs of one component after those of another, each in the order of
 * {name}_input_names; count: how many components, at least one.
 */
static inline {name}_status {name}_decide(const double *components, size_t count, size_t *chosen)
{{
    double best = 0;
    *chosen = 0;
    for (size_t i = 0; i < count; ++i)
    {{
        double value = 0;
        const {name}_status status = {name}_evaluate_{output}(components + i * {inputs}, &value);
        if (status != {upper}_OK)
        {{
            return status;
        }}
        if (i == 0 || value > best)
        {{
            best = value;
            *chosen = i;
        }}
    }}
    return {upper}_OK;
}}
"""

_DECISIONS = {"ratio": _RATIO, "softmax": _SOFTMAX, "argmax": _ARGMAX, "index": _INDEX}
_FILE = """\
/*
 * {headline}
 *
{notice}
 */
#ifndef NS3KAN_{upper}_H
#define NS3KAN_{upper}_H

#include <math.h>
#include <stddef.h>

{fast_math}
static const char *const {name}_input_names[{inputs}] = {{
{names}}};

{functions}
#endif /* NS3KAN_{upper}_H */
"""


def to_c(controller: Controller, name: str) -> str:
    """Write a controller as a C99 header.

    Parameters
    ----------
    controller
        Any decision.
    name
        What all its names start with.
    """
    upper = name.upper()
    dialect = CFamily(
        "", f"{name}_", f"{upper}_DIVIDES_BY_ZERO", ("(const double[]){", "}"), counted=True
    )
    words = {
        "name": name,
        "upper": upper,
        "inputs": len(controller.inputs),
        "outputs": len(controller.outputs),
    }
    functions = [_HELPERS.format(**words)]
    for output, expression in zip(controller.outputs, controller.expressions, strict=True):
        statements, result = function_body(controller, expression, dialect)
        unused = "" if expression.inputs() else "    (void)inputs;\n"
        statements.append(f"return {name}_checked({result}, value);")
        functions.append(
            _EVALUATE.format(
                output=output.name, statements=indented(statements), unused=unused, **words
            )
        )
    if controller.decision != "index":
        calls = "\n".join(
            _CALL.format(output=output.name, place=i, **words)
            for i, output in enumerate(controller.outputs)
        )
        functions.append(_ALL.format(calls=calls, **words))
    functions.append(
        _DECISIONS[controller.decision].format(
            limits=limits(controller), output=controller.outputs[0].name, **words
        )
    )
    return _FILE.format(
        headline=headline(controller),
        notice=wrapped(NOTICE, " * "),
        fast_math=FAST_MATH,
        names=indented([", ".join(f'"{one}"' for one in controller.input_names)]),
        functions="\n".join(functions),
        **words,
    )
