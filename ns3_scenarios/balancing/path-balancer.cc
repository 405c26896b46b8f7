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

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("PathBalancer");
NS_OBJECT_ENSURE_REGISTERED(PathBalancer);

TypeId
PathBalancer::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::PathBalancer")
            .SetParent<ForwardingProtocol>()
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
                            "ns3::kan::PathBalancer::FlowPlacedCallback")
            .AddTraceSource("PacketPlaced",
                            "A packet leaves by the path of its flow",
                            MakeTraceSourceAccessor(&PathBalancer::m_packetPlaced),
                            "ns3::kan::PathBalancer::PacketPlacedCallback");
    return tid;
}

PathBalancer::PathBalancer()
    : m_draw(CreateObject<UniformRandomVariable>())
{
}

void
PathBalancer::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_paths.clear();
    m_flows.Clear();
    m_draw = nullptr;
    ForwardingProtocol::DoDispose();
}

void
PathBalancer::SetRemoteSite(Ipv4Address network, Ipv4Mask mask)
{
    NS_LOG_FUNCTION(this);
    m_remoteNetwork = network.CombineMask(mask);
    m_remoteMask = mask;
}

uint32_t
PathBalancer::AddPath(uint32_t interface, Ipv4Address gateway)
{
    NS_LOG_FUNCTION(this);
    const Ptr<Ipv4Route> route = MakeRoute(interface, gateway);
    const Path path{interface, route, route->GetOutputDevice()};
    m_paths.push_back(path);
    m_shares.assign(m_paths.size(), 1.0 / m_paths.size());
    return m_paths.size() - 1;
}

void
PathBalancer::SetShares(const std::vector<double>& shares)
{
    NS_LOG_FUNCTION(this);
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
    NS_LOG_FUNCTION(this);
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
PathBalancer::Forward(Ptr<const Packet> packet,
                      const Ipv4Header& header,
                      Ptr<const NetDevice> device,
                      const UnicastForwardCallback& send,
                      const ErrorCallback&)
{
    for (uint32_t path = 0; path < m_paths.size(); ++path)
    {
        if (m_paths[path].device == device)
        {
            // From the remote site: remember the path for the answers, and let the routing
            // protocols below deliver the packet.
            const FiveTuple answers = FiveTuple::Of(packet, header).Reversed();
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
    const FiveTuple tuple = FiveTuple::Of(packet, header);
    Flow* known = m_flows.Find(tuple);
    const bool isRunning = known && known->lastPacket + m_flowTimeout >= Simulator::Now();
    Flow& flow = isRunning ? *known : Place(tuple, DrawPath());
    flow.lastPacket = Simulator::Now();
    const uint32_t bytes = packet->GetSize() + header.GetSerializedSize();
    m_offeredBytes += bytes;
    m_packetPlaced(flow.path, bytes);
    PathTag tag(flow.number, Simulator::Now());
    if (PathTag earlier; packet->PeekPacketTag(earlier))
    {
        // It has crossed another balancer before; a packet carries one tag of a kind.
        Ptr<Packet> retagged = packet->Copy();
        retagged->ReplacePacketTag(tag);
        send(m_paths[flow.path].route, retagged, header);
        return true;
    }
    packet->AddPacketTag(tag);
    send(m_paths[flow.path].route, packet, header);
    return true;
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

} // namespace ns3::kan
