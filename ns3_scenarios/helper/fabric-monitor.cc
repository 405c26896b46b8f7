// SPDX-License-Identifier: GPL-2.0-only
#include "fabric-monitor.h"

#include <ns3/channel.h>
#include <ns3/log.h>
#include <ns3/simulator.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FabricMonitor");
NS_OBJECT_ENSURE_REGISTERED(FabricMonitor);

TypeId
FabricMonitor::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::FabricMonitor")
            .SetParent<Object>()
            .SetGroupName("Ns3kan")
            .AddConstructor<FabricMonitor>()
            .AddTraceSource("IntervalClosed",
                            "An interval has ended: delay, loss and utilisation of a leaf's ways",
                            MakeTraceSourceAccessor(&FabricMonitor::m_intervalClosed),
                            "ns3::kan::FabricMonitor::IntervalCallback");
    return tid;
}

void
FabricMonitor::Install(const LeafSpineNetwork& network, Time longest)
{
    NS_LOG_FUNCTION(this);
    m_longest = longest.GetSeconds();
    m_routers = network.leafRouters;
    m_offered.assign(m_routers.size(), 0);
    m_counts.resize(m_routers.size());
    for (uint32_t leaf = 0; leaf < m_routers.size(); ++leaf)
    {
        m_routers[leaf]->TraceConnectWithoutContext("Arrived",
                                                    MakeCallback(&FabricMonitor::Deliver, this));
        std::deque<Counts>& counts = m_counts[leaf];
        for (const Ptr<PointToPointNetDevice>& device : m_routers[leaf]->GetUplinkDevices())
        {
            const auto uplink = static_cast<uint32_t>(counts.size());
            counts.emplace_back().rate =
                static_cast<double>(network.parameters.uplinkRates[uplink].GetBitRate());
            counts.back().sending.Install(device);
            const Ptr<Channel> channel = device->GetChannel();
            for (std::size_t end = 0; end < channel->GetNDevices(); ++end)
            {
                channel->GetDevice(end)->TraceConnectWithoutContext(
                    "MacTxDrop", MakeCallback(&FabricMonitor::Lose, this));
                channel->GetDevice(end)->TraceConnectWithoutContext(
                    "PhyRxDrop", MakeCallback(&FabricMonitor::Lose, this));
            }
        }
    }
}

void
FabricMonitor::Lose(Ptr<const Packet> packet)
{
    FabricTag tag;
    packet->PeekPacketTag(tag);
    ++m_counts[tag.leaf][tag.uplink].seen.flowLost;
}

void
FabricMonitor::Deliver(const FabricTag& tag)
{
    PathInterval& seen = m_counts[tag.leaf][tag.uplink].seen;
    ++seen.flowDelivered;
    seen.flowDelaySum += (Simulator::Now() - tag.entered).GetSeconds();
}

std::vector<FabricInterval>
FabricMonitor::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    const double length = (Simulator::Now() - m_intervalStart).GetSeconds();
    m_intervalStart = Simulator::Now();
    std::vector<FabricInterval> leaves;
    for (uint32_t leaf = 0; leaf < m_counts.size(); ++leaf)
    {
        FabricInterval& closed = leaves.emplace_back();
        double rate = 0;
        for (Counts& counts : m_counts[leaf])
        {
            PathInterval& seen = counts.seen;
            PathInterval next;
            if (seen.flowDelivered > 0)
            {
                const uint32_t decided = seen.flowDelivered + seen.flowLost;
                seen.delay = seen.flowDelaySum / seen.flowDelivered;
                seen.loss = static_cast<double>(seen.flowLost) / decided;
            }
            next.delay = seen.delay;
            next.loss = seen.loss;
            if (seen.flowDelivered == 0 && seen.flowLost > 0)
            {
                // Not remembered: without probes, a way that is avoided would never be tried again.
                seen.delay = m_longest;
                seen.loss = 1;
            }
            closed.bytes.push_back(static_cast<double>(counts.sending.GetBytes()));
            seen.utilisation = counts.sending.Close(length);
            closed.uplinks.push_back(seen);
            rate += counts.rate;
            seen = next;
        }
        const uint64_t offered = m_routers[leaf]->GetOfferedBytes();
        closed.load =
            length > 0 ? 8 * static_cast<double>(offered - m_offered[leaf]) / (rate * length) : 0;
        m_offered[leaf] = offered;
        m_intervalClosed(leaf, closed);
    }
    return leaves;
}

} // namespace ns3::kan
