// SPDX-License-Identifier: GPL-2.0-only
#include "slotted-scenario.h"

#include "gym/gym-episodes.h"
#include "gym/gym-program.h"

#include <ns3/log.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

constexpr int64_t DRAW_STREAM = 1;       //!< arrivals and capacities take two
constexpr int64_t CONTROLLER_STREAM = 3; //!< so that all controllers meet the same packets

/**
 * @param law of the counts
 * @param rates their means
 * @param name of the argument that gave the law
 * @return one distribution each
 */
std::vector<CountDistribution>
MakeDistributions(const std::string& law, const std::vector<double>& rates, const std::string& name)
{
    std::vector<CountDistribution> distributions;
    try
    {
        for (const double rate : rates)
        {
            distributions.emplace_back(law, rate);
        }
    }
    catch (const std::invalid_argument& error)
    {
        throw std::invalid_argument("--" + name + ": " + error.what());
    }
    return distributions;
}

} // namespace

NS_LOG_COMPONENT_DEFINE("SlottedScenario");
NS_OBJECT_ENSURE_REGISTERED(SlottedScenario);

TypeId
SlottedScenario::GetTypeId()
{
    static TypeId tid = TypeId("ns3::SlottedScenario")
                            .SetParent<GymEnvironment>()
                            .SetGroupName("Ns3kan")
                            .AddTraceSource("Decision",
                                            "A queue has been chosen",
                                            MakeTraceSourceAccessor(&SlottedScenario::m_decision),
                                            "ns3::kan::SlottedScenario::DecisionCallback");
    return tid;
}

SlottedScenario::SlottedScenario(const SlottedParameters& parameters,
                                 const std::vector<std::vector<uint32_t>>& buffers)
    : m_network(buffers, static_cast<uint32_t>(parameters.packetSize))
    , m_parameters(parameters)
    , m_largestArrival(std::numeric_limits<double>::infinity())
    , m_largestCapacity(std::numeric_limits<double>::infinity())
{
    const SlottedParameters& p = m_parameters;
    if (p.trace.empty())
    {
        auto arrivals = MakeDistributions(p.arrivals, p.arrivalRates, "arrivals");
        auto capacities = MakeDistributions(p.capacities, p.serviceRates, "capacities");
        m_largestArrival = arrivals.front().GetLargest();
        m_largestCapacity = capacities.front().GetLargest();
        m_draws = std::make_unique<RandomSlotDraws>(
            std::move(arrivals), std::move(capacities), DRAW_STREAM);
    }
    else
    {
        m_draws = std::make_unique<TraceSlotDraws>(
            p.trace, static_cast<uint32_t>(p.arrivalRates.size()), static_cast<uint32_t>(p.queues));
    }
    m_state.lengths.assign(p.queues, 0);
    m_state.serviceRates = p.serviceRates;
    if (p.problem == QueueProblem::SCHEDULING)
    {
        m_state.arrivalRates = p.arrivalRates;
    }
}

void
SlottedScenario::Run(Ptr<GymInterface> gym, Ptr<QueueController> controller, IntervalLog* log)
{
    NS_LOG_FUNCTION(this);
    m_gym = gym;
    m_controller = controller;
    m_log = log;
    if (m_controller)
    {
        m_controller->AssignStreams(CONTROLLER_STREAM);
    }
    if (!m_draws->Next(m_counts) || !m_draws->Next(m_nextCounts))
    {
        throw std::runtime_error(m_parameters.trace + ": a trace needs two rows or more");
    }
    m_state.capacities.assign(m_counts.capacities.begin(), m_counts.capacities.end());
    Simulator::ScheduleNow(&SlottedScenario::BeginSlot, this);
    if (m_gym)
    {
        m_gym->Start(this);
    }
    Simulator::Run();
    if (m_gym)
    {
        m_gym->Finish();
    }
}

void
SlottedScenario::BeginSlot()
{
    if (m_gym)
    {
        if (!m_gym->Step())
        {
            return;
        }
    }
    else
    {
        m_chosen = m_controller->Decide(m_state);
    }
    m_decision(m_state, m_chosen);
    const Time slot = m_parameters.slot;
    const uint32_t left = Serve(m_chosen, m_counts.capacities);
    if (m_network.GetCrossingTime(left) >= slot)
    {
        throw std::runtime_error("a slot is too short for the " + std::to_string(left) +
                                 " packets that leave in slot " + std::to_string(m_slot) +
                                 ": make --slot longer or --packetSize smaller");
    }
    Simulator::Schedule(slot / 2, &SlottedScenario::Arrive, this);
    Simulator::Schedule(slot, &SlottedScenario::EndSlot, this);
}

void
SlottedScenario::Arrive()
{
    for (const uint32_t arrivals : m_counts.arrivals)
    {
        m_expected += arrivals;
    }
    Send(m_counts.arrivals);
}

void
SlottedScenario::EndSlot()
{
    NS_LOG_FUNCTION(this);
    if (m_network.GetArrived() != m_expected)
    {
        throw std::runtime_error("a slot is too short for the packets that arrive in slot " +
                                 std::to_string(m_slot) +
                                 ": make --slot longer or --packetSize smaller");
    }
    const std::vector<uint32_t> lengths = m_network.GetQueueLengths();
    const uint64_t delivered = m_network.GetDelivered();
    m_droppedNow = m_network.GetDropped() - m_dropped;
    m_dropped += m_droppedNow;
    std::vector<double> row;
    if (m_log)
    {
        row.push_back((Simulator::Now() - m_parameters.slot).GetSeconds());
        const std::vector<double> features = m_state.GetFeatures(false);
        row.insert(row.end(), features.begin(), features.end());
    }
    m_state.lengths.assign(lengths.begin(), lengths.end());
    m_lastCost = GetCost();
    if (m_log)
    {
        row.insert(row.end(),
                   {static_cast<double>(m_chosen),
                    m_lastCost,
                    static_cast<double>(m_droppedNow),
                    static_cast<double>(delivered - m_delivered)});
        m_log->Write(row);
    }
    m_delivered = delivered;
    ++m_slot;
    m_counts = m_nextCounts;
    m_state.capacities.assign(m_counts.capacities.begin(), m_counts.capacities.end());
    if (m_slot == m_parameters.slots || !m_draws->Next(m_nextCounts))
    {
        Simulator::Stop();
        return;
    }
    BeginSlot();
}

double
SlottedScenario::GetCost() const
{
    const SlottedParameters& p = m_parameters;
    double cost = p.dropCost * m_droppedNow;
    for (size_t queue = 0; queue < m_state.lengths.size(); ++queue)
    {
        const double length = m_state.lengths[queue];
        cost += p.costWeights[queue] * (p.cost == "quadratic" ? length * length : length);
    }
    return cost;
}

GymSpace
SlottedScenario::GetObservationSpace() const
{
    const auto queues = static_cast<uint32_t>(m_parameters.queues);
    const auto numbers = static_cast<uint32_t>(GetDescription().features.size());
    return GymSpace(GymSpace::Box{
        0, std::numeric_limits<float>::infinity(), {queues, numbers / queues}, GymDtype::DOUBLE});
}

GymSpace
SlottedScenario::GetActionSpace() const
{
    return GymSpace(GymSpace::Discrete{static_cast<int32_t>(m_parameters.queues)});
}

GymDescription
SlottedScenario::GetDescription() const
{
    const SlottedParameters& p = m_parameters;
    GymDescription description;
    for (uint64_t queue = 0; queue < p.queues; ++queue)
    {
        for (const std::string& name : QueueState::GetFeatureNames(p.problem))
        {
            const bool isRate = name == "arrival_rate" || name == "service_rate";
            if (isRate && !p.observeRates)
            {
                continue;
            }
            const bool isLength = name == "queue_length";
            const double buffer = p.buffers[queue];
            const double high =
                isLength ? (buffer > 0 ? buffer : std::numeric_limits<double>::infinity())
                : name == "arrival_rate" ? m_largestArrival
                                         : m_largestCapacity;
            description.features.push_back(
                {name + "_" + std::to_string(queue), isLength ? "packet" : "packet/step", 0, high});
        }
    }
    return description;
}

GymContainer
SlottedScenario::GetObservation()
{
    std::vector<double> features = m_state.GetFeatures(m_parameters.observeRates);
    const auto queues = static_cast<uint32_t>(m_parameters.queues);
    const auto columns = static_cast<uint32_t>(features.size()) / queues;
    return GymContainer(GymContainer::Box{std::move(features), {queues, columns}});
}

double
SlottedScenario::GetReward()
{
    return -m_parameters.rewardScale * m_lastCost;
}

std::string
SlottedScenario::GetExtraInfo()
{
    const std::vector<double>& buffers = m_parameters.buffers;
    const bool bounded =
        std::any_of(buffers.begin(), buffers.end(), [](double buffer) { return buffer > 0; });
    return bounded && m_slot > 0 ? "{\"drops\": " + std::to_string(m_droppedNow) + "}" : "{}";
}

void
SlottedScenario::ExecuteAction(const GymContainer& action)
{
    m_chosen = static_cast<uint32_t>(action.GetDiscrete());
}

const SlottedNetwork&
SlottedScenario::GetNetwork() const
{
    return m_network;
}

std::vector<IntervalLog::Column>
SlottedScenario::GetColumns() const
{
    std::vector<IntervalLog::Column> columns{{"time", "s"}};
    for (uint64_t queue = 0; queue < m_parameters.queues; ++queue)
    {
        columns.push_back({"queue_length_" + std::to_string(queue), "packet"});
        columns.push_back({"capacity_" + std::to_string(queue), "packet/step"});
    }
    columns.insert(
        columns.end(),
        {{"decision", "1"}, {"cost", "packet"}, {"drops", "packet"}, {"delivered", "packet"}});
    return columns;
}

namespace
{

/**
 * One episode, from an empty simulator to an empty simulator.
 * @param parameters what to build
 * @param seed run number of the random streams
 * @param gym the bridge that decides, or null if the controller that the parameters name does
 * @param make makes the scenario
 */
void
RunEpisode(const SlottedParameters& parameters,
           uint64_t seed,
           Ptr<GymInterface> gym,
           const SlottedFactory& make)
{
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);
    Ptr<QueueController> controller;
    if (!gym)
    {
        controller = MakeQueueController(
            parameters.controller, parameters.problem, static_cast<uint32_t>(parameters.queues));
    }
    const Ptr<SlottedScenario> scenario = make(parameters);
    std::optional<IntervalLog> log;
    if (!parameters.intervals.empty())
    {
        log.emplace(parameters.intervals, scenario->GetColumns());
    }
    Recordings recordings(parameters.recordings, scenario->GetNetwork().GetParts());
    scenario->Run(gym, controller, log ? &*log : nullptr);
    recordings.Finish();
    if (log)
    {
        log->Finish();
    }
    Simulator::Destroy();
}

} // namespace

int
RunSlottedScenario(const SlottedParameters& defaults,
                   int argc,
                   char* argv[],
                   const SlottedFactory& make)
{
    return RunProgram(defaults.name,
                      [&]
                      {
                          SlottedParameters parameters = defaults;
                          ReadSlottedArguments(parameters, argc, argv);
                          RunEpisodes(parameters.controller == "gym",
                                      static_cast<uint16_t>(parameters.port),
                                      parameters.seed,
                                      [&](uint64_t seed, Ptr<GymInterface> gym)
                                      { RunEpisode(parameters, seed, gym, make); });
                      });
}

} // namespace ns3::kan
