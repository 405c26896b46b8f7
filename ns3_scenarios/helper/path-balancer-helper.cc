// SPDX-License-Identifier: GPL-2.0-only
#include "path-balancer-helper.h"

#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/ipv4.h>
#include <ns3/node.h>

namespace ns3::kan
{

namespace
{

/// Above static routing, which Ipv4ListRouting holds at 0.
constexpr int16_t BALANCER_PRIORITY = 10;

} // namespace

PathBalancerHelper::PathBalancerHelper()
    : m_factory("ns3::PathBalancer")
{
}

PathBalancerHelper*
PathBalancerHelper::Copy() const
{
    return new PathBalancerHelper(*this);
}

Ptr<Ipv4RoutingProtocol>
PathBalancerHelper::Create(Ptr<Node>) const
{
    return m_factory.Create<PathBalancer>();
}

void
PathBalancerHelper::Set(const std::string& name, const AttributeValue& value)
{
    m_factory.Set(name, value);
}

Ipv4ListRoutingHelper
PathBalancerHelper::AboveStaticRouting() const
{
    Ipv4ListRoutingHelper list;
    list.Add(Ipv4StaticRoutingHelper(), 0);
    list.Add(*this, BALANCER_PRIORITY);
    return list;
}

Ptr<PathBalancer>
PathBalancerHelper::GetBalancer(Ptr<Node> node)
{
    const auto ipv4 = node->GetObject<Ipv4>();
    NS_ABORT_MSG_UNLESS(ipv4, "PathBalancerHelper: the node has no internet stack");
    return GetRouting<PathBalancer>(ipv4->GetRoutingProtocol());
}

} // namespace ns3::kan
