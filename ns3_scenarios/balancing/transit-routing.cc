// SPDX-License-Identifier: GPL-2.0-only
#include "transit-routing.h"

#include <ns3/ipv4-route.h>
#include <ns3/output-stream-wrapper.h>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(TransitRouting);

TypeId
TransitRouting::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::TransitRouting").SetParent<Ipv4RoutingProtocol>().SetGroupName("Ns3kan");
    return tid;
}

void
TransitRouting::DoDispose()
{
    m_ipv4 = nullptr;
    Ipv4RoutingProtocol::DoDispose();
}

Ptr<Ipv4Route>
TransitRouting::MakeRoute(uint32_t interface, Ipv4Address gateway) const
{
    NS_ABORT_MSG_UNLESS(m_ipv4, "TransitRouting: install it on a node before making routes");
    auto route = Create<Ipv4Route>();
    route->SetGateway(gateway);
    route->SetSource(m_ipv4->GetAddress(interface, 0).GetLocal());
    route->SetOutputDevice(m_ipv4->GetNetDevice(interface));
    return route;
}

bool
TransitRouting::RouteInput(Ptr<const Packet> p,
                           const Ipv4Header& header,
                           Ptr<const NetDevice>,
#if NS3_MINOR < 38
                           UnicastForwardCallback ucb,
                           MulticastForwardCallback,
                           LocalDeliverCallback,
                           ErrorCallback ecb
#else
                           const UnicastForwardCallback& ucb,
                           const MulticastForwardCallback&,
                           const LocalDeliverCallback&,
                           const ErrorCallback& ecb
#endif
)
{
    // Tags are the packet's own only in a copy.
    Ptr<Packet> packet = p->Copy();
    if (const Ptr<Ipv4Route> route = Forward(packet, header))
    {
        ucb(route, packet, header);
    }
    else
    {
        ecb(p, header, Socket::ERROR_NOROUTETOHOST);
    }
    return true;
}

Ptr<Ipv4Route>
TransitRouting::RouteOutput(Ptr<Packet>,
                            const Ipv4Header&,
                            Ptr<NetDevice>,
                            Socket::SocketErrno& sockerr)
{
    sockerr = Socket::ERROR_NOROUTETOHOST;
    return nullptr;
}

void
TransitRouting::NotifyInterfaceUp(uint32_t)
{
}

void
TransitRouting::NotifyInterfaceDown(uint32_t)
{
}

void
TransitRouting::NotifyAddAddress(uint32_t, Ipv4InterfaceAddress)
{
}

void
TransitRouting::NotifyRemoveAddress(uint32_t, Ipv4InterfaceAddress)
{
}

void
TransitRouting::SetIpv4(Ptr<Ipv4> ipv4)
{
    m_ipv4 = ipv4;
}

void
TransitRouting::PrintRoutingTable(Ptr<OutputStreamWrapper> stream, Time::Unit) const
{
    *stream->GetStream() << GetInstanceTypeId().GetName() << " has no table to print\n";
}

} // namespace ns3
