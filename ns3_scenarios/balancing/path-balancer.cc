// SPDX-License-Identifier: GPL-2.0-only
#include "path-balancer.h"

#include "network/path-tag.h"

#include <ns3/double.h>
#include <ns3/ipv4-interface.h>
#include <ns3/ipv4-route.h>
#include <ns3/ipv4.h>
#include <ns3/log.h>
#include <ns3/output-stream-wrapper.h>
#include <ns3/simulator.h>

#include <cmath>
#include <numeric>

namespace ns3
{

NS_LOG_COMPONENT_DEFINE("PathBalancer");
NS_OBJECT_ENSURE_REGISTERED(PathBalancer);

TypeId
PathBalancer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::PathBalancer")
            .SetParent<Ipv4RoutingProtocol>()
            .SetGroupName("Ns3kan")
            .AddConstructor<PathBalancer>()
            .AddAttribute("FlowTimeout",
                          "A flow that has been silent for this long is forgotten; its next "
                          "packet counts as a new flow",
                          TimeValue(Seconds(30)),
                          MakeTimeAccessor(&PathBalancer::m_flowTimeout),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddTraceSource("FlowPlaced",
                            "A new flow was given its path",
                            MakeTraceSourceAccessor(&PathBalancer::m_flowPlaced),
                            "ns3::PathBalancer::FlowPlacedCallback")
            .AddTraceSource("PacketPlaced",
                            "A packet leaves by the path of its flow",
                            MakeTraceSourceAccessor(&PathBalancer::m_packetPlaced),
                            "ns3::PathBalancer::PacketPlacedCallback");
    return tid;
}

PathBalancer::PathBalancer()
    : m_draw(CreateObject<UniformRandomVariable>())
{
}

void
PathBalancer::DoDispose()
{
    m_ipv4 = nullptr;
    m_paths.clear();
    m_flows.Clear();
    m_draw = nullptr;
    Ipv4RoutingProtocol::DoDispose();
}

void
PathBalancer::SetRemoteSite(Ipv4Address network, Ipv4Mask mask)
{
    m_remoteNetwork = network.CombineMask(mask);
    m_remoteMask = mask;
}

uint32_t
PathBalancer::AddPath(uint32_t interface, Ipv4Address gateway)
{
    NS_ABORT_MSG_UNLESS(m_ipv4, "PathBalancer: install it on a node before adding paths");
    Path path{interface, Create<Ipv4Route>(), m_ipv4->GetNetDevice(interface)};
    path.route->SetGateway(gateway);
    path.route->SetSource(m_ipv4->GetAddress(interface, 0).GetLocal());
    path.route->SetOutputDevice(path.device);
    m_paths.push_back(path);
    m_shares.assign(m_paths.size(), 1.0 / m_paths.size());
    return m_paths.size() - 1;
}

void
PathBalancer::SetShares(const std::vector<double>& shares)
{
    NS_ABORT_MSG_IF(shares.size() != m_paths.size(),
                    "PathBalancer: " << shares.size() << " shares given for " << m_paths.size()
                                     << " paths; give one share per path");
    double sum = 0;
    for (const double share : shares)
    {
        NS_ABORT_MSG_UNLESS(share >= 0 && share <= 1,
                            "PathBalancer: a share of " << share << " is outside [0, 1]");
        sum += share;
    }
    NS_ABORT_MSG_IF(std::abs(sum - 1) > 1e-9,
                    "PathBalancer: the shares add up to " << sum << " instead of 1");
    m_shares = shares;
}

const std::vector<double>&
PathBalancer::GetShares() const
{
    return m_shares;
}

void
PathBalancer::Forget(const FiveTuple& tuple)
{
    m_flows.Forget(tuple);
}

uint64_t
PathBalancer::GetOfferedBytes() const
{
    return m_offeredBytes;
}

int64_t
PathBalancer::AssignStreams(int64_t stream)
{
    m_draw->SetStream(stream);
    return 1;
}

uint32_t
PathBalancer::DrawPath()
{
    double point = m_draw->GetValue();
    uint32_t last = 0;
    for (uint32_t path = 0; path < m_shares.size(); ++path)
    {
        if (m_shares[path] <= 0)
        {
            continue;
        }
        last = path;
        point -= m_shares[path];
        if (point < 0)
        {
            return path;
        }
    }
    return last; // the shares' sum fell short of 1 by rounding
}

PathBalancer::Flow&
PathBalancer::Place(const FiveTuple& tuple, uint32_t path)
{
    const uint32_t number = ++m_flowsPlaced;
    Flow& flow = m_flows.Put(tuple, Flow{number, path, Simulator::Now()});
    NS_LOG_INFO("flow " << number << " placed on path " << path);
    m_flowPlaced(number, tuple, path);
    return flow;
}

bool
PathBalancer::RouteInput(Ptr<const Packet> p,
                         const Ipv4Header& header,
                         Ptr<const NetDevice> idev,
#if NS3_MINOR < 38
                         UnicastForwardCallback ucb,
                         MulticastForwardCallback,
                         LocalDeliverCallback,
                         ErrorCallback
#else
                         const UnicastForwardCallback& ucb,
                         const MulticastForwardCallback&,
                         const LocalDeliverCallback&,
                         const ErrorCallback&
#endif
)
{
    for (uint32_t path = 0; path < m_paths.size(); ++path)
    {
        if (m_paths[path].device == idev)
        {
            // From the remote site: remember the path for the answers, and let the routing
            // protocols below deliver the packet.
            const FiveTuple answers = FiveTuple::Of(p, header).Reversed();
            Flow* known = m_flows.Find(answers);
            if (known && known->number != PathTag::UNBALANCED)
            {
                // These are the answers to a flow that this balancer has placed.
                known->lastPacket = Simulator::Now();
            }
            else
            {
                m_flows.Put(answers, Flow{PathTag::UNBALANCED, path, Simulator::Now()});
            }
            m_flows.ForgetSilent(m_flowTimeout);
            return false;
        }
    }
    if (!m_remoteMask.IsMatch(header.GetDestination(), m_remoteNetwork) || m_paths.empty())
    {
        return false;
    }

    m_flows.ForgetSilent(m_flowTimeout);
    const FiveTuple tuple = FiveTuple::Of(p, header);
    Flow* known = m_flows.Find(tuple);
    const bool isRunning = known && known->lastPacket + m_flowTimeout >= Simulator::Now();
    Flow& flow = isRunning ? *known : Place(tuple, DrawPath());
    flow.lastPacket = Simulator::Now();
    const uint32_t bytes = p->GetSize() + header.GetSerializedSize();
    m_offeredBytes += bytes;
    m_packetPlaced(flow.path, bytes);
    PathTag tag(flow.number, Simulator::Now());
    if (PathTag earlier; p->PeekPacketTag(earlier))
    {
        // It has crossed another balancer before; a packet carries one tag of a kind.
        Ptr<Packet> retagged = p->Copy();
        retagged->ReplacePacketTag(tag);
        ucb(m_paths[flow.path].route, retagged, header);
        return true;
    }
    p->AddPacketTag(tag);
    ucb(m_paths[flow.path].route, p, header);
    return true;
}

Ptr<Ipv4Route>
PathBalancer::RouteOutput(Ptr<Packet>,
                          const Ipv4Header&,
                          Ptr<NetDevice>,
                          Socket::SocketErrno& sockerr)
{
    // Packets that start at the router itself are not balanced.
    sockerr = Socket::ERROR_NOROUTETOHOST;
    return nullptr;
}

void
PathBalancer::NotifyInterfaceUp(uint32_t)
{
}

void
PathBalancer::NotifyInterfaceDown(uint32_t)
{
}

void
PathBalancer::NotifyAddAddress(uint32_t, Ipv4InterfaceAddress)
{
}

void
PathBalancer::NotifyRemoveAddress(uint32_t, Ipv4InterfaceAddress)
{
}

void
PathBalancer::SetIpv4(Ptr<Ipv4> ipv4)
{
    m_ipv4 = ipv4;
}

void
PathBalancer::PrintRoutingTable(Ptr<OutputStreamWrapper> stream, Time::Unit unit) const
{
    std::ostream& os = *stream->GetStream();
    os << "Path balancer at " << Simulator::Now().As(unit) << ": " << m_remoteNetwork
       << m_remoteMask << ", " << m_flows.GetSize() << " flows\n";
    for (uint32_t path = 0; path < m_paths.size(); ++path)
    {
        os << "  path " << path << " via " << m_paths[path].route->GetGateway() << " interface "
           << m_paths[path].interface << " share " << m_shares[path] << "\n";
    }
}

} // namespace ns3
