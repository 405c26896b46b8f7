// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-router.h"

#include <ns3/ipv4-route.h>
#include <ns3/log.h>
#include <ns3/simulator.h>

#include <algorithm>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("LeafRouter");
NS_OBJECT_ENSURE_REGISTERED(LeafRouter);

TypeId
LeafRouter::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::LeafRouter")
            .SetParent<TransitRouting>()
            .SetGroupName("Ns3kan")
            .AddConstructor<LeafRouter>()
            .AddAttribute("FlowletGap",
                          "A flow that has been silent for longer than this is placed anew, if "
                          "flowlets are placed",
                          TimeValue(MicroSeconds(500)),
                          MakeTimeAccessor(&LeafRouter::m_flowletGap),
                          MakeTimeChecker(NanoSeconds(1)))
            .AddAttribute("FlowTimeout",
                          "A flow that has been silent for this long is forgotten; its next "
                          "packet counts as a new flow",
                          TimeValue(Seconds(30)),
                          MakeTimeAccessor(&LeafRouter::m_flowTimeout),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddTraceSource("Arrived",
                            "A packet has come from another leaf",
                            MakeTraceSourceAccessor(&LeafRouter::m_arrived),
                            "ns3::kan::LeafRouter::ArrivedCallback");
    return tid;
}

void
LeafRouter::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_hosts.clear();
    m_uplinks.clear();
    m_devices.clear();
    m_usable.clear();
    m_flows.Clear();
    m_chooser = nullptr;
    m_telemetry = nullptr;
    TransitRouting::DoDispose();
}

void
LeafRouter::SetLeaf(uint32_t leaf, uint32_t leaves)
{
    NS_LOG_FUNCTION(this);
    m_leaf = leaf;
    m_usable.resize(leaves);
}

void
LeafRouter::AddHost(uint32_t interface, Ipv4Address address)
{
    NS_LOG_FUNCTION(this);
    m_hosts.push_back(MakeRoute(interface, address));
}

void
LeafRouter::AddUplink(uint32_t interface, Ipv4Address gateway)
{
    NS_LOG_FUNCTION(this);
    m_uplinks.push_back(MakeRoute(interface, gateway));
    m_devices.push_back(DynamicCast<PointToPointNetDevice>(m_uplinks.back()->GetOutputDevice()));
}

void
LeafRouter::SetChooser(Ptr<UplinkChooser> chooser)
{
    NS_LOG_FUNCTION(this);
    m_chooser = chooser;
}

void
LeafRouter::SetTelemetry(Ptr<LeafTelemetry> telemetry)
{
    NS_LOG_FUNCTION(this);
    m_telemetry = telemetry;
}

void
LeafRouter::SetGranularity(Granularity granularity)
{
    NS_LOG_FUNCTION(this);
    m_granularity = granularity;
}

void
LeafRouter::SetCapacity(uint32_t uplink, uint32_t leaf, double capacity)
{
    NS_LOG_FUNCTION(this);
    std::vector<Uplink>& usable = m_usable.at(leaf);
    const auto place = std::find_if(
        usable.begin(), usable.end(), [=](const Uplink& known) { return known.number >= uplink; });
    const bool known = place != usable.end() && place->number == uplink;
    if (capacity <= 0)
    {
        if (known)
        {
            usable.erase(place);
        }
    }
    else if (known)
    {
        place->capacity = capacity;
    }
    else
    {
        usable.insert(place, Uplink{uplink, capacity, m_devices.at(uplink)});
    }
}

void
LeafRouter::Forget(const FiveTuple& tuple)
{
    m_flows.Forget(tuple);
}

const std::vector<Ptr<PointToPointNetDevice>>&
LeafRouter::GetUplinkDevices() const
{
    return m_devices;
}

uint64_t
LeafRouter::GetOfferedBytes() const
{
    return m_offeredBytes;
}

Ptr<Ipv4Route>
LeafRouter::ChooseRoute(Ptr<Packet> packet, const Ipv4Header& header)
{
    const uint32_t address = header.GetDestination().Get();
    const uint32_t destination = (address >> 16) & 0xff;
    if (destination == m_leaf)
    {
        FabricTag tag;
        if (packet->PeekPacketTag(tag))
        {
            m_chooser->Arrive(tag);
            if (m_telemetry)
            {
                m_telemetry->Arrive(packet, tag);
            }
            m_arrived(tag);
        }
        const uint32_t host = (address >> 8) & 0xff;
        return host < m_hosts.size() ? m_hosts[host] : nullptr;
    }
    m_offeredBytes += packet->GetSize() + header.GetSerializedSize();
    if (destination >= m_usable.size() || m_usable[destination].empty())
    {
        NS_LOG_INFO("leaf " << m_leaf << " knows no way to leaf " << destination);
        return nullptr;
    }
    const uint32_t uplink = Place(FiveTuple::Of(packet, header), destination);
    FabricTag tag;
    tag.leaf = static_cast<uint8_t>(m_leaf);
    tag.uplink = static_cast<uint8_t>(uplink);
    tag.entered = Simulator::Now();
    m_chooser->Depart(tag, destination);
    packet->ReplacePacketTag(tag);
    if (m_telemetry)
    {
        m_telemetry->Depart(packet, uplink, destination);
    }
    return m_uplinks[uplink];
}

uint32_t
LeafRouter::Place(const FiveTuple& tuple, uint32_t destination)
{
    const std::vector<Uplink>& usable = m_usable[destination];
    if (m_chooser->IsFixedByFlow())
    {
        return usable[m_chooser->Choose({tuple, destination, std::nullopt}, usable)].number;
    }
    m_flows.ForgetSilent(m_flowTimeout);
    const Time now = Simulator::Now();
    std::optional<uint32_t> previous;
    if (Entry* known = m_flows.Find(tuple))
    {
        Entry& entry = *known;
        const Time silence = now - entry.lastPacket;
        entry.lastPacket = now;
        const bool stays = m_granularity == Granularity::FLOW      ? silence <= m_flowTimeout
                           : m_granularity == Granularity::FLOWLET ? silence <= m_flowletGap
                                                                   : false;
        const bool isUsable =
            std::any_of(usable.begin(),
                        usable.end(),
                        [&entry](const Uplink& uplink) { return uplink.number == entry.uplink; });
        if (stays && isUsable)
        {
            return entry.uplink;
        }
        previous = entry.uplink;
    }
    const uint32_t uplink =
        usable[m_chooser->Choose({tuple, destination, previous}, usable)].number;
    m_flows.Put(tuple, {uplink, now});
    return uplink;
}

} // namespace ns3::kan
