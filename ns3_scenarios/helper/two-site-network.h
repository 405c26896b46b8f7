// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TWO_SITE_NETWORK_H
#define NS3KAN_TWO_SITE_NETWORK_H

#include "ns3/recorded-parts.h"

#include "ns3/path-balancer.h"

#include <ns3/data-rate.h>
#include <ns3/error-model.h>
#include <ns3/ipv4-address.h>
#include <ns3/node-container.h>
#include <ns3/nstime.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/queue-disc.h>
#include <ns3/queue-size.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/// An on-off source of other traffic on a path, with exponential times.
struct CrossTraffic
{
    DataRate rate; //!< while it is on
    Time on;       //!< mean time that it is on
    Time off;      //!< mean time that it is off
};

/// A time in which a path loses every packet.
struct Outage
{
    Time from; //!< when it fails
    Time to;   //!< when it recovers
};

/// A packet of 1,500 bytes in PPP [byte].
constexpr uint32_t FULL_PACKET = 1502;

/// What one path between the two sites is made of; the same in both directions.
struct PathParameters
{
    std::string name;        //!< such as mpls
    DataRate rate;           //!< link rate
    Time delay;              //!< one-way propagation delay
    double loss{0};          //!< share of packets that the link loses at random
    QueueSize queue{"100p"}; //!< most that waits before the link; for fq-codel in packets
    std::string discipline{"drop-tail"}; //!< drop-tail, codel, fq-codel, pie or red
    std::vector<CrossTraffic> cross{};   //!< other traffic, from the first site to the second
    std::vector<Outage> outages{};       //!< one after the other

    /// @return the longest that a packet of 1,500 bytes takes, queueing included
    Time GetLongestDelay() const;
};

/// One path of a built network.
struct BuiltPath
{
    PathParameters parameters;             //!< what was asked for
    Ptr<PointToPointNetDevice> nearDevice; //!< at the first site's router
    Ptr<PointToPointNetDevice> farDevice;  //!< at the second site's router
    Ipv4Address nearAddress;               //!< address of nearDevice
    Ipv4Address farAddress;                //!< address of farDevice
    Ptr<QueueDisc> nearDiscipline;         //!< before nearDevice; null for drop-tail
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
    /**
     * @param stream first stream number, for the queue disciplines that drop at random
     * @return how many streams were taken
     */
    int64_t AssignDisciplineStreams(int64_t stream);
    /// @return the nodes, and both ends of each path
    RecordedParts GetParts() const;

    Ptr<Node> sender;               //!< host at the first site
    Ptr<Node> nearRouter;           //!< router of the first site
    Ptr<Node> farRouter;            //!< router of the second site
    Ptr<Node> receiver;             //!< host at the second site
    Ipv4Address senderAddress;      //!< the sender's address
    Ipv4Address receiverAddress;    //!< the receiver's address
    Ptr<PathBalancer> nearBalancer; //!< places the flows from sender to receiver
    Ptr<PathBalancer> farBalancer;  //!< sends answers back over the path of their flow
    std::vector<BuiltPath> paths;   //!< in the order asked for

  private:
    void BuildPath(const PathParameters& parameters);
    void BuildLosses(const BuiltPath& path);

    std::vector<Ptr<RateErrorModel>> m_errorModels;
    std::vector<Ptr<QueueDisc>> m_disciplines;
};

} // namespace ns3::kan

#endif // NS3KAN_TWO_SITE_NETWORK_H
