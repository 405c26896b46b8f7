// SPDX-License-Identifier: GPL-2.0-only
#include "queue-equation-controller.h"

#include "artefact-use.h"

#include <stdexcept>

namespace ns3::kan
{

QueueEquationController::QueueEquationController(const std::string& path,
                                                 QueueProblem problem,
                                                 uint32_t queues)
    : m_artefact(ControllerArtefact::Load(path))
    , m_draw(CreateObject<UniformRandomVariable>())
{
    using Decision = ControllerArtefact::Decision;
    const Decision decision = m_artefact.GetDecision();
    if (decision == Decision::RATIO)
    {
        throw std::invalid_argument(path + ": this scenario takes a controller whose decision is "
                                           "index, argmax or softmax, not ratio");
    }
    const bool isIndex = decision == Decision::INDEX;
    if (!isIndex && m_artefact.GetOutputs().size() != queues)
    {
        throw std::invalid_argument(path + ": it chooses one of " +
                                    std::to_string(m_artefact.GetOutputs().size()) +
                                    ", but there are " + std::to_string(queues) + " queues");
    }
    std::vector<std::string> available;
    for (uint32_t queue = 0; queue < (isIndex ? 1 : queues); ++queue)
    {
        for (const std::string& name : QueueState::GetFeatureNames(problem))
        {
            available.push_back(isIndex ? name : name + "_" + std::to_string(queue));
        }
    }
    m_artefact.BindInputs(available);
}

uint32_t
QueueEquationController::Decide(const QueueState& state)
{
    const std::vector<double> decision = EvaluateNow(m_artefact, state.GetFeatures(true));
    if (m_artefact.GetDecision() != ControllerArtefact::Decision::SOFTMAX)
    {
        return static_cast<uint32_t>(decision.front());
    }
    double left = m_draw->GetValue();
    uint32_t queue = 0;
    while (queue + 1 < decision.size() && left >= decision[queue])
    {
        left -= decision[queue];
        ++queue;
    }
    return queue;
}

int64_t
QueueEquationController::AssignStreams(int64_t stream)
{
    m_draw->SetStream(stream);
    return 1;
}

} // namespace ns3::kan
