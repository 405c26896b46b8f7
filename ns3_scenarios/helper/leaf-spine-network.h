// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_SPINE_NETWORK_H
#define NS3KAN_LEAF_SPINE_NETWORK_H

#include "ns3/leaf-router.h"
#include "ns3/recorded-parts.h"
#include "ns3/spine-router.h"

#include <ns3/data-rate.h>
#include <ns3/error-model.h>
#include <ns3/ipv4-address.h>
#include <ns3/node.h>
#include <ns3/nstime.h>
#include <ns3/queue-size.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/// What a leaf-spine fabric is made of.
struct FabricParameters
{
    uint32_t leaves;                   //!< leaf switches, 2 to 64
    uint32_t spines;                   //!< spine switches, 1 to 64
    uint32_t hosts;                    //!< hosts at each leaf, 1 to 64
    DataRate hostRate;                 //!< of the link from a host to its leaf
    std::vector<DataRate> uplinkRates; //!< of the links from all leaves to each spine
    Time delay;                        //!< one-way propagation delay of each link
    QueueSize queue;                   //!< most that waits before each link of a switch

    /**
     * @return what a host can have on its way over the idle fabric until the first acknowledgement
     *         of full packets is back [byte]
     */
    double GetBandwidthDelayProduct() const;
};

/// A time in which a link between a leaf and a spine loses some or all of its rate.
struct LinkFailure
{
    uint32_t leaf;  //!< number of the leaf
    uint32_t spine; //!< number of the spine
    Time from;      //!< when it begins
    Time to;        //!< when it ends
    double share;   //!< of the rate, what is left in both directions: 0 to below 1
};

/**
 * A leaf-spine fabric: each leaf switch has hosts and one link to each spine switch.
 *
 *     spine 0 … spine S-1
 *        ║  ╳  ╳  ║           every leaf with every spine
 *     leaf 0 …  leaf L-1
 *      │ │       │ │
 *     hosts     hosts         numbered leaf by leaf
 *
 * Every switch is a node that forwards by its LeafRouter or SpineRouter, with a drop-tail queue
 * before each of its links. Before the link of a host its flows take turns.
 */
class LeafSpineNetwork
{
  public:
    /// @param parameters what to build
    explicit LeafSpineNetwork(const FabricParameters& parameters);

    /**
     * Let a link fail and recover. What crosses a link that is down is lost. Its two ends know of
     * a link that is down at once; all other switches, and of lost rate the ends too, know when
     * routing has converged. Routing then avoids ways that are down and weighs the others anew. If
     * a link changes again before, all know when routing has converged on the last change.
     * @param failure when and what
     * @param convergence how long routing takes
     */
    void Schedule(const LinkFailure& failure, Time convergence);
    /**
     * @param leaf number of a leaf
     * @param host number of a host of that leaf
     * @return the host's number among all
     */
    uint32_t GetHost(uint32_t leaf, uint32_t host) const;
    /// @return what of it can be recorded: every link, at the end of its leaf
    RecordedParts GetParts() const;
    /// @return rates of the links of a leaf to the spines, added up, none failed [bit/s]
    double GetUplinkRate() const;

    FabricParameters parameters;                //!< what was asked for
    std::vector<Ptr<Node>> leaves;              //!< the leaf switches
    std::vector<Ptr<Node>> spines;              //!< the spine switches
    std::vector<Ptr<Node>> hosts;               //!< in the order of their numbers
    std::vector<Ipv4Address> addresses;         //!< of the hosts
    std::vector<Ptr<LeafRouter>> leafRouters;   //!< one per leaf
    std::vector<Ptr<SpineRouter>> spineRouters; //!< one per spine

  private:
    void BuildHost(uint32_t leaf);
    void BuildUplink(uint32_t leaf, uint32_t spine);
    /**
     * Change a link itself.
     * @param leaf number of its leaf
     * @param spine number of its spine
     * @param share of the rate that it has from now on
     */
    void SetShare(uint32_t leaf, uint32_t spine, double share);
    /**
     * Let a leaf's routing know.
     * @param knower number of the leaf that gets to know
     * @param leaf number of the link's leaf
     * @param spine number of the link's spine
     * @param share of the rate that the link has
     */
    void Learn(uint32_t knower, uint32_t leaf, uint32_t spine, double share);
    /**
     * Learn, at all leaves, unless the link has changed again: that it was otherwise in between is
     * news to nobody.
     * @param leaf number of the link's leaf
     * @param spine number of the link's spine
     * @param share of the rate that the link had
     * @param version of the link at that time
     */
    void Converge(uint32_t leaf, uint32_t spine, double share, uint32_t version);

    std::vector<Ptr<NetDevice>> m_hostDevices;             //!< the leaves', to each host
    std::vector<std::vector<std::vector<double>>> m_known; //!< shares by knower, leaf and spine
    std::vector<std::vector<uint32_t>> m_versions;         //!< how often each link has changed
};

} // namespace ns3::kan

#endif // NS3KAN_LEAF_SPINE_NETWORK_H
