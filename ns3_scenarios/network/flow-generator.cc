// SPDX-License-Identifier: GPL-2.0-only
#include "flow-generator.h"

#include <ns3/double.h>
#include <ns3/ipv4.h>
#include <ns3/log.h>
#include <ns3/node.h>
#include <ns3/packet.h>
#include <ns3/pointer.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/udp-l4-protocol.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FlowGenerator");
NS_OBJECT_ENSURE_REGISTERED(FlowGenerator);

namespace
{

constexpr double TWO_PI = 6.283185307179586;

} // namespace

TypeId
FlowGenerator::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::FlowGenerator")
            .SetParent<Application>()
            .SetGroupName("Ns3kan")
            .AddConstructor<FlowGenerator>()
            .AddAttribute("MinLoad",
                          "Lowest offered load of the profile [bit/s]",
                          DataRateValue(DataRate("2Mbps")),
                          MakeDataRateAccessor(&FlowGenerator::m_minLoad),
                          MakeDataRateChecker())
            .AddAttribute("MaxLoad",
                          "Highest offered load of the profile [bit/s]",
                          DataRateValue(DataRate("14Mbps")),
                          MakeDataRateAccessor(&FlowGenerator::m_maxLoad),
                          MakeDataRateChecker())
            .AddAttribute("LoadPeriod",
                          "Time from one peak of the load to the next",
                          TimeValue(Seconds(40)),
                          MakeTimeAccessor(&FlowGenerator::m_period),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("RateLimit",
                          "Rate at which one flow offers its packets, application bytes [bit/s]",
                          DataRateValue(DataRate("500kbps")),
                          MakeDataRateAccessor(&FlowGenerator::m_rateLimit),
                          MakeDataRateChecker())
            .AddAttribute("Payload",
                          "Application bytes in a full packet [byte]",
                          UintegerValue(1222),
                          MakeUintegerAccessor(&FlowGenerator::m_payload),
                          MakeUintegerChecker<uint32_t>(1, 65000))
            .AddAttribute("FlowSize",
                          "Distribution of the flows' sizes [byte]",
                          StringValue("ns3::ExponentialRandomVariable[Mean=50000]"),
                          MakePointerAccessor(&FlowGenerator::m_size),
                          MakePointerChecker<RandomVariableStream>())
            .AddAttribute("MeanFlowSize",
                          "Mean of FlowSize, which turns offered load into an arrival rate [byte]",
                          DoubleValue(50000),
                          MakeDoubleAccessor(&FlowGenerator::m_meanSize),
                          MakeDoubleChecker<double>(1))
            .AddAttribute("Buffer",
                          "What TCP's sockets hold; a flow needs the product of its rate and the "
                          "round trip [byte]",
                          UintegerValue(131072),
                          MakeUintegerAccessor(&FlowGenerator::m_buffer),
                          MakeUintegerChecker<uint32_t>(1))
            .AddAttribute("SegmentLifetime",
                          "Longest that a TCP segment is on its way: a closed connection lingers "
                          "for twice this, and ns-3 looks through all that linger for each packet",
                          TimeValue(Seconds(1)),
                          MakeTimeAccessor(&FlowGenerator::m_segmentLifetime),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddTraceSource("FlowStarted",
                            "A flow begins, from a port that may have been used before",
                            MakeTraceSourceAccessor(&FlowGenerator::m_flowStarted),
                            "ns3::kan::FlowGenerator::FlowStartedCallback");
    return tid;
}

FlowGenerator::FlowGenerator()
    : m_remote(Ipv4Address::GetAny(), 0)
    , m_gap(CreateObject<ExponentialRandomVariable>())
    , m_uniform(CreateObject<UniformRandomVariable>())
{
}

void
FlowGenerator::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_senders.clear();
    m_records = nullptr;
    Application::DoDispose();
}

void
FlowGenerator::Configure(Ipv4Address local,
                         InetSocketAddress remote,
                         FlowTransport transport,
                         Ptr<FlowRecords> records)
{
    NS_LOG_FUNCTION(this);
    m_local = local;
    m_remote = remote;
    m_transport = transport;
    m_records = records;
}

int64_t
FlowGenerator::AssignStreams(int64_t stream)
{
    NS_LOG_FUNCTION(this);
    m_gap->SetStream(stream);
    m_uniform->SetStream(stream + 1);
    m_size->SetStream(stream + 2);
    return 3;
}

double
FlowGenerator::GetOfferedLoad(Time t) const
{
    const auto low = static_cast<double>(m_minLoad.GetBitRate());
    const auto high = static_cast<double>(m_maxLoad.GetBitRate());
    const double angle = TWO_PI * t.GetSeconds() / m_period.GetSeconds() + m_phase;
    return low + (high - low) * 0.5 * (1 + std::sin(angle));
}

void
FlowGenerator::StartApplication()
{
    NS_LOG_FUNCTION(this);
    m_phase = m_uniform->GetValue(0, TWO_PI);
    ScheduleArrival();
}

void
FlowGenerator::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_nextArrival.Cancel();
    for (auto& [port, sender] : m_senders)
    {
        sender.socket->Close();
    }
    m_senders.clear();
}

void
FlowGenerator::ScheduleArrival()
{
    // Thinning (Lewis and Shedler, 1979): candidates at the highest rate, kept in proportion.
    const double highest = m_maxLoad.GetBitRate() / (8.0 * m_meanSize);
    m_nextArrival =
        Simulator::Schedule(Seconds(m_gap->GetValue(1 / highest, 0)), &FlowGenerator::Arrive, this);
}

void
FlowGenerator::Arrive()
{
    if (m_uniform->GetValue(0, m_maxLoad.GetBitRate()) < GetOfferedLoad(Simulator::Now()))
    {
        StartFlow();
    }
    ScheduleArrival();
}

void
FlowGenerator::StartFlow()
{
    NS_LOG_FUNCTION(this);
    const auto size = std::max<uint64_t>(1, std::llround(m_size->GetValue()));
    const bool udp = m_transport == FlowTransport::UDP;
    Ptr<Socket> socket = Socket::CreateSocket(
        GetNode(), TypeId::LookupByName(udp ? "ns3::UdpSocketFactory" : "ns3::TcpSocketFactory"));
    if (!udp)
    {
        socket->SetAttribute("SegmentSize", UintegerValue(m_payload));
        socket->SetAttribute("SndBufSize", UintegerValue(m_buffer));
        socket->SetAttribute("MaxSegLifetime", DoubleValue(m_segmentLifetime.GetSeconds()));
    }
    if (socket->Bind() != 0)
    {
        throw std::runtime_error("the sender has no port left for another flow, all of its 16384 "
                                 "are in use: offer less load or larger flows");
    }
    socket->Connect(m_remote);
    Address local;
    socket->GetSockName(local);
    const uint16_t port = InetSocketAddress::ConvertFrom(local).GetPort();
    if (udp)
    {
        socket->ShutdownRecv();
    }
    else
    {
        socket->SetSendCallback(MakeCallback(&FlowGenerator::ResumePush, this));
    }
    NS_LOG_INFO("flow from port " << port << " of " << size << " bytes");
    m_flowStarted({m_local.Get(),
                   m_remote.GetIpv4().Get(),
                   port,
                   m_remote.GetPort(),
                   udp ? UdpL4Protocol::PROT_NUMBER : TcpL4Protocol::PROT_NUMBER});
    m_records->Start(port, size, (size + m_payload - 1) / m_payload);
    m_senders[port] = Sender{socket, size};
    SendNext(port);
}

void
FlowGenerator::SendNext(uint16_t port)
{
    const auto found = m_senders.find(port);
    if (found == m_senders.end())
    {
        return;
    }
    Sender& sender = found->second;
    const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(m_payload, sender.bytesLeft));
    sender.bytesLeft -= bytes;
    sender.backlog += bytes;
    if (sender.bytesLeft > 0)
    {
        Simulator::Schedule(
            m_rateLimit.CalculateBytesTxTime(bytes), &FlowGenerator::SendNext, this, port);
    }
    Push(sender);
    if (sender.bytesLeft == 0 && sender.backlog == 0)
    {
        sender.socket->Close();
        m_senders.erase(found);
    }
}

void
FlowGenerator::Push(Sender& sender)
{
    while (sender.backlog > 0)
    {
        uint64_t bytes = std::min<uint64_t>(sender.backlog, m_payload);
        if (m_transport == FlowTransport::TCP)
        {
            bytes = std::min<uint64_t>(bytes, sender.socket->GetTxAvailable());
        }
        if (bytes == 0 || sender.socket->Send(Create<Packet>(bytes)) < 0)
        {
            return; // TCP's buffer is full; ResumePush goes on
        }
        sender.backlog -= bytes;
    }
}

void
FlowGenerator::ResumePush(Ptr<Socket> socket, uint32_t)
{
    Address local;
    socket->GetSockName(local);
    const auto found = m_senders.find(InetSocketAddress::ConvertFrom(local).GetPort());
    if (found == m_senders.end())
    {
        return;
    }
    Sender& sender = found->second;
    Push(sender);
    if (sender.bytesLeft == 0 && sender.backlog == 0)
    {
        socket->Close();
        m_senders.erase(found);
    }
}

} // namespace ns3::kan
