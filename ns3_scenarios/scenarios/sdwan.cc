// SPDX-License-Identifier: GPL-2.0-only
/**
 * Two sites joined by a small clean path (mpls) and a larger, lossy one (internet) that other
 * traffic uses too. At each decision interval a controller sets the ratio: the probability with
 * which a new flow is placed on the internet path.
 */
#include "sdwan-parameters.h"

#include "balancing/path-balancer.h"
#include "balancing/path-controller.h"
#include "gym/gym-environment.h"
#include "gym/gym-episodes.h"
#include "gym/gym-interface.h"
#include "network/flow-generator.h"
#include "network/flow-records.h"
#include "network/flow-sink.h"
#include "network/interval-log.h"
#include "network/path-monitor.h"
#include "network/two-site-network.h"

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
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

using namespace ns3;

namespace
{

constexpr uint16_t FLOW_PORT = 9;     //!< where the receiver takes flows
constexpr uint16_t OTHER_PORT = 5001; //!< where the far router takes probes and cross traffic
constexpr uint32_t UDP_HEADERS = 28;  //!< IPv4 and UDP [byte]
constexpr uint32_t TCP_HEADERS = 52;  //!< IPv4 and TCP with timestamps [byte]
constexpr uint32_t PROBE_SIZE = 64;   //!< IP size of a probe [byte]
constexpr double LOAD_LIMIT = 10;     //!< loads beyond this multiple of the paths' rates read so

/// The scenario: network, traffic, measurements and the decision loop.
class SdWan : public GymEnvironment
{
  public:
    /// @param parameters what to build
    explicit SdWan(const SdWanParameters& parameters);

    /**
     * Run from time zero to the end.
     * @param gym the bridge that decides, or null
     * @param controller decides if there is no bridge
     * @param log receives a row per decision, or null
     */
    void Run(Ptr<GymInterface> gym, Ptr<PathController> controller, IntervalLog* log);

    GymSpace GetObservationSpace() const override;
    GymSpace GetActionSpace() const override;
    GymDescription GetDescription() const override;
    GymContainer GetObservation() override;
    double GetReward() override;
    std::string GetExtraInfo() override;
    void ExecuteAction(const GymContainer& action) override;

    /// @return the columns of the interval log and their units
    static std::vector<IntervalLog::Column> GetColumns(const GymDescription& description);

  private:
    /// What one interval was like for the flows of both paths together.
    struct Metrics
    {
        double utility{0};
        double goodput{0};
        double delay{0};
        double loss{0};
        double reward{0};
        uint32_t activeFlows{0};
    };

    void BuildTraffic();
    void CloseInterval();
    void Decide();
    void LogDecision();

    SdWanParameters m_parameters;
    TwoSiteNetwork m_network;
    Ptr<FlowRecords> m_records;
    Ptr<FlowGenerator> m_generator;
    std::vector<Ptr<PathMonitor>> m_monitors;
    Ptr<GymInterface> m_gym;
    Ptr<PathController> m_controller;
    IntervalLog* m_log{nullptr};
    uint64_t m_decisionsLeft{0};
    Time m_lastClosed; //!< when the last interval ended
    uint64_t m_lastOffered{0};
    double m_load{0};
    double m_ratio{0.5};
    double m_decidedAt{-1}; //!< time of the last decision [s]; negative before the first
    std::vector<double> m_features;
    std::vector<double> m_decidedOn; //!< the features at the last decision
    Metrics m_metrics;
};

SdWan::SdWan(const SdWanParameters& parameters)
    : m_parameters(parameters)
    , m_network({parameters.mpls, parameters.internet})
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
        monitor->Install(path.nearDevice, path.farDevice);
        monitor->TraceConnectWithoutContext("FlowPacketLost",
                                            MakeCallback(&FlowRecords::Lose, m_records));
        m_monitors.push_back(monitor);
    }
    BuildTraffic();
}

void
SdWan::BuildTraffic()
{
    const SdWanParameters& p = m_parameters;
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
    else
    {
        auto sizes = CreateObject<ExponentialRandomVariable>();
        sizes->SetAttribute("Mean", DoubleValue(p.meanFlowSize));
        m_generator->SetAttribute("FlowSize", PointerValue(sizes));
    }
    m_generator->Configure(sinkAddress, transport, m_records);
    m_network.sender->AddApplication(m_generator);
    stream += m_generator->AssignStreams(stream);

    auto sink = CreateObject<FlowSink>();
    sink->Configure(FLOW_PORT, transport, m_records);
    m_network.receiver->AddApplication(sink);

    PacketSinkHelper otherSink("ns3::UdpSocketFactory",
                               InetSocketAddress(Ipv4Address::GetAny(), OTHER_PORT));
    otherSink.Install(m_network.farRouter);
    for (const BuiltPath& path : m_network.paths)
    {
        UdpClientHelper probes(path.farAddress, OTHER_PORT);
        probes.SetAttribute("Interval", TimeValue(p.probeInterval));
        probes.SetAttribute("PacketSize", UintegerValue(PROBE_SIZE - UDP_HEADERS));
        probes.SetAttribute("MaxPackets", UintegerValue(std::numeric_limits<uint32_t>::max()));
        probes.Install(m_network.nearRouter);
    }

    OnOffHelper cross("ns3::UdpSocketFactory",
                      InetSocketAddress(m_network.paths[1].farAddress, OTHER_PORT));
    std::ostringstream on;
    std::ostringstream off;
    on << "ns3::ExponentialRandomVariable[Mean=" << p.crossOn.GetSeconds() << "]";
    off << "ns3::ExponentialRandomVariable[Mean=" << p.crossOff.GetSeconds() << "]";
    cross.SetAttribute("OnTime", StringValue(on.str()));
    cross.SetAttribute("OffTime", StringValue(off.str()));
    cross.SetAttribute("DataRate", DataRateValue(p.crossRate));
    cross.SetAttribute("PacketSize", UintegerValue(p.packetSize - UDP_HEADERS));
    for (uint64_t source = 0; source < p.crossSources; ++source)
    {
        const ApplicationContainer apps = cross.Install(m_network.nearRouter);
        stream += cross.AssignStreams(NodeContainer(m_network.nearRouter), stream);
    }
}

void
SdWan::Run(Ptr<GymInterface> gym, Ptr<PathController> controller, IntervalLog* log)
{
    m_gym = gym;
    m_controller = controller;
    m_log = log;
    const SdWanParameters& p = m_parameters;
    m_decisionsLeft = p.duration.GetTimeStep() / p.interval.GetTimeStep();
    Simulator::Schedule(p.warmup - p.interval, &SdWan::CloseInterval, this);
    Simulator::Schedule(p.warmup, &SdWan::Decide, this);
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
SdWan::CloseInterval()
{
    const SdWanParameters& p = m_parameters;
    const double totalRate =
        static_cast<double>(p.mpls.rate.GetBitRate()) + p.internet.rate.GetBitRate();
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
    for (const Ptr<PathMonitor>& monitor : m_monitors)
    {
        const PathInterval path = monitor->CloseInterval();
        m_features.insert(m_features.end(), {path.delay, path.loss, path.utilisation});
        delivered += path.flowDelivered;
        lost += path.flowLost;
        delaySum += path.flowDelaySum;
    }

    const FlowInterval flows = m_records->CloseInterval();
    m_metrics.utility = flows.utility;
    m_metrics.goodput = flows.goodput;
    m_metrics.activeFlows = flows.activeFlows;
    m_metrics.delay = delivered > 0 ? delaySum / delivered : 0;
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
SdWan::LogDecision()
{
    if (!m_log || m_decidedAt < 0)
    {
        return;
    }
    std::vector<double> row{m_decidedAt};
    row.insert(row.end(), m_decidedOn.begin(), m_decidedOn.end());
    row.insert(row.end(),
               {m_ratio,
                m_metrics.reward,
                m_metrics.goodput,
                m_metrics.delay,
                m_metrics.loss,
                static_cast<double>(m_metrics.activeFlows)});
    m_log->Write(row);
}

void
SdWan::Decide()
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
        m_ratio = m_controller->Decide(m_features);
    }
    m_network.nearBalancer->SetShares({1 - m_ratio, m_ratio});
    Simulator::Schedule(m_parameters.interval, &SdWan::Decide, this);
}

GymSpace
SdWan::GetObservationSpace() const
{
    const float infinity = std::numeric_limits<float>::infinity();
    const auto size = static_cast<uint32_t>(GetDescription().features.size());
    return GymSpace(GymSpace::Box{-infinity, infinity, {size}, GymDtype::DOUBLE});
}

GymSpace
SdWan::GetActionSpace() const
{
    return GymSpace(GymSpace::Box{0, 1, {1}, GymDtype::DOUBLE});
}

GymDescription
SdWan::GetDescription() const
{
    GymDescription description;
    description.features = {{"load", "1", 0, LOAD_LIMIT},
                            {"load_delta", "1", -LOAD_LIMIT, LOAD_LIMIT}};
    for (const BuiltPath& path : m_network.paths)
    {
        const PathParameters& p = path.parameters;
        // A packet waits at most for a full queue and the packet on the wire, then for itself.
        const double longest =
            p.delay.GetSeconds() + (p.queue + 2) * p.rate.CalculateBytesTxTime(1502).GetSeconds();
        description.features.push_back({p.name + "_delay", "s", 0, longest});
        description.features.push_back({p.name + "_loss", "1", 0, 1});
        description.features.push_back({p.name + "_utilisation", "1", 0, 1});
    }
    description.actions = {{"ratio", "1", 0, 1}};
    return description;
}

GymContainer
SdWan::GetObservation()
{
    return GymContainer::Vector(m_features);
}

double
SdWan::GetReward()
{
    return m_metrics.reward;
}

std::string
SdWan::GetExtraInfo()
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
SdWan::ExecuteAction(const GymContainer& action)
{
    m_ratio = action.GetBox<double>().at(0);
}

std::vector<IntervalLog::Column>
SdWan::GetColumns(const GymDescription& description)
{
    std::vector<IntervalLog::Column> columns{{"time", "s"}};
    for (const GymComponent& feature : description.features)
    {
        columns.push_back({feature.name, feature.unit});
    }
    columns.insert(columns.end(),
                   {{"ratio", "1"},
                    {"reward", "1"},
                    {"goodput", "bit/s"},
                    {"delay", "s"},
                    {"loss", "1"},
                    {"active_flows", "1"}});
    return columns;
}

/**
 * One episode, from an empty simulator to an empty simulator.
 * @param parameters what to build
 * @param seed run number of the random streams
 * @param gym the bridge that decides, or null if the controller that the parameters name does
 */
void
RunEpisode(const SdWanParameters& parameters, uint64_t seed, Ptr<GymInterface> gym)
{
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);
    auto scenario = CreateObject<SdWan>(parameters);
    const GymDescription description = scenario->GetDescription();

    Ptr<PathController> controller;
    if (!gym)
    {
        PathScenario known;
        for (const GymComponent& feature : description.features)
        {
            known.featureNames.push_back(feature.name);
        }
        known.primaryRate = static_cast<double>(parameters.mpls.rate.GetBitRate());
        known.secondaryRate = static_cast<double>(parameters.internet.rate.GetBitRate());
        controller = MakePathController(parameters.controller, known);
    }
    std::optional<IntervalLog> log;
    if (!parameters.intervals.empty())
    {
        log.emplace(parameters.intervals, SdWan::GetColumns(description));
    }
    scenario->Run(gym, controller, log ? &*log : nullptr);
    if (log)
    {
        log->Finish();
    }
    Simulator::Destroy();
}

/**
 * @param argc as main got it
 * @param argv as main got it
 */
void
RunScenario(int argc, char* argv[])
{
    SdWanParameters parameters;
    ReadSdWanArguments(parameters, argc, argv);
    if (parameters.controller != "gym")
    {
        RunEpisode(parameters, parameters.seed, nullptr);
        return;
    }
    auto gym = CreateObject<GymInterface>(static_cast<uint16_t>(parameters.port));
    RunGymEpisodes(gym, parameters.seed, [&](uint64_t seed) { RunEpisode(parameters, seed, gym); });
}

} // namespace

int
main(int argc, char* argv[])
{
    try
    {
        RunScenario(argc, argv);
    }
    catch (const std::exception& error)
    {
        std::cerr << "sdwan: " << error.what() << std::endl;
        return 1;
    }
    return 0;
}
