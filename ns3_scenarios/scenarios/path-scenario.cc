// SPDX-License-Identifier: GPL-2.0-only
#include "path-scenario.h"

#include "gym/gym-episodes.h"
#include "gym/gym-program.h"
#include "network/flow-sink.h"
#include "network/probe-reflector.h"

#include <ns3/double.h>
#include <ns3/on-off-helper.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/pointer.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/udp-client-server-helper.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>

namespace ns3::kan
{

namespace
{

constexpr uint16_t FLOW_PORT = 9;     //!< where the receiver takes flows
constexpr uint16_t OTHER_PORT = 5001; //!< where the far router takes probes and cross traffic
constexpr uint32_t UDP_HEADERS = 28;  //!< IPv4 and UDP [byte]
constexpr uint32_t TCP_HEADERS = 52;  //!< IPv4 and TCP with timestamps [byte]
constexpr double LOAD_LIMIT = 10;     //!< loads beyond this multiple of the paths' rates read so
/// A connection lingers for twice this, so that a FIN that ns-3 sends again after 1, 3 and 7 s is
/// answered as a first one is.
const Time RETRANSMISSIONS = Seconds(4);

/**
 * @param p what to build
 * @return what a TCP socket holds, so that a flow alone can keep up its rate [byte]
 */
uint32_t
GetBuffer(const PathScenarioParameters& p)
{
    constexpr double LEAST = 131072; // as ns-3 has it
    constexpr double MOST = 1 << 29; // the greatest scaled window is 2^30
    double product = 0;
    for (const PathParameters& path : p.paths)
    {
        const DataRate rate = std::min(p.rateLimit, path.rate);
        const Time roundTrip = path.GetLongestDelay() + path.delay;
        product =
            std::max(product, static_cast<double>(rate.GetBitRate()) * roundTrip.GetSeconds() / 8);
    }
    return static_cast<uint32_t>(std::clamp(2 * product, LEAST, MOST));
}

} // namespace

NS_OBJECT_ENSURE_REGISTERED(PathScenario);

TypeId
PathScenario::GetTypeId()
{
    static TypeId tid = TypeId("ns3::PathScenario")
                            .SetParent<GymEnvironment>()
                            .SetGroupName("Ns3kan")
                            .AddTraceSource("Decision",
                                            "The shares of new flows have been decided",
                                            MakeTraceSourceAccessor(&PathScenario::m_decision),
                                            "ns3::kan::PathScenario::DecisionCallback");
    return tid;
}

PathScenario::PathScenario(const PathScenarioParameters& parameters)
    : m_parameters(parameters)
    , m_network(parameters.paths)
    , m_records(CreateObject<FlowRecords>())
{
    m_records->SetAttribute("UtilityFloor", DoubleValue(parameters.utilityFloor));
    m_records->Configure(parameters.transport == "tcp" ? FlowTransport::TCP : FlowTransport::UDP,
                         parameters.rateLimit);
    m_network.nearBalancer->TraceConnectWithoutContext(
        "FlowPlaced", MakeCallback(&FlowRecords::Place, m_records));
    for (const BuiltPath& path : m_network.paths)
    {
        auto monitor = CreateObject<PathMonitor>();
        const Time longest = path.parameters.GetLongestDelay();
        m_longestDelay = std::max(m_longestDelay, longest.GetSeconds());
        monitor->Install(path.nearDevice, path.farDevice, path.nearDiscipline, longest);
        monitor->TraceConnectWithoutContext("FlowPacketLost",
                                            MakeCallback(&FlowRecords::Lose, m_records));
        m_monitors.push_back(monitor);
    }
    BuildTraffic();
}

void
PathScenario::BuildTraffic()
{
    const PathScenarioParameters& p = m_parameters;
    const FlowTransport transport = p.transport == "tcp" ? FlowTransport::TCP : FlowTransport::UDP;
    int64_t stream = 1;
    stream += m_network.AssignStreams(stream);

    const InetSocketAddress sinkAddress(m_network.receiverAddress, FLOW_PORT);
    m_generator = CreateObject<FlowGenerator>();
    m_generator->SetAttribute("MinLoad", DataRateValue(p.minLoad));
    m_generator->SetAttribute("MaxLoad", DataRateValue(p.maxLoad));
    m_generator->SetAttribute("LoadPeriod", TimeValue(p.loadPeriod));
    m_generator->SetAttribute("RateLimit", DataRateValue(p.rateLimit));
    const uint32_t headers = transport == FlowTransport::TCP ? TCP_HEADERS : UDP_HEADERS;
    m_generator->SetAttribute("Payload", UintegerValue(p.packetSize - headers));
    m_generator->SetAttribute("MeanFlowSize", DoubleValue(p.meanFlowSize));
    if (p.flowSizes == "pareto")
    {
        auto sizes = CreateObject<ParetoRandomVariable>();
        sizes->SetAttribute("Shape", DoubleValue(p.tailIndex));
        sizes->SetAttribute("Scale", DoubleValue(p.meanFlowSize * (p.tailIndex - 1) / p.tailIndex));
        m_generator->SetAttribute("FlowSize", PointerValue(sizes));
    }
    else if (p.flowSizes == "constant")
    {
        auto sizes = CreateObject<ConstantRandomVariable>();
        sizes->SetAttribute("Constant", DoubleValue(p.meanFlowSize));
        m_generator->SetAttribute("FlowSize", PointerValue(sizes));
    }
    else
    {
        auto sizes = CreateObject<ExponentialRandomVariable>();
        sizes->SetAttribute("Mean", DoubleValue(p.meanFlowSize));
        m_generator->SetAttribute("FlowSize", PointerValue(sizes));
    }
    const uint32_t buffer = GetBuffer(p);
    m_generator->SetAttribute("Buffer", UintegerValue(buffer));
    m_generator->SetAttribute("SegmentLifetime",
                              TimeValue(RETRANSMISSIONS + Seconds(m_longestDelay)));
    m_generator->Configure(m_network.senderAddress, sinkAddress, transport, m_records);
    m_generator->TraceConnectWithoutContext(
        "FlowStarted", MakeCallback(&PathBalancer::Forget, m_network.nearBalancer));
    m_network.sender->AddApplication(m_generator);
    stream += m_generator->AssignStreams(stream);

    auto sink = CreateObject<FlowSink>();
    sink->Configure(FLOW_PORT, transport, m_records, buffer);
    m_network.receiver->AddApplication(sink);

    PacketSinkHelper otherSink("ns3::UdpSocketFactory",
                               InetSocketAddress(Ipv4Address::GetAny(), OTHER_PORT));
    otherSink.Install(m_network.farRouter);
    if (p.observation == "in-band")
    {
        ProbeInBand();
    }
    else
    {
        for (const BuiltPath& path : m_network.paths)
        {
            UdpClientHelper probes(path.farAddress, OTHER_PORT);
            probes.SetAttribute("Interval", TimeValue(p.probeInterval));
            probes.SetAttribute("PacketSize", UintegerValue(PathProber::PROBE_SIZE - UDP_HEADERS));
            probes.SetAttribute("MaxPackets", UintegerValue(std::numeric_limits<uint32_t>::max()));
            probes.Install(m_network.nearRouter);
        }
    }

    for (const BuiltPath& path : m_network.paths)
    {
        for (const CrossTraffic& cross : path.parameters.cross)
        {
            stream += AddCrossTraffic(path, cross, stream);
        }
    }
    // Last, so that a queue discipline changes nobody else's draws.
    m_network.AssignDisciplineStreams(stream);
}

void
PathScenario::ProbeInBand()
{
    auto reflector = CreateObject<ProbeReflector>();
    m_network.farRouter->AddApplication(reflector);
    for (const BuiltPath& path : m_network.paths)
    {
        reflector->AddPath(path.nearAddress, path.farDevice);
        auto prober = CreateObject<PathProber>();
        prober->SetAttribute("Interval", TimeValue(m_parameters.probeInterval));
        prober->Configure(path.farAddress,
                          path.parameters.rate,
                          path.parameters.delay,
                          path.parameters.GetLongestDelay());
        m_network.nearRouter->AddApplication(prober);
        m_probers.push_back(prober);
    }
    m_network.nearBalancer->TraceConnectWithoutContext(
        "PacketPlaced", MakeCallback(&PathScenario::CountPacket, this));
}

void
PathScenario::CountPacket(uint32_t path, uint32_t bytes)
{
    m_probers[path]->Count(bytes);
}

int64_t
PathScenario::AddCrossTraffic(const BuiltPath& path, const CrossTraffic& cross, int64_t stream)
{
    OnOffHelper helper("ns3::UdpSocketFactory", InetSocketAddress(path.farAddress, OTHER_PORT));
    std::ostringstream on;
    std::ostringstream off;
    on << "ns3::ExponentialRandomVariable[Mean=" << cross.on.GetSeconds() << "]";
    off << "ns3::ExponentialRandomVariable[Mean=" << cross.off.GetSeconds() << "]";
    helper.SetAttribute("OnTime", StringValue(on.str()));
    helper.SetAttribute("OffTime", StringValue(off.str()));
    helper.SetAttribute("DataRate", DataRateValue(cross.rate));
    helper.SetAttribute("PacketSize", UintegerValue(m_parameters.packetSize - UDP_HEADERS));
    helper.Install(m_network.nearRouter);
    return helper.AssignStreams(NodeContainer(m_network.nearRouter), stream);
}

void
PathScenario::Run(Ptr<GymInterface> gym,
                  Ptr<PathController> controller,
                  IntervalLog* intervals,
                  IntervalLog* flows)
{
    m_gym = gym;
    m_controller = controller;
    m_intervalLog = intervals;
    m_flowLog = flows;
    if (m_flowLog)
    {
        m_records->TraceConnectWithoutContext("FlowCompleted",
                                              MakeCallback(&PathScenario::LogFlow, this));
    }
    const PathScenarioParameters& p = m_parameters;
    m_decisionsLeft = p.duration.GetTimeStep() / p.interval.GetTimeStep();
    Simulator::Schedule(p.warmup - p.interval, &PathScenario::CloseInterval, this);
    Simulator::Schedule(p.warmup, &PathScenario::Decide, this);
    if (m_gym)
    {
        m_gym->Start(this);
    }
    Simulator::Run();
    if (m_gym)
    {
        m_gym->Finish();
    }
    if (m_flowLog)
    {
        for (const FlowRecord& flow : m_records->GetUnfinished())
        {
            LogFlow(flow);
        }
    }
}

const TwoSiteNetwork&
PathScenario::GetNetwork() const
{
    return m_network;
}

const std::vector<Ptr<PathMonitor>>&
PathScenario::GetMonitors() const
{
    return m_monitors;
}

Ptr<FlowRecords>
PathScenario::GetRecords() const
{
    return m_records;
}

void
PathScenario::CloseInterval()
{
    const PathScenarioParameters& p = m_parameters;
    const double totalRate = p.GetTotalRate();
    const uint64_t offered = m_network.nearBalancer->GetOfferedBytes();
    const double length = (Simulator::Now() - m_lastClosed).GetSeconds();
    const double load =
        length > 0 ? std::min(LOAD_LIMIT, 8.0 * (offered - m_lastOffered) / (totalRate * length))
                   : 0;
    m_features = {load, load - m_load};
    m_lastClosed = Simulator::Now();
    m_lastOffered = offered;
    m_load = load;

    uint32_t delivered = 0;
    uint32_t lost = 0;
    double delaySum = 0;
    for (size_t number = 0; number < m_monitors.size(); ++number)
    {
        const PathInterval path = m_monitors[number]->CloseInterval();
        const PathInterval seen = m_probers.empty() ? path : m_probers[number]->CloseInterval();
        m_features.insert(m_features.end(), {seen.delay, seen.loss, seen.utilisation});
        delivered += path.flowDelivered;
        lost += path.flowLost;
        delaySum += path.flowDelaySum;
    }

    const FlowInterval flows = m_records->CloseInterval();
    m_metrics.utility = flows.utility;
    m_metrics.goodput = flows.goodput;
    m_metrics.activeFlows = flows.activeFlows;
    m_metrics.delay = delivered > 0 ? delaySum / delivered : lost > 0 ? m_longestDelay : 0;
    m_metrics.loss = delivered + lost > 0 ? static_cast<double>(lost) / (delivered + lost) : 0;
    if (p.reward == "utility")
    {
        m_metrics.reward = m_metrics.utility;
    }
    else if (p.reward == "loss")
    {
        m_metrics.reward = -m_metrics.loss;
    }
    else if (p.reward == "delay")
    {
        m_metrics.reward = -m_metrics.delay;
    }
    else
    {
        m_metrics.reward = p.utilityWeight * m_metrics.utility - p.lossWeight * m_metrics.loss -
                           p.delayWeight * m_metrics.delay;
    }
}

void
PathScenario::LogDecision()
{
    if (!m_intervalLog || m_decidedAt < 0)
    {
        return;
    }
    std::vector<double> row{m_decidedAt};
    row.insert(row.end(), m_decidedOn.begin(), m_decidedOn.end());
    const std::vector<double> decision = ToAction(m_shares);
    row.insert(row.end(), decision.begin(), decision.end());
    row.insert(row.end(),
               {m_metrics.reward,
                m_metrics.goodput,
                m_metrics.delay,
                m_metrics.loss,
                static_cast<double>(m_metrics.activeFlows)});
    m_intervalLog->Write(row);
}

void
PathScenario::LogFlow(const FlowRecord& flow)
{
    const bool completed = !flow.end.IsZero();
    m_flowLog->Write({static_cast<double>(flow.number),
                      static_cast<double>(flow.port),
                      static_cast<double>(flow.path),
                      flow.start.GetSeconds(),
                      (completed ? flow.end : Simulator::Now()).GetSeconds(),
                      completed ? 1.0 : 0.0,
                      static_cast<double>(flow.size),
                      static_cast<double>(flow.delivered),
                      static_cast<double>(flow.received),
                      static_cast<double>(flow.lost)});
}

void
PathScenario::Decide()
{
    CloseInterval();
    LogDecision();
    if (m_decisionsLeft == 0)
    {
        Simulator::Stop();
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
    else
    {
        m_shares = m_controller->Decide(m_features);
    }
    m_network.nearBalancer->SetShares(m_shares);
    m_decision(m_decidedOn, m_shares);
    Simulator::Schedule(m_parameters.interval, &PathScenario::Decide, this);
}

GymSpace
PathScenario::GetObservationSpace() const
{
    const float infinity = std::numeric_limits<float>::infinity();
    const auto size = static_cast<uint32_t>(GetDescription().features.size());
    return GymSpace(GymSpace::Box{-infinity, infinity, {size}, GymDtype::DOUBLE});
}

GymSpace
PathScenario::GetActionSpace() const
{
    const auto size = static_cast<uint32_t>(GetActions().size());
    return GymSpace(GymSpace::Box{0, 1, {size}, GymDtype::DOUBLE});
}

GymDescription
PathScenario::GetDescription() const
{
    GymDescription description;
    description.features = {{"load", "1", 0, LOAD_LIMIT},
                            {"load_delta", "1", -LOAD_LIMIT, LOAD_LIMIT}};
    for (const BuiltPath& path : m_network.paths)
    {
        const PathParameters& p = path.parameters;
        const double longest = p.GetLongestDelay().GetSeconds();
        description.features.push_back({p.name + "_delay", "s", 0, longest});
        description.features.push_back({p.name + "_loss", "1", 0, 1});
        description.features.push_back({p.name + "_utilisation", "1", 0, 1});
    }
    description.actions = GetActions();
    return description;
}

GymContainer
PathScenario::GetObservation()
{
    return GymContainer::Vector(m_features);
}

double
PathScenario::GetReward()
{
    return m_metrics.reward;
}

std::string
PathScenario::GetExtraInfo()
{
    std::ostringstream info;
    info.precision(17);
    info << "{\"time\": " << Simulator::Now().GetSeconds() << ", \"goodput\": " << m_metrics.goodput
         << ", \"delay\": " << m_metrics.delay << ", \"loss\": " << m_metrics.loss
         << ", \"utility\": " << m_metrics.utility
         << ", \"active_flows\": " << m_metrics.activeFlows << "}";
    return info.str();
}

void
PathScenario::ExecuteAction(const GymContainer& action)
{
    m_shares = FromAction(action.GetBox<double>());
}

std::vector<GymComponent>
PathScenario::GetActions() const
{
    std::vector<GymComponent> actions;
    for (const PathParameters& path : m_parameters.paths)
    {
        actions.push_back({path.name + "_ratio", "1", 0, 1});
    }
    return actions;
}

std::vector<double>
PathScenario::FromAction(const std::vector<double>& action) const
{
    return ToShares(action);
}

std::vector<double>
PathScenario::ToAction(const std::vector<double>& shares) const
{
    return shares;
}

std::vector<IntervalLog::Column>
PathScenario::GetColumns() const
{
    const GymDescription description = GetDescription();
    std::vector<IntervalLog::Column> columns{{"time", "s"}};
    for (const GymComponent& feature : description.features)
    {
        columns.push_back({feature.name, feature.unit});
    }
    for (const GymComponent& action : description.actions)
    {
        columns.push_back({action.name, action.unit});
    }
    columns.insert(columns.end(),
                   {{"reward", "1"},
                    {"goodput", "bit/s"},
                    {"delay", "s"},
                    {"loss", "1"},
                    {"active_flows", "1"}});
    return columns;
}

std::vector<IntervalLog::Column>
PathScenario::GetFlowColumns()
{
    return {{"flow", "1"},
            {"source_port", "1"},
            {"path", "1"},
            {"start", "s"},
            {"end", "s"},
            {"completed", "1"},
            {"size", "byte"},
            {"delivered", "byte"},
            {"received", "packet"},
            {"lost", "packet"}};
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
RunEpisode(const PathScenarioParameters& parameters,
           uint64_t seed,
           Ptr<GymInterface> gym,
           const PathScenarioFactory& make)
{
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);
    const Ptr<PathScenario> scenario = make(parameters);
    Ptr<PathController> controller;
    if (!gym)
    {
        ControlledPaths paths;
        for (const PathParameters& path : parameters.paths)
        {
            paths.names.push_back(path.name);
            paths.rates.push_back(static_cast<double>(path.rate.GetBitRate()));
        }
        controller = MakePathController(parameters.controller, paths);
    }
    std::optional<IntervalLog> intervals;
    if (!parameters.intervals.empty())
    {
        intervals.emplace(parameters.intervals, scenario->GetColumns());
    }
    std::optional<IntervalLog> flows;
    if (!parameters.flows.empty())
    {
        flows.emplace(parameters.flows, PathScenario::GetFlowColumns(), "flows");
    }
    Recordings recordings(parameters.recordings, scenario->GetNetwork().GetParts());
    scenario->Run(gym, controller, intervals ? &*intervals : nullptr, flows ? &*flows : nullptr);
    recordings.Finish();
    if (intervals)
    {
        intervals->Finish();
    }
    if (flows)
    {
        flows->Finish();
    }
    Simulator::Destroy();
}

} // namespace

int
RunPathScenario(const std::string& name,
                const std::function<PathScenarioParameters()>& read,
                const PathScenarioFactory& make)
{
    return RunProgram(name,
                      [&]
                      {
                          const PathScenarioParameters parameters = read();
                          RunEpisodes(parameters.controller == "gym",
                                      static_cast<uint16_t>(parameters.port),
                                      parameters.seed,
                                      [&](uint64_t seed, Ptr<GymInterface> gym)
                                      { RunEpisode(parameters, seed, gym, make); });
                      });
}

} // namespace ns3::kan
