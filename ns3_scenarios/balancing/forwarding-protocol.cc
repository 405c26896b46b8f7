// SPDX-License-Identifier: GPL-2.0-only
#include "forwarding-protocol.h"

#include <ns3/ipv4-route.h>
#include <ns3/log.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("ForwardingProtocol");
NS_OBJECT_ENSURE_REGISTERED(ForwardingProtocol);

TypeId
ForwardingProtocol::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::ForwardingProtocol").SetParent<Ipv4RoutingProtocol>().SetGroupName("Ns3kan");
    return tid;
}

void
ForwardingProtocol::DoDispose()
{
    m_ipv4 = nullptr;
    Ipv4RoutingProtocol::DoDispose();
}

Ptr<Ipv4Route>
ForwardingProtocol::MakeRoute(uint32_t interface, Ipv4Address gateway) const
{
    NS_LOG_FUNCTION(this << interface << gateway);
    NS_ABORT_MSG_UNLESS(
        m_ipv4, GetInstanceTypeId().GetName() << ": install it on a node before routes are made");
    auto route = Create<Ipv4Route>();
    route->SetGateway(gateway);
    route->SetSource(m_ipv4->GetAddress(interface, 0).GetLocal());
    route->SetOutputDevice(m_ipv4->GetNetDevice(interface));
    return route;
}

bool
ForwardingProtocol::RouteInput(Ptr<const Packet> p,
                               const Ipv4Header& header,
                               Ptr<const NetDevice> idev,
                               Callbacks::Unicast ucb,
                               Callbacks::Multicast,
                               Callbacks::Local,
                               Callbacks::Error ecb)
{
    return Forward(p, header, idev, ucb, ecb);
}

Ptr<Ipv4Route>
ForwardingProtocol::RouteOutput(Ptr<Packet>,
                                const Ipv4Header&,
                                Ptr<NetDevice>,
                                Socket::SocketErrno& sockerr)
{
    sockerr = Socket::ERROR_NOROUTETOHOST;
    return nullptr;
}

void
ForwardingProtocol::NotifyInterfaceUp(uint32_t)
{
}

void
ForwardingProtocol::NotifyInterfaceDown(uint32_t)
{
}

void
ForwardingProtocol::NotifyAddAddress(uint32_t, Ipv4InterfaceAddress)
{
}

void
ForwardingProtocol::NotifyRemoveAddress(uint32_t, Ipv4InterfaceAddress)
{
}

void
ForwardingProtocol::SetIpv4(Ptr<Ipv4> ipv4)
{
    m_ipv4 = ipv4;
}

} // namespace ns3::kan
