// SPDX-License-Identifier: GPL-2.0-only
#include "transit-routing.h"

#include <ns3/log.h>
#include <ns3/output-stream-wrapper.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("TransitRouting");
NS_OBJECT_ENSURE_REGISTERED(TransitRouting);

TypeId
TransitRouting::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::TransitRouting").SetParent<ForwardingProtocol>().SetGroupName("Ns3kan");
    return tid;
}

bool
TransitRouting::Forward(Ptr<const Packet> packet,
                        const Ipv4Header& header,
                        Ptr<const NetDevice>,
                        const UnicastForwardCallback& send,
                        const ErrorCallback& fail)
{
    // Tags are the packet's own only in a copy.
    Ptr<Packet> copy = packet->Copy();
    if (const Ptr<Ipv4Route> route = ChooseRoute(copy, header))
    {
        send(route, copy, header);
    }
    else
    {
        NS_LOG_INFO("no way to " << header.GetDestination());
        fail(packet, header, Socket::ERROR_NOROUTETOHOST);
    }
    return true;
}

void
TransitRouting::PrintRoutingTable(Ptr<OutputStreamWrapper> stream, Time::Unit) const
{
    *stream->GetStream() << GetInstanceTypeId().GetName() << " has no table to print\n";
}

} // namespace ns3::kan
