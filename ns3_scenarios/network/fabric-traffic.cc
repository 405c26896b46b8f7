// SPDX-License-Identifier: GPL-2.0-only
#include "fabric-traffic.h"

#include <ns3/log.h>
#include <ns3/simulator.h>

#include <algorithm>
#include <numeric>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("FabricTraffic");
NS_OBJECT_ENSURE_REGISTERED(FabricTraffic);

namespace
{

/**
 * @param values to bring into any order, equally likely (Fisher and Yates)
 * @param draw uniform numbers
 */
void
Shuffle(std::vector<uint32_t>& values, Ptr<UniformRandomVariable> draw)
{
    for (uint32_t left = static_cast<uint32_t>(values.size()); left > 1; --left)
    {
        std::swap(values[left - 1], values[draw->GetInteger(0, left - 1)]);
    }
}

} // namespace

TypeId
FabricTraffic::GetTypeId()
{
    static TypeId tid = TypeId("ns3::FabricTraffic").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

FabricTraffic::FabricTraffic(const TrafficParameters& parameters, StartFlow start)
    : m_parameters(parameters)
    , m_start(std::move(start))
    , m_gap(CreateObject<ExponentialRandomVariable>())
    , m_hosts(CreateObject<UniformRandomVariable>())
    , m_sizes(CreateObject<UniformRandomVariable>())
{
    const double flows = parameters.pattern == "incast" ? parameters.fanIn : 1;
    m_meanGap = flows * 8 * parameters.sizes.GetMean() / parameters.load;
}

int64_t
FabricTraffic::AssignStreams(int64_t stream)
{
    NS_LOG_FUNCTION(this);
    m_gap->SetStream(stream);
    m_hosts->SetStream(stream + 1);
    m_sizes->SetStream(stream + 2);
    return 3;
}

void
FabricTraffic::Start(Time end)
{
    NS_LOG_FUNCTION(this);
    m_end = end;
    DrawPermutation();
    ScheduleArrival();
}

void
FabricTraffic::DrawPermutation()
{
    // The leaves stand in a ring in any order, and each sends to the next.
    std::vector<uint32_t> ring(m_parameters.leaves);
    std::iota(ring.begin(), ring.end(), 0);
    Shuffle(ring, m_hosts);
    m_permutation.resize(m_parameters.leaves * m_parameters.hosts);
    for (size_t place = 0; place < ring.size(); ++place)
    {
        std::vector<uint32_t> hosts(m_parameters.hosts);
        std::iota(hosts.begin(), hosts.end(), ring[(place + 1) % ring.size()] * m_parameters.hosts);
        Shuffle(hosts, m_hosts);
        std::copy(
            hosts.begin(), hosts.end(), m_permutation.begin() + ring[place] * m_parameters.hosts);
    }
}

void
FabricTraffic::ScheduleArrival()
{
    const Time gap = Seconds(m_gap->GetValue(m_meanGap, 0));
    if (Simulator::Now() + gap <= m_end)
    {
        Simulator::Schedule(gap, &FabricTraffic::Arrive, this);
    }
}

uint32_t
FabricTraffic::DrawHostOutside(uint32_t leaf)
{
    const uint32_t hosts = m_parameters.hosts;
    const uint32_t host = m_hosts->GetInteger(0, (m_parameters.leaves - 1) * hosts - 1);
    return host < leaf * hosts ? host : host + hosts;
}

void
FabricTraffic::Arrive()
{
    const uint32_t all = m_parameters.leaves * m_parameters.hosts;
    const uint32_t one = m_hosts->GetInteger(0, all - 1);
    const auto size = [this] { return m_parameters.sizes.GetQuantile(m_sizes->GetValue()); };
    if (m_parameters.pattern == "permutation")
    {
        m_start(one, m_permutation[one], size());
    }
    else if (m_parameters.pattern == "all-to-all")
    {
        m_start(one, DrawHostOutside(one / m_parameters.hosts), size());
    }
    else
    {
        std::vector<uint32_t> senders;
        while (senders.size() < m_parameters.fanIn)
        {
            const uint32_t sender = DrawHostOutside(one / m_parameters.hosts);
            if (std::find(senders.begin(), senders.end(), sender) == senders.end())
            {
                senders.push_back(sender);
            }
        }
        for (const uint32_t sender : senders)
        {
            m_start(sender, one, size());
        }
    }
    ScheduleArrival();
}

} // namespace ns3::kan
