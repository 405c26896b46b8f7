// SPDX-License-Identifier: GPL-2.0-only
#include "fabric-decision-loop.h"

#include <ns3/log.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <sstream>
#include <utility>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FabricDecisionLoop");
NS_OBJECT_ENSURE_REGISTERED(FabricDecisionLoop);

namespace
{

constexpr double LOAD_LIMIT = 10; //!< loads beyond this multiple of the uplinks read so

/**
 * @param leaf number of a leaf
 * @return its name
 */
std::string
LeafName(uint32_t leaf)
{
    return "leaf" + std::to_string(leaf);
}

/**
 * How unevenly the uplinks of a leaf are used, as M. Alizadeh et al., "CONGA", 2014, 5.2.2, say.
 * @param bytes sent on each
 * @return the greatest less the least, over the mean; 0 if nothing was sent
 */
double
GetImbalance(const std::vector<double>& bytes)
{
    const double sum = std::accumulate(bytes.begin(), bytes.end(), 0.0);
    const auto [least, most] = std::minmax_element(bytes.begin(), bytes.end());
    return sum > 0 ? (*most - *least) * static_cast<double>(bytes.size()) / sum : 0;
}

/**
 * @param leaves numbers of each leaf
 * @return all of them, leaf by leaf
 */
std::vector<double>
Join(const std::vector<LeafNumbers>& leaves)
{
    std::vector<double> all;
    for (const LeafNumbers& own : leaves)
    {
        all.insert(all.end(), own.begin(), own.end());
    }
    return all;
}

} // namespace

TypeId
FabricDecisionLoop::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::FabricDecisionLoop")
            .SetParent<GymEnvironment>()
            .SetGroupName("Ns3kan")
            .AddConstructor<FabricDecisionLoop>()
            .AddAttribute("Interval",
                          "Time between two decisions",
                          TimeValue(MicroSeconds(500)),
                          MakeTimeAccessor(&FabricDecisionLoop::m_interval),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Warmup",
                          "Time of the first decision; at least Interval",
                          TimeValue(MilliSeconds(50)),
                          MakeTimeAccessor(&FabricDecisionLoop::m_warmup),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Duration",
                          "Time over which decisions are taken",
                          TimeValue(MilliSeconds(600)),
                          MakeTimeAccessor(&FabricDecisionLoop::m_duration),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("Reward",
                          "What a decision earns: slowdown, utility or imbalance",
                          StringValue("slowdown"),
                          MakeStringAccessor(&FabricDecisionLoop::m_reward),
                          MakeStringChecker())
            .AddAttribute("Agents",
                          "Leaves with an agent of their own, from leaf 0 on; 0 is one agent for "
                          "all leaves",
                          UintegerValue(0),
                          MakeUintegerAccessor(&FabricDecisionLoop::m_agents),
                          MakeUintegerChecker<uint32_t>())
            .AddTraceSource("Decision",
                            "The weights of all uplinks have been decided",
                            MakeTraceSourceAccessor(&FabricDecisionLoop::m_decision),
                            "ns3::kan::FabricDecisionLoop::DecisionCallback");
    return tid;
}

void
FabricDecisionLoop::Configure(const LeafSpineNetwork& network,
                              const FabricBalancer& balancer,
                              Time longestDelay)
{
    NS_LOG_FUNCTION(this << longestDelay);
    const uint32_t leaves = network.leafRouters.size();
    m_uplinks = GetLeafPaths(network).names;
    m_balancer = balancer;
    m_longestDelay = longestDelay;
    m_features.assign(leaves, LeafNumbers(1));
    m_weights.assign(leaves,
                     LeafNumbers(m_uplinks.size(), 1.0 / static_cast<double>(m_uplinks.size())));
    m_monitor = CreateObject<FabricMonitor>();
    m_monitor->Install(network, longestDelay);
}

void
FabricDecisionLoop::ObserveInBand(const LeafSpineNetwork& network)
{
    NS_LOG_FUNCTION(this);
    for (const Ptr<LeafRouter>& leaf : network.leafRouters)
    {
        m_telemetry.push_back(CreateObject<LeafTelemetry>());
        m_telemetry.back()->Configure(static_cast<uint32_t>(m_features.size()),
                                      static_cast<uint32_t>(m_uplinks.size()),
                                      m_longestDelay);
        leaf->SetTelemetry(m_telemetry.back());
    }
}

void
FabricDecisionLoop::SetFlows(Ptr<TcpFlows> flows, Ptr<FlowProgress> progress, double capacity)
{
    NS_LOG_FUNCTION(this << flows << progress << capacity);
    m_flows = flows;
    m_progress = progress;
    m_capacity = capacity;
}

void
FabricDecisionLoop::SetGym(Ptr<GymInterface> gym)
{
    NS_LOG_FUNCTION(this << gym);
    m_gym = gym;
}

void
FabricDecisionLoop::SetLog(IntervalLog* log)
{
    m_log = log;
}

void
FabricDecisionLoop::Start(Callback<void> end)
{
    NS_LOG_FUNCTION(this);
    NS_ABORT_MSG_UNLESS(m_monitor && m_progress,
                        "FabricDecisionLoop: call Configure and SetFlows before Start");
    NS_ABORT_MSG_IF(m_warmup < m_interval,
                    "FabricDecisionLoop: Warmup is shorter than Interval: the first decision needs "
                    "one measured interval");
    m_end = end;
    m_decisionsLeft = m_duration.GetTimeStep() / m_interval.GetTimeStep();
    Simulator::Schedule(m_warmup - m_interval, &FabricDecisionLoop::CloseInterval, this);
    Simulator::Schedule(m_warmup, &FabricDecisionLoop::Decide, this);
    if (m_gym)
    {
        m_gym->Start(this);
    }
}

void
FabricDecisionLoop::Finish()
{
    NS_LOG_FUNCTION(this);
    if (m_gym)
    {
        m_gym->Finish();
    }
}

Ptr<FabricMonitor>
FabricDecisionLoop::GetMonitor() const
{
    return m_monitor;
}

void
FabricDecisionLoop::CloseInterval()
{
    const double length = (Simulator::Now() - m_lastClosed).GetSeconds();
    m_lastClosed = Simulator::Now();
    const std::vector<FabricInterval> leaves = m_monitor->CloseInterval();
    for (size_t leaf = 0; leaf < leaves.size(); ++leaf)
    {
        const double load = std::min(LOAD_LIMIT, leaves[leaf].load);
        const double before = m_features[leaf].front();
        LeafNumbers features{load, load - before};
        const std::vector<PathInterval>& all = leaves[leaf].uplinks;
        const std::vector<PathInterval> seen =
            m_telemetry.empty() ? all : m_telemetry[leaf]->CloseInterval();
        for (size_t uplink = 0; uplink < all.size(); ++uplink)
        {
            // How busy its own links are, a leaf knows.
            features.insert(features.end(),
                            {seen[uplink].delay, seen[uplink].loss, all[uplink].utilisation});
        }
        m_features[leaf] = features;
    }
    Measure(leaves, length);
}

void
FabricDecisionLoop::Measure(const std::vector<FabricInterval>& leaves, double length)
{
    const std::vector<ProgressInterval> flows = m_progress->CloseInterval();
    Metrics metrics;
    double delivered = 0;
    double lost = 0;
    double delaySum = 0;
    double imbalances = 0;
    for (size_t leaf = 0; leaf < leaves.size(); ++leaf)
    {
        for (const PathInterval& uplink : leaves[leaf].uplinks)
        {
            delivered += uplink.flowDelivered;
            lost += uplink.flowLost;
            delaySum += uplink.flowDelaySum;
        }
        const double imbalance = GetImbalance(leaves[leaf].bytes);
        imbalances += imbalance;
        metrics.rewards.push_back(GetRewardOf(flows[leaf], imbalance));
        metrics.flows.Add(flows[leaf]);
    }
    metrics.reward = GetRewardOf(metrics.flows, imbalances / static_cast<double>(leaves.size()));
    metrics.goodput = length > 0 ? 8 * static_cast<double>(metrics.flows.bytes) / length : 0;
    metrics.offered = length > 0 ? 8 * static_cast<double>(metrics.flows.offered) / length : 0;
    metrics.delay = delivered > 0 ? delaySum / delivered
                    : lost > 0    ? m_longestDelay.GetSeconds()
                                  : 0;
    metrics.loss = delivered + lost > 0 ? lost / (delivered + lost) : 0;
    const uint64_t segments = std::exchange(m_lastSegments, m_flows->GetSegments());
    const uint64_t outOfOrder = std::exchange(m_lastOutOfOrder, m_flows->GetOutOfOrder());
    if (m_lastSegments > segments)
    {
        metrics.outOfOrder = static_cast<double>(m_lastOutOfOrder - outOfOrder) /
                             static_cast<double>(m_lastSegments - segments);
    }
    m_metrics = metrics;
}

double
FabricDecisionLoop::GetRewardOf(const ProgressInterval& flows, double imbalance) const
{
    return m_reward == "slowdown"  ? -flows.GetLogSlowdown()
           : m_reward == "utility" ? flows.GetUtility()
                                   : -imbalance;
}

void
FabricDecisionLoop::LogDecision()
{
    if (!m_log || m_decidedAt < 0)
    {
        return;
    }
    std::vector<double> row{m_decidedAt};
    const std::vector<double> features = Join(m_decidedOn);
    row.insert(row.end(), features.begin(), features.end());
    std::vector<double> weights = Join(m_weights);
    if (m_balancer.weighted.empty())
    {
        // The leaves choose by themselves: there are no weights.
        weights.assign(weights.size(), std::numeric_limits<double>::quiet_NaN());
    }
    row.insert(row.end(), weights.begin(), weights.end());
    row.insert(row.end(),
               {m_metrics.reward,
                m_metrics.goodput,
                m_metrics.delay,
                m_metrics.loss,
                m_metrics.outOfOrder,
                static_cast<double>(m_metrics.flows.activeFlows),
                static_cast<double>(m_metrics.flows.finishedFlows),
                m_metrics.flows.GetLogSlowdown(),
                m_metrics.offered / m_capacity,
                m_metrics.goodput / m_capacity});
    m_log->Write(row);
}

void
FabricDecisionLoop::Decide()
{
    NS_LOG_FUNCTION(this);
    CloseInterval();
    LogDecision();
    if (m_decisionsLeft == 0)
    {
        m_end();
        return;
    }
    --m_decisionsLeft;
    m_decidedAt = Simulator::Now().GetSeconds();
    m_decidedOn = m_features;
    if (m_gym)
    {
        if (!m_gym->Step())
        {
            return;
        }
    }
    else if (m_balancer.controller)
    {
        m_weights = m_balancer.controller->Decide(m_features);
    }
    m_balancer.SetWeights(m_weights);
    m_decision(m_decidedOn, m_balancer.weighted.empty() ? std::vector<LeafNumbers>() : m_weights);
    Simulator::Schedule(m_interval, &FabricDecisionLoop::Decide, this);
}

GymSpace
FabricDecisionLoop::GetObservationSpace() const
{
    const float infinity = std::numeric_limits<float>::infinity();
    const auto own = static_cast<uint32_t>(DescribeLeaf(0).size());
    const auto leaves = static_cast<uint32_t>(m_features.size());
    const auto box = [&](uint32_t size)
    { return GymSpace(GymSpace::Box{-infinity, infinity, {size}, GymDtype::DOUBLE}); };
    if (m_agents == 0)
    {
        return box(leaves * own);
    }
    GymSpace::Dict agents;
    for (uint32_t leaf = 0; leaf < m_agents; ++leaf)
    {
        agents.elements.emplace_back(LeafName(leaf), box(own));
    }
    return {agents};
}

GymSpace
FabricDecisionLoop::GetActionSpace() const
{
    const auto spines = static_cast<uint32_t>(m_uplinks.size());
    const auto leaves = static_cast<uint32_t>(m_features.size());
    const auto box = [](uint32_t size)
    { return GymSpace(GymSpace::Box{0, 1, {size}, GymDtype::DOUBLE}); };
    if (m_agents == 0)
    {
        return box(leaves * spines);
    }
    GymSpace::Dict agents;
    for (uint32_t leaf = 0; leaf < m_agents; ++leaf)
    {
        agents.elements.emplace_back(LeafName(leaf), box(spines));
    }
    return {agents};
}

std::vector<GymComponent>
FabricDecisionLoop::DescribeLeaf(uint32_t leaf) const
{
    const double longest = m_longestDelay.GetSeconds();
    const std::string prefix = LeafName(leaf) + "_";
    std::vector<GymComponent> features{{prefix + "load", "1", 0, LOAD_LIMIT},
                                       {prefix + "load_delta", "1", -LOAD_LIMIT, LOAD_LIMIT}};
    for (const std::string& uplink : m_uplinks)
    {
        features.push_back({prefix + uplink + "_delay", "s", 0, longest});
        features.push_back({prefix + uplink + "_loss", "1", 0, 1});
        features.push_back({prefix + uplink + "_utilisation", "1", 0, 1});
    }
    return features;
}

GymDescription
FabricDecisionLoop::GetDescription() const
{
    const size_t agents = m_agents;
    GymDescription description;
    for (uint32_t leaf = 0; leaf < (agents == 0 ? m_features.size() : agents); ++leaf)
    {
        const std::vector<GymComponent> features = DescribeLeaf(leaf);
        description.features.insert(description.features.end(), features.begin(), features.end());
        for (const std::string& uplink : m_uplinks)
        {
            description.actions.push_back({LeafName(leaf) + "_" + uplink + "_weight", "1", 0, 1});
        }
    }
    return description;
}

GymContainer
FabricDecisionLoop::GetObservation()
{
    if (m_agents == 0)
    {
        return GymContainer::Vector(Join(m_features));
    }
    GymContainer::Dict agents;
    for (uint32_t leaf = 0; leaf < m_agents; ++leaf)
    {
        agents.elements.emplace_back(LeafName(leaf), GymContainer::Vector(m_features[leaf]));
    }
    return {agents};
}

double
FabricDecisionLoop::GetReward()
{
    return m_metrics.reward;
}

std::string
FabricDecisionLoop::GetExtraInfo()
{
    std::ostringstream info;
    info.precision(17);
    info << "{\"time\": " << Simulator::Now().GetSeconds() << ", \"goodput\": " << m_metrics.goodput
         << ", \"delay\": " << m_metrics.delay << ", \"loss\": " << m_metrics.loss
         << ", \"out_of_order\": " << m_metrics.outOfOrder
         << ", \"active_flows\": " << m_metrics.flows.activeFlows
         << ", \"finished_flows\": " << m_metrics.flows.finishedFlows
         << ", \"log_slowdown\": " << m_metrics.flows.GetLogSlowdown()
         << ", \"offered_load\": " << m_metrics.offered / m_capacity
         << ", \"delivered_load\": " << m_metrics.goodput / m_capacity;
    if (m_agents > 0)
    {
        info << ", \"rewards\": {";
        for (uint32_t leaf = 0; leaf < m_agents; ++leaf)
        {
            info << (leaf > 0 ? ", " : "") << "\"" << LeafName(leaf)
                 << "\": " << m_metrics.rewards[leaf];
        }
        info << "}";
    }
    info << "}";
    return info.str();
}

void
FabricDecisionLoop::ExecuteAction(const GymContainer& action)
{
    if (m_agents == 0)
    {
        const std::vector<double>& numbers = action.GetBox<double>();
        const auto spines = static_cast<std::ptrdiff_t>(m_uplinks.size());
        for (size_t leaf = 0; leaf < m_weights.size(); ++leaf)
        {
            const auto own = numbers.begin() + static_cast<std::ptrdiff_t>(leaf) * spines;
            m_weights[leaf] = ToShares(LeafNumbers(own, own + spines));
        }
        return;
    }
    for (uint32_t leaf = 0; leaf < m_agents; ++leaf)
    {
        m_weights[leaf] = ToShares(action.At(LeafName(leaf)).GetBox<double>());
    }
}

std::vector<IntervalLog::Column>
FabricDecisionLoop::GetColumns() const
{
    std::vector<IntervalLog::Column> columns{{"time", "s"}};
    std::vector<IntervalLog::Column> weights;
    for (uint32_t leaf = 0; leaf < m_features.size(); ++leaf)
    {
        for (const GymComponent& feature : DescribeLeaf(leaf))
        {
            columns.push_back({feature.name, feature.unit});
        }
        for (const std::string& uplink : m_uplinks)
        {
            weights.push_back({LeafName(leaf) + "_" + uplink + "_weight", "1"});
        }
    }
    columns.insert(columns.end(), weights.begin(), weights.end());
    columns.insert(columns.end(),
                   {{"reward", "1"},
                    {"goodput", "bit/s"},
                    {"delay", "s"},
                    {"loss", "1"},
                    {"out_of_order", "1"},
                    {"active_flows", "1"},
                    {"finished_flows", "1"},
                    {"log_slowdown", "1"},
                    {"offered_load", "1"},
                    {"delivered_load", "1"}});
    return columns;
}

} // namespace ns3::kan
