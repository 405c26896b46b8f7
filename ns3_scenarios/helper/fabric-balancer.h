// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FABRIC_BALANCER_H
#define NS3KAN_FABRIC_BALANCER_H

#include "ns3/path-controller.h"
#include "ns3/uplink-chooser.h"

#include "leaf-spine-network.h"

#include <ns3/object.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/// Features of one leaf, or weights of its uplinks.
using LeafNumbers = std::vector<double>;

/// Name of the balancer of a fabric in which nothing has to be balanced; it is as ecmp.
inline constexpr char INFINITE_FABRIC[] = "infinite-fabric";

/**
 * @param network a fabric
 * @return one of its leaves as paths to control: its uplinks, called spine0, spine1, …
 */
ControlledPaths GetLeafPaths(const LeafSpineNetwork& network);

/// Decides, at each decision interval, which weights the uplinks of every leaf have.
class FabricController : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param features of each leaf, as GetLeafPaths names them
     * @return for each leaf a weight per uplink; they add up to 1
     */
    virtual std::vector<LeafNumbers> Decide(const std::vector<LeafNumbers>& features) = 0;
};

/// What spreads the traffic of a fabric over its uplinks.
struct FabricBalancer
{
    std::vector<Ptr<UplinkChooser>> choosers; //!< one per leaf
    std::vector<Ptr<WeightChooser>> weighted; //!< the same, if they take weights; otherwise none
    Ptr<FabricController> controller;         //!< sets the weights; null if nobody here does

    /**
     * Hand the weights to the leaves.
     * @param weights one per uplink, of each leaf
     */
    void SetWeights(const std::vector<LeafNumbers>& weights);
};

/**
 * Make what spreads the traffic, by name, and install it. Some choose at the leaf for each flow,
 * flowlet or packet:
 *
 *  - `ecmp`: by a hash of the five-tuple, so always by flow (RFC 2992);
 *  - `wcmp`: the same, in proportion to the capacities that routing knows (J. Zhou et al., 2014);
 *  - `random`: any uplink (as packets are sprayed in A. Dixit et al., "On the impact of packet
 *    spraying in data center networks", INFOCOM 2013);
 *  - `round-robin`: one uplink after the other (as packets are spread in J. Cao et al., "Per-packet
 *    load-balanced, low-latency routing for Clos-based data center networks", CoNEXT 2013);
 *  - `join-shortest-queue`, `shortest-expected-delay`, `power-of-two`: by the packets that wait at
 *    the leaf's own devices, as MakeQueueController describes (of two drawn at random in S.
 *    Ghorbani et al., "DRILL: micro load balancing for low-latency data center networks",
 *    SIGCOMM 2017);
 *  - `conga`: the least congested way, as CongaChooser describes.
 *
 * Others set the weights of each leaf's uplinks at each decision interval, with which flows,
 * flowlets or packets are then spread at random:
 *
 *  - `equal`, `capacity`, `primary`, `least-delay`, `least-utilised`, `constant:SHARES`, leaf by
 *    leaf, as MakePathController describes;
 *  - anything that ends in `.json`: a controller artefact, evaluated for each leaf with that leaf's
 *    features, as EquationController describes; or, with one output for every uplink of every leaf
 *    and the decision `ratio`, evaluated once with the features of all, called leaf0_load and so
 *    on;
 *  - `gym`: Python.
 *
 * @param name one of these
 * @param network gets the choosers
 * @param stream first random stream
 * @return the balancer
 * @throws std::invalid_argument if there is none of this name or the artefact does not fit; the
 *         message says what to do
 */
FabricBalancer MakeFabricBalancer(const std::string& name,
                                  const LeafSpineNetwork& network,
                                  int64_t stream);

} // namespace ns3::kan

#endif // NS3KAN_FABRIC_BALANCER_H
