// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_BALANCER_HELPER_H
#define NS3KAN_PATH_BALANCER_HELPER_H

#include "ns3/path-balancer.h"

#include <ns3/ipv4-list-routing-helper.h>
#include <ns3/ipv4-routing-helper.h>
#include <ns3/object-factory.h>

#include <string>

namespace ns3::kan
{

/**
 * Gives routers a PathBalancer above their static routing:
 *
 * @code
 * PathBalancerHelper balancers;
 * balancers.Set("FlowTimeout", TimeValue(Seconds(60)));
 * InternetStackHelper internet;
 * internet.SetRoutingHelper(balancers.AboveStaticRouting());
 * internet.Install(router);
 * // ... links and addresses ...
 * Ptr<PathBalancer> balancer = PathBalancerHelper::GetBalancer(router);
 * balancer->SetRemoteSite("10.2.0.0", "255.255.255.0");
 * balancer->AddPath(interface, nextHop);
 * @endcode
 *
 * PathDecisionLoop sets the shares of such a balancer.
 */
class PathBalancerHelper : public Ipv4RoutingHelper
{
  public:
    PathBalancerHelper();
    /// @return a copy, which the caller owns
    PathBalancerHelper* Copy() const override;
    /**
     * @param node a router to be
     * @return its balancer
     */
    Ptr<Ipv4RoutingProtocol> Create(Ptr<Node> node) const override;
    /**
     * @param name of an attribute of PathBalancer
     * @param value of all balancers that are made from now on
     */
    void Set(const std::string& name, const AttributeValue& value);
    /// @return what gives a node static routing, and one of these balancers above it
    Ipv4ListRoutingHelper AboveStaticRouting() const;
    /**
     * @param node with an internet stack
     * @return its balancer, or null if it has none
     */
    static Ptr<PathBalancer> GetBalancer(Ptr<Node> node);

  private:
    ObjectFactory m_factory;
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_BALANCER_HELPER_H
