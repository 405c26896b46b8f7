// SPDX-License-Identifier: GPL-2.0-only
#include "spine-router.h"

#include "network/fabric-tag.h"

#include <ns3/ipv4-route.h>
#include <ns3/log.h>

#include <algorithm>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("SpineRouter");
NS_OBJECT_ENSURE_REGISTERED(SpineRouter);

TypeId
SpineRouter::GetTypeId()
{
    static TypeId tid = TypeId("ns3::SpineRouter")
                            .SetParent<TransitRouting>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<SpineRouter>();
    return tid;
}

void
SpineRouter::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_leaves.clear();
    m_devices.clear();
    m_estimators.clear();
    TransitRouting::DoDispose();
}

void
SpineRouter::AddLeaf(uint32_t interface, Ipv4Address gateway)
{
    NS_LOG_FUNCTION(this);
    m_leaves.push_back(MakeRoute(interface, gateway));
    m_devices.push_back(DynamicCast<PointToPointNetDevice>(m_leaves.back()->GetOutputDevice()));
}

void
SpineRouter::MeasureCongestion()
{
    for (const Ptr<PointToPointNetDevice>& device : m_devices)
    {
        m_estimators.push_back(CreateObject<RateEstimator>());
        m_estimators.back()->Install(device);
    }
}

const std::vector<Ptr<PointToPointNetDevice>>&
SpineRouter::GetDevices() const
{
    return m_devices;
}

Ptr<Ipv4Route>
SpineRouter::ChooseRoute(Ptr<Packet> packet, const Ipv4Header& header)
{
    const uint32_t leaf = (header.GetDestination().Get() >> 16) & 0xff;
    if (leaf >= m_leaves.size())
    {
        return nullptr;
    }
    if (!m_estimators.empty())
    {
        FabricTag tag;
        packet->PeekPacketTag(tag);
        tag.congestion = std::max(tag.congestion, m_estimators[leaf]->GetCongestion());
        packet->ReplacePacketTag(tag);
    }
    return m_leaves[leaf];
}

} // namespace ns3::kan
