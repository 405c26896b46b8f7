// SPDX-License-Identifier: GPL-2.0-only
#include "expression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
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

/**
 * @param name a word of the text
 * @return its place among `UNARY_FUNCTIONS`, or their number if it is none of them
 */
size_t
PlaceOfUnary(const std::string& name)
{
    return std::find_if(UNARY_FUNCTIONS.begin(),
                        UNARY_FUNCTIONS.end(),
                        [&name](const UnaryFunction& function) { return name == function.name; }) -
           UNARY_FUNCTIONS.begin();
}

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

/// The expression in postfix order: operands come before what is done with them.
struct Expression::Program
{
    /// What one instruction does; operands are taken from the stack, the result is put there.
    enum class Operation : uint8_t
    {
        CONSTANT,
        INPUT,
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE,
        POWER,
        MINIMUM,
        MAXIMUM,
        NEGATE,
        UNARY
    };

    /// One step.
    struct Instruction
    {
        Operation operation; //!< what it does
        size_t place{0};     //!< of the input, or of the function among `UNARY_FUNCTIONS`
        double number{0};    //!< the constant
    };

    size_t inputs{0};                      //!< how many there are
    std::vector<Instruction> instructions; //!< in the order in which they are done
    std::vector<double> stack;             //!< as long as it ever gets
    size_t depth{0};                       //!< of the stack after all instructions so far

    /**
     * Append an instruction.
     * @param instruction what is done next
     */
    void Append(const Instruction& instruction);

    /**
     * @param values of the inputs
     * @return the value of the expression
     * @throws std::domain_error if it divides by zero
     */
    double Run(const double* values);
};

void
Expression::Program::Append(const Instruction& instruction)
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
Expression::Program::Run(const double* values)
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

namespace
{

/// Checks an expression by recursive descent and writes it in postfix order.
template <typename Program>
class Compiler
{
  public:
    Compiler(const std::string& text, const std::vector<std::string>& names, Program& program)
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
        if (m_token.kind == TokenKind::END)
        {
            Refuse(0, "the expression is empty");
        }
        Sum();
        if (m_token.kind != TokenKind::END)
        {
            RefuseToken(m_token.Is(')') ? "this ')' closes nothing" : "expected an operator");
        }
    }

  private:
    using Operation = typename Program::Operation;
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
        Refuse(m_token.position, m_token.kind == TokenKind::INVALID ? m_token.reason : reason);
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
        const Token token = m_token;
        if (token.kind == TokenKind::NUMBER)
        {
            Advance();
            const double value = Value(token);
            m_program.Append({Operation::CONSTANT, 0, value});
            return value;
        }
        if (token.kind == TokenKind::NAME)
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

    void Call(const Token& function)
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
            m_program.Append({Operation::UNARY, PlaceOfUnary(function.text)});
        }
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

    void Name(const Token& token)
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
    m_program->inputs = inputs.size();
    Compiler<Program>(text, inputs, *m_program).Compile();
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
    return IsVariadic(name) || PlaceOfUnary(name) < UNARY_FUNCTIONS.size();
}

bool
Expression::IsIdentifier(const std::string& name)
{
    return !name.empty() && IsLetter(name[0]) &&
           std::all_of(name.begin(), name.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

} // namespace ns3::kan
