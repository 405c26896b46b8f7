// SPDX-License-Identifier: GPL-2.0-only
#include "tcp-flows.h"

#include "fabric-tag.h"

#include <ns3/double.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/log.h>
#include <ns3/simulator.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("TcpFlows");
NS_OBJECT_ENSURE_REGISTERED(TcpFlows);

namespace
{

constexpr uint16_t PORT = 9; //!< where all hosts listen
/// Timeouts in a row, each twice as long, before TCP gives up: as many as Linux waits for.
constexpr uint32_t RETRIES = 15;

} // namespace

TypeId
TcpFlows::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::TcpFlows")
            .SetParent<Object>()
            .SetGroupName("Ns3kan")
            .AddConstructor<TcpFlows>()
            .AddAttribute("Segment",
                          "Application bytes of a full segment [byte]",
                          UintegerValue(1448),
                          MakeUintegerAccessor(&TcpFlows::m_segment),
                          MakeUintegerChecker<uint32_t>(1, 65000))
            .AddAttribute("InitialWindow",
                          "Segments that are sent before the first acknowledgement",
                          UintegerValue(10),
                          MakeUintegerAccessor(&TcpFlows::m_initialWindow),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("Buffer",
                          "Segments that a sender or a receiver can hold, and so the most that are "
                          "on their way; for a flow alone it takes the product of rate and delay",
                          UintegerValue(128),
                          MakeUintegerAccessor(&TcpFlows::m_buffer),
                          MakeUintegerChecker<uint32_t>(10))
            .AddAttribute("MinRto",
                          "Shortest retransmission timeout, and the first of a handshake",
                          TimeValue(MilliSeconds(10)),
                          MakeTimeAccessor(&TcpFlows::m_minRto),
                          MakeTimeChecker(MicroSeconds(1)))
            .AddAttribute("CongestionControl",
                          "TypeId of TCP's congestion control",
                          TypeIdValue(TypeId::LookupByName("ns3::TcpNewReno")),
                          MakeTypeIdAccessor(&TcpFlows::m_congestionControl),
                          MakeTypeIdChecker())
            .AddTraceSource("Started",
                            "A flow begins: its sender is about to open the connection",
                            MakeTraceSourceAccessor(&TcpFlows::m_started),
                            "ns3::kan::TcpFlows::FlowCallback")
            .AddTraceSource("Finished",
                            "The last byte of a flow was delivered",
                            MakeTraceSourceAccessor(&TcpFlows::m_finished),
                            "ns3::kan::TcpFlows::FlowCallback");
    return tid;
}

void
TcpFlows::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_hosts.clear();
    m_unsent.clear();
    Object::DoDispose();
}

Ptr<Socket>
TcpFlows::MakeSocket(Ptr<Node> node) const
{
    const Ptr<Socket> socket = node->GetObject<TcpL4Protocol>()->CreateSocket(m_congestionControl);
    socket->SetAttribute("SegmentSize", UintegerValue(m_segment));
    socket->SetAttribute("InitialCwnd", UintegerValue(m_initialWindow));
    // Whole segments: what TCP sends again it cuts as it did at first, or ns-3 gives up.
    socket->SetAttribute("SndBufSize", UintegerValue(m_buffer * m_segment));
    // Window scaling rounds down what the receiver offers, by less than a segment.
    socket->SetAttribute("RcvBufSize", UintegerValue((m_buffer + 1) * m_segment));
    socket->SetAttribute("DelAckCount", UintegerValue(1));
    socket->SetAttribute("ConnTimeout", TimeValue(m_minRto));
    socket->SetAttribute("MinRto", TimeValue(m_minRto));
    // With timeouts as short as data centres have, ns-3's six would end within milliseconds.
    socket->SetAttribute("ConnCount", UintegerValue(RETRIES));
    socket->SetAttribute("DataRetries", UintegerValue(RETRIES));
    // Sockets that linger are looked through for each packet.
    socket->SetAttribute("MaxSegLifetime", DoubleValue(m_minRto.GetSeconds()));
    return socket;
}

void
TcpFlows::AddHost(Ptr<Node> host, Ipv4Address address)
{
    NS_LOG_FUNCTION(this);
    const Ptr<StaleAckFilter> filter = StaleAckFilter::Install(host);
    const Ptr<Socket> listener = MakeSocket(host);
    listener->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
    listener->Listen();
    listener->SetAcceptCallback(MakeNullCallback<bool, Ptr<Socket>, const Address&>(),
                                MakeCallback(&TcpFlows::Accept, this));
    host->GetObject<Ipv4L3Protocol>()->TraceConnectWithoutContext(
        "LocalDeliver", MakeCallback(&TcpFlows::SegmentArrived, this));
    m_hosts.push_back({host, address, listener, filter});
}

void
TcpFlows::Start(uint32_t source, uint32_t destination, uint64_t bytes)
{
    NS_LOG_FUNCTION(this);
    const Host& from = m_hosts.at(source);
    const Ipv4Address to = m_hosts.at(destination).address;
    const Ptr<Socket> socket = MakeSocket(from.node);
    if (socket->Bind() != 0)
    {
        throw std::runtime_error("host " + std::to_string(source) +
                                 " has no port left for another flow: all of its 16384 are in use");
    }
    socket->Connect(InetSocketAddress(to, PORT));
    Address local;
    socket->GetSockName(local);
    const uint16_t port = InetSocketAddress::ConvertFrom(local).GetPort();
    const FiveTuple tuple{from.address.Get(), to.Get(), port, PORT, TcpL4Protocol::PROT_NUMBER};
    from.filter->Forget(tuple.Reversed());
    m_hosts[destination].filter->Forget(tuple);
    m_running[{from.address.Get(), port}] = m_flows.size();
    m_flows.push_back({source, destination, bytes, tuple, Simulator::Now()});
    m_started(m_flows.back());
    NS_LOG_INFO("flow of " << bytes << " bytes from host " << source << " to " << destination);
    m_unsent[socket] = bytes;
    socket->SetSendCallback(MakeCallback(&TcpFlows::Push, this));
    Push(socket, 0);
}

const std::deque<TcpFlow>&
TcpFlows::GetFlows() const
{
    return m_flows;
}

uint64_t
TcpFlows::GetSegments() const
{
    return m_segments;
}

uint64_t
TcpFlows::GetOutOfOrder() const
{
    return m_outOfOrder;
}

void
TcpFlows::Push(Ptr<Socket> socket, uint32_t)
{
    const auto found = m_unsent.find(socket);
    if (found == m_unsent.end())
    {
        return;
    }
    uint64_t& left = found->second;
    uint64_t bytes = std::min<uint64_t>(left, socket->GetTxAvailable());
    if (bytes < left)
    {
        bytes -= bytes % m_segment;
    }
    if (bytes == 0)
    {
        return;
    }
    left -= bytes;
    // The callback can come again from within.
    const bool isLast = left == 0;
    if (isLast)
    {
        m_unsent.erase(found);
    }
    socket->Send(Create<Packet>(static_cast<uint32_t>(bytes)));
    if (isLast)
    {
        socket->Close();
    }
}

void
TcpFlows::Accept(Ptr<Socket> socket, const Address&)
{
    socket->SetRecvCallback(MakeCallback(&TcpFlows::Receive, this));
    socket->SetCloseCallbacks(MakeCallback(&TcpFlows::PeerClosed, this),
                              MakeCallback(&TcpFlows::PeerClosed, this));
}

void
TcpFlows::PeerClosed(Ptr<Socket> socket)
{
    socket->Close();
}

TcpFlow*
TcpFlows::Find(Ipv4Address address, uint16_t port)
{
    const auto found = m_running.find({address.Get(), port});
    return found == m_running.end() ? nullptr : &m_flows[found->second];
}

void
TcpFlows::Receive(Ptr<Socket> socket)
{
    Address peer;
    socket->GetPeerName(peer);
    const auto from = InetSocketAddress::ConvertFrom(peer);
    TcpFlow* flow = Find(from.GetIpv4(), from.GetPort());
    while (const Ptr<Packet> packet = socket->Recv())
    {
        if (packet->GetSize() == 0)
        {
            break; // the end of the stream
        }
        if (flow)
        {
            flow->delivered += packet->GetSize();
        }
    }
    if (flow && flow->delivered == flow->bytes)
    {
        flow->finish = Simulator::Now();
        m_running.erase({from.GetIpv4().Get(), from.GetPort()});
        m_finished(*flow);
    }
}

void
TcpFlows::SegmentArrived(const Ipv4Header& header, Ptr<const Packet> packet, uint32_t)
{
    std::array<uint8_t, 13> start{};
    if (packet->CopyData(start.data(), start.size()) < start.size())
    {
        return;
    }
    const uint32_t headerSize = (start[12] >> 4) * 4;
    const auto port = static_cast<uint16_t>(start[0] << 8 | start[1]);
    TcpFlow* flow = packet->GetSize() > headerSize ? Find(header.GetSource(), port) : nullptr;
    if (!flow)
    {
        return;
    }
    FabricTag tag;
    packet->PeekPacketTag(tag);
    const uint16_t number = header.GetIdentification();
    bool isLate = false;
    ++m_segments;
    if (++flow->segments == 1)
    {
        flow->firstUplink = tag.uplink;
    }
    else
    {
        flow->moves += tag.uplink != flow->lastUplink ? 1 : 0;
        // Serial number arithmetic (RFC 1982), since identifications begin again after 65,535.
        isLate = static_cast<int16_t>(static_cast<uint16_t>(number - flow->lastSent)) < 0;
    }
    m_outOfOrder += isLate ? 1 : 0;
    flow->outOfOrder += isLate ? 1 : 0;
    flow->lastSent = isLate ? flow->lastSent : number;
    flow->lastUplink = tag.uplink;
}

} // namespace ns3::kan
