// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_CONTROLLER_ARTEFACT_H
#define NS3KAN_CONTROLLER_ARTEFACT_H

#include "expression.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/// A quantity that a controller artefact names.
struct ControllerQuantity
{
    std::string name;  //!< an identifier
    std::string unit;  //!< unit of an input ("s", "bit/s", "1"); empty for outputs
    bool hasRange;     //!< whether low and high are given
    double low;        //!< least value: seen in training (input), allowed (output)
    double high;       //!< greatest value
    std::string label; //!< what the environment calls it, if that is no identifier; else empty
};

/**
 * A controller artefact (`controller.json`, format "ns3kan-controller", version 1): named inputs,
 * expressions over them, and how their values become a decision.
 *
 * agents/equations/artefact/controller.py reads the same files, refuses the same mistakes and gives
 * the same numbers. An artefact is not to be evaluated by several threads at once.
 */
class ControllerArtefact
{
  public:
    /// Most inputs, and most outputs.
    static constexpr size_t MAX_QUANTITIES = 4096;
    /// Longest name of an input or output [characters].
    static constexpr size_t MAX_NAME = 200;

    /// How the values of the expressions become a decision.
    enum class Decision
    {
        RATIO,   //!< each value, clipped to the range of its output
        SOFTMAX, //!< probabilities that add up to 1
        ARGMAX,  //!< index of the greatest value, the first of equals
        INDEX    //!< one expression for all components; index of the component with the greatest
    };

    /**
     * @param path file to read
     * @return the artefact in it
     * @throws std::runtime_error if the file cannot be read
     * @throws std::invalid_argument if it is no valid artefact; the message names the key, or the
     *         position within the expression
     */
    static ControllerArtefact Load(const std::string& path);

    /// @return the inputs, in the artefact's order
    const std::vector<ControllerQuantity>& GetInputs() const;
    /// @return the outputs
    const std::vector<ControllerQuantity>& GetOutputs() const;
    /// @return the decision kind
    Decision GetDecision() const;

    /**
     * Say in which order values will be given from now on.
     * @param available names of the features that the scenario offers; with Decision::INDEX those
     *        of one component
     * @throws std::invalid_argument if the artefact asks for others; the message names them
     */
    void BindInputs(const std::vector<std::string>& available);

    /**
     * @param values one value per available feature (per input of the artefact, in its order,
     *        before BindInputs was called); with Decision::INDEX those of one component after
     *        those of another
     * @return the decision: a ratio or a probability per output, or one index
     * @throws std::invalid_argument if there are more or fewer values than that
     * @throws std::runtime_error if an expression divides by zero or gives NaN or infinity; the
     *         message names the output and the values of the inputs
     */
    std::vector<double> Evaluate(const std::vector<double>& values) const;

  private:
    ControllerArtefact() = default;

    /**
     * @param output number of the output
     * @param inputs values of the artefact's inputs
     * @return the value of its expression
     */
    double EvaluateOutput(size_t output, const std::vector<double>& inputs) const;
    /**
     * @param values values of the available features
     * @param offset where to start
     * @return values of the artefact's inputs
     */
    std::vector<double> SelectInputs(const std::vector<double>& values, size_t offset) const;

    std::string m_path;
    Decision m_decision{Decision::RATIO};
    std::vector<ControllerQuantity> m_inputs;
    std::vector<ControllerQuantity> m_outputs;
    std::vector<Expression> m_expressions;
    std::vector<size_t> m_columns; //!< where each input lies among the available features
    size_t m_available{0};         //!< how many features are given
};

} // namespace ns3::kan

#endif // NS3KAN_CONTROLLER_ARTEFACT_H
