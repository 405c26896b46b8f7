// SPDX-License-Identifier: GPL-2.0-only
#include "flow-records.h"

#include "five-tuple.h"

#include <ns3/double.h>
#include <ns3/log.h>
#include <ns3/simulator.h>

#include <algorithm>
#include <cmath>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FlowRecords");
NS_OBJECT_ENSURE_REGISTERED(FlowRecords);

TypeId
FlowRecords::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::FlowRecords")
            .SetParent<Object>()
            .SetGroupName("Ns3kan")
            .AddConstructor<FlowRecords>()
            .AddAttribute("UtilityFloor",
                          "Smallest goodput over demand that enters the logarithm [1]",
                          DoubleValue(0.05),
                          MakeDoubleAccessor(&FlowRecords::m_utilityFloor),
                          MakeDoubleChecker<double>(1e-6, 1.0))
            .AddTraceSource("FlowCompleted",
                            "The last of a flow was delivered or, over UDP, lost",
                            MakeTraceSourceAccessor(&FlowRecords::m_flowCompleted),
                            "ns3::kan::FlowRecords::FlowCompletedCallback");
    return tid;
}

void
FlowRecords::Configure(FlowTransport transport, DataRate rateLimit)
{
    NS_LOG_FUNCTION(this);
    m_transport = transport;
    m_rateLimit = static_cast<double>(rateLimit.GetBitRate());
}

void
FlowRecords::Start(uint16_t port, uint64_t bytes, uint32_t packets)
{
    NS_LOG_FUNCTION(this);
    Flow flow{};
    flow.record.port = port;
    flow.record.start = Simulator::Now();
    flow.record.size = bytes;
    flow.packetsLeft = packets;
    m_ofPort[port] = m_started;
    m_flows[m_started] = flow;
    ++m_started;
}

void
FlowRecords::Place(uint32_t number, const FiveTuple& tuple, uint32_t path)
{
    const auto last = m_ofPort.find(tuple.sourcePort);
    const auto flow = last == m_ofPort.end() ? m_flows.end() : m_flows.find(last->second);
    if (flow != m_flows.end())
    {
        flow->second.record.number = number;
        flow->second.record.path = path;
        flow->second.numbers.push_back(number);
        m_ofNumber[number] = flow->first;
    }
}

FlowRecords::Flow*
FlowRecords::Find(uint32_t number)
{
    const auto found = m_ofNumber.find(number);
    return found == m_ofNumber.end() ? nullptr : &m_flows.at(found->second);
}

void
FlowRecords::Lose(uint32_t number)
{
    if (Flow* flow = Find(number))
    {
        ++flow->intervalLost;
        ++flow->record.lost;
        --flow->packetsLeft;
        EndIfOver(*flow);
    }
}

void
FlowRecords::Deliver(uint16_t port, uint32_t number, uint32_t bytes)
{
    Flow* flow = Find(number);
    if (!flow && number == 0)
    {
        const auto last = m_ofPort.find(port);
        const auto found = last == m_ofPort.end() ? m_flows.end() : m_flows.find(last->second);
        flow = found == m_flows.end() ? nullptr : &found->second;
    }
    if (!flow)
    {
        return;
    }
    flow->intervalBytes += bytes;
    ++flow->intervalPackets;
    flow->record.delivered += bytes;
    ++flow->record.received;
    --flow->packetsLeft;
    EndIfOver(*flow);
}

void
FlowRecords::EndIfOver(Flow& flow)
{
    const bool over = m_transport == FlowTransport::UDP ? flow.packetsLeft <= 0
                                                        : flow.record.delivered >= flow.record.size;
    if (over && flow.record.end.IsZero())
    {
        flow.record.end = Simulator::Now();
        m_flowCompleted(flow.record);
    }
}

double
FlowRecords::GetShare(const Flow& flow) const
{
    if (m_transport == FlowTransport::UDP)
    {
        const uint32_t decided = flow.intervalPackets + flow.intervalLost;
        return decided == 0 ? -1 : static_cast<double>(flow.intervalPackets) / decided;
    }
    const Time from = std::max(flow.record.start, m_intervalStart);
    const Time to = flow.record.end.IsZero() ? Simulator::Now() : flow.record.end;
    const double demand = m_rateLimit * (to - from).GetSeconds();
    return demand <= 0 ? -1 : std::min(1.0, 8.0 * flow.intervalBytes / demand);
}

FlowInterval
FlowRecords::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    FlowInterval closed;
    uint64_t bytes = 0;
    double logarithms = 0;
    for (auto entry = m_flows.begin(); entry != m_flows.end();)
    {
        Flow& flow = entry->second;
        bytes += flow.intervalBytes;
        const double share = GetShare(flow);
        if (share >= 0)
        {
            ++closed.activeFlows;
            logarithms += std::log(std::max(share, m_utilityFloor));
        }
        if (!flow.record.end.IsZero())
        {
            for (const uint32_t number : flow.numbers)
            {
                m_ofNumber.erase(number);
            }
            entry = m_flows.erase(entry);
            continue;
        }
        flow.intervalBytes = 0;
        flow.intervalPackets = 0;
        flow.intervalLost = 0;
        ++entry;
    }
    const double length = (Simulator::Now() - m_intervalStart).GetSeconds();
    closed.goodput = length > 0 ? 8.0 * bytes / length : 0;
    closed.utility = closed.activeFlows > 0 ? logarithms / closed.activeFlows : 0;
    m_intervalStart = Simulator::Now();
    return closed;
}

std::vector<FlowRecord>
FlowRecords::GetUnfinished() const
{
    std::vector<FlowRecord> unfinished;
    for (const auto& [number, flow] : m_flows)
    {
        if (flow.record.end.IsZero())
        {
            unfinished.push_back(flow.record);
        }
    }
    return unfinished;
}

} // namespace ns3::kan
