// SPDX-License-Identifier: GPL-2.0-only
#include "expression.h"

#include <muParser.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <locale>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace ns3
{

namespace
{

/// Thrown from within an evaluation, where muParser offers no other way out.
struct DivisionByZero
{
};

double
Divide(double dividend, double divisor)
{
    if (divisor == 0)
    {
        throw DivisionByZero();
    }
    return dividend / divisor;
}

double
Power(double base, double exponent)
{
    if (base == 0 && exponent < 0)
    {
        throw DivisionByZero();
    }
    return std::pow(base, exponent);
}

// std::min and std::max would swallow a NaN; NumPy's minimum and maximum hand it on.
double
Minimum(const double* values, int count)
{
    double least = values[0];
    for (int i = 1; i < count; ++i)
    {
        least = std::isnan(values[i]) || values[i] < least ? values[i] : least;
    }
    return least;
}

double
Maximum(const double* values, int count)
{
    double greatest = values[0];
    for (int i = 1; i < count; ++i)
    {
        greatest = std::isnan(values[i]) || values[i] > greatest ? values[i] : greatest;
    }
    return greatest;
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

bool
IsVariadic(const std::string& name)
{
    return name == "min" || name == "max";
}

// The functions of <cctype> depend on the locale.
bool
IsDigit(char c)
{
    return c >= '0' && c <= '9';
}

bool
IsLetter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
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

/// What a token is.
enum class TokenKind
{
    END,
    NUMBER,
    NAME,
    SYMBOL, //!< one of + - * / ^ ( ) ,
    INVALID //!< cannot be part of any expression
};

/// A piece of the text.
struct Token
{
    TokenKind kind;     //!< what it is
    size_t position;    //!< where it starts, from 0
    std::string text;   //!< as it is written
    std::string reason; //!< why it is INVALID

    /**
     * @param symbol a character
     * @return whether this is that symbol
     */
    bool Is(char symbol) const
    {
        return kind == TokenKind::SYMBOL && text[0] == symbol;
    }
};

/// Cuts the text into tokens.
class Lexer
{
  public:
    explicit Lexer(const std::string& text)
        : m_text(text)
    {
    }

    Token Next();

  private:
    char At(size_t position) const
    {
        return position < m_text.size() ? m_text[position] : '\0';
    }

    Token Number();

    const std::string& m_text;
    size_t m_position{0};
};

Token
Lexer::Next()
{
    while (m_position < m_text.size() &&
           std::string(" \t\r\n").find(m_text[m_position]) != std::string::npos)
    {
        ++m_position;
    }
    const size_t start = m_position;
    if (start >= m_text.size())
    {
        return {TokenKind::END, m_text.size(), "", ""};
    }
    const char c = m_text[start];
    if (IsDigit(c) || (c == '.' && IsDigit(At(start + 1))))
    {
        return Number();
    }
    if (IsLetter(c))
    {
        while (IsLetter(At(m_position)) || IsDigit(At(m_position)))
        {
            ++m_position;
        }
        return {TokenKind::NAME, start, m_text.substr(start, m_position - start), ""};
    }
    ++m_position;
    const std::string text(1, c);
    if (c == '*' && At(start + 1) == '*')
    {
        return {TokenKind::INVALID, start, text, "'**' is not an operator, write '^'"};
    }
    if (std::string("+-*/^(),").find(c) != std::string::npos && c != '\0')
    {
        return {TokenKind::SYMBOL, start, text, ""};
    }
    if (c == '.')
    {
        return {TokenKind::INVALID,
                start,
                text,
                "'.' must be followed by a digit, attributes are not part of the grammar"};
    }
    if (std::string("<>=!&|?:").find(c) != std::string::npos && c != '\0')
    {
        return {TokenKind::INVALID,
                start,
                text,
                "comparisons, logic and assignments are not part of the grammar"};
    }
    if (c > ' ' && c <= '~')
    {
        return {TokenKind::INVALID, start, text, "unexpected character '" + text + "'"};
    }
    return {TokenKind::INVALID, start, text, "unexpected character that is not printable ASCII"};
}

Token
Lexer::Number()
{
    const size_t start = m_position;
    while (IsDigit(At(m_position)))
    {
        ++m_position;
    }
    if (At(m_position) == '.')
    {
        ++m_position;
        while (IsDigit(At(m_position)))
        {
            ++m_position;
        }
    }
    if (At(m_position) == 'e' || At(m_position) == 'E')
    {
        const size_t sign = At(m_position + 1) == '+' || At(m_position + 1) == '-' ? 1 : 0;
        if (IsDigit(At(m_position + 1 + sign)))
        {
            m_position += 1 + sign;
            while (IsDigit(At(m_position)))
            {
                ++m_position;
            }
        }
    }
    return {TokenKind::NUMBER, start, m_text.substr(start, m_position - start), ""};
}

} // namespace

/// The expression in muParser's hands.
struct Expression::Program
{
    /// A part of the expression; its value goes into a variable that later parts may use.
    struct Stage
    {
        mu::Parser parser;
        double value{0};
    };

    std::vector<double> inputs;
    std::vector<double> constants;
    std::map<double, size_t> constantPlaces;
    // A deque keeps the addresses that muParser remembers when it grows.
    std::deque<Stage> stages;

    /**
     * @param text a part of the expression, in names of this program
     * @return name of the variable that will hold its value
     */
    std::string AddStage(const std::string& text);
    /**
     * @param number a number of the expression
     * @return its name
     */
    std::string AddConstant(double number);

  private:
    /**
     * Tell a parser of those inputs, constants and stages that its text uses: were it all of them
     * in each stage, a large artefact would take gigabytes.
     * @param parser what is told
     * @param text what it will read
     */
    void DefineUsed(mu::Parser& parser, const std::string& text);
};

std::string
Expression::Program::AddConstant(double number)
{
    // Numbers go to muParser by name, so that it cannot read them in its own way.
    const auto [found, isNew] = constantPlaces.emplace(number, constants.size());
    if (isNew)
    {
        constants.push_back(number);
    }
    return "c" + std::to_string(found->second);
}

void
Expression::Program::DefineUsed(mu::Parser& parser, const std::string& text)
{
    std::set<std::string> defined;
    for (size_t start = 0; start < text.size();)
    {
        size_t end = start;
        while (end < text.size() && (IsLetter(text[end]) || IsDigit(text[end])))
        {
            ++end;
        }
        const std::string word = text.substr(start, end - start);
        start = std::max(end, start + 1);
        // Only inputs, constants and stages have a digit after their letter.
        if (word.size() < 2 || !IsDigit(word[1]) || !defined.insert(word).second)
        {
            continue;
        }
        const size_t place = std::stoul(word.substr(1));
        switch (word[0])
        {
        case 'i':
            parser.DefineVar(word, &inputs[place]);
            break;
        case 'c':
            parser.DefineConst(word, constants[place]);
            break;
        default:
            parser.DefineVar(word, &stages[place].value);
        }
    }
}

std::string
Expression::Program::AddStage(const std::string& text)
{
    stages.emplace_back();
    mu::Parser& parser = stages.back().parser;
    // No rewriting: the operations happen in the order that is written, as in Python.
    parser.EnableOptimizer(false);
    parser.ClearConst();
    parser.ClearFun();
    parser.DefineOprt("%", Divide, mu::prMUL_DIV, mu::oaLEFT);
    parser.DefineOprt("$", Power, mu::prPOW, mu::oaRIGHT);
    for (const UnaryFunction& function : UNARY_FUNCTIONS)
    {
        parser.DefineFun(function.name, function.value, false);
    }
    parser.DefineFun("min", Minimum, false);
    parser.DefineFun("max", Maximum, false);
    DefineUsed(parser, text);
    parser.SetExpr(text);
    return "s" + std::to_string(stages.size() - 1);
}

namespace
{

/// Checks an expression by recursive descent and says it again in names that mean one thing only.
template <typename Program>
class Translator
{
  public:
    Translator(const std::string& text, const std::vector<std::string>& names, Program& program)
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
     * @return the expression for muParser
     * @throws std::invalid_argument if it is outside the grammar
     */
    std::string Translate()
    {
        Advance();
        if (m_token.kind == TokenKind::END)
        {
            Refuse(0, "the expression is empty");
        }
        const std::string result = Sum().text;
        if (m_token.kind != TokenKind::END)
        {
            RefuseToken(m_token.Is(')') ? "this ')' closes nothing" : "expected an operator");
        }
        return result;
    }

  private:
    /// A part of the expression, said again.
    struct Part
    {
        std::string text;             //!< in names of the program
        std::optional<double> number; //!< its value, if it is a number or a power of numbers
    };

    /// Counts how deep the translator is in nested constructs.
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
        Refuse(m_token.position, m_token.kind == TokenKind::INVALID ? m_token.reason : reason);
    }

    /**
     * muParser takes no more than 20,000 characters at once, and what is said again is longer.
     * @param text translation of a part that is evaluated before what follows it
     * @return the same, or a variable that stands for it
     */
    std::string Shortened(std::string text)
    {
        constexpr size_t LIMIT = 2000;
        return text.size() > LIMIT ? m_program.AddStage(text) : text;
    }

    Part Sum()
    {
        Part result = Product();
        while (m_token.Is('+') || m_token.Is('-'))
        {
            const std::string sign = m_token.text;
            Advance();
            result = {Shortened(result.text + " " + sign + " " + Product().text), std::nullopt};
        }
        return result;
    }

    Part Product()
    {
        Part result = Signed();
        while (m_token.Is('*') || m_token.Is('/'))
        {
            const std::string sign = m_token.Is('*') ? "*" : "%";
            Advance();
            result = {Shortened(result.text + " " + sign + " " + Signed().text), std::nullopt};
        }
        return result;
    }

    Part Signed()
    {
        if (m_token.Is('-'))
        {
            const Level level(m_depth, m_token.position);
            Advance();
            Part operand = Signed();
            operand.text = "(-(" + Shortened(operand.text) + "))";
            if (operand.number)
            {
                operand.number = -*operand.number;
            }
            return operand;
        }
        const Part base = Operand();
        if (!m_token.Is('^'))
        {
            return base;
        }
        const size_t position = m_token.position;
        const Level level(m_depth, position);
        Advance();
        const Part exponent = Signed();
        Part power{"(" + base.text + " $ (" + Shortened(exponent.text) + "))", std::nullopt};
        if (base.number && exponent.number)
        {
            power.number = std::pow(*base.number, *exponent.number);
            if (!std::isfinite(*power.number) || (*power.number == 0 && *base.number != 0))
            {
                Refuse(position, "this power of numbers does not fit a double");
            }
        }
        return power;
    }

    Part Operand()
    {
        const Token token = m_token;
        if (token.kind == TokenKind::NUMBER)
        {
            Advance();
            const double value = Value(token);
            return {m_program.AddConstant(value), value};
        }
        if (token.kind == TokenKind::NAME)
        {
            Advance();
            return {m_token.Is('(') ? Call(token) : Name(token), std::nullopt};
        }
        if (token.Is('('))
        {
            const Level level(m_depth, token.position);
            Advance();
            Part inner = Sum();
            Close(token.position, "expected an operator or ')'");
            inner.text = "(" + Shortened(inner.text) + ")";
            return inner;
        }
        RefuseToken(token.Is('+') ? "unary plus is not part of the grammar"
                                  : "expected a number, an input, a function or '('");
    }

    std::string Call(const Token& function)
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
        std::string arguments = Shortened(Sum().text);
        size_t count = 1;
        while (m_token.Is(','))
        {
            Advance();
            arguments += ", " + Shortened(Sum().text);
            ++count;
            if (variadic)
            {
                // The least of some is no more than one number to compare with the rest.
                const std::string call = function.text + "(" + arguments + ")";
                const std::string shortened = Shortened(call);
                arguments = shortened == call ? arguments : shortened;
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
        return function.text + "(" + arguments + ")";
    }

    void Close(size_t bracket, const std::string& reason)
    {
        if (m_token.kind == TokenKind::END)
        {
            Refuse(bracket, "this '(' is never closed");
        }
        if (!m_token.Is(')'))
        {
            RefuseToken(reason);
        }
        Advance();
    }

    std::string Name(const Token& token) const
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
        return "i" + std::to_string(found->second);
    }

    static double Value(const Token& token)
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

    Lexer m_lexer;
    const std::vector<std::string>& m_names;
    std::unordered_map<std::string, size_t> m_places; //!< of each name
    Program& m_program;
    Token m_token{TokenKind::END, 0, "", ""};
    size_t m_depth{0};
};

} // namespace

Expression::Expression(const std::string& text, const std::vector<std::string>& inputs)
    : m_program(std::make_unique<Program>())
{
    if (text.size() > MAX_LENGTH)
    {
        Refuse(MAX_LENGTH,
               "the expression is longer than " + std::to_string(MAX_LENGTH) + " characters");
    }
    m_program->inputs.resize(inputs.size());
    m_program->AddStage(Translator<Program>(text, inputs, *m_program).Translate());
}

Expression::~Expression() = default;
Expression::Expression(Expression&& other) noexcept = default;
Expression& Expression::operator=(Expression&& other) noexcept = default;

double
Expression::Evaluate(const std::vector<double>& inputs) const
{
    if (inputs.size() != m_program->inputs.size())
    {
        throw std::invalid_argument("an expression of " + std::to_string(m_program->inputs.size()) +
                                    " inputs was given " + std::to_string(inputs.size()) +
                                    " values");
    }
    std::copy(inputs.begin(), inputs.end(), m_program->inputs.begin());
    try
    {
        for (Program::Stage& stage : m_program->stages)
        {
            stage.value = stage.parser.Eval();
        }
    }
    catch (const DivisionByZero&)
    {
        throw std::domain_error("divides by zero");
    }
    const double result = m_program->stages.back().value;
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
    return IsVariadic(name) ||
           std::any_of(UNARY_FUNCTIONS.begin(),
                       UNARY_FUNCTIONS.end(),
                       [&name](const UnaryFunction& function) { return name == function.name; });
}

bool
Expression::IsIdentifier(const std::string& name)
{
    return !name.empty() && IsLetter(name[0]) &&
           std::all_of(name.begin(), name.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

} // namespace ns3
