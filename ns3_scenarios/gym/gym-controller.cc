// SPDX-License-Identifier: GPL-2.0-only
#include "gym-controller.h"

#include "balancing/artefact-use.h"

#include <cmath>
#include <stdexcept>
#include <variant>

namespace ns3::kan
{

using Decision = ControllerArtefact::Decision;

namespace
{

/// Most numbers of an observation or action that are named.
constexpr size_t MAX_NUMBERS = 65536;

size_t
CountOf(const std::vector<uint32_t>& shape)
{
    size_t count = 1;
    for (const uint32_t side : shape)
    {
        count *= side;
    }
    return count;
}

/// @return how many numbers a value of a space is flattened to
size_t
CountNumbers(const GymSpace& space)
{
    const auto& kind = space.Get();
    if (const auto* discrete = std::get_if<GymSpace::Discrete>(&kind))
    {
        return discrete->n;
    }
    if (const auto* box = std::get_if<GymSpace::Box>(&kind))
    {
        return CountOf(box->shape);
    }
    size_t count = 0;
    if (const auto* tuple = std::get_if<GymSpace::Tuple>(&kind))
    {
        for (const GymSpace& element : tuple->elements)
        {
            count += CountNumbers(element);
        }
        return count;
    }
    for (const auto& [name, element] : std::get<GymSpace::Dict>(kind).elements)
    {
        count += CountNumbers(element);
    }
    return count;
}

/// Appends the numbers of a value that conforms to a space.
void
Append(const GymSpace& space, const GymContainer& value, std::vector<double>& numbers)
{
    const auto& kind = space.Get();
    if (const auto* discrete = std::get_if<GymSpace::Discrete>(&kind))
    {
        const int32_t choice = std::get<GymContainer::Discrete>(value.Get()).value;
        for (int32_t each = 0; each < discrete->n; ++each)
        {
            numbers.push_back(each == choice ? 1 : 0);
        }
    }
    else if (std::holds_alternative<GymSpace::Box>(kind))
    {
        std::visit([&](const auto& data)
                   { numbers.insert(numbers.end(), data.begin(), data.end()); },
                   std::get<GymContainer::Box>(value.Get()).data);
    }
    else if (const auto* tuple = std::get_if<GymSpace::Tuple>(&kind))
    {
        for (size_t i = 0; i < tuple->elements.size(); ++i)
        {
            Append(tuple->elements[i], value.At(i), numbers);
        }
    }
    else
    {
        for (const auto& [name, element] : std::get<GymSpace::Dict>(kind).elements)
        {
            Append(element, value.At(name), numbers);
        }
    }
}

/// The description's components, or numbered ones where there is none.
std::vector<GymComponent>
Named(const std::vector<GymComponent>& described, const std::string& kind, size_t count)
{
    if (count > MAX_NUMBERS)
    {
        throw std::invalid_argument("the " + kind + " space has " + std::to_string(count) +
                                    " numbers; a controller takes at most " +
                                    std::to_string(MAX_NUMBERS));
    }
    if (described.empty())
    {
        std::vector<GymComponent> components;
        for (size_t i = 0; i < count; ++i)
        {
            components.push_back({kind + "_" + std::to_string(i), "1", -INFINITY, INFINITY});
        }
        return components;
    }
    if (described.size() != count)
    {
        throw std::invalid_argument(
            "the environment describes " + std::to_string(described.size()) + " numbers of its " +
            kind + " but declares " + std::to_string(count) + "; describe each of them");
    }
    return described;
}

std::vector<std::string>
NamesOf(const std::vector<GymComponent>& components)
{
    std::vector<std::string> names;
    for (const GymComponent& component : components)
    {
        names.push_back(component.name);
    }
    return names;
}

/// Names of one component's features, from those of all components, the first of which end in _0.
std::vector<std::string>
NamesOfOne(const std::string& path, const std::vector<GymComponent>& features, size_t choices)
{
    if (features.empty() || features.size() % choices != 0)
    {
        throw std::invalid_argument(path + ": its decision is index, one expression for each of " +
                                    std::to_string(choices) + " choices, but the observation has " +
                                    std::to_string(features.size()) +
                                    " numbers; give each choice as many");
    }
    std::vector<std::string> names = NamesOf(features);
    names.resize(features.size() / choices);
    for (std::string& name : names)
    {
        if (name.size() > 2 && name.compare(name.size() - 2, 2, "_0") == 0)
        {
            name.resize(name.size() - 2);
        }
    }
    return names;
}

} // namespace

GymController::GymController(const std::string& path, Ptr<const GymEnvironment> environment)
    : m_path(path)
    , m_artefact(ControllerArtefact::Load(path))
    , m_observationSpace(environment->GetObservationSpace())
    , m_actionSpace(environment->GetActionSpace())
{
    const GymDescription description = environment->GetDescription();
    m_features = Named(description.features, "observation", CountNumbers(m_observationSpace));
    const Decision decision = m_artefact.GetDecision();
    const size_t outputs = m_artefact.GetOutputs().size();
    const auto& kind = m_actionSpace.Get();
    if (const auto* box = std::get_if<GymSpace::Box>(&kind))
    {
        m_actions = Named(description.actions, "action", CountOf(box->shape));
        if (decision != Decision::RATIO && decision != Decision::SOFTMAX)
        {
            throw std::invalid_argument(path +
                                        ": it chooses, but the action is a Box of numbers; give a "
                                        "controller whose decision is ratio or softmax");
        }
        if (outputs != m_actions.size())
        {
            throw std::invalid_argument(
                path + ": it decides " + std::to_string(outputs) + " numbers, but the action has " +
                std::to_string(m_actions.size()) + "; give one output for each");
        }
        for (const ControllerQuantity& output : m_artefact.GetOutputs())
        {
            if (decision == Decision::RATIO && output.hasRange &&
                (output.low < box->low || output.high > box->high))
            {
                throw std::invalid_argument(
                    path + ": its output " + output.name + " goes from " +
                    std::to_string(output.low) + " to " + std::to_string(output.high) +
                    ", beyond the action's bounds " + std::to_string(box->low) + " to " +
                    std::to_string(box->high) + "; give the output a range within them");
            }
        }
        m_artefact.BindInputs(NamesOf(m_features));
        return;
    }
    const auto* discrete = std::get_if<GymSpace::Discrete>(&kind);
    if (discrete == nullptr)
    {
        throw std::invalid_argument(path + ": a controller decides a Box or a Discrete, but the "
                                           "action is a Tuple or a Dict; declare one Box");
    }
    m_actions = {{description.actions.size() == 1 ? description.actions.front().name : "action",
                  "1",
                  0,
                  static_cast<double>(discrete->n - 1)}};
    if (decision == Decision::RATIO)
    {
        throw std::invalid_argument(path + ": it decides numbers, but the action is a choice; give "
                                           "a controller whose decision is argmax, softmax or "
                                           "index");
    }
    if (decision == Decision::INDEX)
    {
        m_artefact.BindInputs(NamesOfOne(path, m_features, discrete->n));
        return;
    }
    if (outputs != static_cast<size_t>(discrete->n))
    {
        throw std::invalid_argument(path + ": it chooses one of " + std::to_string(outputs) +
                                    ", but the action has " + std::to_string(discrete->n) +
                                    " choices; give one output for each");
    }
    m_draw = CreateObject<UniformRandomVariable>();
    m_artefact.BindInputs(NamesOf(m_features));
}

const std::vector<GymComponent>&
GymController::GetFeatures() const
{
    return m_features;
}

const std::vector<GymComponent>&
GymController::GetActions() const
{
    return m_actions;
}

std::vector<double>
GymController::ToNumbers(const GymContainer& observation) const
{
    std::vector<double> numbers;
    numbers.reserve(m_features.size());
    Append(m_observationSpace, m_observationSpace.Conform(observation), numbers);
    return numbers;
}

std::vector<double>
GymController::Decide(const std::vector<double>& features)
{
    std::vector<double> decision = EvaluateNow(m_artefact, features);
    const bool isChoice = std::holds_alternative<GymSpace::Discrete>(m_actionSpace.Get());
    if (!isChoice || m_artefact.GetDecision() != Decision::SOFTMAX)
    {
        return decision;
    }
    double left = m_draw->GetValue();
    size_t choice = 0;
    while (choice + 1 < decision.size() && left >= decision[choice])
    {
        left -= decision[choice];
        ++choice;
    }
    return {static_cast<double>(choice)};
}

GymContainer
GymController::ToAction(const std::vector<double>& decision) const
{
    const auto* box = std::get_if<GymSpace::Box>(&m_actionSpace.Get());
    if (box == nullptr)
    {
        return GymContainer(GymContainer::Discrete{static_cast<int32_t>(decision.front())});
    }
    std::vector<double> values = decision;
    if (box->dtype == GymDtype::INT || box->dtype == GymDtype::UINT)
    {
        for (double& value : values)
        {
            value = std::round(value);
        }
    }
    // Takes the declared shape and element type.
    return m_actionSpace.Conform(GymContainer::Vector<double>(values));
}

} // namespace ns3::kan
