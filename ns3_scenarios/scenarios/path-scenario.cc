// SPDX-License-Identifier: GPL-2.0-only
#include "path-scenario.h"

#include "gym/gym-episodes.h"
#include "gym/gym-program.h"
#include "network/flow-sink.h"
#include "network/probe-reflector.h"

#include <ns3/boolean.h>
#include <ns3/double.h>
#include <ns3/log.h>
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

NS_LOG_COMPONENT_DEFINE("PathScenario");
NS_OBJECT_ENSURE_REGISTERED(PathScenario);

TypeId
PathScenario::GetTypeId()
{
    static TypeId tid = TypeId("ns3::PathScenario").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

PathScenario::PathScenario(const PathScenarioParameters& parameters)
    : m_parameters(parameters)
    , m_network(parameters.paths)
    , m_records(CreateObject<FlowRecords>())
    , m_loop(CreateObject<PathDecisionLoop>())
{
    m_records->SetAttribute("UtilityFloor", DoubleValue(parameters.utilityFloor));
    m_records->Configure(parameters.transport == "tcp" ? FlowTransport::TCP : FlowTransport::UDP,
                         parameters.rateLimit);
    m_network.nearBalancer->TraceConnectWithoutContext(
        "FlowPlaced", MakeCallback(&FlowRecords::Place, m_records));
    std::vector<Ptr<PathMonitor>> monitors;
    for (const BuiltPath& path : m_network.paths)
    {
        auto monitor = CreateObject<PathMonitor>();
        const Time longest = path.parameters.GetLongestDelay();
        m_longestDelay = std::max(m_longestDelay, longest);
        monitor->Install(path.nearDevice, path.farDevice, path.nearDiscipline, longest);
        monitor->TraceConnectWithoutContext("FlowPacketLost",
                                            MakeCallback(&FlowRecords::Lose, m_records));
        monitors.push_back(monitor);
    }
    BuildTraffic();
    BuildLoop(monitors);
}

void
PathScenario::BuildLoop(const std::vector<Ptr<PathMonitor>>& monitors)
{
    NS_LOG_FUNCTION(this);
    const PathScenarioParameters& p = m_parameters;
    m_loop->SetAttribute("Interval", TimeValue(p.interval));
    m_loop->SetAttribute("Warmup", TimeValue(p.warmup));
    m_loop->SetAttribute("Duration", TimeValue(p.duration));
    m_loop->SetAttribute("Reward", StringValue(p.reward));
    m_loop->SetAttribute("UtilityWeight", DoubleValue(p.utilityWeight));
    m_loop->SetAttribute("LossWeight", DoubleValue(p.lossWeight));
    m_loop->SetAttribute("DelayWeight", DoubleValue(p.delayWeight));
    m_loop->SetAttribute("SingleRatio", BooleanValue(p.hasSingleRatio));
    m_loop->SetBalancer(m_network.nearBalancer);
    m_loop->SetRecords(m_records);
    for (size_t number = 0; number < monitors.size(); ++number)
    {
        const PathParameters& path = p.paths[number];
        m_loop->AddPath({path.name,
                         path.rate,
                         path.GetLongestDelay(),
                         monitors[number],
                         m_probers.empty() ? nullptr : m_probers[number]});
    }
}

void
PathScenario::BuildTraffic()
{
    NS_LOG_FUNCTION(this);
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
    m_generator->SetAttribute("SegmentLifetime", TimeValue(RETRANSMISSIONS + m_longestDelay));
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
    NS_LOG_FUNCTION(this);
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
    NS_LOG_FUNCTION(this);
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
PathScenario::Run(IntervalLog* flows)
{
    NS_LOG_FUNCTION(this);
    m_flowLog = flows;
    if (m_flowLog)
    {
        m_records->TraceConnectWithoutContext("FlowCompleted",
                                              MakeCallback(&PathScenario::LogFlow, this));
    }
    m_loop->Start();
    Simulator::Run();
    m_loop->Finish();
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

Ptr<FlowRecords>
PathScenario::GetRecords() const
{
    return m_records;
}

Ptr<PathDecisionLoop>
PathScenario::GetLoop() const
{
    return m_loop;
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
 */
void
RunEpisode(const PathScenarioParameters& parameters, uint64_t seed, Ptr<GymInterface> gym)
{
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);
    const auto scenario = CreateObject<PathScenario>(parameters);
    const Ptr<PathDecisionLoop> loop = scenario->GetLoop();
    if (gym)
    {
        loop->SetGym(gym);
    }
    else
    {
        loop->SetController(parameters.controller);
    }
    std::optional<IntervalLog> intervals;
    if (!parameters.intervals.empty())
    {
        intervals.emplace(parameters.intervals, loop->GetColumns());
        loop->SetLog(&*intervals);
    }
    std::optional<IntervalLog> flows;
    if (!parameters.flows.empty())
    {
        flows.emplace(parameters.flows, PathScenario::GetFlowColumns(), "flows");
    }
    Recordings recordings(parameters.recordings, scenario->GetNetwork().GetParts());
    scenario->Run(flows ? &*flows : nullptr);
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
RunPathScenario(const std::string& name, const std::function<PathScenarioParameters()>& read)
{
    return RunProgram(name,
                      [&]
                      {
                          const PathScenarioParameters parameters = read();
                          RunEpisodes(parameters.controller == "gym",
                                      static_cast<uint16_t>(parameters.port),
                                      parameters.seed,
                                      [&](uint64_t seed, Ptr<GymInterface> gym)
                                      { RunEpisode(parameters, seed, gym); });
                      });
}

} // namespace ns3::kan
