// SPDX-License-Identifier: GPL-2.0-only
#include "queue-controller.h"

#include "queue-equation-controller.h"

#include <ns3/random-variable-stream.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(QueueController);

TypeId
QueueController::GetTypeId()
{
    static TypeId tid = TypeId("ns3::QueueController").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

int64_t
QueueController::AssignStreams(int64_t)
{
    return 0;
}

std::vector<std::string>
QueueState::GetFeatureNames(QueueProblem problem)
{
    if (problem == QueueProblem::ROUTING)
    {
        return {"queue_length", "capacity", "service_rate"};
    }
    return {"queue_length", "capacity", "arrival_rate", "service_rate"};
}

std::vector<double>
QueueState::GetFeatures(bool withRates) const
{
    std::vector<double> features;
    for (size_t queue = 0; queue < lengths.size(); ++queue)
    {
        features.push_back(lengths[queue]);
        features.push_back(capacities[queue]);
        if (withRates && !arrivalRates.empty())
        {
            features.push_back(arrivalRates[queue]);
        }
        if (withRates)
        {
            features.push_back(serviceRates[queue]);
        }
    }
    return features;
}

namespace
{

/// Score of one queue.
using Score = std::function<double(const QueueState&, size_t queue)>;

/// The queue with the greatest score, the first of equals.
class GreatestScore : public QueueController
{
  public:
    /// @param score of a queue
    explicit GreatestScore(Score score)
        : m_score(std::move(score))
    {
    }

    uint32_t Decide(const QueueState& state) override
    {
        uint32_t best = 0;
        double greatest = m_score(state, 0);
        for (uint32_t queue = 1; queue < state.lengths.size(); ++queue)
        {
            const double score = m_score(state, queue);
            if (score > greatest)
            {
                best = queue;
                greatest = score;
            }
        }
        return best;
    }

  private:
    Score m_score;
};

/// Any queue, equally likely.
class RandomQueue : public QueueController
{
  public:
    uint32_t Decide(const QueueState& state) override
    {
        return m_draw->GetInteger(0, static_cast<uint32_t>(state.lengths.size()) - 1);
    }

    int64_t AssignStreams(int64_t stream) override
    {
        m_draw->SetStream(stream);
        return 1;
    }

  private:
    Ptr<UniformRandomVariable> m_draw{CreateObject<UniformRandomVariable>()};
};

/// One queue after the other.
class RoundRobin : public QueueController
{
  public:
    uint32_t Decide(const QueueState& state) override
    {
        const uint32_t queue = m_next % static_cast<uint32_t>(state.lengths.size());
        m_next = queue + 1;
        return queue;
    }

  private:
    uint32_t m_next{0};
};

/// The shorter of two queues that are drawn at random, the first of equals.
class PowerOfTwo : public QueueController
{
  public:
    uint32_t Decide(const QueueState& state) override
    {
        const auto queues = static_cast<uint32_t>(state.lengths.size());
        if (queues == 1)
        {
            return 0;
        }
        const uint32_t one = m_draw->GetInteger(0, queues - 1);
        uint32_t other = m_draw->GetInteger(0, queues - 2);
        other += other >= one ? 1 : 0;
        const auto [first, second] = std::minmax(one, other);
        return state.lengths[second] < state.lengths[first] ? second : first;
    }

    int64_t AssignStreams(int64_t stream) override
    {
        m_draw->SetStream(stream);
        return 1;
    }

  private:
    Ptr<UniformRandomVariable> m_draw{CreateObject<UniformRandomVariable>()};
};

/**
 * @param problem what is scored for
 * @return the controllers that are a score, by name
 */
std::vector<std::pair<std::string, Score>>
GetScores(QueueProblem problem)
{
    if (problem == QueueProblem::ROUTING)
    {
        return {
            {"join-shortest-queue",
             [](const QueueState& state, size_t queue) { return -state.lengths[queue]; }},
            {"shortest-expected-delay",
             [](const QueueState& state, size_t queue)
             {
                 const double rate = state.serviceRates[queue];
                 return rate > 0 ? -(state.lengths[queue] + 1) / rate
                                 : -std::numeric_limits<double>::infinity();
             }},
        };
    }
    return {
        {"longest-queue",
         [](const QueueState& state, size_t queue) { return state.lengths[queue]; }},
        {"longest-connected-queue",
         [](const QueueState& state, size_t queue)
         { return state.capacities[queue] > 0 ? state.lengths[queue] : -1; }},
        {"max-weight",
         [](const QueueState& state, size_t queue)
         { return state.lengths[queue] * state.capacities[queue]; }},
    };
}

} // namespace

Ptr<QueueController>
MakeQueueController(const std::string& name, QueueProblem problem, uint32_t queues)
{
    static const std::string json = ".json";
    if (name.size() >= json.size() &&
        name.compare(name.size() - json.size(), json.size(), json) == 0)
    {
        return CreateObject<QueueEquationController>(name, problem, queues);
    }
    if (name == "random")
    {
        return CreateObject<RandomQueue>();
    }
    if (name == "round-robin")
    {
        return CreateObject<RoundRobin>();
    }
    if (name == "power-of-two" && problem == QueueProblem::ROUTING)
    {
        return CreateObject<PowerOfTwo>();
    }
    std::string known = "random, round-robin, ";
    known += problem == QueueProblem::ROUTING ? "power-of-two, " : "";
    for (const auto& [candidate, score] : GetScores(problem))
    {
        if (name == candidate)
        {
            return CreateObject<GreatestScore>(score);
        }
        known += candidate + ", ";
    }
    throw std::invalid_argument("there is no controller \"" + name + "\"; use " + known +
                                "gym, or the path of a controller.json");
}

} // namespace ns3::kan
