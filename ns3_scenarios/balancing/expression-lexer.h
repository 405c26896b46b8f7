// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_EXPRESSION_LEXER_H
#define NS3KAN_EXPRESSION_LEXER_H

#include <cstddef>
#include <string>

namespace ns3::kan
{

/**
 * Characters of the grammar, whatever the locale is.
 * @param c a character
 * @return whether it is a digit
 */
bool IsExpressionDigit(char c);
/**
 * @param c a character
 * @return whether a name can begin with it: a letter or an underscore
 */
bool IsExpressionLetter(char c);

/// What a token is.
enum class ExpressionTokenKind
{
    END,
    NUMBER,
    NAME,
    SYMBOL, //!< one of + - * / ^ ( ) ,
    INVALID //!< cannot be part of any expression
};

/// A piece of the text.
struct ExpressionToken
{
    ExpressionTokenKind kind; //!< what it is
    size_t position;          //!< where it starts, from 0
    std::string text;         //!< as it is written
    std::string reason;       //!< why it is INVALID

    /**
     * @param symbol a character
     * @return whether this is that symbol
     */
    bool Is(char symbol) const
    {
        return kind == ExpressionTokenKind::SYMBOL && text[0] == symbol;
    }
};

/// Cuts the text into tokens.
class ExpressionLexer
{
  public:
    /// @param text to cut, which must outlive this
    explicit ExpressionLexer(const std::string& text)
        : m_text(text)
    {
    }

    /// @return the next piece; END for ever at the end
    ExpressionToken Next();

  private:
    char At(size_t position) const
    {
        return position < m_text.size() ? m_text[position] : '\0';
    }

    ExpressionToken Number();

    const std::string& m_text;
    size_t m_position{0};
};

} // namespace ns3::kan

#endif // NS3KAN_EXPRESSION_LEXER_H
