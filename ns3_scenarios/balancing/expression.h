// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_EXPRESSION_H
#define NS3KAN_EXPRESSION_H

#include <memory>
#include <string>
#include <vector>

namespace ns3::kan
{

struct ExpressionProgram;

/**
 * One expression of a controller artefact, checked and ready to be evaluated.
 *
 * The grammar is small and closed: numbers, input names, `+ - * / ^`, unary minus, parentheses,
 * `exp log sqrt sin cos tan tanh abs` with one argument, `min max` with two or more. `^` binds
 * tighter than unary minus and to the right (-2^2 is -4, 2^3^2 is 2^9); log is natural.
 * agents/equations/expressions/grammar.py accepts and refuses the same texts, at the same
 * positions.
 */
class Expression
{
  public:
    /// Longest text that is accepted [characters].
    static constexpr size_t MAX_LENGTH = 20000;
    /// Deepest nesting of parentheses, calls, unary minus and exponents that is accepted.
    static constexpr size_t MAX_DEPTH = 100;

    /**
     * @param text the expression
     * @param inputs names that it may use, in the order in which their values will be given
     * @throws std::invalid_argument if the text is outside the grammar; the message gives the
     *         position (counted from 0) and the reason
     */
    Expression(const std::string& text, const std::vector<std::string>& inputs);
    ~Expression();
    Expression(Expression&& other) noexcept;
    Expression& operator=(Expression&& other) noexcept;

    /**
     * @param inputs one value per input name
     * @return the value of the expression
     * @throws std::invalid_argument if there are more or fewer values than names
     * @throws std::domain_error if it divides by zero on the way, or the result is not finite;
     *         the message is a predicate ("divides by zero")
     */
    double Evaluate(const std::vector<double>& inputs) const;

    /**
     * @param name an identifier
     * @return whether it names a function of the grammar
     */
    static bool IsFunction(const std::string& name);
    /**
     * @param name any text
     * @return whether it can name an input: letters, digits and underscores, no digit first
     */
    static bool IsIdentifier(const std::string& name);

  private:
    std::unique_ptr<ExpressionProgram> m_program;
};

} // namespace ns3::kan

#endif // NS3KAN_EXPRESSION_H
