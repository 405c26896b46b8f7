// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TWO_SITE_NETWORK_H
#define NS3KAN_TWO_SITE_NETWORK_H

#include <ns3/data-rate.h>
#include <ns3/error-model.h>
#include <ns3/ipv4-address.h>
#include <ns3/node-container.h>
#include <ns3/nstime.h>
#include <ns3/point-to-point-net-device.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3
{

class PathBalancer;

/// What one path between the two sites is made of; the same in both directions.
struct PathParameters
{
    std::string name;    //!< such as mpls
    DataRate rate;       //!< link rate
    Time delay;          //!< one-way propagation delay
    double loss{0};      //!< share of packets that the link loses at random
    uint32_t queue{100}; //!< places in the drop-tail queue before the link [packet]
};

/// One path of a built network.
struct BuiltPath
{
    PathParameters parameters;             //!< what was asked for
    Ptr<PointToPointNetDevice> nearDevice; //!< at the first site's router
    Ptr<PointToPointNetDevice> farDevice;  //!< at the second site's router
    Ipv4Address nearAddress;               //!< address of nearDevice
    Ipv4Address farAddress;                //!< address of farDevice
};

/**
 * Two sites, each a host behind a router, and any number of point-to-point paths between the
 * routers. Each router has a PathBalancer above its static routing:
 *
 *     sender ── nearRouter ══ path 0 … path n-1 ══ farRouter ── receiver
 *
 * The links from host to router are fast enough (10 Gbit/s, 10 µs) never to matter.
 */
class TwoSiteNetwork
{
  public:
    /**
     * Build the network.
     * @param paths the paths between the sites, at least one
     */
    explicit TwoSiteNetwork(const std::vector<PathParameters>& paths);

    /**
     * @param stream first stream number, for random losses and the balancers
     * @return how many streams were taken
     */
    int64_t AssignStreams(int64_t stream);

    Ptr<Node> sender;               //!< host at the first site
    Ptr<Node> nearRouter;           //!< router of the first site
    Ptr<Node> farRouter;            //!< router of the second site
    Ptr<Node> receiver;             //!< host at the second site
    Ipv4Address receiverAddress;    //!< the receiver's address
    Ptr<PathBalancer> nearBalancer; //!< places the flows from sender to receiver
    Ptr<PathBalancer> farBalancer;  //!< sends answers back over the path of their flow
    std::vector<BuiltPath> paths;   //!< in the order asked for

  private:
    void BuildPath(const PathParameters& parameters);

    std::vector<Ptr<RateErrorModel>> m_errorModels;
};

} // namespace ns3

#endif // NS3KAN_TWO_SITE_NETWORK_H
