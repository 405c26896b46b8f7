// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_EXPRESSION_PROGRAM_H
#define NS3KAN_EXPRESSION_PROGRAM_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ns3::kan
{

/// The expression in postfix order: operands come before what is done with them.
struct ExpressionProgram
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
        size_t place{0};     //!< of the input, or of the function that FindFunction gave
        double number{0};    //!< the constant
    };

    /**
     * @param name a word of the text
     * @return the place of the function of one argument that is called so, if there is one
     */
    static std::optional<size_t> FindFunction(const std::string& name);
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

} // namespace ns3::kan

#endif // NS3KAN_EXPRESSION_PROGRAM_H
