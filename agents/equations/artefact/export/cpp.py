# SPDX-License-Identifier: MIT
"""A controller as a C++17 header without allocation, exceptions or dependencies."""

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
/// What came of an evaluation.
enum class Status
{
    ok,
    divides_by_zero,
    is_not_a_number,
    is_infinite
};

/// Least of some values; not a number if one of them is none.
inline double
least(std::initializer_list<double> values) noexcept
{
    double result = *values.begin();
    for (const double value : values)
    {
        result = std::isnan(value) || value < result ? value : result;
    }
    return result;
}

/// Greatest of some values; not a number if one of them is none.
inline double
greatest(std::initializer_list<double> values) noexcept
{
    double result = *values.begin();
    for (const double value : values)
    {
        result = std::isnan(value) || value > result ? value : result;
    }
    return result;
}

/// Hand a result on, or say what is wrong with it.
inline Status
checked(double result, double& value) noexcept
{
    value = result;
    return std::isnan(result)   ? Status::is_not_a_number
           : std::isinf(result) ? Status::is_infinite
                                : Status::ok;
}
"""

_EVALUATE = """\
/**
 * Evaluate output '{output}', before its decision.
 * @param inputs in the order of INPUT_NAMES
 * @param value the value
 * @return Status::ok, or what is wrong
 */
inline Status
evaluate_{output}(const std::array<double, {inputs}>& inputs, double& value) noexcept
{{
{unused}{statements}
}}
"""

_ALL = """\
/// Evaluate all outputs, before their decision.
inline Status
evaluate(const std::array<double, {inputs}>& inputs, std::array<double, {outputs}>& values) noexcept
{{
{calls}
    return Status::ok;
}}
"""

_CALL = """\
    if (const Status status = evaluate_{output}(inputs, values[{place}]); status != Status::ok)
    {{
        return status;
    }}"""

_RATIO = """\
/**
 * Decide: each output, clipped to its limits.
 * @param inputs in the order of INPUT_NAMES
 * @param decision a ratio per output
 * @return Status::ok, or what is wrong
 */
inline Status
decide(const std::array<double, {inputs}>& inputs,
       std::array<double, {outputs}>& decision) noexcept
{{
    constexpr double limits[{outputs}][2] = {{{limits}}};
    const Status status = evaluate(inputs, decision);
    if (status != Status::ok)
    {{
        return status;
    }}
    for (std::size_t i = 0; i < {outputs}; ++i)
    {{
        const double low = limits[i][0];
        const double high = limits[i][1];
        decision[i] = decision[i] < low ? low : decision[i] > high ? high : decision[i];
    }}
    return status;
}}
"""

_SOFTMAX = """\
/**
 * Decide: a probability per output, in proportion to the exponential of its value.
 * @param inputs in the order of INPUT_NAMES
 * @param decision probabilities that add up to 1
 * @return Status::ok, or what is wrong
 */
inline Status
decide(const std::array<double, {inputs}>& inputs,
       std::array<double, {outputs}>& decision) noexcept
{{
    const Status status = evaluate(inputs, decision);
    if (status != Status::ok)
    {{
        return status;
    }}
    double best = decision[0];
    for (const double value : decision)
    {{
        best = value > best ? value : best;
    }}
    double total = 0;
    for (double& value : decision)
    {{
        value = std::exp(value - best);
        total += value;
    }}
    for (double& value : decision)
    {{
        value /= total;
    }}
    return status;
}}
"""

_ARGMAX = """\
/**
 * Decide: the number of the output with the greatest value, the first of equals.
 * @param inputs in the order of INPUT_NAMES
 * @param chosen the number, from 0
 * @return Status::ok, or what is wrong
 */
inline Status
decide(const std::array<double, {inputs}>& inputs, std::size_t& chosen) noexcept
{{
    std::array<double, {outputs}> values{{}};
    const Status status = evaluate(inputs, values);
    chosen = 0;
    for (std::size_t i = 1; i < {outputs}; ++i)
    {{
        chosen = values[i] > values[chosen] ? i : chosen;
    }}
    return status;
}}
"""

_INDEX = """\
/**
 * Decide: the number of the component with the greatest index, the first of equals.
 * @param components inputs of each component, in the order of INPUT_NAMES
 * @param count how many components there are, at least one
 * @param chosen the number, from 0
 * @return Status::ok, or what is wrong
 */
inline Status
decide(const std::array<double, {inputs}>* components,
       std::size_t count,
       std::size_t& chosen) noexcept
{{
    double best = 0;
    chosen = 0;
    for (std::size_t i = 0; i < count; ++i)
    {{
        double value = 0;
        const Status status = evaluate_{output}(components[i], value);
        if (status != Status::ok)
        {{
            return status;
        }}
        if (i == 0 || value > best)
        {{
            best = value;
            chosen = i;
        }}
    }}
    return Status::ok;
}}
"""

_DECISIONS = {"ratio": _RATIO, "softmax": _SOFTMAX, "argmax": _ARGMAX, "index": _INDEX}
_FILE = """\
// {headline}
//
{notice}
#ifndef NS3KAN_{guard}_HPP
#define NS3KAN_{guard}_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>

{fast_math}
namespace {name}
{{

inline constexpr std::array<const char*, {inputs}> INPUT_NAMES{{
{names}}};

{functions}
}} // namespace {name}

#endif // NS3KAN_{guard}_HPP
"""


def to_cpp(controller: Controller, name: str) -> str:
    """Write a controller as a C++17 header.

    Parameters
    ----------
    controller
        Any decision.
    name
        Its namespace.
    """
    dialect = CFamily("std::", "", "Status::divides_by_zero", ("{", "}"), counted=False)
    sizes = {"inputs": len(controller.inputs), "outputs": len(controller.outputs)}
    functions = [_HELPERS]
    for output, expression in zip(controller.outputs, controller.expressions, strict=True):
        statements, result = function_body(controller, expression, dialect)
        unused = "" if expression.inputs() else "    static_cast<void>(inputs);\n"
        functions.append(
            _EVALUATE.format(
                output=output.name,
                statements=indented([*statements, f"return checked({result}, value);"]),
                unused=unused,
                **sizes,
            )
        )
    if controller.decision != "index":
        calls = "\n".join(
            _CALL.format(output=output.name, place=i) for i, output in enumerate(controller.outputs)
        )
        functions.append(_ALL.format(calls=calls, **sizes))
    functions.append(
        _DECISIONS[controller.decision].format(
            limits=limits(controller), output=controller.outputs[0].name, **sizes
        )
    )
    return _FILE.format(
        headline=headline(controller),
        notice=wrapped(NOTICE, "// "),
        guard=name.upper(),
        fast_math=FAST_MATH,
        name=name,
        names=indented([", ".join(f'"{one}"' for one in controller.input_names)]),
        functions="\n".join(functions),
        **sizes,
    )
