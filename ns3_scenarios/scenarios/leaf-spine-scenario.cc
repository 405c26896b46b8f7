// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-spine-scenario.h"

#include <ns3/double.h>
#include <ns3/log.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-cubic.h>

#include <algorithm>
#include <cmath>

namespace ns3::kan
{

namespace
{

constexpr int64_t TRAFFIC_STREAM = 1;   //!< takes three
constexpr int64_t BALANCER_STREAM = 10; //!< so that all balancers meet the same traffic
constexpr uint32_t SEGMENT = 1448;      //!< 1,500 bytes less IPv4 and TCP with a timestamp [byte]
constexpr uint32_t INITIAL_WINDOW = 10; //!< J. Chu et al., RFC 6928 [segment]

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

} // namespace

NS_LOG_COMPONENT_DEFINE("LeafSpineScenario");
NS_OBJECT_ENSURE_REGISTERED(LeafSpineScenario);

TypeId
LeafSpineScenario::GetTypeId()
{
    static TypeId tid = TypeId("ns3::LeafSpineScenario").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

LeafSpineScenario::LeafSpineScenario(const LeafSpineParameters& parameters)
    : m_parameters(parameters)
    , m_network(parameters.IsInfinite() ? parameters.GetInfiniteFabric() : parameters.GetFabric())
    , m_idle(MakeIdlePath(parameters.GetFabric()))
    , m_loop(CreateObject<FabricDecisionLoop>())
    , m_flows(CreateObject<TcpFlows>())
{
    const LeafSpineParameters& p = m_parameters;
    const FabricBalancer balancer = MakeFabricBalancer(p.controller, m_network, BALANCER_STREAM);
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
    m_loop->SetAttribute("Interval", TimeValue(p.interval));
    m_loop->SetAttribute("Warmup", TimeValue(p.warmup));
    m_loop->SetAttribute("Duration", TimeValue(p.duration));
    m_loop->SetAttribute("Reward", StringValue(p.reward));
    m_loop->SetAttribute("Agents", UintegerValue(p.agents));
    m_loop->Configure(m_network, balancer, p.GetLongestDelay());
    if (p.observation == "in-band")
    {
        m_loop->ObserveInBand(m_network);
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
    m_loop->SetFlows(m_flows, m_progress, p.GetCapacity());
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
LeafSpineScenario::Run()
{
    NS_LOG_FUNCTION(this);
    const LeafSpineParameters& p = m_parameters;
    Simulator::ScheduleNow(&FabricTraffic::Start, m_traffic, p.warmup + p.duration);
    Simulator::Schedule(p.warmup, &LeafSpineScenario::StartMeasuring, this);
    m_loop->Start(MakeCallback(&LeafSpineScenario::EndMeasuring, this));
    Simulator::Run();
    m_loop->Finish();
}

void
LeafSpineScenario::StartMeasuring()
{
    NS_LOG_FUNCTION(this);
    m_deliveredBefore = GetDelivered();
}

void
LeafSpineScenario::EndMeasuring()
{
    NS_LOG_FUNCTION(this);
    m_deliveredAfter = GetDelivered();
    m_measuredUntil = Simulator::Now();
    Simulator::Schedule(m_parameters.drain, [] { Simulator::Stop(); });
    Drain();
}

const LeafSpineNetwork&
LeafSpineScenario::GetNetwork() const
{
    return m_network;
}

Ptr<FabricDecisionLoop>
LeafSpineScenario::GetLoop() const
{
    return m_loop;
}

Ptr<TcpFlows>
LeafSpineScenario::GetFlows() const
{
    return m_flows;
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
