// SPDX-License-Identifier: GPL-2.0-only
#include "expression-lexer.h"

namespace ns3::kan
{

// The functions of <cctype> depend on the locale.
bool
IsExpressionDigit(char c)
{
    return c >= '0' && c <= '9';
}

bool
IsExpressionLetter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

ExpressionToken
ExpressionLexer::Next()
{
    while (m_position < m_text.size() &&
           std::string(" \t\r\n").find(m_text[m_position]) != std::string::npos)
    {
        ++m_position;
    }
    const size_t start = m_position;
    if (start >= m_text.size())
    {
        return {ExpressionTokenKind::END, m_text.size(), "", ""};
    }
    const char c = m_text[start];
    if (IsExpressionDigit(c) || (c == '.' && IsExpressionDigit(At(start + 1))))
    {
        return Number();
    }
    if (IsExpressionLetter(c))
    {
        while (IsExpressionLetter(At(m_position)) || IsExpressionDigit(At(m_position)))
        {
            ++m_position;
        }
        return {ExpressionTokenKind::NAME, start, m_text.substr(start, m_position - start), ""};
    }
    ++m_position;
    const std::string text(1, c);
    if (c == '*' && At(start + 1) == '*')
    {
        return {ExpressionTokenKind::INVALID, start, text, "'**' is not an operator, write '^'"};
    }
    if (std::string("+-*/^(),").find(c) != std::string::npos && c != '\0')
    {
        return {ExpressionTokenKind::SYMBOL, start, text, ""};
    }
    if (c == '.')
    {
        return {ExpressionTokenKind::INVALID,
                start,
                text,
                "'.' must be followed by a digit, attributes are not part of the grammar"};
    }
    if (std::string("<>=!&|?:").find(c) != std::string::npos && c != '\0')
    {
        return {ExpressionTokenKind::INVALID,
                start,
                text,
                "comparisons, logic and assignments are not part of the grammar"};
    }
    if (c > ' ' && c <= '~')
    {
        return {ExpressionTokenKind::INVALID, start, text, "unexpected character '" + text + "'"};
    }
    return {ExpressionTokenKind::INVALID,
            start,
            text,
            "unexpected character that is not printable ASCII"};
}

ExpressionToken
ExpressionLexer::Number()
{
    const size_t start = m_position;
    while (IsExpressionDigit(At(m_position)))
    {
        ++m_position;
    }
    if (At(m_position) == '.')
    {
        ++m_position;
        while (IsExpressionDigit(At(m_position)))
        {
            ++m_position;
        }
    }
    if (At(m_position) == 'e' || At(m_position) == 'E')
    {
        const size_t sign = At(m_position + 1) == '+' || At(m_position + 1) == '-' ? 1 : 0;
        if (IsExpressionDigit(At(m_position + 1 + sign)))
        {
            m_position += 1 + sign;
            while (IsExpressionDigit(At(m_position)))
            {
                ++m_position;
            }
        }
    }
    return {ExpressionTokenKind::NUMBER, start, m_text.substr(start, m_position - start), ""};
}

} // namespace ns3::kan
