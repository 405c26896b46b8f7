// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SPINE_ROUTER_H
#define NS3KAN_SPINE_ROUTER_H

#include "transit-routing.h"

#include "ns3/rate-estimator.h"

#include <ns3/point-to-point-net-device.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * Routes the packets of one spine switch: to the leaf that the address 10.LEAF.HOST.x names. It can
 * also note in each packet's FabricTag how congested the link there is.
 */
class SpineRouter : public TransitRouting
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param interface index of the IPv4 interface to the next leaf, in the order of their numbers
     * @param gateway the leaf's address
     */
    void AddLeaf(uint32_t interface, Ipv4Address gateway);
    /// Note congestion from now on.
    void MeasureCongestion();
    /// @return the devices of the links to the leaves
    const std::vector<Ptr<PointToPointNetDevice>>& GetDevices() const;

  protected:
    void DoDispose() override;

  private:
    Ptr<Ipv4Route> ChooseRoute(Ptr<Packet> packet, const Ipv4Header& header) override;

    std::vector<Ptr<Ipv4Route>> m_leaves;
    std::vector<Ptr<PointToPointNetDevice>> m_devices;
    std::vector<Ptr<RateEstimator>> m_estimators; //!< one per leaf, or none
};

} // namespace ns3::kan

#endif // NS3KAN_SPINE_ROUTER_H
