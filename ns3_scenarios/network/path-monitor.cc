// SPDX-License-Identifier: GPL-2.0-only
#include "path-monitor.h"

#include "path-tag.h"

#include <ns3/log.h>
#include <ns3/simulator.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("PathMonitor");
NS_OBJECT_ENSURE_REGISTERED(PathMonitor);

TypeId
PathMonitor::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::PathMonitor")
            .SetParent<Object>()
            .SetGroupName("Ns3kan")
            .AddConstructor<PathMonitor>()
            .AddTraceSource("FlowPacketLost",
                            "A packet of a balanced flow was lost on the path",
                            MakeTraceSourceAccessor(&PathMonitor::m_flowPacketLost),
                            "ns3::kan::PathMonitor::FlowPacketLostCallback")
            .AddTraceSource("IntervalClosed",
                            "A measuring interval has ended: the state of the path in it",
                            MakeTraceSourceAccessor(&PathMonitor::m_intervalClosed),
                            "ns3::kan::PathMonitor::IntervalClosedCallback");
    return tid;
}

void
PathMonitor::Install(Ptr<PointToPointNetDevice> sender,
                     Ptr<PointToPointNetDevice> receiver,
                     Ptr<QueueDisc> discipline,
                     Time longest)
{
    NS_LOG_FUNCTION(this);
    m_longest = longest.GetSeconds();
    if (discipline)
    {
        discipline->TraceConnectWithoutContext("Enqueue",
                                               MakeCallback(&PathMonitor::EnterQueue, this));
        discipline->TraceConnectWithoutContext("Drop",
                                               MakeCallback(&PathMonitor::LoseInQueue, this));
    }
    m_sending.Install(sender);
    sender->TraceConnectWithoutContext("MacTx", MakeCallback(&PathMonitor::Enter, this));
    sender->TraceConnectWithoutContext("MacTxDrop", MakeCallback(&PathMonitor::Lose, this));
    receiver->TraceConnectWithoutContext("PhyRxDrop", MakeCallback(&PathMonitor::Lose, this));
    receiver->TraceConnectWithoutContext("PhyRxEnd", MakeCallback(&PathMonitor::Deliver, this));
}

void
PathMonitor::Enter(Ptr<const Packet> packet)
{
    PathTag tag;
    if (!packet->PeekPacketTag(tag))
    {
        packet->AddPacketTag(PathTag(PathTag::UNBALANCED, Simulator::Now()));
    }
}

void
PathMonitor::EnterQueue(Ptr<const QueueDiscItem> item)
{
    Enter(item->GetPacket());
}

void
PathMonitor::LoseInQueue(Ptr<const QueueDiscItem> item)
{
    Lose(item->GetPacket());
}

void
PathMonitor::Lose(Ptr<const Packet> packet)
{
    ++m_lost;
    PathTag tag;
    packet->PeekPacketTag(tag);
    if (tag.GetFlow() != PathTag::UNBALANCED)
    {
        ++m_current.flowLost;
        m_flowPacketLost(tag.GetFlow());
    }
}

void
PathMonitor::Deliver(Ptr<const Packet> packet)
{
    PathTag tag;
    packet->PeekPacketTag(tag);
    const double delay = (Simulator::Now() - tag.GetEntered()).GetSeconds();
    ++m_delivered;
    m_delaySum += delay;
    if (tag.GetFlow() != PathTag::UNBALANCED)
    {
        ++m_current.flowDelivered;
        m_current.flowDelaySum += delay;
    }
}

PathInterval
PathMonitor::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    const double length = (Simulator::Now() - m_intervalStart).GetSeconds();
    PathInterval closed = m_current;
    if (m_delivered > 0)
    {
        closed.delay = m_delaySum / m_delivered;
    }
    else if (m_lost > 0)
    {
        closed.delay = m_longest;
    }
    if (m_delivered + m_lost > 0)
    {
        closed.loss = static_cast<double>(m_lost) / (m_delivered + m_lost);
    }
    closed.utilisation = m_sending.Close(length);
    m_current = PathInterval{};
    m_current.delay = closed.delay;
    m_current.loss = closed.loss;
    m_intervalStart = Simulator::Now();
    m_delivered = 0;
    m_lost = 0;
    m_delaySum = 0;
    m_intervalClosed(closed);
    return closed;
}

} // namespace ns3::kan
