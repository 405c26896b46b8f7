// SPDX-License-Identifier: GPL-2.0-only
#include "flow-progress.h"

#include <ns3/log.h>
#include <ns3/simulator.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FlowProgress");
NS_OBJECT_ENSURE_REGISTERED(FlowProgress);

void
ProgressInterval::Add(const ProgressInterval& other)
{
    activeFlows += other.activeFlows;
    logProgress += other.logProgress;
    finishedFlows += other.finishedFlows;
    logSlowdown += other.logSlowdown;
    bytes += other.bytes;
    offered += other.offered;
}

double
ProgressInterval::GetUtility() const
{
    return activeFlows > 0 ? logProgress / activeFlows : 0;
}

double
ProgressInterval::GetLogSlowdown() const
{
    return finishedFlows > 0 ? logSlowdown / finishedFlows : 0;
}

TypeId
FlowProgress::GetTypeId()
{
    static TypeId tid = TypeId("ns3::FlowProgress").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

FlowProgress::FlowProgress(uint32_t groups, uint32_t hosts, const IdlePath& idle, double floor)
    : m_groups(groups)
    , m_hosts(hosts)
    , m_idle(idle)
    , m_floor(floor)
    , m_offered(groups, 0)
{
}

void
FlowProgress::Start(const TcpFlow& flow)
{
    NS_LOG_FUNCTION(this);
    m_offered.at(flow.source / m_hosts) += flow.bytes;
    m_running.push_back({&flow, m_idle.GetCompletionTime(flow.bytes), 0});
}

std::vector<ProgressInterval>
FlowProgress::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    std::vector<ProgressInterval> groups(m_groups);
    for (uint32_t group = 0; group < m_groups; ++group)
    {
        groups[group].offered = std::exchange(m_offered[group], 0);
    }
    for (auto running = m_running.begin(); running != m_running.end();)
    {
        const TcpFlow& flow = *running->flow;
        ProgressInterval& group = groups[flow.source / m_hosts];
        const bool finished = !flow.finish.IsZero();
        const Time end = finished ? flow.finish : Simulator::Now();
        const double time = (end - std::max(flow.start, m_intervalStart)).GetSeconds();
        const uint64_t bytes = flow.delivered - running->deliveredBefore;
        group.bytes += bytes;
        if (time > 0)
        {
            const double share = static_cast<double>(bytes) / static_cast<double>(flow.bytes);
            ++group.activeFlows;
            group.logProgress += std::log(std::clamp(share * running->idle / time, m_floor, 1.0));
        }
        if (finished)
        {
            ++group.finishedFlows;
            group.logSlowdown += std::log((flow.finish - flow.start).GetSeconds() / running->idle);
            running = m_running.erase(running);
            continue;
        }
        running->deliveredBefore = flow.delivered;
        ++running;
    }
    m_intervalStart = Simulator::Now();
    return groups;
}

} // namespace ns3::kan
