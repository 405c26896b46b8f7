// SPDX-License-Identifier: GPL-2.0-only
#include "equation-controller.h"

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
    return m_artefact.Evaluate(features).front();
}

} // namespace ns3
