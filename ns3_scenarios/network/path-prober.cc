// SPDX-License-Identifier: GPL-2.0-only
#include "path-prober.h"

#include "probe-reflector.h"

#include <ns3/inet-socket-address.h>
#include <ns3/log.h>
#include <ns3/node.h>
#include <ns3/simulator.h>

#include <algorithm>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("PathProber");
NS_OBJECT_ENSURE_REGISTERED(PathProber);

namespace
{

constexpr uint32_t UDP_HEADERS = 28; //!< IPv4 and UDP [byte]
constexpr uint32_t PPP_HEADER = 2;   //!< [byte]
constexpr int64_t MISSED = 3;        //!< probes in a row
/// A probe has waited if it took this much longer than the fastest one: time stamps are rounded.
const Time RESOLUTION = MicroSeconds(1);

} // namespace

TypeId
PathProber::GetTypeId()
{
    static TypeId tid = TypeId("ns3::PathProber")
                            .SetParent<Application>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<PathProber>()
                            .AddAttribute("Interval",
                                          "Time between two probes",
                                          TimeValue(MilliSeconds(50)),
                                          MakeTimeAccessor(&PathProber::m_interval),
                                          MakeTimeChecker(MicroSeconds(1)));
    return tid;
}

void
PathProber::Configure(Ipv4Address remote, DataRate rate, Time delay, Time longest)
{
    NS_LOG_FUNCTION(this);
    m_remote = remote;
    m_rate = rate;
    m_longest = longest;
    m_longestWait = longest - delay;
}

void
PathProber::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_next.Cancel();
    m_socket = nullptr;
    Application::DoDispose();
}

void
PathProber::StartApplication()
{
    NS_LOG_FUNCTION(this);
    m_socket = Socket::CreateSocket(GetNode(), TypeId::LookupByName("ns3::UdpSocketFactory"));
    m_socket->Bind();
    m_socket->Connect(InetSocketAddress(m_remote, ProbeReflector::PORT));
    m_socket->SetRecvCallback(MakeCallback(&PathProber::Receive, this));
    Probe();
}

void
PathProber::StopApplication()
{
    NS_LOG_FUNCTION(this);
    m_next.Cancel();
    m_socket->Close();
}

void
PathProber::Occupy(uint32_t bytes)
{
    ++m_offered;
    // What finds the queue full is dropped.
    const Time begin = std::max(m_free, Simulator::Now());
    const Time end = begin + m_rate.CalculateBytesTxTime(bytes);
    if (end <= Simulator::Now() + m_longestWait)
    {
        m_busy += end - begin;
        m_free = end;
    }
}

void
PathProber::Count(uint32_t bytes)
{
    Occupy(bytes + PPP_HEADER);
}

void
PathProber::Probe()
{
    NS_LOG_FUNCTION(this);
    const bool isAlone = m_free <= Simulator::Now();
    Occupy(PROBE_SIZE + PPP_HEADER);
    ProbeHeader header;
    header.sequence = ++m_sequence;
    header.sent = Simulator::Now();
    header.offered = m_offered;
    m_outstanding[m_sequence] = {header.sent, m_offered, isAlone};
    const auto probe = Create<Packet>(PROBE_SIZE - UDP_HEADERS - ProbeHeader::SIZE);
    probe->AddHeader(header);
    m_socket->Send(probe);
    m_next = Simulator::Schedule(m_interval, &PathProber::Probe, this);
}

void
PathProber::Receive(Ptr<Socket> socket)
{
    while (const Ptr<Packet> packet = socket->Recv())
    {
        ProbeHeader answer;
        packet->RemoveHeader(answer);
        const auto probe = m_outstanding.find(answer.sequence);
        if (probe == m_outstanding.end())
        {
            continue; // it had been given up
        }
        m_answered.push_back({answer.delay, probe->second.isAlone});
        m_outstanding.erase(probe);
        m_fastest = std::min(m_fastest, answer.delay);
        if (answer.sequence > m_newest.sequence)
        {
            m_newest = answer;
        }
    }
}

void
PathProber::Judge()
{
    // There and back, and as many missed in a row as make a way dead in BFD (RFC 5880).
    const Time patience = 2 * m_longest + MISSED * m_interval;
    uint32_t told = std::max(m_judged.offered, m_newest.offered);
    while (!m_outstanding.empty() &&
           m_outstanding.begin()->second.sent + patience <= Simulator::Now())
    {
        told = std::max(told, m_outstanding.begin()->second.offered);
        m_outstanding.erase(m_outstanding.begin());
    }
    const uint32_t received = m_newest.received - m_judged.received;
    const uint32_t offered = told - m_judged.offered;
    if (received > 0)
    {
        m_state.delay = (m_newest.delaySum - m_judged.delaySum).GetSeconds() / received;
    }
    else if (offered > 0)
    {
        m_state.delay = m_longest.GetSeconds();
    }
    if (offered > 0)
    {
        // More have come than were offered if some had been given up and are late.
        m_state.loss = 1 - std::min(1.0, static_cast<double>(received) / offered);
    }
    m_judged = m_newest;
    m_judged.offered = told;
}

double
PathProber::GetUtilisation(double length)
{
    uint32_t alone = 0;
    uint32_t waited = 0;
    for (const Answered& probe : m_answered)
    {
        alone += probe.isAlone ? 1 : 0;
        waited += probe.isAlone && probe.delay > m_fastest + RESOLUTION ? 1 : 0;
    }
    if (alone > 0)
    {
        m_others = static_cast<double>(waited) / alone;
    }
    const Time left = std::max(Time(0), m_free - Simulator::Now());
    const double busy = (m_left + m_busy - left).GetSeconds();
    m_left = left;
    m_busy = Time(0);
    const double ours = length > 0 ? busy / length : 0;
    return ours + (1 - ours) * m_others;
}

PathInterval
PathProber::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    const double length = (Simulator::Now() - m_intervalStart).GetSeconds();
    Judge();
    m_state.utilisation = GetUtilisation(length);
    m_intervalStart = Simulator::Now();
    m_answered.clear();
    return m_state;
}

} // namespace ns3::kan
