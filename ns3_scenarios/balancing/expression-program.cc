// SPDX-License-Identifier: GPL-2.0-only
#include "expression-program.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

double
Divide(double dividend, double divisor)
{
    if (divisor == 0)
    {
        throw std::domain_error("divides by zero");
    }
    return dividend / divisor;
}

double
Power(double base, double exponent)
{
    if (base == 0 && exponent < 0)
    {
        throw std::domain_error("divides by zero");
    }
    return std::pow(base, exponent);
}

// std::min and std::max would swallow a NaN; NumPy's minimum and maximum hand it on.
double
Minimum(double first, double second)
{
    return std::isnan(second) || second < first ? second : first;
}

double
Maximum(double first, double second)
{
    return std::isnan(second) || second > first ? second : first;
}

/// A function of one argument.
struct UnaryFunction
{
    const char* name;        //!< as it is written
    double (*value)(double); //!< its implementation
};

const std::array<UnaryFunction, 8> UNARY_FUNCTIONS{{
    {"exp", [](double x) { return std::exp(x); }},
    {"log", [](double x) { return std::log(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"sin", [](double x) { return std::sin(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"tan", [](double x) { return std::tan(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"abs", [](double x) { return std::fabs(x); }},
}};

} // namespace

std::optional<size_t>
ExpressionProgram::FindFunction(const std::string& name)
{
    for (size_t place = 0; place < UNARY_FUNCTIONS.size(); ++place)
    {
        if (name == UNARY_FUNCTIONS[place].name)
        {
            return place;
        }
    }
    return std::nullopt;
}

void
ExpressionProgram::Append(const Instruction& instruction)
{
    instructions.push_back(instruction);
    switch (instruction.operation)
    {
    case Operation::CONSTANT:
    case Operation::INPUT:
        ++depth;
        stack.resize(std::max(stack.size(), depth));
        break;
    case Operation::NEGATE:
    case Operation::UNARY:
        break;
    default:
        --depth;
    }
}

double
ExpressionProgram::Run(const double* values)
{
    // What is on top of the stack is kept outside of it.
    double* below = stack.data();
    double top = 0;
    for (const Instruction& instruction : instructions)
    {
        switch (instruction.operation)
        {
        case Operation::CONSTANT:
            *below++ = top;
            top = instruction.number;
            break;
        case Operation::INPUT:
            *below++ = top;
            top = values[instruction.place];
            break;
        case Operation::ADD:
            top = *--below + top;
            break;
        case Operation::SUBTRACT:
            top = *--below - top;
            break;
        case Operation::MULTIPLY:
            top = *--below * top;
            break;
        case Operation::DIVIDE:
            top = Divide(*--below, top);
            break;
        case Operation::POWER:
            top = Power(*--below, top);
            break;
        case Operation::MINIMUM:
            top = Minimum(*--below, top);
            break;
        case Operation::MAXIMUM:
            top = Maximum(*--below, top);
            break;
        case Operation::NEGATE:
            top = -top;
            break;
        case Operation::UNARY:
            top = UNARY_FUNCTIONS[instruction.place].value(top);
            break;
        }
    }
    return top;
}

} // namespace ns3::kan
