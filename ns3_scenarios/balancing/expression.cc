// SPDX-License-Identifier: GPL-2.0-only
#include "expression.h"

#include "expression-lexer.h"
#include "expression-program.h"

#include <algorithm>
#include <cmath>
#include <locale>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace ns3::kan
{

namespace
{

bool
IsVariadic(const std::string& name)
{
    return name == "min" || name == "max";
}

/**
 * @param name a word of the text
 * @return the same in quotes, with its end left out if it is very long
 */
std::string
Quoted(const std::string& name)
{
    constexpr size_t LONGEST = 60;
    return "'" + (name.size() > LONGEST ? name.substr(0, LONGEST) + "..." : name) + "'";
}

[[noreturn]] void
Refuse(size_t position, const std::string& reason)
{
    throw std::invalid_argument("at position " + std::to_string(position) + ": " + reason);
}

/// Checks an expression by recursive descent and writes it in postfix order.
class Compiler
{
  public:
    Compiler(const std::string& text,
             const std::vector<std::string>& names,
             ExpressionProgram& program)
        : m_lexer(text)
        , m_names(names)
        , m_program(program)
    {
        for (const std::string& name : names)
        {
            m_places.emplace(name, m_places.size());
        }
    }

    /**
     * Fill the program.
     * @throws std::invalid_argument if the expression is outside the grammar
     */
    void Compile()
    {
        Advance();
        if (m_token.kind == ExpressionTokenKind::END)
        {
            Refuse(0, "the expression is empty");
        }
        Sum();
        if (m_token.kind != ExpressionTokenKind::END)
        {
            RefuseToken(m_token.Is(')') ? "this ')' closes nothing" : "expected an operator");
        }
    }

  private:
    using Operation = ExpressionProgram::Operation;
    /// The value of a part, if it is a number or a power of numbers.
    using Constant = std::optional<double>;

    /// Counts how deep the compiler is in nested constructs.
    class Level
    {
      public:
        Level(size_t& depth, size_t position)
            : m_depth(depth)
        {
            if (depth >= Expression::MAX_DEPTH)
            {
                Refuse(position,
                       "nested more than " + std::to_string(Expression::MAX_DEPTH) +
                           " levels deep");
            }
            ++m_depth;
        }

        ~Level()
        {
            --m_depth;
        }

        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        size_t& m_depth;
    };

    void Advance()
    {
        m_token = m_lexer.Next();
    }

    /**
     * Refuse the current token.
     * @param reason used unless the token has a reason of its own
     */
    [[noreturn]] void RefuseToken(const std::string& reason) const
    {
        Refuse(m_token.position,
               m_token.kind == ExpressionTokenKind::INVALID ? m_token.reason : reason);
    }

    Constant Sum()
    {
        Constant result = Product();
        while (m_token.Is('+') || m_token.Is('-'))
        {
            const Operation operation = m_token.Is('+') ? Operation::ADD : Operation::SUBTRACT;
            Advance();
            Product();
            m_program.Append({operation});
            result.reset();
        }
        return result;
    }

    Constant Product()
    {
        Constant result = Signed();
        while (m_token.Is('*') || m_token.Is('/'))
        {
            const Operation operation = m_token.Is('*') ? Operation::MULTIPLY : Operation::DIVIDE;
            Advance();
            Signed();
            m_program.Append({operation});
            result.reset();
        }
        return result;
    }

    Constant Signed()
    {
        if (m_token.Is('-'))
        {
            const Level level(m_depth, m_token.position);
            Advance();
            const Constant operand = Signed();
            m_program.Append({Operation::NEGATE});
            return operand ? Constant(-*operand) : std::nullopt;
        }
        const Constant base = Operand();
        if (!m_token.Is('^'))
        {
            return base;
        }
        const size_t position = m_token.position;
        const Level level(m_depth, position);
        Advance();
        const Constant exponent = Signed();
        m_program.Append({Operation::POWER});
        if (!base || !exponent)
        {
            return std::nullopt;
        }
        const double power = std::pow(*base, *exponent);
        if (!std::isfinite(power) || (power == 0 && *base != 0))
        {
            Refuse(position, "this power of numbers does not fit a double");
        }
        return power;
    }

    Constant Operand()
    {
        const ExpressionToken token = m_token;
        if (token.kind == ExpressionTokenKind::NUMBER)
        {
            Advance();
            const double value = Value(token);
            m_program.Append({Operation::CONSTANT, 0, value});
            return value;
        }
        if (token.kind == ExpressionTokenKind::NAME)
        {
            Advance();
            m_token.Is('(') ? Call(token) : Name(token);
            return std::nullopt;
        }
        if (token.Is('('))
        {
            const Level level(m_depth, token.position);
            Advance();
            const Constant inner = Sum();
            Close(token.position, "expected an operator or ')'");
            return inner;
        }
        RefuseToken(token.Is('+') ? "unary plus is not part of the grammar"
                                  : "expected a number, an input, a function or '('");
    }

    void Call(const ExpressionToken& function)
    {
        const bool variadic = IsVariadic(function.text);
        if (!Expression::IsFunction(function.text))
        {
            Refuse(function.position,
                   m_places.count(function.text) > 0
                       ? Quoted(function.text) + " is an input, not a function"
                       : "unknown function " + Quoted(function.text) +
                             ", the functions are exp, log, sqrt, sin, cos, tan, tanh, abs, min "
                             "and max");
        }
        const size_t bracket = m_token.position;
        const Level level(m_depth, bracket);
        Advance();
        Sum();
        size_t count = 1;
        while (m_token.Is(','))
        {
            Advance();
            Sum();
            ++count;
            if (variadic)
            {
                m_program.Append(
                    {function.text == "min" ? Operation::MINIMUM : Operation::MAXIMUM});
            }
        }
        Close(bracket, "expected an operator, ',' or ')'");
        if (variadic ? count < 2 : count != 1)
        {
            Refuse(function.position,
                   function.text +
                       (variadic ? " takes 2 or more arguments, not " : " takes 1 argument, not ") +
                       std::to_string(count));
        }
        if (!variadic)
        {
            m_program.Append({Operation::UNARY, *ExpressionProgram::FindFunction(function.text)});
        }
    }

    void Close(size_t bracket, const std::string& reason)
    {
        if (m_token.kind == ExpressionTokenKind::END)
        {
            Refuse(bracket, "this '(' is never closed");
        }
        if (!m_token.Is(')'))
        {
            RefuseToken(reason);
        }
        Advance();
    }

    void Name(const ExpressionToken& token)
    {
        if (Expression::IsFunction(token.text))
        {
            Refuse(token.position,
                   "the function '" + token.text + "' needs its arguments in parentheses");
        }
        const auto found = m_places.find(token.text);
        if (found == m_places.end())
        {
            constexpr size_t MOST = 20;
            std::string known;
            for (size_t i = 0; i < m_names.size() && i < MOST; ++i)
            {
                known += (i == 0 ? ", the inputs are " : ", ") + m_names[i];
            }
            known += m_names.size() > MOST ? " and more" : "";
            Refuse(token.position, "unknown input " + Quoted(token.text) + known);
        }
        m_program.Append({Operation::INPUT, found->second});
    }

    static double Value(const ExpressionToken& token)
    {
        std::istringstream stream(token.text);
        stream.imbue(std::locale::classic());
        double value = 0;
        stream >> value;
        const std::string mantissa = token.text.substr(0, token.text.find_first_of("eE"));
        const bool isZero = mantissa.find_first_of("123456789") == std::string::npos;
        if (!isZero && (stream.fail() || !std::isfinite(value) || value == 0))
        {
            Refuse(token.position, "this number does not fit a double");
        }
        return isZero ? 0 : value;
    }

    ExpressionLexer m_lexer;
    const std::vector<std::string>& m_names;
    std::unordered_map<std::string, size_t> m_places; //!< of each name
    ExpressionProgram& m_program;
    ExpressionToken m_token{ExpressionTokenKind::END, 0, "", ""};
    size_t m_depth{0};
};

} // namespace

Expression::Expression(const std::string& text, const std::vector<std::string>& inputs)
    : m_program(std::make_unique<ExpressionProgram>())
{
    if (text.size() > MAX_LENGTH)
    {
        Refuse(MAX_LENGTH,
               "the expression is longer than " + std::to_string(MAX_LENGTH) + " characters");
    }
    m_program->inputs = inputs.size();
    Compiler(text, inputs, *m_program).Compile();
}

Expression::~Expression() = default;
Expression::Expression(Expression&& other) noexcept = default;
Expression& Expression::operator=(Expression&& other) noexcept = default;

double
Expression::Evaluate(const std::vector<double>& inputs) const
{
    if (inputs.size() != m_program->inputs)
    {
        throw std::invalid_argument("an expression of " + std::to_string(m_program->inputs) +
                                    " inputs was given " + std::to_string(inputs.size()) +
                                    " values");
    }
    const double result = m_program->Run(inputs.data());
    if (std::isnan(result))
    {
        throw std::domain_error("is not a number");
    }
    if (std::isinf(result))
    {
        throw std::domain_error("is infinite");
    }
    return result;
}

bool
Expression::IsFunction(const std::string& name)
{
    return IsVariadic(name) || ExpressionProgram::FindFunction(name);
}

bool
Expression::IsIdentifier(const std::string& name)
{
    return !name.empty() && IsExpressionLetter(name[0]) &&
           std::all_of(name.begin(),
                       name.end(),
                       [](char c) { return IsExpressionLetter(c) || IsExpressionDigit(c); });
}

} // namespace ns3::kan
