// SPDX-License-Identifier: GPL-2.0-only
#include "equation-controller.h"

#include <ns3/simulator.h>

#include <sstream>
#include <stdexcept>

namespace ns3
{

EquationController::EquationController(const std::string& path,
                                       const std::vector<std::string>& featureNames)
    : m_artefact(ControllerArtefact::Load(path))
{
    if (m_artefact.GetDecision() != ControllerArtefact::Decision::RATIO ||
        m_artefact.GetOutputs().size() != 1)
    {
        throw std::invalid_argument(path + ": this scenario takes a controller whose decision is "
                                           "one ratio, the share of new flows for the second path");
    }
    m_artefact.BindInputs(featureNames);
}

double
EquationController::Decide(const std::vector<double>& features)
{
    try
    {
        return m_artefact.Evaluate(features).front();
    }
    catch (const std::runtime_error& error)
    {
        std::ostringstream sentence;
        sentence << error.what() << ", " << Simulator::Now().As(Time::S)
                 << " into the run: guard the expression, for example with max(..., 0.001)";
        throw std::runtime_error(sentence.str());
    }
}

} // namespace ns3
