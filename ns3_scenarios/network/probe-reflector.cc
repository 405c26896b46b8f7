// SPDX-License-Identifier: GPL-2.0-only
#include "probe-reflector.h"

#include "path-tag.h"
#include "probe-header.h"

#include <ns3/inet-socket-address.h>
#include <ns3/log.h>
#include <ns3/node.h>
#include <ns3/simulator.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("ProbeReflector");
NS_OBJECT_ENSURE_REGISTERED(ProbeReflector);

TypeId
ProbeReflector::GetTypeId()
{
    static TypeId tid = TypeId("ns3::ProbeReflector")
                            .SetParent<Application>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<ProbeReflector>();
    return tid;
}

void
ProbeReflector::AddPath(Ipv4Address prober, Ptr<PointToPointNetDevice> device)
{
    NS_LOG_FUNCTION(this);
    device->TraceConnectWithoutContext(
        "PhyRxEnd", MakeBoundCallback(&ProbeReflector::Deliver, &m_paths[prober]));
}

void
ProbeReflector::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_socket = nullptr;
    Application::DoDispose();
}

void
ProbeReflector::StartApplication()
{
    NS_LOG_FUNCTION(this);
    m_socket = Socket::CreateSocket(GetNode(), TypeId::LookupByName("ns3::UdpSocketFactory"));
    m_socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
    m_socket->SetRecvCallback(MakeCallback(&ProbeReflector::Answer, this));
}

void
ProbeReflector::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_socket->Close();
}

void
ProbeReflector::Deliver(Seen* seen, Ptr<const Packet> packet)
{
    PathTag tag;
    if (packet->PeekPacketTag(tag) && tag.GetFlow() != PathTag::UNBALANCED)
    {
        ++seen->received;
        seen->delaySum += Simulator::Now() - tag.GetEntered();
    }
}

void
ProbeReflector::Answer(Ptr<Socket> socket)
{
    Address from;
    while (const Ptr<Packet> probe = socket->RecvFrom(from))
    {
        const auto path = m_paths.find(InetSocketAddress::ConvertFrom(from).GetIpv4());
        ProbeHeader header;
        if (path == m_paths.end() || probe->RemoveHeader(header) != ProbeHeader::SIZE)
        {
            continue;
        }
        Seen& seen = path->second;
        header.delay = Simulator::Now() - header.sent;
        header.received = ++seen.received;
        header.delaySum = seen.delaySum += header.delay;
        const auto answer = Create<Packet>();
        answer->AddHeader(header);
        socket->SendTo(answer, 0, from);
    }
}

} // namespace ns3::kan
