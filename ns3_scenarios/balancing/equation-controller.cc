// SPDX-License-Identifier: GPL-2.0-only
#include "equation-controller.h"

#include "artefact-use.h"

#include <stdexcept>

namespace ns3::kan
{

using Decision = ControllerArtefact::Decision;

EquationController::EquationController(const std::string& path, const ControlledPaths& paths)
    : m_artefact(ControllerArtefact::Load(path))
    , m_paths(paths.names.size())
{
    const size_t outputs = m_artefact.GetOutputs().size();
    if (m_artefact.GetDecision() == Decision::INDEX)
    {
        m_artefact.BindInputs({"load", "load_delta", "delay", "loss", "utilisation"});
        return;
    }
    const bool single = m_paths == 2 && outputs == 1 && m_artefact.GetDecision() == Decision::RATIO;
    if (outputs != m_paths && !single)
    {
        throw std::invalid_argument(
            path + ": it decides on " + std::to_string(outputs) + ", but there are " +
            std::to_string(m_paths) + " paths; give one output for each" +
            (m_paths == 2 ? ", or one ratio, the share of the second path" : ""));
    }
    CheckShares(path, m_artefact);
    m_artefact.BindInputs(paths.GetFeatureNames());
}

std::vector<double>
EquationController::Decide(const std::vector<double>& features)
{
    std::vector<double> values = features;
    if (m_artefact.GetDecision() == Decision::INDEX)
    {
        values.clear();
        for (size_t path = 0; path < m_paths; ++path)
        {
            const auto own = features.begin() + ControlledPaths::COMMON +
                             static_cast<std::ptrdiff_t>(path) * ControlledPaths::EACH;
            values.insert(
                values.end(), features.begin(), features.begin() + ControlledPaths::COMMON);
            values.insert(values.end(), own, own + ControlledPaths::EACH);
        }
    }
    const std::vector<double> decision = EvaluateNow(m_artefact, values);
    switch (m_artefact.GetDecision())
    {
    case Decision::RATIO:
        // One ratio of two paths is the share of the second.
        return decision.size() < m_paths ? std::vector<double>{1 - decision[0], decision[0]}
                                         : ToShares(decision);
    case Decision::SOFTMAX:
        return decision;
    case Decision::ARGMAX:
    case Decision::INDEX:
        break;
    }
    std::vector<double> shares(m_paths, 0);
    shares.at(static_cast<size_t>(decision.front())) = 1;
    return shares;
}

} // namespace ns3::kan
