// SPDX-License-Identifier: GPL-2.0-only
#include "slotted-network.h"

#include "network/link.h"

#include <ns3/channel.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-packet-filter.h>
#include <ns3/ipv4-queue-disc-item.h>
#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/ipv4.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/string.h>
#include <ns3/traffic-control-layer.h>
#include <ns3/udp-header.h>

namespace ns3::kan
{

namespace
{

const DataRate LINK_RATE("10Gbps");
const Time LINK_DELAY = MicroSeconds(1);
const char* const SERVICE_ADDRESS = "10.9.0.1";
constexpr uint16_t FIRST_PORT = 10000; //!< where packets of queue 0 go; those of queue 1, one more
constexpr uint32_t HEADERS = 28;       //!< IPv4 and UDP [byte]
constexpr uint32_t FRAMING = 2;        //!< what PPP adds to a packet [byte]

/// Says from the UDP port to which queue a packet belongs.
class PortFilter : public Ipv4PacketFilter
{
  private:
    int32_t DoClassify(Ptr<QueueDiscItem> item) const override
    {
        UdpHeader header;
        item->GetPacket()->PeekHeader(header);
        return static_cast<int32_t>(header.GetDestinationPort()) - FIRST_PORT;
    }
};

} // namespace

SlottedNetwork::SlottedNetwork(const std::vector<std::vector<uint32_t>>& buffers,
                               uint32_t packetSize)
    : m_packetSize(packetSize)
    , m_source(CreateObject<Node>())
    , m_router(CreateObject<Node>())
{
    InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    internet.SetRoutingHelper(Ipv4StaticRoutingHelper());
    internet.Install(NodeContainer(m_source, m_router));
    const Ipv4StaticRoutingHelper statics;
    m_routing = statics.GetStaticRouting(m_router->GetObject<Ipv4>());

    PointToPointHelper lan;
    lan.SetDeviceAttribute("DataRate", DataRateValue(LINK_RATE));
    lan.SetChannelAttribute("Delay", TimeValue(LINK_DELAY));
    lan.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue("1000000p"));
    const Ipv4InterfaceContainer interfaces = Link(lan, m_source, m_router, "10.1.0.0");
    statics.GetStaticRouting(m_source->GetObject<Ipv4>())
        ->SetDefaultRoute(interfaces.GetAddress(1), interfaces.Get(0).second);
    m_socket = Socket::CreateSocket(m_source, TypeId::LookupByName("ns3::UdpSocketFactory"));
    m_socket->Bind();

    for (uint32_t link = 0; link < buffers.size(); ++link)
    {
        BuildLink(link, buffers[link]);
    }
    Choose(0);
}

void
SlottedNetwork::BuildLink(uint32_t link, const std::vector<uint32_t>& buffers)
{
    auto server = CreateObject<Node>();
    InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    internet.SetRoutingHelper(Ipv4StaticRoutingHelper());
    internet.Install(server);

    PointToPointHelper helper;
    helper.SetDeviceAttribute("DataRate", DataRateValue(LINK_RATE));
    helper.SetChannelAttribute("Delay", TimeValue(LINK_DELAY));
    helper.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue("1000000p"));
    const std::string network =
        "10." + std::to_string(16 + link / 256) + "." + std::to_string(link % 256) + ".0";
    const Ipv4InterfaceContainer interfaces = Link(helper, m_router, server, network);
    interfaces.Get(1).first->AddAddress(interfaces.Get(1).second,
                                        Ipv4InterfaceAddress(SERVICE_ADDRESS, Ipv4Mask::GetOnes()));
    m_nextHops.emplace_back(interfaces.GetAddress(1), interfaces.Get(0).second);

    auto disc = CreateObject<SlotQueueDisc>();
    disc->Configure(buffers);
    if (buffers.size() > 1)
    {
        disc->AddPacketFilter(CreateObject<PortFilter>());
    }
    m_router->GetObject<TrafficControlLayer>()->SetRootQueueDiscOnDevice(
        m_router->GetObject<Ipv4>()->GetNetDevice(interfaces.Get(0).second), disc);
    m_discs.push_back(disc);

    for (uint32_t queue = 0; queue < buffers.size(); ++queue)
    {
        const InetSocketAddress any(Ipv4Address::GetAny(), FIRST_PORT + queue);
        const ApplicationContainer sink =
            PacketSinkHelper("ns3::UdpSocketFactory", any).Install(server);
        m_sinks.push_back(DynamicCast<PacketSink>(sink.Get(0)));
    }
}

void
SlottedNetwork::Send(uint32_t queue, uint32_t packets)
{
    const InetSocketAddress to(Ipv4Address(SERVICE_ADDRESS), FIRST_PORT + queue);
    for (uint32_t i = 0; i < packets; ++i)
    {
        m_socket->SendTo(Create<Packet>(m_packetSize - HEADERS), 0, to);
    }
}

void
SlottedNetwork::Choose(uint32_t link)
{
    if (m_chosen)
    {
        // The route to the service address is the last that was added.
        m_routing->RemoveRoute(m_routing->GetNRoutes() - 1);
    }
    const auto& [gateway, interface] = m_nextHops.at(link);
    m_routing->AddHostRouteTo(SERVICE_ADDRESS, gateway, interface);
    m_chosen = true;
}

uint32_t
SlottedNetwork::Serve(uint32_t link, uint32_t queue, uint32_t packets)
{
    return m_discs[link]->Serve(queue, packets);
}

std::vector<uint32_t>
SlottedNetwork::GetQueueLengths() const
{
    std::vector<uint32_t> lengths;
    for (const Ptr<SlotQueueDisc>& disc : m_discs)
    {
        for (uint32_t queue = 0; queue < disc->GetNInternalQueues(); ++queue)
        {
            lengths.push_back(disc->GetQueueLength(queue));
        }
    }
    return lengths;
}

uint64_t
SlottedNetwork::GetArrived() const
{
    uint64_t arrived = 0;
    for (const Ptr<SlotQueueDisc>& disc : m_discs)
    {
        arrived += disc->GetArrived();
    }
    return arrived;
}

uint64_t
SlottedNetwork::GetDropped() const
{
    uint64_t dropped = 0;
    for (const Ptr<SlotQueueDisc>& disc : m_discs)
    {
        dropped += disc->GetDropped();
    }
    return dropped;
}

uint64_t
SlottedNetwork::GetDelivered() const
{
    uint64_t bytes = 0;
    for (const Ptr<PacketSink>& sink : m_sinks)
    {
        bytes += sink->GetTotalRx();
    }
    return bytes / (m_packetSize - HEADERS);
}

RecordedParts
SlottedNetwork::GetParts() const
{
    const auto links = static_cast<double>(m_nextHops.size());
    RecordedParts parts;
    parts.nodes = {{m_source, "source", 0, 5 * links}, {m_router, "router", 20, 5 * links}};
    const auto ipv4 = m_router->GetObject<Ipv4>();
    for (uint32_t link = 0; link < m_nextHops.size(); ++link)
    {
        const auto device = ipv4->GetNetDevice(m_nextHops[link].second);
        const auto channel = device->GetChannel();
        const auto end = channel->GetDevice(0) == device ? 1 : 0;
        const std::string number = std::to_string(link);
        parts.nodes.push_back(
            {channel->GetDevice(end)->GetNode(), "server " + number, 40, 10.0 * link});
        parts.devices.push_back({device, "link_" + number});
    }
    return parts;
}

Time
SlottedNetwork::GetCrossingTime(uint32_t packets) const
{
    return LINK_DELAY + LINK_RATE.CalculateBytesTxTime(m_packetSize + FRAMING) * packets;
}

} // namespace ns3::kan
