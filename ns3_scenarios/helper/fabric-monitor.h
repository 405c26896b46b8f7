// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FABRIC_MONITOR_H
#define NS3KAN_FABRIC_MONITOR_H

#include "leaf-spine-network.h"
#include "ns3/fabric-tag.h"
#include "ns3/path-monitor.h"
#include "ns3/sending-time.h"

#include <ns3/object.h>
#include <ns3/packet.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace ns3::kan
{

/// What a FabricMonitor saw of one leaf in an interval.
struct FabricInterval
{
    double load{0};                    //!< bytes for other leaves over the rate of the uplinks
    std::vector<PathInterval> uplinks; //!< of each uplink; the flow counters hold all packets
    std::vector<double> bytes;         //!< sent on each uplink
};

/**
 * Measures a leaf-spine fabric as its leaves see it: delay and loss of the packets of each leaf by
 * the uplink that they took, all the way to the other leaf, and how busy the uplinks are.
 *
 * In an interval without packets, delay and loss of an uplink are those of the last in which a
 * packet arrived. In one whose packets were all lost, the delay is the longest possible.
 */
class FabricMonitor : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * Start to measure.
     * @param network the fabric
     * @param longest delay of a packet from leaf to leaf
     */
    void Install(const LeafSpineNetwork& network, Time longest);
    /**
     * End the interval that has run since the last call, or since the start of the simulation.
     * @return what was seen in it, leaf by leaf
     */
    std::vector<FabricInterval> CloseInterval();

    /**
     * Signature of the trace source IntervalClosed.
     * @param leaf number of the leaf
     * @param interval what was seen of it
     */
    typedef void (*IntervalCallback)(uint32_t leaf, const FabricInterval& interval);

  private:
    /// Counts of one uplink since the interval began.
    struct Counts
    {
        double rate{0}; //!< of the uplink while nothing has failed [bit/s]
        SendingTime sending;
        PathInterval seen; //!< delay and loss are the last that were measured
    };

    void Lose(Ptr<const Packet> packet);
    void Deliver(const FabricTag& tag);

    std::vector<Ptr<LeafRouter>> m_routers;
    std::vector<std::deque<Counts>> m_counts; //!< by leaf and uplink; none of them ever moves
    double m_longest{0};                      //!< [s]
    std::vector<uint64_t> m_offered;          //!< of each leaf, when the interval began
    Time m_intervalStart;
    TracedCallback<uint32_t, const FabricInterval&> m_intervalClosed;
};

} // namespace ns3::kan

#endif // NS3KAN_FABRIC_MONITOR_H
