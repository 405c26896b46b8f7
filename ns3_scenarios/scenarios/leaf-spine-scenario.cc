// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-spine-scenario.h"

#include <ns3/double.h>
#include <ns3/simulator.h>
#include <ns3/tcp-cubic.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <utility>

namespace ns3::kan
{

namespace
{

constexpr int64_t TRAFFIC_STREAM = 1;   //!< takes three
constexpr int64_t BALANCER_STREAM = 10; //!< so that all balancers meet the same traffic
constexpr uint32_t SEGMENT = 1448;      //!< 1,500 bytes less IPv4 and TCP with a timestamp [byte]
constexpr uint32_t INITIAL_WINDOW = 10; //!< J. Chu et al., RFC 6928 [segment]
constexpr double LOAD_LIMIT = 10;       //!< loads beyond this multiple of the uplinks read so

/**
 * @param fabric what it is made of
 * @return the best path from a host to one of another leaf
 */
IdlePath
MakeIdlePath(const FabricParameters& fabric)
{
    const DataRate fastest =
        *std::max_element(fabric.uplinkRates.begin(), fabric.uplinkRates.end());
    const double delay = fabric.delay.GetSeconds();
    const IdlePath::Link host{static_cast<double>(fabric.hostRate.GetBitRate()), delay};
    const IdlePath::Link uplink{static_cast<double>(fastest.GetBitRate()), delay};
    return {{host, uplink, uplink, host}, SEGMENT, INITIAL_WINDOW};
}

/**
 * @param fabric what it is made of
 * @return segments that a socket holds: with these a flow alone fills its host's link
 */
uint32_t
GetBuffer(const FabricParameters& fabric)
{
    constexpr double LEAST = 128;    // what a short fabric's queues can hold as well
    constexpr double MOST = 1 << 19; // the greatest scaled window is 1 GiB
    const double product = fabric.GetBandwidthDelayProduct() / SEGMENT;
    return static_cast<uint32_t>(std::clamp(std::ceil(2 * product), LEAST, MOST));
}

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

NS_OBJECT_ENSURE_REGISTERED(LeafSpineScenario);

TypeId
LeafSpineScenario::GetTypeId()
{
    static TypeId tid = TypeId("ns3::LeafSpineScenario")
                            .SetParent<GymEnvironment>()
                            .SetGroupName("Ns3kan")
                            .AddTraceSource("Decision",
                                            "The weights of all uplinks have been decided",
                                            MakeTraceSourceAccessor(&LeafSpineScenario::m_decision),
                                            "ns3::kan::LeafSpineScenario::DecisionCallback");
    return tid;
}

LeafSpineScenario::LeafSpineScenario(const LeafSpineParameters& parameters)
    : m_parameters(parameters)
    , m_network(parameters.IsInfinite() ? parameters.GetInfiniteFabric() : parameters.GetFabric())
    , m_idle(MakeIdlePath(parameters.GetFabric()))
    , m_balancer(MakeFabricBalancer(parameters.controller, m_network, BALANCER_STREAM))
    , m_monitor(CreateObject<FabricMonitor>())
    , m_flows(CreateObject<TcpFlows>())
    , m_features(parameters.leaves, LeafNumbers(1))
    , m_weights(parameters.leaves,
                LeafNumbers(parameters.spines, 1.0 / static_cast<double>(parameters.spines)))
{
    const LeafSpineParameters& p = m_parameters;
    for (const Ptr<LeafRouter>& leaf : m_network.leafRouters)
    {
        leaf->SetAttribute("FlowletGap", TimeValue(p.flowletGap));
        leaf->SetGranularity(p.granularity == "flow"      ? Granularity::FLOW
                             : p.granularity == "flowlet" ? Granularity::FLOWLET
                                                          : Granularity::PACKET);
    }
    if (!p.IsInfinite())
    {
        for (const LinkFailure& failure : p.failures)
        {
            m_network.Schedule(failure, p.convergence);
        }
    }
    m_monitor->Install(m_network, p.GetLongestDelay());
    if (p.observation == "in-band")
    {
        for (const Ptr<LeafRouter>& leaf : m_network.leafRouters)
        {
            m_telemetry.push_back(CreateObject<LeafTelemetry>());
            m_telemetry.back()->Configure(static_cast<uint32_t>(p.leaves),
                                          static_cast<uint32_t>(p.spines),
                                          p.GetLongestDelay());
            leaf->SetTelemetry(m_telemetry.back());
        }
    }

    m_flows->SetAttribute("Segment", UintegerValue(SEGMENT));
    m_flows->SetAttribute("InitialWindow", UintegerValue(INITIAL_WINDOW));
    m_flows->SetAttribute("Buffer", UintegerValue(GetBuffer(p.GetFabric())));
    m_flows->SetAttribute("MinRto", TimeValue(p.minRto));
    if (p.tcp == "cubic")
    {
        m_flows->SetAttribute("CongestionControl", TypeIdValue(TcpCubic::GetTypeId()));
    }
    for (size_t host = 0; host < m_network.hosts.size(); ++host)
    {
        m_flows->AddHost(m_network.hosts[host], m_network.addresses[host]);
    }
    m_progress = CreateObject<FlowProgress>(
        static_cast<uint32_t>(p.leaves), static_cast<uint32_t>(p.hosts), m_idle, p.utilityFloor);
    m_flows->TraceConnectWithoutContext("Started", MakeCallback(&FlowProgress::Start, m_progress));
    m_flows->TraceConnectWithoutContext("Started",
                                        MakeCallback(&LeafSpineScenario::Announce, this));
    m_traffic =
        CreateObject<FabricTraffic>(p.GetTraffic(),
                                    [this](uint32_t source, uint32_t destination, uint64_t size)
                                    { m_flows->Start(source, destination, size); });
    m_traffic->AssignStreams(TRAFFIC_STREAM);
    if (!p.links.empty())
    {
        m_links = CreateObject<LinkTotals>();
        m_links->Install();
    }
}

void
LeafSpineScenario::Announce(const TcpFlow& flow)
{
    const uint32_t hosts = m_network.parameters.hosts;
    m_network.leafRouters[flow.source / hosts]->Forget(flow.tuple);
    m_network.leafRouters[flow.destination / hosts]->Forget(flow.tuple.Reversed());
}

void
LeafSpineScenario::Run(Ptr<GymInterface> gym, IntervalLog* log)
{
    m_gym = gym;
    m_log = log;
    const LeafSpineParameters& p = m_parameters;
    m_decisionsLeft = p.duration.GetTimeStep() / p.interval.GetTimeStep();
    Simulator::ScheduleNow(&FabricTraffic::Start, m_traffic, p.warmup + p.duration);
    Simulator::Schedule(p.warmup - p.interval, &LeafSpineScenario::CloseInterval, this);
    Simulator::Schedule(p.warmup, &LeafSpineScenario::Decide, this);
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

const LeafSpineNetwork&
LeafSpineScenario::GetNetwork() const
{
    return m_network;
}

Ptr<FabricMonitor>
LeafSpineScenario::GetMonitor() const
{
    return m_monitor;
}

Ptr<TcpFlows>
LeafSpineScenario::GetFlows() const
{
    return m_flows;
}

void
LeafSpineScenario::CloseInterval()
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
LeafSpineScenario::Measure(const std::vector<FabricInterval>& leaves, double length)
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
                    : lost > 0    ? m_parameters.GetLongestDelay().GetSeconds()
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
LeafSpineScenario::GetRewardOf(const ProgressInterval& flows, double imbalance) const
{
    return m_parameters.reward == "slowdown"  ? -flows.GetLogSlowdown()
           : m_parameters.reward == "utility" ? flows.GetUtility()
                                              : -imbalance;
}

void
LeafSpineScenario::LogDecision()
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
                m_metrics.offered / m_parameters.GetCapacity(),
                m_metrics.goodput / m_parameters.GetCapacity()});
    m_log->Write(row);
}

void
LeafSpineScenario::Decide()
{
    CloseInterval();
    LogDecision();
    if (m_decidedAt < 0)
    {
        m_deliveredBefore = GetDelivered();
    }
    if (m_decisionsLeft == 0)
    {
        m_deliveredAfter = GetDelivered();
        m_measuredUntil = Simulator::Now();
        const LeafSpineParameters& p = m_parameters;
        Simulator::Schedule(p.drain, [] { Simulator::Stop(); });
        Drain();
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
    Simulator::Schedule(m_parameters.interval, &LeafSpineScenario::Decide, this);
}

void
LeafSpineScenario::Drain()
{
    const bool isWanted = !m_parameters.flows.empty() || !m_parameters.summary.empty();
    const bool isRunning = std::any_of(m_flows->GetFlows().begin(),
                                       m_flows->GetFlows().end(),
                                       [](const TcpFlow& flow) { return flow.finish.IsZero(); });
    if (!isWanted || !isRunning)
    {
        Simulator::Stop();
        return;
    }
    Simulator::Schedule(m_parameters.interval, &LeafSpineScenario::Drain, this);
}

std::vector<uint64_t>
LeafSpineScenario::GetDelivered() const
{
    std::vector<uint64_t> delivered;
    for (const TcpFlow& flow : m_flows->GetFlows())
    {
        delivered.push_back(flow.delivered);
    }
    return delivered;
}

GymSpace
LeafSpineScenario::GetObservationSpace() const
{
    const float infinity = std::numeric_limits<float>::infinity();
    const auto own = static_cast<uint32_t>(DescribeLeaf(0).size());
    const auto leaves = static_cast<uint32_t>(m_parameters.leaves);
    const auto box = [&](uint32_t size)
    { return GymSpace(GymSpace::Box{-infinity, infinity, {size}, GymDtype::DOUBLE}); };
    if (m_parameters.agents == 0)
    {
        return box(leaves * own);
    }
    GymSpace::Dict agents;
    for (uint32_t leaf = 0; leaf < m_parameters.agents; ++leaf)
    {
        agents.elements.emplace_back(LeafName(leaf), box(own));
    }
    return {agents};
}

GymSpace
LeafSpineScenario::GetActionSpace() const
{
    const auto spines = static_cast<uint32_t>(m_parameters.spines);
    const auto leaves = static_cast<uint32_t>(m_parameters.leaves);
    const auto box = [](uint32_t size)
    { return GymSpace(GymSpace::Box{0, 1, {size}, GymDtype::DOUBLE}); };
    if (m_parameters.agents == 0)
    {
        return box(leaves * spines);
    }
    GymSpace::Dict agents;
    for (uint32_t leaf = 0; leaf < m_parameters.agents; ++leaf)
    {
        agents.elements.emplace_back(LeafName(leaf), box(spines));
    }
    return {agents};
}

std::vector<GymComponent>
LeafSpineScenario::DescribeLeaf(uint32_t leaf) const
{
    const double longest = m_parameters.GetLongestDelay().GetSeconds();
    const std::string prefix = LeafName(leaf) + "_";
    std::vector<GymComponent> features{{prefix + "load", "1", 0, LOAD_LIMIT},
                                       {prefix + "load_delta", "1", -LOAD_LIMIT, LOAD_LIMIT}};
    for (const std::string& uplink : GetLeafPaths(m_network).names)
    {
        features.push_back({prefix + uplink + "_delay", "s", 0, longest});
        features.push_back({prefix + uplink + "_loss", "1", 0, 1});
        features.push_back({prefix + uplink + "_utilisation", "1", 0, 1});
    }
    return features;
}

GymDescription
LeafSpineScenario::GetDescription() const
{
    const uint64_t agents = m_parameters.agents;
    GymDescription description;
    for (uint32_t leaf = 0; leaf < (agents == 0 ? m_parameters.leaves : agents); ++leaf)
    {
        const std::vector<GymComponent> features = DescribeLeaf(leaf);
        description.features.insert(description.features.end(), features.begin(), features.end());
        for (const std::string& uplink : GetLeafPaths(m_network).names)
        {
            description.actions.push_back({LeafName(leaf) + "_" + uplink + "_weight", "1", 0, 1});
        }
    }
    return description;
}

GymContainer
LeafSpineScenario::GetObservation()
{
    if (m_parameters.agents == 0)
    {
        return GymContainer::Vector(Join(m_features));
    }
    GymContainer::Dict agents;
    for (uint32_t leaf = 0; leaf < m_parameters.agents; ++leaf)
    {
        agents.elements.emplace_back(LeafName(leaf), GymContainer::Vector(m_features[leaf]));
    }
    return {agents};
}

double
LeafSpineScenario::GetReward()
{
    return m_metrics.reward;
}

std::string
LeafSpineScenario::GetExtraInfo()
{
    std::ostringstream info;
    info.precision(17);
    info << "{\"time\": " << Simulator::Now().GetSeconds() << ", \"goodput\": " << m_metrics.goodput
         << ", \"delay\": " << m_metrics.delay << ", \"loss\": " << m_metrics.loss
         << ", \"out_of_order\": " << m_metrics.outOfOrder
         << ", \"active_flows\": " << m_metrics.flows.activeFlows
         << ", \"finished_flows\": " << m_metrics.flows.finishedFlows
         << ", \"log_slowdown\": " << m_metrics.flows.GetLogSlowdown()
         << ", \"offered_load\": " << m_metrics.offered / m_parameters.GetCapacity()
         << ", \"delivered_load\": " << m_metrics.goodput / m_parameters.GetCapacity();
    if (m_parameters.agents > 0)
    {
        info << ", \"rewards\": {";
        for (uint32_t leaf = 0; leaf < m_parameters.agents; ++leaf)
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
LeafSpineScenario::ExecuteAction(const GymContainer& action)
{
    if (m_parameters.agents == 0)
    {
        const std::vector<double>& numbers = action.GetBox<double>();
        const auto spines = static_cast<std::ptrdiff_t>(m_parameters.spines);
        for (size_t leaf = 0; leaf < m_weights.size(); ++leaf)
        {
            const auto own = numbers.begin() + static_cast<std::ptrdiff_t>(leaf) * spines;
            m_weights[leaf] = ToShares(LeafNumbers(own, own + spines));
        }
        return;
    }
    for (uint32_t leaf = 0; leaf < m_parameters.agents; ++leaf)
    {
        m_weights[leaf] = ToShares(action.At(LeafName(leaf)).GetBox<double>());
    }
}

std::vector<IntervalLog::Column>
LeafSpineScenario::GetColumns() const
{
    std::vector<IntervalLog::Column> columns{{"time", "s"}};
    std::vector<IntervalLog::Column> weights;
    for (uint32_t leaf = 0; leaf < m_parameters.leaves; ++leaf)
    {
        for (const GymComponent& feature : DescribeLeaf(leaf))
        {
            columns.push_back({feature.name, feature.unit});
        }
        for (const std::string& uplink : GetLeafPaths(m_network).names)
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

FlowSummary
LeafSpineScenario::GetSummary() const
{
    const LeafSpineParameters& p = m_parameters;
    std::vector<double> edges = p.sizeBins;
    for (double& edge : edges)
    {
        edge *= p.flowSizes == "constant" ? 1 : p.GetSizeScale();
    }
    const double measured = (m_measuredUntil - p.warmup).GetSeconds();
    FlowSummary summary(edges, p.GetCapacity() * measured / 8);
    const std::deque<TcpFlow>& flows = m_flows->GetFlows();
    for (size_t number = 0; number < flows.size(); ++number)
    {
        const TcpFlow& flow = flows[number];
        if (number < m_deliveredAfter.size())
        {
            const uint64_t before =
                number < m_deliveredBefore.size() ? m_deliveredBefore[number] : 0;
            summary.AddLoad(flow.bytes,
                            flow.start >= p.warmup ? flow.bytes : 0,
                            m_deliveredAfter[number] - before);
        }
        if (flow.start >= p.warmup)
        {
            summary.Add(flow, m_idle.GetCompletionTime(flow.bytes));
        }
    }
    return summary;
}

Ptr<LinkTotals>
LeafSpineScenario::GetLinkTotals() const
{
    return m_links;
}

} // namespace ns3::kan
