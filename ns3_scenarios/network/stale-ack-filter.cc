// SPDX-License-Identifier: GPL-2.0-only
#include "stale-ack-filter.h"

#include <ns3/ipv4-interface.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/ipv6-interface.h>
#include <ns3/log.h>
#include <ns3/tcp-header.h>
#include <ns3/tcp-option-sack.h>

#include <algorithm>
#include <array>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("StaleAckFilter");
NS_OBJECT_ENSURE_REGISTERED(StaleAckFilter);

TypeId
StaleAckFilter::GetTypeId()
{
    static TypeId tid = TypeId("ns3::StaleAckFilter")
                            .SetParent<IpL4Protocol>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<StaleAckFilter>()
                            .AddAttribute("FlowTimeout",
                                          "A connection without acknowledgements for this long is "
                                          "forgotten",
                                          TimeValue(Seconds(30)),
                                          MakeTimeAccessor(&StaleAckFilter::m_timeout),
                                          MakeTimeChecker(MilliSeconds(1)));
    return tid;
}

Ptr<StaleAckFilter>
StaleAckFilter::Install(Ptr<Node> node)
{
    auto filter = CreateObject<StaleAckFilter>();
    filter->m_tcp = node->GetObject<TcpL4Protocol>();
    const auto ipv4 = node->GetObject<Ipv4L3Protocol>();
    ipv4->Remove(filter->m_tcp);
    ipv4->Insert(filter);
    return filter;
}

void
StaleAckFilter::Forget(const FiveTuple& connection)
{
    m_connections.Forget(connection);
}

void
StaleAckFilter::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_tcp = nullptr;
    IpL4Protocol::DoDispose();
}

int
StaleAckFilter::GetProtocolNumber() const
{
    return TcpL4Protocol::PROT_NUMBER;
}

namespace
{

/**
 * @param packet a TCP segment
 * @param acknowledged all data before this
 * @return whether it says of data after that that they have arrived
 */
bool
HasNewBlock(Ptr<const Packet> packet, SequenceNumber32 acknowledged)
{
    TcpHeader header;
    packet->PeekHeader(header);
    const auto sack = DynamicCast<const TcpOptionSack>(header.GetOption(TcpOption::SACK));
    if (!sack)
    {
        return false;
    }
    const TcpOptionSack::SackList blocks = sack->GetSackList();
    return std::any_of(blocks.begin(),
                       blocks.end(),
                       [=](const TcpOptionSack::SackBlock& block)
                       { return block.first >= acknowledged; });
}

} // namespace

bool
StaleAckFilter::IsStale(Ptr<const Packet> packet, const Ipv4Header& header)
{
    // Where the TCP header has its acknowledgement, its own length and its flags.
    std::array<uint8_t, 14> bytes{};
    if (packet->CopyData(bytes.data(), bytes.size()) < bytes.size())
    {
        return false;
    }
    const uint32_t headerSize = (bytes[12] >> 4) * 4;
    const uint8_t flags = bytes[13] & ~(TcpHeader::ECE | TcpHeader::CWR);
    const SequenceNumber32 acknowledged(uint32_t{bytes[8]} << 24 | uint32_t{bytes[9]} << 16 |
                                        uint32_t{bytes[10]} << 8 | uint32_t{bytes[11]});
    if ((flags & (TcpHeader::ACK | TcpHeader::SYN | TcpHeader::RST)) != TcpHeader::ACK)
    {
        return false;
    }
    m_connections.ForgetSilent(m_timeout);
    const FiveTuple connection = FiveTuple::Of(packet, header);
    Entry* known = m_connections.Find(connection);
    if (!known || acknowledged >= known->acknowledged)
    {
        m_connections.Put(connection, {acknowledged, Simulator::Now()});
        return false;
    }
    known->lastPacket = Simulator::Now();
    return flags == TcpHeader::ACK && packet->GetSize() <= headerSize &&
           !HasNewBlock(packet, known->acknowledged);
}

IpL4Protocol::RxStatus
StaleAckFilter::Receive(Ptr<Packet> packet, const Ipv4Header& header, Ptr<Ipv4Interface> interface)
{
    return IsStale(packet, header) ? RX_OK : m_tcp->Receive(packet, header, interface);
}

IpL4Protocol::RxStatus
StaleAckFilter::Receive(Ptr<Packet> packet, const Ipv6Header& header, Ptr<Ipv6Interface> interface)
{
    return m_tcp->Receive(packet, header, interface);
}

void
StaleAckFilter::ReceiveIcmp(Ipv4Address icmpSource,
                            uint8_t icmpTtl,
                            uint8_t icmpType,
                            uint8_t icmpCode,
                            uint32_t icmpInfo,
                            Ipv4Address payloadSource,
                            Ipv4Address payloadDestination,
                            const uint8_t payload[8])
{
    m_tcp->ReceiveIcmp(icmpSource,
                       icmpTtl,
                       icmpType,
                       icmpCode,
                       icmpInfo,
                       payloadSource,
                       payloadDestination,
                       payload);
}

void
StaleAckFilter::SetDownTarget(DownTargetCallback callback)
{
    NS_LOG_FUNCTION(this);
    m_tcp->SetDownTarget(callback);
}

void
StaleAckFilter::SetDownTarget6(DownTargetCallback6 callback)
{
    NS_LOG_FUNCTION(this);
    m_tcp->SetDownTarget6(callback);
}

IpL4Protocol::DownTargetCallback
StaleAckFilter::GetDownTarget() const
{
    return m_tcp->GetDownTarget();
}

IpL4Protocol::DownTargetCallback6
StaleAckFilter::GetDownTarget6() const
{
    return m_tcp->GetDownTarget6();
}

} // namespace ns3::kan
